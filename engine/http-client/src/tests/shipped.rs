//! Shipped connectors over the wire: the address that a token names, pages, and what is asked before.

use base::Outcome;
use connector::{Call, Connection};
use serde_json::{Value, json};

use super::{
    Answer, Seen, Server, at,
    invoke::{connect, json_answer},
};
use crate::{Client, InvokeOptions, Options};

async fn ask(connection: &Connection, operation: &str, inputs: Value, items: usize) -> Outcome {
    let call = Call {
        inputs: &inputs,
        idempotency_key: "k",
        now: at("2026-01-05T10:00:00Z"),
        seed: 1,
        link: None,
        callback_url: None,
    };
    let operation = connection.connector.operation(operation).unwrap();
    let options = InvokeOptions { items_min: items, ..InvokeOptions::default() };
    let client = Client::new(Options::default()).unwrap();
    client.invoke(connection, operation, &call, options).await
}

/// Salesforce whose first session has ended, with 3 records on 2 pages.
fn salesforce_answer(seen: &Seen) -> Answer {
    let host = seen.header("host").unwrap_or_default();
    if seen.line.starts_with("POST /services/oauth2/token") {
        let token = json!({
            "access_token": "live",
            "instance_url": format!("http://{host}"),
            "id": "https://login.salesforce.com/id/00D/005",
        });
        return json_answer(200, &token);
    }
    if seen.line.contains("/query/01g-2") {
        return json_answer(200, &json!({ "done": true, "records": [{ "Id": "3" }] }));
    }
    if seen.line.contains("/query?") {
        let next = "/services/data/v59.0/query/01g-2";
        let records = json!([{ "Id": "1" }, { "Id": "2" }]);
        return json_answer(
            200,
            &json!({ "done": false, "nextRecordsUrl": next, "records": records }),
        );
    }
    json_answer(401, &json!([{ "errorCode": "INVALID_SESSION_ID", "message": "Session expired" }]))
}

#[tokio::test]
async fn salesforce_is_asked_where_its_token_says() {
    let server = Server::start(salesforce_answer).await;
    let connection = connect(
        "salesforce",
        &[("loginUrl", &server.origin), ("clientId", "c"), ("clientSecret", "s3cret")],
    );
    let inputs = json!({ "table": "Account", "$select": "Id" });
    let first = ask(&connection, "GetItems", inputs.clone(), 0).await;
    assert_eq!(first.outputs.unwrap()["body"], json!({ "value": [{ "Id": "1" }, { "Id": "2" }] }));
    let all = ask(&connection, "GetItems", inputs, 100).await;
    let body = &all.outputs.unwrap()["body"];
    assert_eq!(body["value"], json!([{ "Id": "1" }, { "Id": "2" }, { "Id": "3" }]));
    let query = "GET /services/data/v59.0/query?q=SELECT%20Id%20FROM%20Account";
    let token = "POST /services/oauth2/token";
    let page = "GET /services/data/v59.0/query/01g-2";
    assert_eq!(server.lines(), [token, query, token, query, page]);
}

#[tokio::test]
async fn a_session_that_has_ended_is_begun_again_once() {
    let server = Server::start(salesforce_answer).await;
    let connection = connect(
        "salesforce",
        &[("loginUrl", &server.origin), ("clientId", "c"), ("clientSecret", "s3cret")],
    );
    let outcome = ask(&connection, "Limits", json!({}), 0).await;
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.message, "Session expired (INVALID_SESSION_ID)");
    let (token, limits) = ("POST /services/oauth2/token", "GET /services/data/v59.0/limits");
    assert_eq!(server.lines(), [token, limits, token, limits]);
}

#[tokio::test]
async fn a_person_is_written_to_in_the_chat_with_that_person() {
    let server = Server::start(|seen: &Seen| -> Answer {
        match seen.line.as_str() {
            "POST /contoso/oauth2/v2.0/token" => {
                json_answer(200, &json!({ "access_token": "T0KEN-as-long-as-those-of-services-are", "expires_in": 3600 }))
            }
            "POST /v1.0/chats" if seen.body.contains("megan@") => {
                json_answer(201, &json!({ "id": "19:one_two@unq" }))
            }
            "POST /v1.0/chats/19%3Aone_two%40unq/messages" => {
                json_answer(201, &json!({ "id": "7", "chatId": "19:one_two@unq" }))
            }
            _ => json_answer(
                404,
                &json!({ "error": { "code": "NotFound", "message": "not T0KEN-as-long-as-those-of-services-are" } }),
            ),
        }
    })
    .await;
    let connection = connect(
        "microsoft-teams",
        &[
            ("graphUrl", &server.origin),
            ("loginUrl", &server.origin),
            ("tenantId", "contoso"),
            ("clientId", "app"),
            ("clientSecret", "s3cret"),
            ("refreshToken", "refresh"),
            ("user", "flows@contoso.com"),
        ],
    );
    let inputs = |to: &str| {
        json!({
            "PostNotificationRequest/recipient/to": to,
            "PostNotificationRequest/messageBody": "Won",
        })
    };
    let posted = ask(&connection, "PostUserNotification", inputs("megan@contoso.com;"), 0).await;
    assert_eq!(posted.failure, None);
    assert_eq!(posted.outputs.unwrap()["body"]["id"], "7");
    let chats = server.lines().iter().filter(|it| it.ends_with("/v1.0/chats")).count();
    assert_eq!((server.lines().len(), chats), (3, 1));
    // Nobody is found: nothing is posted, and the failure is that of the question.
    let failed = ask(&connection, "PostUserNotification", inputs("nobody@contoso.com"), 0).await;
    assert_eq!(failed.failure.unwrap().message, "not *sanitized* (NotFound)");
    assert_eq!(server.lines().last().unwrap(), "POST /v1.0/chats");
}

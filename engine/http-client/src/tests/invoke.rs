//! Whole calls: requests as the service sees them, pages, failures.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use base::Source;
use connector::{Call, Connection, ConnectionValue};
use serde_json::{Value, json};

use super::{Answer, Server, at};
use crate::{Client, InvokeOptions, Options};

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type", "application/json".to_owned())];
    (status, headers, body.to_string().into_bytes())
}

/// A connection to a shipped connector.
pub(super) fn connect(name: &str, values: &[(&str, &str)]) -> Connection {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors");
    let text = std::fs::read_to_string(root.join(name).join("connector.yaml")).unwrap();
    let (connector, found) = connector::read(&Source::new(name, &text));
    assert_eq!(found, Vec::new());
    let value = |(name, value): &(&str, &str)| {
        ((*name).to_owned(), ConnectionValue::Plain((*value).into()))
    };
    let values: BTreeMap<_, _> = values.iter().map(value).collect();
    let (connection, problems) = Connection::new("test", Arc::new(connector), values);
    assert_eq!(problems, Vec::new());
    connection
}

fn dynamics(server: &Server) -> Connection {
    connect(
        "dynamics-365",
        &[
            ("orgUrl", &server.origin),
            ("loginUrl", &server.origin),
            ("tenantId", "contoso"),
            ("clientId", "app"),
            ("clientSecret", "s3cret"),
        ],
    )
}

async fn invoke(
    connection: &Connection,
    operation: &str,
    inputs: &Value,
    items_min: usize,
) -> base::Outcome {
    let client = Client::new(Options::default()).unwrap();
    let now = at("2026-01-05T10:00:00Z");
    let call =
        Call { inputs, idempotency_key: "run1:X", now, seed: 1, link: None, callback_url: None };
    let operation = connection.connector.operation(operation).unwrap();
    client
        .invoke(
            connection,
            operation,
            &call,
            InvokeOptions { items_min, ..InvokeOptions::default() },
        )
        .await
}

/// A service with three pages of two rows; the second page may be trouble.
async fn pages(trouble: bool) -> Server {
    Server::start(move |seen| {
        if seen.line.starts_with("POST") {
            return json_answer(200, &json!({ "access_token": "T" }));
        }
        let host = format!("http://{}", seen.header("host").unwrap());
        let page: i32 = seen.line.rsplit("page=").next().unwrap().parse().unwrap_or(1);
        if page == 2 && trouble {
            return json_answer(503, &json!({}));
        }
        let link = format!("{host}/api/data/v9.2/accounts?page={}", page + 1);
        let mut body = json!({ "value": [page * 10, page * 10 + 1] });
        if page < 3 {
            body["@odata.nextLink"] = link.into();
        }
        json_answer(200, &body)
    })
    .await
}

#[tokio::test]
async fn pages_are_one_list() {
    let server = pages(false).await;
    let connection = dynamics(&server);
    let inputs = json!({ "entityName": "accounts" });
    let check = async |items_min: usize, expected: Value| {
        let outcome = invoke(&connection, "ListRecords", &inputs, items_min).await;
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.outputs.unwrap()["body"]["value"], expected);
    };
    check(0, json!([10, 11])).await;
    check(2, json!([10, 11])).await;
    check(3, json!([10, 11, 20, 21])).await;
    check(100_000, json!([10, 11, 20, 21, 30, 31])).await;
    let last = server.seen().into_iter().next_back().unwrap();
    assert_eq!(last.line, "GET /api/data/v9.2/accounts?page=3");
    assert_eq!(last.header("authorization"), Some("Bearer T"));
}

#[tokio::test]
async fn a_page_in_trouble_is_a_failure_not_a_shorter_list() {
    let server = pages(true).await;
    let inputs = json!({ "entityName": "accounts" });
    let outcome = invoke(&dynamics(&server), "ListRecords", &inputs, 100).await;
    assert_eq!(outcome.failure.unwrap().code, "ServiceUnavailable");
}

#[tokio::test]
async fn creates_are_upserts_of_one_row() {
    let server = Server::start(|seen| {
        if seen.line.starts_with("POST") {
            return json_answer(200, &json!({ "access_token": "T" }));
        }
        json_answer(201, &json!({ "accountid": "a" }))
    })
    .await;
    let inputs = json!({ "entityName": "accounts", "item/name": "A" });
    for _ in 0..2 {
        let outcome = invoke(&dynamics(&server), "CreateRecord", &inputs, 0).await;
        assert_eq!(outcome.status_code(), Some(201));
    }
    let seen = server.seen();
    assert_eq!(seen[1].line, seen[3].line);
    assert!(seen[1].line.starts_with("PATCH /api/data/v9.2/accounts("), "{}", seen[1].line);
    assert_eq!(seen[1].body, "{\"name\":\"A\"}");
}

#[tokio::test]
async fn inputs_that_do_not_fit_ask_nobody_but_for_a_token() {
    let server = pages(false).await;
    let outcome = invoke(&dynamics(&server), "ListRecords", &json!({ "entity": "a" }), 0).await;
    assert_eq!(outcome.failure.unwrap().code, "OpenApiOperationParameterValidationFailed");
    assert_eq!(server.lines(), ["POST /contoso/oauth2/v2.0/token"]);
}

#[tokio::test]
async fn services_that_are_not_there_are_a_transient_failure() {
    let connection = connect(
        "dynamics-365",
        &[
            ("orgUrl", "http://127.0.0.1:1"),
            ("loginUrl", "http://127.0.0.1:1"),
            ("tenantId", "contoso"),
            ("clientId", "app"),
            ("clientSecret", "s3cret"),
        ],
    );
    let outcome = invoke(&connection, "WhoAmI", &json!({}), 0).await;
    assert_eq!(outcome.outputs, None);
    assert_eq!(outcome.failure.unwrap().code, "ConnectionFailed");
}

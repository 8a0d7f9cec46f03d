//! Tokens: asked for once, replaced before they end, rotated refresh tokens kept.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base::{Outcome, Secret};
use connector::{Call, Connection};
use serde_json::json;

use super::{
    Answer, Seen, Server, at,
    invoke::{connect, json_answer},
};
use crate::{Client, InvokeOptions, Options};

/// A token service that numbers its tokens, and a service that takes the newest only.
async fn server(lifetime: &'static str, accepted: usize) -> Server {
    let given = AtomicUsize::new(0);
    let answer = move |seen: &Seen| -> Answer {
        if seen.line.starts_with("POST ") {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            return json_answer(
                200,
                &json!({
                    "access_token": format!("token-{number}"),
                    "refresh_token": format!("refresh-{number}"),
                    "expires_in": lifetime,
                }),
            );
        }
        let number =
            seen.header("authorization").and_then(|it| it.rsplit('-').next()?.parse().ok());
        if number.unwrap_or(0) < accepted {
            return json_answer(401, &json!({ "error": { "message": "expired" } }));
        }
        json_answer(200, &json!({ "UserId": "u" }))
    };
    Server::start(answer).await
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

async fn ask(client: &Client, connection: &Connection, operation: &str, now: &str) -> Outcome {
    let inputs = json!({});
    let call = Call {
        inputs: &inputs,
        idempotency_key: "k",
        now: at(now),
        seed: 1,
        link: None,
        callback_url: None,
    };
    let operation = connection.connector.operation(operation).unwrap();
    client.invoke(connection, operation, &call, InvokeOptions::default()).await
}

fn count(server: &Server, method: &str) -> usize {
    server.lines().iter().filter(|it| it.starts_with(method)).count()
}

#[tokio::test]
async fn many_calls_ask_for_one_token() {
    let server = server("3600", 0).await;
    let client = Client::new(Options::default()).unwrap();
    let connection = dynamics(&server);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (client, connection) = (client.clone(), connection.clone());
            tokio::spawn(async move {
                ask(&client, &connection, "WhoAmI", "2026-01-05T10:00:00Z").await
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().failure, None);
    }
    assert_eq!((count(&server, "POST"), count(&server, "GET")), (1, 20));
    assert_eq!(server.lines()[0], "POST /contoso/oauth2/v2.0/token");
}

#[tokio::test]
async fn tokens_are_replaced_before_they_end() {
    let server = server("3600", 0).await;
    let client = Client::new(Options::default()).unwrap();
    let connection = dynamics(&server);
    let check = async |now: &str, tokens: usize| {
        assert_eq!(ask(&client, &connection, "WhoAmI", now).await.failure, None);
        assert_eq!(count(&server, "POST"), tokens, "{now}");
    };
    check("2026-01-05T10:00:00Z", 1).await;
    check("2026-01-05T10:57:59Z", 1).await;
    check("2026-01-05T10:58:00Z", 2).await;
    check("2026-01-05T11:30:00Z", 2).await;
}

#[tokio::test]
async fn changed_credentials_and_other_connections_have_tokens_of_their_own() {
    let server = server("3600", 0).await;
    let client = Client::new(Options::default()).unwrap();
    for secret in ["one", "two", "one"] {
        let connection = connect(
            "dynamics-365",
            &[
                ("orgUrl", &server.origin),
                ("loginUrl", &server.origin),
                ("tenantId", "contoso"),
                ("clientId", "app"),
                ("clientSecret", secret),
            ],
        );
        assert_eq!(ask(&client, &connection, "WhoAmI", "2026-01-05T10:00:00Z").await.failure, None);
    }
    assert_eq!(count(&server, "POST"), 2);
}

#[tokio::test]
async fn a_token_that_is_turned_down_is_replaced_once() {
    let check = async |accepted: usize, status: u16, posts: usize, gets: usize| {
        let server = server("3600", accepted).await;
        let client = Client::new(Options::default()).unwrap();
        let outcome = ask(&client, &dynamics(&server), "WhoAmI", "2026-01-05T10:00:00Z").await;
        assert_eq!(outcome.status_code(), Some(status));
        assert_eq!((count(&server, "POST"), count(&server, "GET")), (posts, gets));
    };
    check(1, 200, 1, 1).await;
    check(2, 200, 2, 2).await;
    check(9, 401, 2, 2).await;
}

#[tokio::test]
async fn rotated_refresh_tokens_are_used_and_reported() {
    let server = server("600", 0).await;
    let rotated: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&rotated);
    let on_rotated = move |name: &str, token: &Secret<String>| {
        noted.lock().unwrap().push(format!("{name}: {}", token.expose()));
    };
    let options = Options { on_rotated: Some(Arc::new(on_rotated)), ..Options::default() };
    let client = Client::new(options).unwrap();
    let connection = connect(
        "partner-center-events",
        &[
            ("baseUrl", &server.origin),
            ("loginUrl", &server.origin),
            ("tenantId", "contoso"),
            ("clientId", "app"),
            ("clientSecret", "s3cret"),
            ("refreshToken", "refresh-0"),
        ],
    );
    for now in ["2026-01-05T10:00:00Z", "2026-01-05T10:10:00Z", "2026-01-05T10:20:00Z"] {
        assert_eq!(ask(&client, &connection, "ListEventTypes", now).await.failure, None);
    }
    assert_eq!(*rotated.lock().unwrap(), ["test: refresh-1", "test: refresh-2", "test: refresh-3"]);
    let asked: Vec<String> = server
        .seen()
        .into_iter()
        .filter(|it| it.line.starts_with("POST"))
        .map(|it| it.body)
        .collect();
    for (number, body) in asked.iter().enumerate() {
        assert!(body.contains(&format!("refresh_token=refresh-{number}&")), "{body}");
    }
}

#[tokio::test]
async fn refusals_of_the_token_service_hold_no_secret() {
    let server = Server::start(|seen| {
        json_answer(400, &json!({ "error": "invalid_client", "error_description": seen.body }))
    })
    .await;
    let client = Client::new(Options::default()).unwrap();
    let outcome = ask(&client, &dynamics(&server), "WhoAmI", "2026-01-05T10:00:00Z").await;
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.code, "invalid_client");
    assert!(failure.message.contains("client_secret=*sanitized*"), "{}", failure.message);
    assert!(!failure.message.contains("s3cret"), "{}", failure.message);
}

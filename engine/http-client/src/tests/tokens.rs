//! Tokens: asked for once, replaced before they end, rotated refresh tokens kept.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::{Outcome, Secret};
use connector::{Call, Connection};
use serde_json::json;

use super::{
    Answer, Seen, Server, at,
    invoke::{connect, json_answer},
};
use crate::{Client, InvokeOptions, Options, TokenStore};

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

pub(super) async fn ask(
    client: &Client,
    connection: &Connection,
    operation: &str,
    now: &str,
) -> Outcome {
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

/// A store in memory; one that cannot be written if it is full.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) kept: Mutex<BTreeMap<String, Secret<String>>>,
    pub(super) writes: AtomicUsize,
    pub(super) is_full: AtomicBool,
}

impl TokenStore for Memory {
    fn load(&self, connection: &str) -> Result<Option<Secret<String>>, String> {
        Ok(self.kept.lock().unwrap().get(connection).cloned())
    }

    fn keep(&self, connection: &str, token: &Secret<String>) -> Result<(), String> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err("the disk is full".to_owned());
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.kept.lock().unwrap().insert(connection.to_owned(), token.clone());
        Ok(())
    }
}

pub(super) fn client_with(store: &Arc<Memory>) -> Client {
    let token_store: Option<Arc<dyn TokenStore>> = Some(Arc::<Memory>::clone(store));
    Client::new(Options { token_store, ..Options::default() }).unwrap()
}

fn events(server: &Server, refresh: &str) -> Connection {
    connect(
        "partner-center-events",
        &[
            ("baseUrl", &server.origin),
            ("loginUrl", &server.origin),
            ("tenantId", "contoso"),
            ("clientId", "app"),
            ("clientSecret", "s3cret"),
            ("refreshToken", refresh),
        ],
    )
}

/// The refresh tokens that a server was asked with, one after the other.
fn refreshes(server: &Server) -> Vec<String> {
    let posts = server.seen().into_iter().filter(|it| it.line.starts_with("POST"));
    let of = |body: String| {
        let (_, rest) = body.split_once("refresh_token=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    posts.map(|it| of(it.body)).collect()
}

#[tokio::test]
async fn rotated_refresh_tokens_are_used_and_outlive_the_process() {
    let server = server("600", 0).await;
    let store = Arc::new(Memory::default());
    let client = client_with(&store);
    let connection = events(&server, "refresh-0");
    for now in ["2026-01-05T10:00:00Z", "2026-01-05T10:10:00Z", "2026-01-05T10:20:00Z"] {
        assert_eq!(ask(&client, &connection, "ListEventTypes", now).await.failure, None);
    }
    assert_eq!(refreshes(&server), ["refresh-0", "refresh-1", "refresh-2"]);
    assert_eq!(store.writes.load(Ordering::SeqCst), 3);

    // The next process goes on with what was kept last.
    let later = "2026-01-05T10:30:00Z";
    assert_eq!(ask(&client_with(&store), &connection, "ListEventTypes", later).await.failure, None);
    assert_eq!(refreshes(&server)[3..], ["refresh-3"]);
    // A refresh token that the operator gives later counts more.
    let given = events(&server, "given");
    assert_eq!(ask(&client_with(&store), &given, "ListEventTypes", later).await.failure, None);
    assert_eq!(refreshes(&server)[4..], ["given"]);
    // One that cannot be kept is used by this process all the same.
    store.is_full.store(true, Ordering::SeqCst);
    let client = client_with(&store);
    for now in ["2026-01-05T10:40:00Z", "2026-01-05T10:50:00Z"] {
        assert_eq!(ask(&client, &given, "ListEventTypes", now).await.failure, None);
    }
    assert_eq!(refreshes(&server)[5..], ["refresh-5", "refresh-6"]);
}

/// A store that cannot be opened.
struct Locked;

impl TokenStore for Locked {
    fn load(&self, _: &str) -> Result<Option<Secret<String>>, String> {
        Err("there is no key".to_owned())
    }

    fn keep(&self, _: &str, _: &Secret<String>) -> Result<(), String> {
        Err("there is no key".to_owned())
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_in_the_way_of_those_who_need_it() {
    let server = server("600", 0).await;
    let token_store: Option<Arc<dyn TokenStore>> = Some(Arc::new(Locked));
    let client = Client::new(Options { token_store, ..Options::default() }).unwrap();
    let now = "2026-01-05T10:00:00Z";
    assert_eq!(ask(&client, &dynamics(&server), "WhoAmI", now).await.failure, None);
    let failed = ask(&client, &events(&server, "refresh-0"), "ListEventTypes", now).await;
    let failure = failed.failure.unwrap();
    assert_eq!(failure.code, "TokenStoreUnavailable");
    assert_eq!(failure.message, "the kept token of connection `test`: there is no key");
}

#[tokio::test]
async fn a_caller_that_gives_up_loses_no_refresh_token() {
    let slow = server_that_waits(Duration::from_millis(300)).await;
    let store = Arc::new(Memory::default());
    let client = client_with(&store);
    let connection = events(&slow, "refresh-0");
    let asked = ask(&client, &connection, "ListEventTypes", "2026-01-05T10:00:00Z");
    assert!(tokio::time::timeout(Duration::from_millis(100), asked).await.is_err());
    // Whoever comes next waits for what is under way.
    let next = ask(&client, &connection, "ListEventTypes", "2026-01-05T10:00:01Z").await;
    assert_eq!(next.failure, None);
    assert_eq!(refreshes(&slow), ["refresh-0"]);
    assert_eq!(store.writes.load(Ordering::SeqCst), 1);
}

/// A token service that takes its time.
async fn server_that_waits(pause: Duration) -> Server {
    Server::start(move |seen| {
        if seen.line.starts_with("POST ") {
            std::thread::sleep(pause);
            let token = json!({ "access_token": "t", "refresh_token": "r", "expires_in": 3600 });
            return json_answer(200, &token);
        }
        json_answer(200, &json!({}))
    })
    .await
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

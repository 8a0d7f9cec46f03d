//! Requests that are sent on: where to, with what, and how often.

use std::{collections::BTreeMap, sync::Arc};

use base::{HttpRequest, HttpResponse, Outcome, Secret, Source};
use connector::{Call, Connection, ConnectionValue};
use serde_json::json;

use super::{Server, at, json as answer};
use crate::{Client, InvokeOptions, Options, redirect};

const TOKEN: &str = "T0KEN-that-is-as-long-as-tokens-are";
const PROOF: &str = "Bearer T0KEN-that-is-as-long-as-tokens-are";
const FILE: &str = "connector: x
version: 1.0.0
connection:
  params: { url: { type: uri }, token: { type: secret } }
  auth: { type: bearer }
http: { baseUrl: \"@connection('url')\", headers: { X-Own: own, Accept: application/json } }
operations:
  Get: { effect: read, request: \"GET /{p}\", params: { p: { type: string, required: true } } }
  Wanted: { effect: read, request: \"GET /{p}\", params: { p: { type: string, required: true } }, success: [200, 302] }
  Post: { effect: action, request: \"POST /{p}\", params: { p: { type: string, required: true } }, bodyParam: body, body: { type: object } }
";

pub(super) fn connection(origin: &str, allow_hosts: &[&str]) -> Connection {
    let (connector, found) = connector::read(&Source::new("x", FILE));
    assert_eq!(found, Vec::new());
    let values = [
        ("url", ConnectionValue::Plain(origin.into())),
        ("token", ConnectionValue::Secret(Secret::new(TOKEN.to_owned()))),
    ];
    let values: BTreeMap<_, _> =
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (mut connection, problems) = Connection::new("x", Arc::new(connector), values);
    assert_eq!(problems, Vec::new());
    connection.network.allow_hosts = allow_hosts.iter().map(|it| (*it).to_owned()).collect();
    connection
}

pub(super) async fn ask(
    client: &Client,
    connection: &Connection,
    operation: &str,
    path: &str,
) -> Outcome {
    let inputs = if operation == "Post" {
        json!({ "p": path, "body": { "a": 1 } })
    } else {
        json!({ "p": path })
    };
    let now = at("2026-01-05T10:00:00Z");
    let call = Call {
        inputs: &inputs,
        idempotency_key: "k",
        now,
        seed: 1,
        link: None,
        callback_url: None,
    };
    let operation = connection.connector.operation(operation).unwrap();
    client.invoke(connection, operation, &call, InvokeOptions::default()).await
}

#[test]
fn requests_go_on_where_that_is_safe() {
    let check = |line: &str, status: u16, location: &str, expected: &str| {
        let (method, url) = line.split_once(' ').unwrap();
        let request = HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: [
                ("Authorization", "Bearer T"),
                ("X-Key", "k"),
                ("Accept", "a"),
                ("Cookie", "c"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            body: (method == "POST").then(|| b"b".to_vec()),
        };
        let mut headers = vec![("location".to_owned(), location.to_owned())];
        headers.retain(|(_, value)| !value.is_empty());
        let response = HttpResponse { status, headers, body: Vec::new() };
        let shown = match redirect::next(&request, &response) {
            Ok(None) => "answer".to_owned(),
            Ok(Some(next)) => {
                assert_eq!((next.method.as_str(), &next.body), (method, &request.body));
                let names: Vec<&str> = next.headers.iter().map(|it| it.0.as_str()).collect();
                let all = if names == ["Accept"] { "alone" } else { "with all" };
                format!("{} {all}", next.url)
            }
            Err(failure) => failure.code,
        };
        assert_eq!(shown, expected, "{line} {status} {location}");
    };
    let get = "GET https://a.example/x/y?z=1";
    let post = "POST https://a.example/x";
    for status in [301, 302, 303, 307, 308] {
        check(get, status, "/b", "https://a.example/b with all");
        check(get, status, "b", "https://a.example/x/b with all");
        check(get, status, "https://a.example:443/b", "https://a.example/b with all");
        check(get, status, "https://b.example/b", "https://b.example/b alone");
        check(get, status, "https://a.example:444/", "https://a.example:444/ alone");
        check(get, status, "https://sub.a.example/", "https://sub.a.example/ alone");
        check(get, status, "//b.example/", "https://b.example/ alone");
        check(get, status, "http://a.example/b", "RedirectRefused");
        check(get, status, "http://b.example/b", "RedirectRefused");
        check(get, status, "ftp://b.example/b", "RedirectRefused");
        check(get, status, "https://", "RedirectRefused");
        check(get, status, "", "answer");
        check("GET http://a.example/", status, "https://a.example/", "https://a.example/ alone");
        check("HEAD https://a.example/", status, "/b", "https://a.example/b with all");
        check(post, status, "https://b.example/", "answer");
        check("DELETE https://a.example/", status, "https://b.example/", "answer");
    }
    for (status, expected) in [(301, "answer"), (302, "answer"), (303, "answer")] {
        check(post, status, "/b", expected);
    }
    for status in [307, 308] {
        check(post, status, "/b", "https://a.example/b with all");
    }
    for status in [200, 201, 300, 304, 305, 306, 400, 401] {
        check(get, status, "/b", "answer");
    }
}

#[tokio::test]
async fn a_token_stays_at_its_origin() {
    let other = Server::start(|_| answer("{\"at\": \"other\"}")).await;
    let to = format!("{}/there", other.origin);
    let server = Server::start(move |seen| match seen.line.as_str() {
        "GET /moved" => (301, vec![("location", "/here".to_owned())], Vec::new()),
        "GET /away" | "POST /away" => (307, vec![("location", to.clone())], Vec::new()),
        "POST /again" => (308, vec![("location", "/here".to_owned())], Vec::new()),
        "GET /loop" => (302, vec![("location", "/loop".to_owned())], Vec::new()),
        _ => answer("{\"at\": \"here\"}"),
    })
    .await;
    let client = Client::new(Options::default()).unwrap();
    let own = connection(&server.origin, &[]);
    let both = connection(&server.origin, &[&other.origin]);
    let at = async |connection: &Connection, operation: &str, path: &str| {
        let outcome = ask(&client, connection, operation, path).await;
        match outcome.failure {
            None => outcome.outputs.unwrap()["body"]["at"].as_str().unwrap_or("answer").to_owned(),
            Some(failure) => failure.code,
        }
    };
    assert_eq!(at(&own, "Get", "moved").await, "here");
    assert_eq!(at(&own, "Post", "again").await, "here");
    let seen = server.seen();
    let last = seen.last().unwrap();
    assert_eq!((last.line.as_str(), last.body.as_str()), ("POST /here", "{\"a\":1}"));
    assert!(seen.iter().all(|it| it.header("authorization") == Some(PROOF)));
    // Another private host has to be allowed; even then it is not told who asks.
    assert_eq!(at(&own, "Get", "away").await, "DestinationRefused");
    assert_eq!(other.lines(), Vec::<String>::new());
    assert_eq!(at(&both, "Get", "away").await, "other");
    assert_eq!(at(&both, "Post", "away").await, "TemporaryRedirect");
    let told = other.seen();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].header("authorization"), told[0].header("x-own")), (None, None));
    assert_eq!(told[0].header("accept"), Some("application/json"));
    // What an operation counts as its answer is not followed, and circles end.
    let before = server.lines().len();
    assert_eq!(at(&own, "Wanted", "loop").await, "answer");
    assert_eq!(at(&own, "Get", "loop").await, "TooManyRedirects");
    assert_eq!(server.lines().len() - before, 1 + 11);
}

#[tokio::test]
async fn failures_do_not_repeat_what_proved_who_asks() {
    let server = Server::start(|seen| {
        let proof = seen.header("authorization").unwrap().to_owned();
        let status = if seen.line == "GET /good" { 200 } else { 400 };
        let body = json!({ "error": { "seen": [proof], "n": 1 } }).to_string();
        let headers = vec![("content-type", "application/json".to_owned()), ("x-seen", proof)];
        (status, headers, body.into_bytes())
    })
    .await;
    let client = Client::new(Options::default()).unwrap();
    let connection = connection(&server.origin, &[]);
    let failed = ask(&client, &connection, "Get", "bad").await;
    let outputs = failed.outputs.unwrap();
    assert_eq!(outputs["body"], json!({ "error": { "seen": ["Bearer *sanitized*"], "n": 1 } }));
    assert_eq!(outputs["headers"]["x-seen"], "Bearer *sanitized*");
    // What a flow asks for is as the service has it.
    let good = ask(&client, &connection, "Get", "good").await.outputs.unwrap();
    assert_eq!(good["body"]["error"]["seen"][0], PROOF);
}

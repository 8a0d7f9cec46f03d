//! Tests: the shipped connectors, requests as text, responses as data.

mod auth;
mod discoveries;
mod files;
mod forms;
mod hints;
mod logins;
mod openapi;
mod overlays;
mod pages;
mod policies;
mod polls;
mod programs;
mod proofs;
mod requests;
mod responses;
mod routes;
mod shapes;
mod signatures;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc};

use base::{Diagnostic, Failure, HttpRequest, HttpResponse, Secret, Source, Timestamp};
use serde_json::Value;

use crate::{
    Call, Connection, ConnectionValue, Connector, Token,
    auth::{Asking, Signer, read_token, token_request},
    read,
};

pub(super) const REFERRALS: &str =
    include_str!("../../../../connectors/partner-center-referrals/connector.yaml");
pub(super) const EVENTS: &str =
    include_str!("../../../../connectors/partner-center-events/connector.yaml");
pub(super) const DYNAMICS: &str =
    include_str!("../../../../connectors/dynamics-365/connector.yaml");

/// The findings as `line:column code: message (hint)`.
pub(super) fn findings(text: &str) -> Vec<String> {
    let source = Source::new("connector.yaml", text);
    let show = |it: Diagnostic| {
        let at = source.location(it.span.start);
        let hint = it.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{}:{} {}: {}{hint}", at.line, at.column, it.code.slug, it.message)
    };
    read(&source).1.into_iter().map(show).collect()
}

pub(super) fn load(text: &str) -> Arc<Connector> {
    assert_eq!(findings(text), Vec::<String>::new());
    Arc::new(read(&Source::new("connector.yaml", text)).0)
}

/// A connection with values `name=value`; those that begin with `!` are secrets.
pub(super) fn connect(text: &str, values: &[&str]) -> Connection {
    let value = |it: &&str| {
        let (name, value) = it.split_once('=').unwrap();
        let value = match value.strip_prefix('!') {
            Some(secret) => ConnectionValue::Secret(Secret::new(secret.to_owned())),
            None => ConnectionValue::Plain(value.into()),
        };
        (name.to_owned(), value)
    };
    let values: BTreeMap<_, _> = values.iter().map(value).collect();
    let (connection, problems) = Connection::new("test", load(text), values);
    assert_eq!(problems, Vec::new());
    connection
}

/// Signs by saying what was signed with which key.
pub(super) struct Plain;

impl Signer for Plain {
    fn rs256(&self, key: &Secret<String>, bytes: &[u8]) -> Result<Vec<u8>, String> {
        if key.expose() == "bad" {
            return Err("the key is no RSA key".to_owned());
        }
        Ok([key.expose().as_bytes(), b"|", bytes].concat())
    }
}

/// The request for a token at ten o'clock.
pub(super) fn ask_token(
    connection: &Connection,
    refresh: Option<&Secret<String>>,
) -> Result<Option<HttpRequest>, Failure> {
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    token_request(connection, &Asking { now, refresh, signer: &Plain })
}

pub(super) fn referrals() -> Connection {
    connect(
        REFERRALS,
        &["tenantId=contoso", "clientId=app", "clientSecret=!s3cret&more", "refreshToken=!refresh"],
    )
}

pub(super) fn events() -> Connection {
    connect(
        EVENTS,
        &["tenantId=contoso", "clientId=app", "clientSecret=!s3cret", "refreshToken=!refresh"],
    )
}

pub(super) fn dynamics() -> Connection {
    connect(
        DYNAMICS,
        &[
            "orgUrl=https://contoso.crm.dynamics.com/",
            "tenantId=contoso",
            "clientId=app",
            "clientSecret=!s3cret",
        ],
    )
}

pub(super) fn token(connection: &Connection) -> Token {
    let body = r#"{"access_token": "T0KEN", "expires_in": "3600"}"#;
    read_token(connection, &response(200, &[("content-type", "application/json")], body)).unwrap()
}

pub(super) fn call(inputs: &Value) -> Call<'_> {
    Call {
        inputs,
        idempotency_key: "run1:Create",
        now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
        seed: 7,
        link: None,
        callback_url: None,
    }
}

/// A request as text: request line, headers, empty line, body.
pub(super) fn show(request: &HttpRequest) -> String {
    let mut lines = vec![format!("{} {}", request.method, request.url)];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Some(body) = &request.body {
        lines.extend([String::new(), String::from_utf8_lossy(body).into_owned()]);
    }
    lines.join("\n") + "\n"
}

pub(super) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    HttpResponse { status, headers, body: body.as_bytes().to_vec() }
}

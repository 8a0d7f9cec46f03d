//! Sends what the engine makes of a call, and compares what arrives with what has to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, mpsc::Receiver},
    time::Duration,
};

use base::{HttpResponse, Secret, Timestamp};
use connector::{
    Call, Connection, ConnectionValue, Token,
    auth::read_token,
    openapi::{self, Files, Imported},
    policy, request,
};
use http_client::{Client, Egress};
use serde_json::{Value, json};

use super::{
    expected::{self, Body, Expected, Given},
    raw::Raw,
    sample,
    server::Sent,
};

/// Which address the request had before it was sent to the service of the test.
const ORIGIN: &str = "x-test-origin";

/// What became of the operations of a connector.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) operations: usize,
    pub(super) scripted: usize,
    pub(super) callable: usize,
    pub(super) wrong: Vec<String>,
}

/// The way to the service of the test.
pub(super) struct Wire<'t> {
    pub(super) client: &'t Client,
    pub(super) origin: &'t str,
    pub(super) seen: &'t Receiver<Sent>,
}

/// Sends one request for each operation.
pub(super) async fn all(raw: &Raw, wire: &Wire<'_>) -> Result<Tally, String> {
    let files = Files {
        definition: &raw.definition_bytes,
        properties: raw.properties_bytes.as_deref(),
        has_script: raw.has_script,
    };
    let Imported { connector, report } = openapi::import(&raw.name, &files)?;
    let mut given: Given = BTreeMap::new();
    for (name, kind, _) in raw.asked() {
        given.insert(name.clone(), sample::connection(raw, &name, &kind));
    }
    let connection = connect(connector, &given);
    let token = token(&connection);
    let mut tally = Tally::default();
    let mut seen = BTreeSet::new();
    for (at, operation) in raw.operations().into_iter().enumerate() {
        let id = operation.value["operationId"].as_str().unwrap().trim();
        if !seen.insert(id) {
            continue;
        }
        tally.operations += 1;
        if raw.is_scripted(id) {
            tally.scripted += 1;
            assert!(report.scripted.contains(id), "{} {id} needs its script", raw.name);
            continue;
        }
        let Some(known) = connection.connector.operation(id) else {
            let why = report.refused.get(id).map_or("left out without a reason", String::as_str);
            tally.wrong.push(format!("{} {id}: refused: {why}", raw.name));
            continue;
        };
        let expected = expected::expect(raw, operation, &given, at % 2 == 0);
        let inputs = Value::Object(expected.inputs.clone());
        let call = Call {
            inputs: &inputs,
            idempotency_key: "run:Call",
            now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
            seed: 1,
            link: None,
            callback_url: None,
        };
        let asks = policy::lookups(&connection, known, &call, Some(&token)).map(|it| it.len());
        let answers = vec![answer(); expected.looked_up];
        let built = request::build_after(&connection, known, &call, (Some(&token), &answers));
        let sent = match built {
            Ok(request) => send(request, wire).await,
            Err(failure) => Err(failure.message),
        };
        let found = match sent {
            Ok(_) if asks != Ok(expected.looked_up) => Err("asks something else first".to_owned()),
            Ok((sent, origin)) => compare(raw, &connection, &expected, (&sent, &origin)),
            Err(message) => Err(message),
        };
        match found {
            Ok(()) => tally.callable += 1,
            Err(why) => tally.wrong.push(format!("{} {id}: {why}", raw.name)),
        }
    }
    Ok(tally)
}

/// A connection with these values, and with what we need besides.
fn connect(connector: connector::Connector, given: &Given) -> Connection {
    let connector = Arc::new(connector);
    let mut values = BTreeMap::new();
    for param in &connector.connection.params {
        let value = match given.get(&param.name) {
            Some(value) => value.clone(),
            None if !param.required && !OURS.contains(&param.name.as_str()) => continue,
            None if param.kind == connector::model::ParamKind::Uri => GIVEN.into(),
            None => format!("own-{}", param.name).into(),
        };
        let value = match (param.kind, value) {
            (connector::model::ParamKind::Secret, Value::String(text)) => {
                ConnectionValue::Secret(Secret::new(text))
            }
            (_, value) => ConnectionValue::Plain(value),
        };
        values.insert(param.name.clone(), value);
    }
    let (connection, problems) = Connection::new("test", connector, values);
    assert_eq!(problems, Vec::new());
    connection
}

/// What operators give besides what the properties ask for.
const OURS: &[&str] = &["apiKey", "clientId", "clientSecret", "password", "token", "username"];
/// The address of a service whose definition does not name one.
const GIVEN: &str = "https://given.example.org/base";

fn token(connection: &Connection) -> Token {
    let response = HttpResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: br#"{"access_token": "T0KEN"}"#.to_vec(),
    };
    read_token(connection, &response).unwrap()
}

/// An answer that has whatever a policy looks for.
fn answer() -> HttpResponse {
    let body = json!({ "access_token": "LOOKED-UP", "@odata.etag": "LOOKED-UP" });
    HttpResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// Sends a request to the service of the test; gives what arrived and where it was for.
async fn send(mut request: base::HttpRequest, wire: &Wire<'_>) -> Result<(Sent, String), String> {
    let (scheme, rest) = request.url.split_once("://").ok_or("no address")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let origin = format!("{scheme}://{host}");
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    request.url = format!("{}{rest}", wire.origin);
    request.set_header(ORIGIN, origin.clone());
    let is_head = request.method == "HEAD";
    let response = wire.client.send(&request, &Egress::everything()).await;
    let response = response.map_err(|failure| failure.message)?;
    if response.status != 200 || (!is_head && response.body != b"{}") {
        return Err(format!("the answer is {}", response.status));
    }
    let sent = wire.seen.recv_timeout(Duration::from_secs(10)).map_err(|it| it.to_string())?;
    let origin = sent.header(ORIGIN).unwrap_or_default().to_owned();
    Ok((sent, origin))
}

fn compare(
    raw: &Raw,
    connection: &Connection,
    expected: &Expected,
    (sent, origin): (&Sent, &str),
) -> Result<(), String> {
    if sent.method != expected.method {
        return Err(format!("{} instead of {}", sent.method, expected.method));
    }
    let is_named =
        connection.connector.connection.params.iter().any(|it| it.name == "baseUrl" && it.required);
    let base = if is_named { GIVEN } else { expected.base.as_deref().ok_or("no host")? };
    let (target, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let wanted = format!("{}{}", base.trim_end_matches('/'), expected.path);
    let found = format!("{origin}{target}");
    // An empty path is sent as `/`.
    if found != wanted && found.trim_end_matches('/') != wanted.trim_end_matches('/') {
        return Err(format!("address {found} instead of {wanted}"));
    }
    let proof = proof(raw);
    compare_query(query, expected, &proof)?;
    for (name, value) in &expected.headers {
        let found = sent.header(name);
        let is_framing = base::http::is_framing(name);
        let is_proof = matches!(&proof, Proof::Header(it, _) if it == name);
        if is_proof && !expected.forced.contains(name) {
            continue;
        }
        if !is_framing
            && found.map(str::trim) != Some(value.trim())
            && !is_multipart(name, expected)
        {
            return Err(format!("header {name} is {found:?} instead of `{value}`"));
        }
    }
    if let Proof::Header(name, values) = &proof
        && !expected.forced.contains(name)
    {
        let found = sent.header(name).unwrap_or_default();
        if !values.iter().any(|it| it == found) {
            return Err(format!("proof {name}: {found} instead of one of {values:?}"));
        }
    }
    compare_body(sent, &expected.body)
}

fn is_multipart(name: &str, expected: &Expected) -> bool {
    name == "content-type" && matches!(expected.body, Body::Parts(_))
}

/// How the definition and the properties say that requests prove who sends them.
#[derive(Debug)]
enum Proof {
    None,
    Header(String, Vec<String>),
    Query(String, Vec<String>),
}

fn proof(raw: &Raw) -> Proof {
    let asked = raw.asked();
    if asked.iter().any(|(_, kind, _)| kind == "oauthsetting") {
        return Proof::Header("authorization".to_owned(), vec!["Bearer T0KEN".to_owned()]);
    }
    let secrets: Vec<(String, String)> = asked
        .iter()
        .filter(|(_, kind, _)| kind == "securestring")
        .map(|(name, kind, _)| (name.clone(), expected::text(&sample::connection(raw, name, kind))))
        .collect();
    let pointer =
        if raw.is_three() { "/components/securitySchemes" } else { "/securityDefinitions" };
    let all = raw.definition.pointer(pointer).and_then(Value::as_object);
    let values = || secrets.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    for scheme in all.into_iter().flat_map(|it| it.values()) {
        let kind = (scheme["type"].as_str().unwrap_or(""), scheme["in"].as_str().unwrap_or(""));
        let name = scheme["name"].as_str().unwrap_or("");
        let is_basic = kind.0 == "basic" || scheme["scheme"] == "basic";
        match kind {
            _ if is_basic && secrets.len() >= 2 => {
                let by = |wanted: &str| {
                    let found = secrets.iter().find(|(it, _)| it.eq_ignore_ascii_case(wanted));
                    found.map(|(_, value)| value.clone()).unwrap_or_default()
                };
                let pair = format!("{}:{}", by("username"), by("password"));
                let value = format!("Basic {}", base::base64::encode(pair.as_bytes()));
                return Proof::Header("authorization".to_owned(), vec![value]);
            }
            ("apiKey", "header") if !secrets.is_empty() => {
                return Proof::Header(name.trim().to_lowercase(), values());
            }
            ("apiKey", "query") if !secrets.is_empty() => {
                return Proof::Query(name.trim().to_owned(), values());
            }
            _ => {}
        }
    }
    // Without properties, operators are asked for what the definition needs.
    let own = all.into_iter().flat_map(|it| it.values()).find(|it| it["type"] == "apiKey");
    match own.filter(|_| raw.properties.is_null()) {
        Some(key) => {
            let (name, values) =
                (key["name"].as_str().unwrap_or(""), vec!["own-apiKey".to_owned()]);
            if key["in"] == "query" {
                Proof::Query(name.to_owned(), values)
            } else {
                Proof::Header(name.to_lowercase(), values)
            }
        }
        None => Proof::None,
    }
}

fn compare_query(query: &str, expected: &Expected, proof: &Proof) -> Result<(), String> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.entry(unescaped(name)).or_default().push(unescaped(value));
    }
    let mut wanted = expected.query.clone();
    if let Proof::Query(name, values) = proof
        && !expected.forced.contains(name)
    {
        wanted.remove(name);
        let value = found.remove(name).unwrap_or_default();
        if !matches!(&value[..], [only] if values.contains(only)) {
            return Err(format!("proof {name} is {value:?} instead of one of {values:?}"));
        }
    }
    if found != wanted {
        return Err(format!("query {found:?} instead of {wanted:?}"));
    }
    Ok(())
}

fn compare_body(sent: &Sent, expected: &Body) -> Result<(), String> {
    let text = String::from_utf8_lossy(&sent.body);
    let media = sent.header("content-type").unwrap_or_default().to_owned();
    let is = |wanted: &str| media.starts_with(wanted);
    match expected {
        Body::Changed => Ok(()),
        Body::None if sent.body.is_empty() => Ok(()),
        Body::None => Err(format!("a body where there is none: {text}")),
        Body::Json(value) => match serde_json::from_slice::<Value>(&sent.body) {
            Ok(found) if found == *value => Ok(()),
            Ok(found) => Err(format!("body {found} instead of {value}")),
            Err(_) => Err(format!("body {text} instead of {value}")),
        },
        Body::Bytes(bytes) if sent.body == *bytes => Ok(()),
        Body::Bytes(bytes) => Err(format!("{} bytes instead of {}", sent.body.len(), bytes.len())),
        Body::Form(_) if !is("application/x-www-form-urlencoded") => {
            Err(format!("a form as {media}"))
        }
        Body::Form(fields) => {
            let found: Vec<(String, String)> = text
                .split('&')
                .filter_map(|it| it.split_once('='))
                .map(|(name, value)| (unescaped(name), unescaped(value)))
                .collect();
            let sorted = |mut all: Vec<(String, String)>| {
                all.sort();
                all
            };
            let (found, wanted) = (sorted(found), sorted(fields.clone()));
            if found == wanted {
                Ok(())
            } else {
                Err(format!("form {found:?} instead of {wanted:?}"))
            }
        }
        Body::Parts(_) if !is("multipart/form-data; boundary=") => Err(format!("parts as {media}")),
        Body::Parts(parts) => compare_parts(sent, &media, parts),
    }
}

fn compare_parts(sent: &Sent, media: &str, parts: &[(String, Vec<u8>)]) -> Result<(), String> {
    let boundary = media.split_once("boundary=").unwrap().1.trim_matches('"');
    for (name, value) in parts {
        let head = format!("name=\"{name}\"");
        let start = position(&sent.body, head.as_bytes()).ok_or(format!("no part `{name}`"))?;
        let rest = &sent.body[start..];
        let start = position(rest, b"\r\n\r\n").ok_or("a part without content")? + 4;
        let end = position(rest, format!("\r\n--{boundary}").as_bytes()).ok_or("no end")?;
        if rest[start..end] != value[..] {
            let found = String::from_utf8_lossy(&rest[start..end]).into_owned();
            return Err(format!("part `{name}` is {found}"));
        }
    }
    Ok(())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap().to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).unwrap()
}

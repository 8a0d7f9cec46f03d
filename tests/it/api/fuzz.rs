//! What the description of the API allows and forbids, tried at random: nothing is answered with a fault of ours.

use std::env;

use serde_json::{Map, Value, json};
use server::openapi;

use super::{Api, Choice, LINES, WAITS, project};

/// Requests to each route.
const ROUNDS: u64 = 30;

/// A small generator of numbers, the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn is(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// Texts that are what is expected, nearly so, or not at all.
const TEXTS: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "500",
    "18446744073709551616",
    "1e9",
    "NaN",
    "true",
    "false",
    "null",
    "lines",
    "deep/waits",
    "Go",
    "Each",
    "Each#0/Double",
    "Failed",
    "Succeeded,Running",
    "2026-01-31T12:00:00Z",
    "PT2H",
    "-P1D",
    "P999999999999999D",
    "9999-12-31T23:59:59Z",
    "0000-00-00T00:00:00Z",
    "../../etc/passwd",
    "a\u{0}b",
    "\u{202e}\u{1f600}",
    "%00",
    "%2F",
    "'; DROP TABLE run; --",
    "{{x}}",
    "@{utcNow()}",
    "<script>",
    "flow.yaml",
    "x.mapping.yaml",
    ".x.mapping.yaml",
    "admin",
    "info",
    "trace,hyper=debug",
];

fn text(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => "x".repeat(1 + dice.below(5_000)),
        1 => (0..dice.below(20))
            .filter_map(|_| char::from_u32(u32::try_from(dice.below(0x11_0000)).unwrap()))
            .collect(),
        _ => (*dice.one_of(TEXTS)).to_owned(),
    }
}

fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => dice.is(2).into(),
        2 => json!(*dice.one_of(&[0_i64, 1, -1, i64::MAX, i64::MIN])),
        3 => json!(*dice.one_of(&[0.5, 1e300, -0.0])),
        4 => text(dice).into(),
        5 => (0..dice.below(4)).map(|_| anything(dice, depth - 1)).collect(),
        _ => Value::Object(
            (0..dice.below(4)).map(|_| (text(dice), anything(dice, depth - 1))).collect(),
        ),
    }
}

/// A value that a schema allows; now and then one that it does not.
fn of_schema(document: &Value, schema: &Value, dice: &mut Dice, depth: usize) -> Value {
    if dice.is(15) {
        return anything(dice, 2);
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return of_schema(document, &document["components"]["schemas"][name], dice, depth);
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        return of_schema(document, dice.one_of(ways), dice, depth);
    }
    if let Some(words) = schema["enum"].as_array() {
        return dice.one_of(words).clone();
    }
    match schema["type"].as_str() {
        Some("string") => text(dice).into(),
        Some("boolean") => dice.is(2).into(),
        Some("integer") => json!(dice.below(1_000)),
        Some("array") if depth == 0 => json!([]),
        Some("array") => (0..dice.below(4))
            .map(|_| of_schema(document, &schema["items"], dice, depth - 1))
            .collect(),
        Some("object") => {
            let mut object = Map::new();
            let required: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let wanted =
                    if required.contains(&name.as_str()) { !dice.is(20) } else { dice.is(2) };
                if wanted {
                    let value = of_schema(document, schema, dice, depth.saturating_sub(1));
                    object.insert(name.clone(), value);
                }
            }
            if dice.is(20) {
                object.insert(text(dice), anything(dice, 1));
            }
            Value::Object(object)
        }
        _ => anything(dice, 2),
    }
}

/// As a part of a path or a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") })
        .collect()
}

fn address(path: &str, operation: &Value, runs: &[String], dice: &mut Dice) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let value = match (name, parameter["schema"]["type"].as_str()) {
            ("id" | "parent" | "resubmitOf", _) if !dice.is(4) => dice.one_of(runs).clone(),
            (_, Some("integer")) if !dice.is(4) => dice.below(600).to_string(),
            (_, Some("boolean")) if !dice.is(4) => dice.is(2).to_string(),
            _ => text(dice),
        };
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &escaped(&value));
        } else if parameter["required"] == true || dice.is(3) {
            query.push(format!("{name}={}", escaped(&value)));
        }
    }
    if dice.is(30) {
        query.push(escaped(&text(dice)));
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_answered_with_a_fault_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (flows, workshop) = project(folder.path(), &[("lines", LINES), ("deep/waits", WAITS)]);
    let choice = Choice { flows: Some(flows), workshop: Some(workshop), ..Choice::default() };
    let api = Api::start(choice).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(api.fire("lines", &json!({ "items": [1, 2, 3] })).await);
        runs.push(api.fire("deep%2Fwaits", &Value::Null).await);
    }
    let document = api.get("/api/v1/openapi.json").await;
    assert_eq!(document, openapi::document());
    let seed = env::var("FUZZ_SEED").map_or(1, |it| it.parse().unwrap());
    let slow = env::var_os("RUN_SLOW_TESTS").is_some();
    let rounds = if slow { 100 * ROUNDS } else { ROUNDS };
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut dice = Dice(seed);
            for _ in 0..rounds {
                let address = address(path, operation, &runs, &mut dice);
                let body =
                    operation["requestBody"]["content"]["application/json"]["schema"].clone();
                let mut request = api.request(&method.to_uppercase(), &address);
                let mut sent = String::new();
                if !body.is_null() && !dice.is(15) {
                    sent = of_schema(&document, &body, &mut dice, 4).to_string();
                    if dice.is(20) {
                        sent.truncate(sent.floor_char_boundary(sent.len() / 2));
                    }
                    request = request.body(sent.clone());
                }
                let response = request.send().await.unwrap();
                let status = response.status().as_u16();
                *statuses.entry(status).or_default() += 1;
                let is_stream = path.ends_with("/events") && status == 200;
                let text = if is_stream { String::new() } else { response.text().await.unwrap() };
                let shown = format!("{method} {address}\n{sent}\n{status} {text}");
                assert!(status < 500, "{shown}");
                let is_declared = !operation["responses"][status.to_string()].is_null();
                assert!(is_declared, "the description does not know this answer: {shown}");
                let is_json = operation["responses"][status.to_string()]["content"]
                    .as_object()
                    .is_none_or(|it| it.contains_key("application/json"));
                if is_json && !text.is_empty() {
                    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{shown}");
                }
            }
        }
    }
    // Some of both, or nothing was tried.
    for status in [200, 400, 404] {
        assert!(10 < statuses.get(&status).copied().unwrap_or(0), "{statuses:?}");
    }
}

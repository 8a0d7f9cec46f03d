//! Connectors that are programs: their files, what they say that they can do, questions and answers.

use std::{collections::BTreeMap, sync::Arc};

use base::{Outcome, Secret, Severity, Source, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    Call, Connection, ConnectionValue, Connector,
    program::{self, Meta, Variable, Wanted, mcp},
    read, read_described,
};

const FILE: &str = "connector: c\nversion: 1.0.0\nkind: process\ncommand: [run]\n";

fn found(text: &str, said: Option<&Value>) -> (Connector, Vec<String>) {
    let source = Source::new("connector.yaml", text);
    let (connector, found) =
        if said.is_some() { read_described(&source, said) } else { read(&source) };
    let found = found.iter().filter(|it| it.severity == Severity::Error);
    let found = found.map(|it| {
        let hint = it.hint.as_deref().map_or_else(String::new, |it| format!(" ({it})"));
        format!("{}: {}{hint}", it.code.slug, it.message)
    });
    (connector, found.collect())
}

fn check(text: &str, expected: &[&str]) {
    let (_, found) = found(text, None);
    assert_eq!(found, expected, "{text}");
}

#[test]
fn files_say_how_a_program_is_started() {
    let with = |more: &str| format!("{FILE}{more}");
    let mcp = |more: &str| format!("connector: c\nversion: 1.0.0\nkind: mcp\n{more}");
    for (text, expected) in [
        (with(""), &[][..]),
        (with("env: { A: one, B: \"@connection('x')\", C: \"${env:HOME}\" }"), &[]),
        (with("limits: { start: PT1S, call: PT1M, idle: PT1H, concurrency: 1, lineBytes: 4096, memoryBytes: 1, cpuSeconds: 1, openFiles: 1 }"), &[]),
        (with("http: { concurrency: 2 }"), &[]),
        (mcp("url: https://example.com/mcp\n"), &[]),
        (mcp("command: [run]\n"), &[]),
        (
            "connector: c\nversion: 1.0.0\nkind: program\n".to_owned(),
            &["invalid-choice: `kind` cannot be `program` (it is one of process, mcp)"],
        ),
        (
            "connector: c\nversion: 1.0.0\nkind: process\n".to_owned(),
            &["missing-key: `kind: process` needs the key `command` (add `command:`)"],
        ),
        (mcp(""), &["missing-key: `kind: mcp` needs the key `command` or `url`"]),
        (
            mcp("command: [run]\nurl: https://example.com\n"),
            &["invalid-choice: a connector is asked at a `url` only if it is `kind: mcp` without `command`"],
        ),
        (
            with("url: https://example.com"),
            &["invalid-choice: a connector is asked at a `url` only if it is `kind: mcp` without `command`"],
        ),
        (
            "connector: c\nversion: 1.0.0\nhttp: { baseUrl: https://example.com }\ncommand: [run]\n".to_owned(),
            &["unknown-key: `command` is for connectors with a `kind` (say `kind: process` or `kind: mcp`)"],
        ),
        (with("env: { A: \"${env:FLOWRIGHT_KEY}\" }"), &["invalid-choice: the variable `FLOWRIGHT_KEY` cannot be handed on"]),
        (with("env: { A=B: one }"), &["invalid-name: `A=B` is not the name of a variable"]),
        (with("limits: { calls: 1 }"), &["unknown-key: unknown key `calls` in `limits` (did you mean `call`?)"]),
    ] {
        check(&text, expected);
    }
}

#[test]
fn what_is_wrong_with_a_description_is_said() {
    let operation = |members: Value| json!({ "operations": { "Do": members } });
    let trigger = |members: Value| json!({ "triggers": { "On": members } });
    for (said, expected) in [
        (json!({}), ""),
        (operation(json!({ "effect": "read" })), ""),
        (operation(json!({ "effect": "read", "returns": { "anything": 1 } })), ""),
        (json!([]), "what the program says that it can do is not an object"),
        (json!({ "operation": {} }), "it has no key `operation`; did you mean `operations`?"),
        (json!({ "operations": [] }), "`operations` is not an object"),
        (operation(json!({})), "operation `Do` does not say its `effect`"),
        (
            operation(json!({ "effect": "maybe" })),
            "the `effect` of operation `Do` cannot be `maybe`",
        ),
        (operation(json!(1)), "operation `Do` is not an object"),
        (
            operation(json!({ "effect": "read", "efect": 1 })),
            "operation `Do` has no key `efect`; did you mean `effect`?",
        ),
        (
            operation(json!({ "effect": "read", "params": [] })),
            "`params` of operation `Do` is not an object",
        ),
        (
            operation(json!({ "effect": "read", "params": { "a": 1 } })),
            "parameter `a` of operation `Do` is not a schema",
        ),
        (
            operation(json!({ "effect": "read", "title": 1 })),
            "`title` of operation `Do` is not text",
        ),
        (
            operation(json!({ "effect": "read", "idempotent": "yes" })),
            "`idempotent` of operation `Do` is not true or false",
        ),
        (
            operation(json!({ "effect": "read", "params": { "a": { "$ref": "#/schemas/No" } } })),
            "there is no schema `#/schemas/No`",
        ),
        (json!({ "operations": { "$do": { "effect": "read" } } }), "`$do` is not a name"),
        (json!({ "operations": { "do it": { "effect": "read" } } }), "`do it` is not a name"),
        (trigger(json!({ "kind": "poll" })), ""),
        (trigger(json!({ "kind": "webhook", "subscribe": false })), ""),
        (trigger(json!({})), "the `kind` of trigger `On` is `poll` or `webhook`"),
        (
            trigger(json!({ "kind": "poll", "every": "often" })),
            "`every` of trigger `On` is not a duration such as `PT60S`",
        ),
        (trigger(json!({ "kind": "poll", "verify": true })), "trigger `On` has no key `verify`"),
        (
            trigger(json!({ "kind": "webhook", "status": 500 })),
            "the `status` of trigger `On` is a number from 200 to 299",
        ),
        (
            trigger(json!({ "kind": "webhook", "bodyBytesMax": "1" })),
            "`bodyBytesMax` of trigger `On` is not a whole number",
        ),
        (
            trigger(json!({ "kind": "webhook", "cardinality": "one" })),
            "the `cardinality` of trigger `On` cannot be `one`",
        ),
    ] {
        let (_, found) = found(FILE, Some(&said));
        match expected {
            "" => assert_eq!(found, [""; 0], "{said}"),
            expected => {
                assert!(found.len() == 1 && found[0].ends_with(expected), "{said}: {found:?}");
            }
        }
    }
}

#[test]
fn without_a_description_nothing_is_known() {
    // That is no error.
    let (connector, found) = found(FILE, None);
    assert_eq!((connector.operations.len(), found.len()), (0, 0));
    let source = Source::new("connector.yaml", FILE);
    let (_, found) = read_described(&source, None);
    assert_eq!(found[0].severity, Severity::Warning);
    assert!(found[0].hint.as_deref().unwrap().contains("connectors describe c --save"));
}

#[test]
fn the_file_is_put_over_what_the_program_says() {
    let said = json!({
        "operations": {
            "Do": { "effect": "action", "title": "Old", "params": { "a": { "type": "string" } } },
            "Go": { "effect": "action" },
        },
    });
    let text = format!(
        "{FILE}operations:\n  Do: {{ effect: read, params: {{ a: {{ required: true }} }} }}\n  Go: ~\n"
    );
    let (connector, problems) = found(&text, Some(&said));
    assert_eq!(problems, [""; 0]);
    let shown: Vec<_> = connector.operations.values().filter(|it| !it.internal).collect();
    let [operation] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((operation.title.as_str(), operation.effect.name()), ("Old", "read"));
    assert!(operation.params[0].required);
    assert_eq!(operation.params[0].schema, json!({ "type": "string" }));
    let (_, problems) =
        found(&format!("{FILE}operations: {{ Dont: {{ effect: read }} }}"), Some(&said));
    assert_eq!(problems, ["unknown-operation: the program has said nothing of `Dont`"]);
}

/// A connection to a program that has said so.
fn connection(more: &str, said: &Value) -> Connection {
    let params = "connection: { params: { key: { type: secret }, place: { type: string } } }\n";
    let (connector, problems) = found(&format!("{FILE}{params}{more}"), Some(said));
    assert_eq!(problems, [""; 0]);
    let values = BTreeMap::from([
        ("key".to_owned(), ConnectionValue::Secret(Secret::new("hidden key".to_owned()))),
        ("place".to_owned(), ConnectionValue::Plain("here".into())),
    ]);
    let (connection, problems) = Connection::new("c", Arc::new(connector), values);
    assert!(problems.is_empty(), "{problems:?}");
    connection
}

fn call(inputs: &Value) -> Call<'_> {
    Call {
        inputs,
        idempotency_key: "key",
        now: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
        seed: 0,
        link: None,
        callback_url: None,
    }
}

fn described() -> Value {
    json!({
        "operations": { "Do": {
            "effect": "create", "idempotent": true, "bodyParam": "row", "body": {},
            "params": { "a": { "required": true }, "b": { "default": 2 } },
        } },
        "triggers": {
            "On": { "kind": "poll", "params": { "it's": { "type": "string" } } },
            "Hook": { "kind": "webhook", "verify": true, "renew": true },
        },
    })
}

#[test]
fn questions_say_what_flows_give() {
    let connection = connection("", &described());
    let operation = connection.connector.operation("Do").unwrap();
    assert!(operation.repeat_is_safe());
    let ask = |inputs: &Value| {
        let meta = Meta { wanted: Wanted { items_min: 0, attempt: 3 }, deadline_ms: 5 };
        program::ask(&connection, operation, &call(inputs), meta)
    };
    let question = ask(&json!({ "a": 1, "row/name": "x" })).unwrap();
    let expected = json!({
        "operation": "Do", "inputs": { "b": 2, "a": 1, "row": { "name": "x" } },
        "attempt": 3, "idempotencyKey": "key", "deadlineMs": 5, "now": "2026-03-02T09:30:00.0000000Z",
    });
    assert_eq!((question.method.as_str(), Value::Object(question.params)), ("invoke", expected));
    for (inputs, expected) in [
        (json!({}), "required parameter `a` of `Do` is missing"),
        (json!({ "a": 1, "c": 1 }), "`Do` has no parameter `c`"),
    ] {
        assert!(ask(&inputs).unwrap_err().message.starts_with(expected), "{inputs}");
    }
    let values = program::values(&connection).unwrap();
    assert_eq!(values.expose(), &json!({ "key": "hidden key", "place": "here" }));
    assert!(!format!("{values:?}").contains("hidden"));
}

#[test]
fn polls_ask_from_where_they_were() {
    let connection = connection("", &described());
    let trigger = connection.connector.trigger("On").unwrap();
    let wishes = json!({ "it's": "x" });
    let start = crate::poll::start(&connection, trigger, &call(&wishes)).unwrap();
    let poll = crate::poll::poll(trigger).unwrap();
    let operation = connection.connector.operation(&poll.operation).unwrap();
    let ask = |state: &Value| {
        let inputs = crate::poll::inputs(&connection, trigger, &call(&wishes), state).unwrap();
        program::ask(
            &connection,
            operation,
            &call(&inputs),
            Meta { wanted: Wanted::default(), deadline_ms: 1 },
        )
    };
    let since = "2026-03-02T09:30:00.0000000Z";
    let question = ask(&start).unwrap();
    let mut params = question.params;
    params.retain(|name, _| ["trigger", "inputs", "state", "since"].contains(&name.as_str()));
    let expected = json!({ "trigger": "On", "inputs": { "it's": "x" }, "since": since });
    assert_eq!(Value::Object(params), expected);

    let answer =
        json!({ "items": [{ "key": "k", "body": 1 }, { "body": { "a": 1 } }], "state": 7 });
    let outcome = program::read(&connection, operation, &call(&json!({})), answer);
    let found =
        crate::poll::read(&connection, trigger, (&call(&wishes), &start), &outcome).unwrap();
    let events: Vec<_> =
        found.events.iter().map(|it| (&it.dedupe_key, &it.outputs["body"])).collect();
    assert_eq!(events, [(&Some("k".to_owned()), &json!(1)), (&None, &json!({ "a": 1 }))]);
    let question = ask(&found.state).unwrap();
    assert_eq!((&question.params["state"], &question.params["since"]), (&json!(7), &json!(since)));
    // An answer without state keeps the one before.
    let outcome = program::read(&connection, operation, &call(&json!({})), json!({ "items": [] }));
    let again = crate::poll::read(&connection, trigger, (&call(&wishes), &found.state), &outcome);
    assert_eq!(again.unwrap().state["state"], 7);

    for broken in [
        json!({}),
        json!(null),
        json!({ "items": 1 }),
        json!({ "items": [1] }),
        json!({ "items": [{ "key": "k" }] }),
        json!({ "items": [{ "key": 1, "body": 1 }] }),
    ] {
        let outcome = program::read(&connection, operation, &call(&json!({})), broken.clone());
        assert_eq!(outcome.failure.unwrap().code, "InvalidAnswer", "{broken}");
    }
}

#[test]
fn further_items_are_asked_for_until_there_are_enough() {
    let question = program::Question { method: "poll".to_owned(), params: Map::new() };
    let item = |n: usize| json!({ "body": n });
    for (enough, more, state, expected) in [
        (10, true, json!(1), None),
        (1, true, json!(1), Some(3)),
        (10, false, json!(1), Some(3)),
        // A program that does not get further is not asked for ever.
        (10, true, json!(null), Some(3)),
    ] {
        let wanted = Wanted { items_min: enough, attempt: 1 };
        let mut before = vec![item(0)];
        let mut answer = json!({ "items": [item(1), item(2)], "more": more, "state": state });
        let next = program::next_page(&question, wanted, (&mut before, &mut answer));
        let ended = next.is_none().then(|| answer["items"].as_array().unwrap().len());
        assert_eq!(ended, expected, "{enough} {more} {state}");
        if let Some(next) = next {
            assert_eq!((next.params["state"].clone(), before.len()), (state, 3));
            let mut answer = json!({ "items": [], "more": true, "state": 1 });
            assert!(program::next_page(&next, wanted, (&mut before, &mut answer)).is_none());
        }
    }
}

#[test]
fn variables_hold_secrets_only_where_there_is_no_other_place() {
    let env = "env: { A: \"@connection('place')\", B: \"${env:HOME}\", C: \"x${env:HOME}\" }";
    let with = connection(env, &json!({}));
    let own = |name: &str| (name == "HOME").then(|| "/somewhere".to_owned());
    let program = with.connector.program.as_ref().unwrap();
    let told = program::environment(&with, program, &own).unwrap();
    let told: Vec<_> =
        told.iter().map(|(name, it)| (name.as_str(), it.expose().as_str())).collect();
    assert_eq!(told, [("A", "here"), ("B", "/somewhere"), ("C", "x${env:HOME}")]);
    assert!(matches!(&program.environment[1].1, Variable::Inherited(name) if name == "HOME"));
    let none = program::environment(&with, program, &|_| None).unwrap_err();
    assert_eq!(none.message, "the engine's environment has no `HOME` for a connector");

    let secret = connection("env: { A: \"@connection('key')\" }", &json!({}));
    let program = secret.connector.program.as_ref().unwrap();
    assert!(program::environment(&secret, program, &own).is_err());
    let mut server = program.clone();
    server.speaks = program::Speaks::Mcp;
    let told = program::environment(&secret, &server, &own).unwrap();
    assert_eq!(told[0].1.expose(), "hidden key");
}

#[test]
fn deliveries_are_believed_on_a_clear_word_only() {
    let outcome = |body: Value| Outcome::succeeded(json!({ "statusCode": 200, "body": body }));
    for (body, expected) in [
        (json!({ "accepted": true }), Some(true)),
        (json!({ "accepted": false }), Some(false)),
        (json!({ "accepted": "true" }), None),
        (json!({}), None),
        (json!(true), None),
    ] {
        assert_eq!(program::accepted(&outcome(body.clone())).ok(), expected, "{body}");
    }
}

#[test]
fn damaged_descriptions_and_answers_never_panic() {
    let whole = described().to_string();
    let connection = connection("", &described());
    for at in 0..whole.len() {
        for with in ["", "0", "null", "\"", "{", "]"] {
            let mut text = whole.clone();
            text.replace_range(at..=at, with);
            let Ok(said) = serde_json::from_str::<Value>(&text) else { continue };
            let (_, problems) = found(FILE, Some(&said));
            drop(problems);
            for operation in connection.connector.operations.values() {
                drop(program::read(&connection, operation, &call(&json!({})), said.clone()));
            }
            drop(program::failure(&connection, &said));
            drop(mcp::description(&said, vec![said.clone()]));
        }
    }
}

//! Connector files over a published definition: what they say counts more.

use base::Source;
use serde_json::{Value, json};

use super::{call, openapi::import, show};
use crate::{
    Connection, Connector, import_of,
    model::{Effect, Idempotency},
    read_over, request,
    trigger::TriggerKind,
};

fn base() -> Connector {
    let definition = json!({
        "swagger": "2.0",
        "info": { "title": "Shop", "version": "7" },
        "host": "api.shop.net",
        "paths": {
            "/orders": {
                "get": { "operationId": "List", "summary": "List orders", "parameters": [
                    { "name": "state", "in": "query", "type": "string" },
                ] },
                "post": { "operationId": "Create", "parameters": [
                    { "name": "order", "in": "body", "schema": { "$ref": "#/definitions/Nowhere" } },
                ] },
            },
            "/hooks": { "x-ms-notification-content": {}, "post": {
                "operationId": "OnOrder", "x-ms-trigger": "single", "parameters": [],
            } },
            "/hooks/{id}": { "delete": { "operationId": "Forget", "parameters": [
                { "name": "id", "in": "path", "type": "string", "required": true },
            ] } },
        },
    });
    import(&definition, &json!({})).connector
}

fn read(text: &str) -> (Connector, Vec<String>) {
    let source = Source::new("connector.yaml", text);
    let (connector, found) = read_over(&source, Ok(base()));
    let shown = found.into_iter().map(|it| format!("{}: {}", it.code.slug, it.message));
    (connector, shown.collect())
}

fn clean(text: &str) -> Connector {
    let (connector, found) = read(text);
    assert_eq!(found, Vec::<String>::new());
    connector
}

const HEAD: &str = "connector: shop\nimport: { openapi: ./a.json }\n";

#[test]
fn a_file_that_says_nothing_changes_nothing() {
    let connector = clean(HEAD);
    assert_eq!((connector.name.as_str(), connector.title.as_str()), ("shop", "Shop"));
    assert_eq!(connector.version, "7");
    assert_eq!(connector.operations.len(), 4);
    assert_eq!(connector.triggers.len(), 1);
}

#[test]
fn only_what_is_wanted_is_taken_over_and_what_that_needs() {
    let connector =
        clean("connector: shop\nimport: { openapi: ./a.json, operations: [List, OnOrder] }\n");
    let names: Vec<&String> = connector.operations.keys().collect();
    assert_eq!(names, ["Forget", "List", "OnOrder"]);
    let (_, found) = read("connector: shop\nimport: { openapi: a, operations: [Lst] }\n");
    let expected = "unknown-operation: the definition has no operation `Lst` that can be called";
    assert_eq!(found, [expected]);
}

#[test]
fn what_a_file_says_counts_more() {
    let connector = clean(&format!(
        "{HEAD}version: 1.0.0
aliases: [shared_shops]
connection:
  params: {{ key: {{ type: secret, required: true }} }}
  auth: {{ type: apiKey, header: X-Key, value: \"@connection('key')\" }}
http: {{ headers: {{ X-Flow: \"1\" }}, concurrency: 2 }}
errors: [{{ when: {{ status: 409 }}, class: alreadyExists }}]
operations:
  List: {{ effect: read, params: {{ state: {{ default: open }} }} }}
  Create:
    effect: create
    idempotency: {{ header: Idempotency-Key }}
  Open: {{ extends: List, title: Open orders, query: {{ only: open }} }}
"
    ));
    let list = connector.operation("List").unwrap();
    assert_eq!(list.title, "List orders");
    let create = connector.operation("Create").unwrap();
    assert_eq!(create.effect, Effect::Create);
    assert!(matches!(create.idempotency, Idempotency::Header { .. }));
    assert!(connector.aliases.contains(&"shared_shops".to_owned()));
    let key = crate::ConnectionValue::Secret(base::Secret::new("k".to_owned()));
    let values = [("key".to_owned(), key)].into();
    let (connection, problems) = Connection::new("test", connector.into(), values);
    assert_eq!(problems, Vec::new());
    let operation = connection.connector.operation("Open").unwrap();
    let built = request::build(&connection, operation, &call(&Value::Null), None).unwrap();
    assert_eq!(
        show(&built),
        "GET https://api.shop.net/orders?only=open&state=open\nX-Flow: 1\nX-Key: k\n"
    );
}

#[test]
fn a_trigger_is_told_what_the_definition_cannot_say() {
    let of = |text: &str| {
        let connector = clean(&format!("{HEAD}triggers:\n  OnOrder: {text}\n"));
        let TriggerKind::Webhook(webhook) = &connector.trigger("OnOrder").unwrap().kind else {
            panic!("{text}")
        };
        (**webhook).clone()
    };
    let usual = of("{ title: Order }").subscription.unwrap();
    assert_eq!(usual.delete.map(|it| it.operation).as_deref(), Some("Forget"));
    assert!(usual.by_location);
    let never = of("{ subscription: { delete: none, renewEvery: PT1H } }").subscription.unwrap();
    assert!(never.delete.is_none() && !never.by_location && never.renew_every.is_some());
    let other = of("{ subscription: { delete: { operation: List } } }").subscription.unwrap();
    assert_eq!(other.delete.map(|it| it.operation).as_deref(), Some("List"));
    let receive =
        of("{ receive: { status: 204, dedupe: { key: \"@triggerBody()?['id']\" } } }").receive;
    assert!(receive.status == 204 && receive.dedupe.is_some());
    let (_, found) = read(&format!("{HEAD}triggers:\n  OnOrder: {{ poll: {{ every: PT1M }} }}\n"));
    assert_eq!(found, ["invalid-choice: trigger `OnOrder` has no `poll` in the definition"]);
}

#[test]
fn what_is_wrong_in_the_file_is_found_and_what_is_wrong_in_the_definition_is_not() {
    for (text, expected) in [
        (
            "operations:\n  Chnge: { extends: Lst }\n",
            "unknown-operation: there is no operation `Lst` to build on",
        ),
        ("operations:\n  New: { effect: read }\n", "missing-key: "),
        ("imports: {}\n", "unknown-key: "),
        ("http: { baseUlr: x }\n", "unknown-key: "),
    ] {
        let (_, found) = read(&format!("{HEAD}{text}"));
        assert!(found.iter().any(|it| it.starts_with(expected)), "{text}: {found:?}");
    }
}

#[test]
fn a_definition_that_cannot_be_read_is_a_mistake_of_the_file() {
    let source = Source::new("connector.yaml", HEAD);
    let (_, found) = read_over(&source, Err("`./a.json` is not there".to_owned()));
    assert!(found.iter().any(|it| it.message == "`./a.json` is not there"), "{found:?}");
    let found = crate::read(&source).1;
    assert!(found.iter().any(|it| it.message.starts_with("`import` needs")), "{found:?}");
}

#[test]
fn what_is_imported_is_known_before_the_files_are_read() {
    let text = "connector: a\nimport: { openapi: d.json, properties: p.json, operations: [A] }\n";
    let import = import_of(&Source::new("connector.yaml", text)).unwrap();
    assert_eq!((import.openapi.as_str(), import.properties.as_deref()), ("d.json", Some("p.json")));
    assert_eq!(import.operations, Some(vec!["A".to_owned()]));
    assert_eq!(import_of(&Source::new("connector.yaml", "connector: a\n")), None);
}

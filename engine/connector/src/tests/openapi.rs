//! Published definitions as connectors: our own ones whole, damaged ones, and single rules.

use std::collections::BTreeMap;

use base::{HttpRequest, Outcome};
use serde_json::{Value, json};

use super::{call, response, show};
use crate::{
    Connection, ConnectionValue, Connector,
    model::Effect,
    openapi::{self, Files, Imported},
    poll, request,
    trigger::{FOLLOW, TriggerKind},
    webhook::{self, Removal, Subscriber},
};

/// The files of `tests/data/openapi`.
const OWN: &[(&str, &[u8], &[u8])] = &[
    (
        "orders",
        include_bytes!("../../../../tests/data/openapi/orders/apiDefinition.swagger.json"),
        include_bytes!("../../../../tests/data/openapi/orders/apiProperties.json"),
    ),
    (
        "tickets",
        include_bytes!("../../../../tests/data/openapi/tickets/apiDefinition.swagger.json"),
        include_bytes!("../../../../tests/data/openapi/tickets/apiProperties.json"),
    ),
    (
        "events",
        include_bytes!("../../../../tests/data/openapi/events/apiDefinition.swagger.json"),
        include_bytes!("../../../../tests/data/openapi/events/apiProperties.json"),
    ),
    (
        "library",
        include_bytes!("../../../../tests/data/openapi/library/apiDefinition.swagger.json"),
        include_bytes!("../../../../tests/data/openapi/library/apiProperties.json"),
    ),
];

fn own(name: &str) -> Imported {
    let (_, definition, properties) = OWN.iter().find(|it| it.0 == name).unwrap();
    let files = Files { definition, properties: Some(properties), has_script: false };
    openapi::import(name, &files).unwrap()
}

pub(super) fn import(definition: &Value, properties: &Value) -> Imported {
    let (definition, properties) = (definition.to_string(), properties.to_string());
    let files = Files {
        definition: definition.as_bytes(),
        properties: Some(properties.as_bytes()),
        has_script: false,
    };
    openapi::import("made", &files).unwrap()
}

fn connect(connector: Connector, values: &[(&str, &str)]) -> Connection {
    let plain = |value: &str| ConnectionValue::Plain(value.into());
    let values: BTreeMap<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), plain(value))).collect();
    let (connection, problems) = Connection::new("test", connector.into(), values);
    assert_eq!(problems, Vec::new());
    connection
}

/// The events of our own definitions, with what an operator gives.
fn events() -> Connection {
    connect(
        own("events").connector,
        &[("token:Zone", "1"), ("clientId", "app"), ("refreshToken", "r")],
    )
}

#[test]
fn what_is_mended_and_left_out_is_told() {
    let Imported { connector, report } = own("orders");
    assert_eq!(
        report.warnings,
        [
            "the definition, line 157: a comment is no part of JSON; comments are left out",
            "the definition, line 566: JSON has no comma behind the last value; it is left out",
            "`ListOrders`: the default of `$top` is not of its type; it is read so",
            "`ListOrders`: the default of `deep` is not of its type; it is read so",
            "`ListOrders`: the default of header `shop` has blanks around it",
            "`CreateOrder`: the default of header `shop` has blanks around it",
            "`GetFile`: `Account Id` is no name of a header and is left out",
        ]
    );
    assert_eq!(report.refused.len(), 1, "{:?}", report.refused);
    assert_eq!(report.refused["GET /broken/{id}"], "it is no object");
    assert_eq!(Vec::from_iter(report.hosts), ["https://api.shop-of-tests.net"]);
    assert_eq!(connector.name, "orders");
    assert_eq!(connector.aliases, ["shared_orders", "shared_ordersofashop"]);
}

#[test]
fn what_an_operation_does_to_records_is_seen_by_its_method() {
    let connector = own("orders").connector;
    for (id, expected) in [
        ("ListOrders", Effect::Read),
        ("IsThere", Effect::Read),
        ("CreateOrder", Effect::Action),
        ("ReplaceOrder", Effect::Update),
        ("ChangeOrder", Effect::Action),
        ("DeleteOrder", Effect::Delete),
    ] {
        assert_eq!(connector.operation(id).unwrap().effect, expected, "{id}");
    }
    let tickets = own("tickets").connector;
    assert_eq!(tickets.operation("UpdateTicket").unwrap().effect, Effect::Update);
}

#[test]
fn references_lead_to_schemas_also_in_circles() {
    let connector = own("orders").connector;
    let order = connector.operation("GetOrder").unwrap().returns.clone().unwrap();
    let path = ["parent", "lines", "0", "order", "address", "country"];
    let country = connector.schema_at(&order, &path).unwrap();
    assert_eq!(country["default"], "AT");
}

/// The body that is sent for these inputs of `CreateOrder`.
fn check_body(inputs: &Value, expected: &Value) {
    let connection = connect(own("orders").connector, &[("api_key", "k")]);
    let operation = connection.connector.operation("CreateOrder").unwrap();
    let built = request::build(&connection, operation, &call(inputs), None).unwrap();
    let sent: Value = serde_json::from_slice(&built.body.unwrap()).unwrap();
    assert_eq!(sent, *expected, "{inputs}");
}

#[test]
fn hidden_and_required_members_are_sent_unasked() {
    let options = json!({ "retries": 3 });
    check_body(&json!({}), &json!({ "channel": "flow", "options": options }));
    check_body(
        &json!({ "order/customer": "C", "order/options/retries": 5 }),
        &json!({ "customer": "C", "options": { "retries": 5 }, "channel": "flow" }),
    );
    check_body(
        &json!({ "order/address/street": "S" }),
        &json!({
            "address": { "street": "S", "country": "AT", "kind": "postal" },
            "channel": "flow",
            "options": options,
        }),
    );
    check_body(
        &json!({ "order": { "channel": "own", "address": null } }),
        &json!({ "channel": "own", "address": null, "options": options }),
    );
}

#[test]
fn pages_are_found_where_the_definition_says() {
    let connector = own("orders").connector;
    let paginate = connector.operation("ListOrders").unwrap().paginate.clone().unwrap();
    assert_eq!(paginate.items.source(), "@body()?['orders']");
}

#[test]
fn services_are_not_asked_at_hosts_that_stand_for_others() {
    for (host, scheme, expected) in [
        ("api.shop.net", "https", Some("https://api.shop.net/v1")),
        ("contoso.shop.net", "https", None),
        ("DefinedInConnectionParameters", "https", None),
        ("localhost:8080", "https", None),
        ("api.shop.net", "http", None),
        ("", "https", None),
    ] {
        let definition = json!({
            "swagger": "2.0", "host": host, "basePath": "/v1/", "schemes": [scheme],
            "paths": { "/x": { "get": { "operationId": "X" } } },
        });
        let Imported { connector, report } = import(&definition, &json!({}));
        let param = connector.connection.param("baseUrl").unwrap();
        assert_eq!(param.default.as_ref().and_then(Value::as_str), expected, "{host}");
        assert_eq!(param.required, expected.is_none(), "{host}");
        assert_eq!(report.warnings.len(), usize::from(expected.is_none()), "{host}");
    }
}

/// How requests prove who sends them, and with which values.
fn check_auth(schemes: &Value, asked: &Value, expected: &str) {
    let definition = json!({
        "swagger": "2.0", "host": "api.shop.net", "securityDefinitions": schemes,
        "paths": { "/x": { "get": { "operationId": "X" } } },
    });
    let properties = json!({ "properties": { "connectionParameters": asked } });
    let connector = import(&definition, &properties).connector;
    let names = connector.connection.params.iter().filter(|it| it.name != "baseUrl");
    let values: BTreeMap<_, _> = names
        .map(|it| (it.name.clone(), ConnectionValue::Plain(format!("<{}>", it.name).into())))
        .collect();
    let (connection, problems) = Connection::new("test", connector.into(), values);
    assert_eq!(problems, Vec::new());
    let operation = connection.connector.operation("X").unwrap();
    let shown = match request::build(&connection, operation, &call(&Value::Null), None) {
        Ok(HttpRequest { url, headers, .. }) => {
            let headers = headers.iter().map(|(name, value)| format!(" {name}: {value}"));
            url.trim_start_matches("https://api.shop.net").to_owned() + &headers.collect::<String>()
        }
        Err(failure) => failure.message,
    };
    assert_eq!(shown, expected, "{schemes} {asked}");
}

#[test]
fn secrets_are_bound_to_what_they_are_for() {
    let secret = || json!({ "type": "securestring" });
    let key = |place: &str, name: &str| json!({ "type": "apiKey", "in": place, "name": name });
    for (schemes, asked, expected) in [
        (
            json!({ "API Key": key("header", "X-Key") }),
            json!({ "api_key": secret() }),
            "/x X-Key: <api_key>",
        ),
        (
            json!({ "K": key("query", "key") }),
            json!({ "anything": secret() }),
            "/x?key=%3Canything%3E",
        ),
        (
            json!({ "one": key("header", "A"), "two": key("query", "b") }),
            json!({ "two": secret(), "one": secret() }),
            "/x?b=%3Ctwo%3E A: <one>",
        ),
        (
            json!({ "API Key": key("header", "K") }),
            json!({ "rw_password": secret(), "apiKey": secret() }),
            "/x K: <apiKey>",
        ),
        (
            json!({ "b": { "type": "basic" } }),
            json!({ "password": secret(), "username": secret() }),
            "/x authorization: Basic PHVzZXJuYW1lPjo8cGFzc3dvcmQ+",
        ),
        (
            json!({ "b": { "type": "basic" } }),
            json!({ "account": secret(), "token": secret() }),
            "/x authorization: Basic PGFjY291bnQ+Ojx0b2tlbj4=",
        ),
        (json!({}), json!({ "api_key": secret() }), "/x"),
        (
            json!({ "o": { "type": "oauth2" } }),
            json!({ "token": { "type": "oauthSetting", "oAuthSettings": { "identityProvider": "oauth2", "customParameters": { "TokenUrl": { "value": "https://id/token" } } } } }),
            "connection `test` has no token yet",
        ),
    ] {
        check_auth(&schemes, &asked, expected);
    }
}

#[test]
fn tokens_are_asked_for_as_the_provider_wants_it() {
    let connection = events().with_way("refreshToken").unwrap();
    let request = super::ask_token(&connection, None).unwrap().unwrap();
    assert_eq!(request.url, "https://id1.happenings-of-tests.net/token");
    let body = String::from_utf8(request.body.unwrap()).unwrap();
    assert!(body.ends_with("&audience=happenings&scope=read%2Coffline"), "{body}");
}

#[test]
fn a_webhook_subscribes_and_removes_what_it_made() {
    let connection = events();
    let trigger = connection.connector.trigger("OnHappening").unwrap();
    let TriggerKind::Webhook(webhook) = &trigger.kind else { panic!("{trigger:?}") };
    let subscription = webhook.subscription.as_ref().unwrap();
    let create = subscription.create.as_ref().unwrap();
    let wishes = json!({ "hook/filter": "big", "hook/unheard": 1 });
    let known =
        Subscriber { inputs: &wishes, callback_url: "https://us/cb", subscription: &Value::Null };
    let none = Value::Null;
    let plain = call(&none);
    let inputs =
        webhook::subscription_inputs(&connection, trigger, (create, &plain), &known).unwrap();
    let operation = connection.connector.operation(&create.operation).unwrap();
    let calling = crate::Call { callback_url: Some("https://us/cb"), ..call(&inputs) };
    let token = super::token(&connection);
    let request = request::build(&connection, operation, &calling, Some(&token)).unwrap();
    let body: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
    assert_eq!(body, json!({ "filter": "big", "unheard": 1, "target": "https://us/cb" }));
    let made = Outcome::succeeded(json!({
        "statusCode": 201, "headers": { "location": "/api/hooks/7" }, "body": {},
    }));
    let state = webhook::subscription_state(&connection, create, &made).unwrap();
    assert_eq!(webhook::located(subscription, &state), Some("/api/hooks/7"));
    let answer = json!({ "headers": { "Location": "/api/hooks/7" } });
    let removal = webhook::removal(&connection, operation, &plain, &answer).unwrap();
    assert!(matches!(removal, Removal::Made(it, _) if it == "/api/hooks/7"));
}

#[test]
fn a_webhook_whose_answer_has_no_location_is_removed_by_its_id() {
    let connection = events();
    let trigger = connection.connector.trigger("OnOther").unwrap();
    let TriggerKind::Webhook(webhook) = &trigger.kind else { panic!("{trigger:?}") };
    let subscription = webhook.subscription.as_ref().unwrap();
    let made = Outcome::succeeded(json!({ "statusCode": 200, "headers": {}, "body": { "id": 9 } }));
    let create = subscription.create.as_ref().unwrap();
    let state = webhook::subscription_state(&connection, create, &made).unwrap();
    assert_eq!(webhook::located(subscription, &state), None);
    let delete = subscription.delete.as_ref().unwrap();
    assert_eq!(delete.operation, "ForgetOther");
    let wishes = json!({ "place": "Linz" });
    let known = Subscriber { inputs: &wishes, callback_url: "", subscription: &state };
    let none = Value::Null;
    let inputs = webhook::subscription_inputs(&connection, trigger, (delete, &call(&none)), &known);
    assert_eq!(inputs.unwrap(), json!({ "hookId": 9, "place": "Linz" }));
}

/// Asks a polled trigger once: its inputs, the bodies of its events, and the state afterwards.
fn asked(
    connection: &Connection,
    trigger: &str,
    state: &Value,
    answer: &Value,
) -> (Value, Vec<Value>, Value) {
    let trigger = connection.connector.trigger(trigger).unwrap();
    let wishes = json!({ "place": "Linz" });
    let call = call(&wishes);
    let state = match state {
        Value::Null => poll::start(connection, trigger, &call).unwrap(),
        state => state.clone(),
    };
    let inputs = poll::inputs(connection, trigger, &call, &state).unwrap();
    let outcome = Outcome::succeeded(answer.clone());
    let found = poll::read(connection, trigger, (&call, &state), &outcome).unwrap();
    let bodies = found.events.iter().map(|it| it.outputs["body"].clone()).collect();
    (inputs, bodies, found.state)
}

#[test]
fn a_trigger_that_is_polled_natively_follows_its_location() {
    let connection = events();
    let next = "/api/changes?triggerState=2";
    let none = json!({ "statusCode": 202, "headers": { "Location": next }, "body": null });
    let (inputs, found, state) = asked(&connection, "OnChange", &Value::Null, &none);
    assert_eq!((inputs, found.len()), (json!({ "place": "Linz" }), 0));
    let trigger = connection.connector.trigger("OnChange").unwrap();
    assert_eq!(poll::follow(trigger, &state).as_deref(), Some(next));
    let some = json!({ "statusCode": 200, "headers": {}, "body": [{ "id": 1 }, { "id": 2 }] });
    let (_, found, later) = asked(&connection, "OnChange", &state, &some);
    assert_eq!(found, [json!([{ "id": 1 }, { "id": 2 }])]);
    assert_eq!(later[FOLLOW], next);
    let empty = json!({ "statusCode": 200, "headers": {}, "body": [] });
    assert_eq!(asked(&connection, "OnChange", &state, &empty).1, Vec::<Value>::new());
}

#[test]
fn a_trigger_that_a_policy_polls_begins_where_it_was_first_asked() {
    let connection = events();
    let of = |ids: &[i64]| {
        let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        json!({ "statusCode": 200, "headers": {}, "body": { "value": items } })
    };
    let (inputs, found, state) = asked(&connection, "OnNew", &Value::Null, &of(&[5, 4]));
    assert_eq!(inputs, json!({ "place": "Linz", "$filter": null }));
    assert_eq!(found, Vec::<Value>::new());
    let (inputs, found, state) = asked(&connection, "OnNew", &state, &of(&[7, 6]));
    assert_eq!(inputs, json!({ "place": "Linz", "$filter": "id gt 5" }));
    assert_eq!(found, [json!({ "value": [{ "id": 7 }, { "id": 6 }] })]);
    let (inputs, found, state) = asked(&connection, "OnNew", &state, &of(&[]));
    assert_eq!((inputs["$filter"].as_str(), found.len()), (Some("id gt 7"), 0));
    assert_eq!(asked(&connection, "OnNew", &state, &of(&[8])).0["$filter"], "id gt 7");
}

#[test]
fn the_index_has_what_is_read_later() {
    for (name, definition, _) in OWN {
        let found = openapi::index(definition);
        let Imported { connector, report } = own(name);
        assert_eq!(found.title, connector.title, "{name}");
        let refused = report.refused.keys().filter(|it| !it.contains(' '));
        let all: Vec<&String> = connector.operations.keys().chain(refused).collect();
        let mut all: Vec<&str> = all.into_iter().map(String::as_str).collect();
        all.sort_unstable();
        let listed: Vec<&str> = found.operations.iter().map(String::as_str).collect();
        assert_eq!(listed, all, "{name}");
    }
}

#[test]
fn texts_that_are_no_definition_are_refused() {
    for (text, expected) in [
        ("", "the definition is no OpenAPI document: "),
        ("{", "the definition cannot be read, line 1: "),
        ("[]", "the definition is no OpenAPI document: "),
        ("{\"swagger\": \"2.0\"}", "the definition has no `paths`"),
        ("{\"openapi\": \"4.0\"}", "OpenAPI `4.0` is not known; 2.0 and 3.x are"),
    ] {
        let files = Files { definition: text.as_bytes(), properties: None, has_script: false };
        let found = openapi::import("x", &files).unwrap_err();
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn a_definition_in_yaml_is_read() {
    let text = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\nservers: [{url: 'https://{r}.t.net', \
                variables: {r: {default: eu}}}]\npaths:\n  /a/{b}:\n    get:\n      parameters: [{name: b, \
                in: path, required: true, schema: {type: string}}]\n";
    let files = Files { definition: text.as_bytes(), properties: None, has_script: false };
    let connector = openapi::import("t", &files).unwrap().connector;
    let connection = connect(connector, &[]);
    let operation = connection.connector.operation("getAB").unwrap();
    let built = request::build(&connection, operation, &call(&json!({ "b": "c d" })), None);
    assert_eq!(show(&built.unwrap()), "GET https://eu.t.net/a/c%20d\n");
}

/// Every 7th byte of the files is damaged in four ways; every operation of what can be read still is
/// built or refused.
#[test]
fn damaged_definitions_never_panic() {
    for (name, definition, properties) in OWN {
        let whole = [definition, properties];
        for at in (0..definition.len().max(properties.len())).step_by(211) {
            for damage in [&b""[..], b"}", b"\"", b"null", b"{{{@[", b"\xff"] {
                for which in 0..2 {
                    let mut files = whole.map(|it| it.to_vec());
                    let end = files[which].len();
                    files[which].splice(at.min(end)..(at + 3).min(end), damage.iter().copied());
                    let [definition, properties] = &files;
                    let files =
                        Files { definition, properties: Some(properties), has_script: false };
                    openapi::index(definition);
                    if let Ok(imported) = openapi::import(name, &files) {
                        build_all(imported.connector);
                    }
                }
            }
        }
    }
}

fn build_all(connector: Connector) {
    let (connection, _) = Connection::new("test", connector.into(), BTreeMap::new());
    let answer = response(200, &[("content-type", "application/json")], "{\"value\": [1]}");
    for operation in connection.connector.operations.values() {
        let mut inputs = serde_json::Map::new();
        for param in &operation.params {
            inputs.insert(param.name.clone(), "x".into());
        }
        let inputs = Value::Object(inputs);
        let call = call(&inputs);
        // Whether it can be built is another matter.
        drop(crate::policy::lookups(&connection, operation, &call, None));
        drop(request::build(&connection, operation, &call, None));
        drop(crate::policy::respond(&connection, operation, &call, answer.clone()));
    }
    for trigger in connection.connector.triggers.values() {
        drop(poll::start(&connection, trigger, &call(&json!({}))));
    }
}

//! From an event to the runs that it starts.

use serde_json::{Map, Value, json};

use super::{plan, start_of_time};
use crate::fire::{Event, fire, http_inputs, immediate_response};

/// What an event starts: body, dedupe key and ordering key of each run, or the failure.
fn fired(trigger: &str, body: &Value) -> Value {
    let plan = plan(&format!(
        "flow: Test\nparameters: {{ limit: {{ type: integer, default: 2 }} }}\n\
         triggers: [{{ name: T, request: , {trigger} }}]\nactions: []"
    ));
    let outputs = json!({ "headers": { "x-id": "7" }, "body": body });
    let (parameters, now) = (Map::new(), start_of_time());
    let trigger = &plan.flow.triggers[0];
    let event = Event {
        flow: &plan.flow,
        trigger,
        parameters: &parameters,
        secure_parameters: &Map::new(),
        outputs: &outputs.clone().into(),
        now,
        callback_url: None,
    };
    match fire(&event) {
        Ok(runs) => runs
            .iter()
            .map(|run| {
                assert_eq!(run.outputs["headers"], outputs["headers"]);
                json!([run.outputs["body"], run.dedupe, run.key])
            })
            .collect(),
        Err(failure) => format!("{}: {}", failure.code, failure.message).into(),
    }
}

#[test]
fn all_conditions_must_hold() {
    let one = "conditions: \"@greater(triggerBody()['n'], parameters('limit'))\"";
    assert_eq!(fired(one, &json!({ "n": 3 })), json!([[{ "n": 3 }, null, null]]));
    assert_eq!(fired(one, &json!({ "n": 2 })), json!([]));
    let two =
        "conditions: [\"@equals(triggerBody()['a'], 1)\", \"@equals(triggerBody()['b'], 1)\"]";
    assert_eq!(fired(two, &json!({ "a": 1, "b": 2 })), json!([]));
    assert_eq!(fired(two, &json!({ "a": 1, "b": 1 })).as_array().map(Vec::len), Some(1));
    // What comes after one that does not hold is not looked at.
    assert_eq!(fired(two, &json!({ "a": 2 })), json!([]));
}

#[test]
fn conditions_that_give_no_boolean_start_nothing_and_say_so() {
    let text = "conditions: \"@string('yes')\"";
    assert_eq!(
        fired(text, &json!(null)),
        json!(
            "InvalidTemplate: a condition of the trigger 'T' gives a value of type 'String', not a boolean"
        )
    );
    let failing = fired("conditions: \"@equals(int('x'), 1)\"", &json!(null));
    assert!(
        failing.as_str().unwrap().starts_with("InvalidTemplate: `conditions` of the trigger 'T': "),
        "{failing}"
    );
}

#[test]
fn each_item_starts_a_run_with_keys_of_its_own() {
    let split = "splitOn: \"@triggerBody()?['rows']\"";
    let rows = json!({ "rows": [{ "id": 1 }, { "id": 2 }] });
    assert_eq!(fired(split, &rows), json!([[{ "id": 1 }, null, null], [{ "id": 2 }, null, null]]));
    assert_eq!(fired(split, &json!({ "rows": [] })), json!([]));
    assert_eq!(
        fired(split, &json!({})),
        json!(
            "InvalidTemplate: `splitOn` of the trigger 'T' gives a value of type 'Null', not a list"
        )
    );
    let keyed = "splitOn: \"@triggerBody()?['rows']\", dedupe: \"{{headers.x-id}}\", \
                 concurrency: { runs: 1, key: \"@triggerBody()['id']\" }";
    assert_eq!(fired(keyed, &rows), json!([[{ "id": 1 }, "7", "1"], [{ "id": 2 }, "7#2", "2"]]));
}

#[test]
fn keys_are_texts_made_from_the_event() {
    let keyed = "dedupe: \"{{body.a}}|{{body.b}}\", concurrency: { runs: 1, key: $.body.a }";
    assert_eq!(
        fired(keyed, &json!({ "a": 1, "b": "x" })),
        json!([[{ "a": 1, "b": "x" }, "1|x", "1"]])
    );
    let failing = fired("dedupe: \"@int('x')\"", &json!(null));
    assert!(
        failing.as_str().unwrap().starts_with("InvalidTemplate: `dedupe` of the trigger 'T': "),
        "{failing}"
    );
}

#[test]
fn the_caller_can_be_answered_at_once() {
    let plan = plan(
        "
        flow: Test
        triggers:
          - name: T
            request:
            respond: { status: 202, headers: { x: \"@triggerBody()['id']\" }, body: { got: $.body.id } }
        actions: []
        ",
    );
    let outputs = json!({ "body": { "id": "7" } });
    let (parameters, now) = (Map::new(), start_of_time());
    let trigger = &plan.flow.triggers[0];
    let event = Event {
        flow: &plan.flow,
        trigger,
        parameters: &parameters,
        secure_parameters: &Map::new(),
        outputs: &outputs.into(),
        now,
        callback_url: None,
    };
    assert_eq!(
        immediate_response(&event).unwrap(),
        Some(json!({ "statusCode": 202, "headers": { "x": "7" }, "body": { "got": "7" } }))
    );
}

#[test]
fn what_a_poll_sends_is_made_from_parameters() {
    let sent = |uri: &str| {
        let plan = plan(&format!(
            "
            flow: Test
            parameters: {{ host: {{ type: string, default: news.example }} }}
            triggers:
              - name: T
                http: {{ method: GET, uri: \"{uri}\", queries: {{ since: \"@utcNow()\" }} }}
            actions: []
            "
        ));
        let trigger = &plan.flow.triggers[0];
        let flow::TriggerKind::Http(http) = &trigger.kind else { panic!("{trigger:?}") };
        let event = Event {
            flow: &plan.flow,
            trigger,
            parameters: &Map::new(),
            secure_parameters: &Map::new(),
            outputs: &Value::Null.into(),
            now: start_of_time(),
            callback_url: None,
        };
        http_inputs(&event, &http.request).map_err(|failure| failure.message)
    };
    let now = start_of_time().to_string();
    let expected =
        json!({ "method": "GET", "uri": "https://news.example/", "queries": { "since": now } });
    assert_eq!(sent("https://@{parameters('host')}/"), Ok(expected));
    let failing = sent("@int('x')").unwrap_err();
    assert!(failing.starts_with("`uri` of the trigger 'T': "), "{failing}");
}

/// The outputs of the runs that an event starts, or why it starts none.
fn outcome(trigger: &str, outputs: &Value) -> String {
    let plan = plan(&format!("flow: Test\ntriggers: [{{ name: T, {trigger} }}]\nactions: []"));
    let event = Event {
        flow: &plan.flow,
        trigger: &plan.flow.triggers[0],
        parameters: &Map::new(),
        secure_parameters: &Map::new(),
        outputs: &outputs.clone().into(),
        now: start_of_time(),
        callback_url: None,
    };
    match fire(&event) {
        Ok(runs) => runs.iter().map(|it| it.outputs.to_string()).collect::<Vec<_>>().join(" "),
        Err(failure) => format!("{}: {}", failure.code, failure.message),
    }
}

#[test]
fn events_that_a_trigger_does_not_take_start_nothing() {
    let schema = "schema: { type: object, required: [n], properties: { n: { type: integer } } }";
    let refused_by = |ty: &str, part: &str, details: &str| {
        format!(
            "TriggerInputSchemaMismatch: The input {part} for trigger 'T' of type '{ty}' did not \
             match its schema definition. Error details: '{details}'."
        )
    };
    let refused = |part: &str, details: &str| refused_by("Request", part, details);
    let missing = "Required properties are missing from object: n. Path ''.";
    let good = json!({ "headers": {}, "body": { "n": 1 } });
    for (trigger, outputs, expected) in [
        (format!("request: {{ {schema} }}"), good.clone(), good.to_string()),
        (format!("request: {{ {schema} }}"), json!({ "body": {} }), refused("body", missing)),
        (
            format!("request: {{ {schema} }}"),
            json!({}),
            refused("body", "Invalid type. Expected Object but got Null. Path ''."),
        ),
        (
            format!("request: {{ {schema}, validate: false }}"),
            json!({ "body": {} }),
            r#"{"body":{}}"#.to_owned(),
        ),
        (
            "request: { headersSchema: { required: [n] } }".to_owned(),
            json!({ "headers": {} }),
            refused("headers", missing),
        ),
        (
            format!("flow: {{ {schema} }}"),
            json!({ "body": {} }),
            refused_by("Flow", "body", missing),
        ),
        (
            "manual: { inputs: { n: { type: integer, default: 3 } } }".to_owned(),
            json!({ "headers": {}, "body": {} }),
            r#"{"headers":{},"body":{"n":3}}"#.to_owned(),
        ),
        (
            "manual: { inputs: { n: { type: integer, required: true } } }".to_owned(),
            json!({}),
            "TriggerInputSchemaMismatch: the trigger 'T' cannot take this: the input `n` (n) is \
             required"
                .to_owned(),
        ),
        (
            // Conditions look at what was completed.
            "manual: { inputs: { n: { type: integer, default: 3 } } }, \
             conditions: \"@equals(triggerBody()['n'], 3)\""
                .to_owned(),
            json!({}),
            r#"{"body":{"n":3}}"#.to_owned(),
        ),
    ] {
        assert_eq!(outcome(&trigger, &outputs), expected, "{trigger} {outputs}");
    }
}

#[test]
fn the_clouds_schemas_are_looked_at_where_it_would() {
    for (options, taken) in [("", true), ("EnableSchemaValidation", false)] {
        let plan = plan(&format!(
            r#"{{"triggers": {{"T": {{"type": "Request", "operationOptions": "{options}",
            "inputs": {{"schema": {{"type": "string"}}}}}}}}, "actions": {{}}}}"#
        ));
        let event = Event {
            flow: &plan.flow,
            trigger: &plan.flow.triggers[0],
            parameters: &Map::new(),
            secure_parameters: &Map::new(),
            outputs: &json!({ "body": 1 }).into(),
            now: start_of_time(),
            callback_url: None,
        };
        assert_eq!(fire(&event).is_ok(), taken, "{options}");
    }
}

#[test]
fn what_a_subscription_sends_has_the_address_to_call() {
    let plan = plan(
        "
        flow: Test
        triggers:
          - name: T
            httpWebhook: { subscribe: { method: POST, uri: https://a, body: { to: \"@{listCallbackUrl()}&x\" } } }
        actions: []
        ",
    );
    let trigger = &plan.flow.triggers[0];
    let flow::TriggerKind::HttpWebhook(http) = &trigger.kind else { panic!("{trigger:?}") };
    let sent = |callback_url: Option<&str>| {
        let event = Event {
            flow: &plan.flow,
            trigger,
            parameters: &Map::new(),
            secure_parameters: &Map::new(),
            outputs: &Value::Null.into(),
            now: start_of_time(),
            callback_url,
        };
        http_inputs(&event, &http.subscribe).map_err(|failure| failure.code)
    };
    let expected =
        json!({ "method": "POST", "uri": "https://a", "body": { "to": "https://b?sig=1&x" } });
    assert_eq!(sent(Some("https://b?sig=1")), Ok(expected));
    assert!(sent(None).is_err());
}

//! From an event to the runs that it starts.

use serde_json::{Map, Value, json};

use super::{plan, start_of_time};
use crate::fire::{Event, fire, immediate_response};

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
        outputs: &outputs,
        now,
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
        outputs: &outputs,
        now,
    };
    assert_eq!(
        immediate_response(&event).unwrap(),
        Some(json!({ "statusCode": 202, "headers": { "x": "7" }, "body": { "got": "7" } }))
    );
}

//! A run that nobody looks at does what any other does, and keeps less.

use std::sync::Arc;

use journal::{Event, EventKind, Path};
use serde_json::{Value, json};

use super::{plan, start_of_time};
use crate::{Effect, Plan, Run, step};

/// Carries out a flow that asks nothing.
fn carry_out(plan: &Plan, mut run: Run, body: &Value) -> (Run, Vec<Effect>) {
    let kind = EventKind::Started {
        trigger: "T".to_owned(),
        outputs: Arc::new(json!({ "headers": {}, "body": body })),
        parameters: Arc::default(),
        seed: 1,
        run: "r".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    let effects = step(plan, &mut run, &Event { at: start_of_time(), path: Path::run(), kind });
    (run, effects)
}

/// Both ways have the same effects and leave the same variables.
#[track_caller]
fn check(flow: &str, body: &Value, expected: &Value) -> (Plan, Run) {
    let plan = plan(flow);
    let (seen, effects) = carry_out(&plan, Run::default(), body);
    let (unseen, others) = carry_out(&plan, Run::unseen(&plan), body);
    assert_eq!(effects, others, "{flow}");
    assert_eq!(seen.end(), unseen.end(), "{flow}");
    assert!(seen.variables().eq(unseen.variables()), "{flow}");
    let response = unseen.response().unwrap_or_else(|| panic!("no answer: {:?}", unseen.end()));
    assert_eq!(&response["body"], expected, "{flow}");
    (plan, unseen)
}

const RESPOND: &str = "- { name: Answer, respond: { status: 200, body: \"@variables('all')\" } }";

#[test]
fn loops_go_over_lists_wherever_they_stand() {
    let orders = json!({ "orders": [
        { "no": 1, "lines": [{ "sku": "a" }, { "sku": "b" }] },
        { "no": 2, "lines": [] },
        { "no": 3, "lines": [{ "sku": "c" }] },
    ], "list": [1, 2], "empty": [] });
    for (items, inner, item, expected) in [
        ("@triggerBody()?['list']", "@createArray(0)", "@items('Outer')", json!([1, 2])),
        ("$.trigger.body.list", "@createArray(0)", "@items('Outer')", json!([1, 2])),
        ("@triggerBody()?['empty']", "@createArray(0)", "@items('Outer')", json!([])),
        ("@outputs('Copy')?['list']", "@createArray(0)", "@items('Outer')", json!([1, 2])),
        ("@variables('some')", "@createArray(0)", "@items('Outer')", json!(["x", "y"])),
        ("@createArray(7, 8)", "@createArray(0)", "@items('Outer')", json!([7, 8])),
        (
            "@skip(triggerBody()?['list'], 1)",
            "@triggerBody()?['list']",
            "@add(item(), items('Outer'))",
            json!([3, 4]),
        ),
        (
            "@triggerBody()?['orders']",
            "@item()?['lines']",
            "@concat(string(items('Outer')?['no']), item()?['sku'])",
            json!(["1a", "1b", "3c"]),
        ),
        (
            "@outputs('Copy')?['orders']",
            "@items('Outer')?['lines']",
            "@concat(string(items('Outer')?['no']), item()?['sku'])",
            json!(["1a", "1b", "3c"]),
        ),
        (
            "@createArray(createArray(1, 2), createArray(3))",
            "@item()",
            "@add(item(), length(items('Outer')))",
            json!([3, 4, 4]),
        ),
    ] {
        let flow = format!(
            "- {{ name: Init, initialize: {{ name: all, type: array, value: [] }} }}\n\
             - {{ name: More, initialize: {{ name: some, type: array, value: [x, y] }} }}\n\
             - {{ name: Copy, compose: '@triggerBody()' }}\n\
             - name: Outer\n  foreach: \"{items}\"\n  actions:\n    - name: Inner\n      \
             foreach: \"{inner}\"\n      actions:\n        - {{ name: One, append: {{ name: all, \
             value: \"{item}\" }} }}\n{RESPOND}"
        );
        check(&flow, &orders, &expected);
    }
}

#[test]
fn list_of_a_loop_does_not_change_under_it() {
    let flow = format!(
        "- {{ name: Init, initialize: {{ name: all, type: array, value: [1, 2] }} }}\n\
         - name: Each\n  foreach: \"@variables('all')\"\n  actions:\n    \
         - {{ name: One, append: {{ name: all, value: '@add(item(), 10)' }} }}\n{RESPOND}"
    );
    check(&flow, &json!(null), &json!([1, 2, 11, 12]));
}

#[test]
fn outputs_are_kept_if_somebody_may_look_at_them() {
    for (last, tracked, kept) in [
        ("@body('Line')?['value']", "", true),
        ("@ACTIONOUTPUTS('line')?['body']?['value']", "", true),
        ("@outputs(concat('Li', 'ne'))?['body']?['value']", "", true),
        ("@actions('Line')?['outputs']?['body']?['value']", "", true),
        ("@if(true, variables('all')[1], 0)", "", false),
        ("@variables('all')[1]", ", trackedProperties: { t: \"@outputs('Line')\" }", true),
    ] {
        let flow = format!(
            "- {{ name: Init, initialize: {{ name: all, type: array, value: [] }} }}\n\
             - name: Each\n  foreach: '@triggerBody()'\n  actions:\n    \
             - {{ name: Line, append: {{ name: all, value: '@mul(item(), 2)' }}{tracked} }}\n\
             - {{ name: Answer, respond: {{ status: 200, body: \"{last}\" }} }}"
        );
        let (plan, run) = check(&flow, &json!([1, 2]), &json!(4));
        let line = plan.flow.find("Line").unwrap();
        let mut all = run.records(line);
        assert!(all.all(|(_, it)| it.outputs.is_some() == kept), "{last} {tracked}");
        assert_eq!(run.records(line).count(), 2);
    }
}

//! What pages are told of a run: where it failed first, loops in letters, how expressions came about.

use journal::Path;
use serde_json::{Value, json};

use super::{Play, plan};
use crate::{
    HIDDEN, Plan, explain,
    overview::{first_failure, overview, pass},
};

const FLOW: &str = "
- name: Before
  compose: \"@length(triggerBody()['items'])\"
- name: Set up
  initialize: { name: sum, type: integer, value: 0 }
- name: Try
  scope:
    - name: Loop
      foreach: \"@triggerBody()['items']\"
      actions:
        - { name: Add, increment: { name: sum, value: \"@item()\" } }
        - name: If large
          if: { and: [{ greater: [\"@item()\", 2] }, { not: { equals: [\"@variables('sum')\", 3] } }] }
          then: [{ name: Divide, compose: \"@div(10, sub(item(), 4))\" }]
          else: [{ name: Small, compose: small }]
- name: Never
  compose: 1
";

fn seen(plan: &Plan, play: &Play<'_>, path: &Path) -> Option<Value> {
    explain::explain(plan, &play.events, path).1
}

fn path(text: &str) -> Path {
    Path::from_address(text.to_owned())
}

#[test]
fn the_first_failure_is_found_inside_of_its_loop() {
    let plan = plan(FLOW);
    let play = Play::run(&plan, "start {\"items\": [1, 2, 4, 9]}");
    assert_eq!(first_failure(&plan, &play.run).unwrap().as_str(), "Loop#2/Divide");
    let shown = overview(&plan, &play.run);
    let looped = &shown[2]["blocks"][0]["actions"][0]["loop"];
    assert_eq!(looped["strip"], "ssfs");
    assert_eq!((&looped["passes"], &looped["items"]), (&json!(4), &json!(4)));
    assert_eq!(shown[3]["status"], "Skipped");
    let actions = pass(&plan, &play.run, &path("Loop"), 2).unwrap();
    assert_eq!(actions[1]["blocks"][0]["actions"][0]["path"], "Loop#2/Divide");
    assert_eq!(actions[1]["blocks"][0]["actions"][0]["error"]["code"], "InvalidTemplate");
    assert!(pass(&plan, &play.run, &path("Try"), 0).is_none());
    // A pass that was not made has actions that were not reached.
    let none = pass(&plan, &play.run, &path("Loop"), 9).unwrap();
    assert_eq!(none[0]["status"], Value::Null);
    let good = Play::run(&plan, "start {\"items\": [1]}");
    assert!(first_failure(&plan, &good.run).is_none());
}

#[test]
fn a_condition_shows_both_sides_as_they_were_then() {
    let plan = plan(FLOW);
    let play = Play::run(&plan, "start {\"items\": [1, 2, 9]}");
    let found = seen(&plan, &play, &path("Loop#1/If_large")).unwrap();
    let condition = &found["condition"];
    assert_eq!((&condition["is"], &condition["holds"]), (&json!("and"), &json!(false)));
    let greater = &condition["of"][0];
    assert_eq!(greater["holds"], false);
    assert_eq!((&greater["of"][0]["value"], &greater["of"][1]["value"]), (&json!(2), &json!(2)));
    // The variable has gone on since; it was 3 then.
    let equals = &condition["of"][1]["of"][0];
    assert_eq!((&equals["holds"], &equals["of"][0]["value"]), (&json!(true), &json!(3)));
    let found = seen(&plan, &play, &path("Loop#2/Divide")).unwrap();
    let part = &found["expressions"][0];
    assert_eq!((&part["source"], &part["value"]), (&json!("div(10, sub(item(), 4))"), &json!(2)));
    assert_eq!(part["parts"][0]["value"], 5);
    assert!(seen(&plan, &play, &path("Nothing")).is_none());
    assert!(seen(&plan, &play, &path("Loop#7/Divide")).is_none());
}

#[test]
fn an_until_shows_what_it_saw_last() {
    let plan = plan(
        "
        - name: Set up
          initialize: { name: n, type: integer, value: 0 }
        - name: Count
          until: { equals: [\"@variables('n')\", 3] }
          actions: [{ name: More, increment: { name: n } }]
        ",
    );
    let play = Play::run(&plan, "");
    let found = seen(&plan, &play, &path("Count")).unwrap();
    assert_eq!(
        (&found["condition"]["holds"], &found["condition"]["of"][0]["value"]),
        (&json!(true), &json!(3))
    );
}

/// A part must not show what the whole does not.
#[test]
fn what_is_secure_is_in_no_part() {
    let plan = plan(
        "
        - { name: Secret, secure: [outputs], compose: hunter2hunter2 }
        - { name: Length, compose: \"@length(outputs('Secret'))\" }
        - { name: All, compose: \"@string(actions('Secret'))\" }
        - { name: Result, compose: \"@length(string(result('Box')))\" }
        - { name: Open, compose: \"@length('abc')\" }
        - name: Box
          runAfter: {}
          scope: [{ name: Inner, secure: [inputs, outputs], compose: hunter2hunter2 }]
        - name: Large
          if: { equals: [\"@outputs('Secret')\", x] }
          then: []
        ",
    );
    let play = Play::run(&plan, "");
    for name in ["Secret", "Length", "All", "Result", "Large", "Inner"] {
        let found = seen(&plan, &play, &path(name)).unwrap_or_default();
        assert!(!found.to_string().contains("hunter2"), "{name}: {found}");
    }
    let hidden = seen(&plan, &play, &path("Length")).unwrap();
    assert_eq!(hidden["expressions"][0]["value"], HIDDEN);
    let open = seen(&plan, &play, &path("Open")).unwrap();
    assert_eq!(open["expressions"][0]["value"], 3);
    assert!(seen(&plan, &play, &path("Inner")).is_none());
}

#[test]
fn looking_changes_nothing() {
    let plan =
        plan("- { name: A, compose: \"@guid()\" }\n- { name: B, compose: \"@outputs('A')\" }");
    let play = Play::run(&plan, "");
    let found = seen(&plan, &play, &path("A")).unwrap();
    let made = play.run.record(0, &[]).unwrap().outputs.clone().unwrap();
    let shown = &found["expressions"][0]["value"];
    assert_eq!(shown, made.get("body").unwrap_or(&made));
}

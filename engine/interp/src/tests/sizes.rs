//! Large runs. Nothing here is timed: whatever looks at everything for each thing takes minutes.

use std::{fmt::Write as _, sync::Arc};

use base::Status;
use journal::{Event, EventKind, Path};
use serde_json::{Value, json};

use super::{Play, plan};
use crate::{Effect, Plan, Run, replay, run::Slot, step};

/// Runs a flow that asks nothing, and gives the outputs of its last action.
#[track_caller]
fn last(flow: &str) -> Value {
    let plan = plan(flow);
    let run = Play::run(&plan, "").run;
    let last = plan.flow.root.actions.last().copied().unwrap();
    let end = run.end().unwrap_or_else(|| panic!("it does not end: {flow:.300}"));
    assert_eq!(end.status, Status::Succeeded, "{flow:.300}");
    let record = run.record(last, &[]).unwrap();
    record.outputs.as_deref().cloned().unwrap_or_default()
}

/// As many actions as that, each written by `write`.
fn many(count: usize, write: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        writeln!(text, "- {}", write(index)).unwrap();
        text
    })
}

#[test]
fn loops_are_as_long_as_it_takes() {
    let values = "
- name: Each
  foreach: '@range(0, 10000)'
  actions:
    - { name: One, compose: '@add(item(), 1)' }
    - { name: Two, compose: { n: \"@outputs('One')\", text: \"@concat('item ', item())\" } }
    - { name: Three, compose: \"@outputs('Two')?['text']\" }
- { name: Last, compose: \"@outputs('Three')\" }
";
    assert_eq!(last(values), json!("item 9999"));
    let looks_back = "
- { name: Each, foreach: '@range(0, 10000)', actions: [{ name: One, compose: '@item()' }] }
- { name: Again, foreach: '@range(0, 10000)', actions: [{ name: Two, compose: \"@outputs('One')\" }] }
- { name: Last, compose: \"@length(first(result('Each'))?['outputs'])\" }
";
    assert_eq!(last(looks_back), json!(10_000));
    let groups = "
- name: Each
  foreach: '@range(0, 10000)'
  actions:
    - { name: Group, scope: [{ name: One, compose: '@item()' }] }
    - { name: Two, compose: \"@first(result('Group'))?['outputs']\" }
- { name: Last, compose: \"@outputs('Two')\" }
";
    assert_eq!(last(groups), json!(9_999));
    let until = "
- { name: Init, initialize: { name: n, type: integer, value: 0 } }
- name: Again
  until: \"@equals(variables('n'), 5000)\"
  limit: { count: 5000 }
  actions: [{ name: Inc, increment: { name: n } }, { name: One, compose: \"@iterationIndexes('Again')\" }]
- { name: Last, compose: \"@outputs('One')\" }
";
    assert_eq!(last(until), json!(4_999));
}

#[test]
fn variables_grow_in_place() {
    let list = "
- { name: Init, initialize: { name: list, type: array, value: '@range(0, 100000)' } }
- name: Each
  foreach: '@range(0, 5000)'
  actions:
    - { name: One, append: { name: list, value: '@item()' } }
    - { name: Two, compose: \"@add(length(variables('list')), last(variables('list')))\" }
- { name: Last, compose: \"@outputs('Two')\" }
";
    assert_eq!(last(list), json!(109_999));
    let text = "
- { name: Init, initialize: { name: text, type: string, value: '' } }
- name: Each
  foreach: '@range(0, 20000)'
  actions: [{ name: One, append: { name: text, value: some more text } }]
- { name: Last, compose: \"@length(variables('text'))\" }
";
    assert_eq!(last(text), json!(280_000));
}

#[test]
fn blocks_are_as_wide_and_deep_as_it_takes() {
    let beside = many(1_000, |it| format!("{{ name: A{it}, compose: {it}, runAfter: {{}} }}"));
    let names: Vec<String> = (0..1_000).map(|it| format!("A{it}: [Succeeded]")).collect();
    let joined = format!("- {{ name: Z, compose: 1, runAfter: {{ {} }} }}", names.join(", "));
    assert_eq!(last(&format!("{beside}{joined}")), json!(1));
    let chain = many(1_000, |it| format!("{{ name: A{it}, compose: {it} }}"));
    assert_eq!(last(&chain), json!(999));
    let skipped = "- { name: Z, compose: all of them, runAfter: { A999: [Skipped] } }";
    let failing = format!("- {{ name: Bad, compose: '@div(1, 0)' }}\n{chain}{skipped}");
    assert_eq!(last(&failing), json!("all of them"));
    let deep = |depth: usize| {
        let inner = "{ name: Leaf, compose: inside }".to_owned();
        let nested = (0..depth).fold(inner, |it, n| format!("{{ name: S{n}, scope: [{it}] }}"));
        format!("- {nested}\n- {{ name: Z, compose: \"@outputs('Leaf')\" }}")
    };
    assert_eq!(last(&deep(60)), json!("inside"));
}

/// Every pass of a loop takes too long.
#[test]
fn passes_that_time_out_look_at_themselves_only() {
    let flow = "
- name: Each
  foreach: '@range(0, 5000)'
  concurrency: 1000
  actions:
    - { name: Group, timeout: PT1S, scope: [{ name: Nap, wait: PT1H }, { name: Never, compose: 1 }] }
    - { name: After, compose: 1, runAfter: { Group: [TimedOut] } }
";
    let plan = plan(flow);
    let run = expire_all(&plan);
    assert_eq!(run.end().unwrap().status, Status::Succeeded);
    let cancelled = run.records(plan.flow.find("Nap").unwrap());
    assert_eq!(cancelled.filter(|(_, it)| it.status == Status::Cancelled).count(), 5_000);
}

fn expire_all(plan: &Plan) -> Run {
    let play = Play::run(plan, "");
    let mut run = replay(plan, &play.events);
    let group = |pass: u32| Path::new([("Each", pass)], "Group");
    let mut at = play.events[0].at;
    for pass in 0..5_000 {
        at = at.after(base::Duration::seconds(2));
        let event = Event { at, path: group(pass), kind: EventKind::Expired };
        let effects = step(plan, &mut run, &event);
        assert!(effects.iter().all(|it| !matches!(it, Effect::Ask(_))));
    }
    run
}

/// A loop of a million items keeps three million of these.
#[test]
fn what_is_kept_of_an_action_is_small() {
    assert!(size_of::<Slot>() <= 128, "{}", size_of::<Slot>());
}

#[test]
fn what_records_have_in_common_is_kept_once() {
    let plan = plan(
        "
        - { name: A, compose: \"@triggerBody()\" }
        - { name: B, compose: \"@outputs('A')\" }
        - { name: C, compose: \"@triggerBody()\" }
        - { name: V, initialize: { name: v, type: string, value: \"@outputs('A')\" } }
        - { name: D, compose: \"@variables('v')\" }
        - { name: W, set: { name: v, value: other } }
        - { name: E, compose: \"@variables('v')\" }
        ",
    );
    let large = "x".repeat(100_000);
    let play = Play::run(&plan, &format!("start \"{large}\""));
    let outputs = |name: &str| {
        let record = play.run.record(plan.flow.find(name).unwrap(), &[]).unwrap();
        assert!(Arc::ptr_eq(record.inputs.as_ref().unwrap(), record.outputs.as_ref().unwrap()));
        Arc::clone(record.outputs.as_ref().unwrap())
    };
    for name in ["B", "C"] {
        assert!(Arc::ptr_eq(&outputs("A"), &outputs(name)), "{name}");
    }
    assert_eq!((&*outputs("D"), &*outputs("E")), (&large.into(), &"other".into()));
}

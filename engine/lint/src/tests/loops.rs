//! Flows that start themselves or each other, and what ends that.

use super::project::lint;

const CRM: &str = "connector: crm
version: 1.0.0
http: { baseUrl: 'https://crm.example.com' }
operations:
  List:
    effect: read
    request: GET /{entityName}
    params: { entityName: { type: string, required: true }, $filter: { type: string }, $top: { type: integer } }
    returns: { type: object, properties: { value: { type: array, items: { type: object } } } }
  Create:
    effect: create
    request: POST /{entityName}
    params: { entityName: { type: string, required: true } }
    bodyParam: item
    body: { type: object }
  Update:
    effect: update
    request: PATCH /{entityName}/{id}
    params: { entityName: { type: string, required: true }, id: { type: string, required: true } }
    bodyParam: item
    body: { type: object }
triggers:
  Changed:
    kind: webhook
    params:
      subscriptionRequest/entityname: { type: string, required: true }
      subscriptionRequest/message: { type: integer }
      subscriptionRequest/filteringattributes: { type: string }
      subscriptionRequest/filterexpression: { type: string }
      ignoreOwnChanges: { type: boolean }
    receive: { verify: { scheme: urlSecret }, dedupe: { key: \"@{triggerBody()?['id']}\" } }
    returns: { type: object }
";

/// A flow that this starts, with these actions.
fn flow(name: &str, with: &str, trigger: &str, actions: &str) -> String {
    let indented: Vec<String> = actions.lines().map(|it| format!("  {it}")).collect();
    format!(
        "flow: {name}\nconnections: {{ c: crm }}\ntriggers: [{{ name: T, on: c.Changed, with: {{ {with} }}{trigger} }}]\nactions:\n{}\n",
        indented.join("\n")
    )
}

/// The severities of what one rule finds.
fn found(rule: &str, flows: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![("connector.yaml", CRM)];
    files.extend(flows);
    let all = lint(&files);
    let of_rule = all.iter().filter_map(|it| it.split_once(&format!("[{rule}]")));
    of_rule.map(|(before, _)| before.rsplit(": ").next().unwrap().to_owned()).collect()
}

const DEALS: &str = "subscriptionRequest/entityname: deal";
const UPDATE: &str =
    "- { name: U, call: c.Update, with: { entityName: deals, id: x, item: { price: 1 } } }";

#[test]
fn a_flow_that_starts_itself_is_found_unless_it_looks_first() {
    let under = |condition: &str| format!("- name: I\n  if: {condition}\n  then:\n    {UPDATE}");
    let compared = format!(
        "- {{ name: D, compose: {{ price: 1 }} }}\n- {{ name: C, compare: \"@outputs('D')\", with: \"@triggerBody()\" }}\n{}",
        under("\"@body('C')?['changed']\"")
    );
    let ended = format!(
        "- name: I\n  if: \"@equals(triggerBody()?['modifiedby'], 'me')\"\n  then: [{{ name: E, terminate: Succeeded }}]\n{UPDATE}"
    );
    let looked_up = "- { name: L, call: c.List, with: { entityName: deals, $filter: a } }\n- name: I\n  if: \"@empty(body('L')?['value'])\"\n  then:\n    - { name: N, call: c.Create, with: { entityName: deals, item: { a: 1 } } }";
    for (with, trigger, actions, expected) in [
        (DEALS, "", UPDATE, "error"),
        ("subscriptionRequest/entityname: order", "", UPDATE, ""),
        ("subscriptionRequest/entityname: Deals", "", UPDATE, "error"),
        ("subscriptionRequest/entityname: deal, subscriptionRequest/message: 1", "", UPDATE, ""),
        (
            "subscriptionRequest/entityname: deal, subscriptionRequest/message: 3",
            "",
            UPDATE,
            "error",
        ),
        (
            "subscriptionRequest/entityname: deal, subscriptionRequest/filteringattributes: 'name,stage'",
            "",
            UPDATE,
            "",
        ),
        (
            "subscriptionRequest/entityname: deal, subscriptionRequest/filteringattributes: 'name, price'",
            "",
            UPDATE,
            "warning",
        ),
        ("subscriptionRequest/entityname: deal, ignoreOwnChanges: true", "", UPDATE, ""),
        ("subscriptionRequest/entityname: deal, ignoreOwnChanges: false", "", UPDATE, "error"),
        ("subscriptionRequest/entityname: \"@{concat('de', 'al')}\"", "", UPDATE, "warning"),
        (
            DEALS,
            ", conditions: \"@not(equals(triggerBody()?['_modifiedby_value'], 'me'))\"",
            UPDATE,
            "",
        ),
        (DEALS, ", conditions: \"@greater(triggerBody()?['size'], 1)\"", UPDATE, "warning"),
        (DEALS, "", &under("\"@greater(triggerBody()?['size'], 1)\""), "warning"),
        (DEALS, "", &under("\"@not(equals(triggerBody()?['price'], 1))\""), ""),
        (DEALS, "", &compared, ""),
        (DEALS, "", &ended, ""),
        (DEALS, "", looked_up, ""),
        (DEALS, "", "- { name: L, call: c.List, with: { entityName: deals, $top: 1 } }", ""),
    ] {
        let text = flow("F", with, trigger, actions);
        let all = found("self-trigger-loop", &[("f/flow.yaml", &text)]);
        assert_eq!(all.first().map_or("", String::as_str), expected, "{text}");
        assert!(all.len() <= 1, "{text}");
    }
}

#[test]
fn flows_that_start_each_other_are_found_unless_one_looks_first() {
    let write = |table: &str| {
        format!(
            "- {{ name: U, call: c.Update, with: {{ entityName: {table}, id: x, item: {{ a: 1 }} }} }}"
        )
    };
    let on = |table: &str| format!("subscriptionRequest/entityname: {table}");
    let there = flow("There", &on("deal"), "", &write("orders"));
    let back = flow("Back", &on("order"), "", &write("deals"));
    let guarded = flow(
        "Back",
        &on("order"),
        "",
        &format!(
            "- {{ name: L, call: c.List, with: {{ entityName: deals, $top: 1 }} }}\n- name: I\n  if: \"@not(equals(first(body('L')?['value'])?['a'], triggerBody()?['a']))\"\n  then:\n    {}",
            write("deals")
        ),
    );
    let ignoring = flow(
        "Back",
        "subscriptionRequest/entityname: order, ignoreOwnChanges: true",
        "",
        &write("deals"),
    );
    let other = flow("Back", &on("order"), "", &write("invoices"));
    let third = flow("Third", &on("invoice"), "", &write("deals"));
    let caller = flow("Back", &on("order"), "", "- { name: R, runFlow: child }");
    let child = format!(
        "flow: Child\nconnections: {{ c: crm }}\ntriggers: [{{ name: T, flow: }}]\nactions:\n  {}\n",
        write("deals")
    );
    for (flows, expected) in [
        (vec![&there, &back], 2),
        (vec![&there], 0),
        (vec![&there, &guarded], 0),
        (vec![&there, &ignoring], 0),
        (vec![&there, &other], 0),
        (vec![&there, &other, &third], 3),
        (vec![&there, &caller, &child], 2),
    ] {
        let names = ["a/flow.yaml", "b/flow.yaml", "child/flow.yaml"];
        let files: Vec<(&str, &str)> =
            names.into_iter().zip(flows.iter().map(|it| it.as_str())).collect();
        let all = found("cross-flow-loop", &files);
        assert_eq!(all, vec!["warning"; expected], "{files:?}");
    }
}

#[test]
fn runs_about_one_record_go_one_after_the_other() {
    let actions = "- { name: L, call: c.List, with: { entityName: orders, $filter: a } }\n- name: I\n  if: \"@empty(body('L')?['value'])\"\n  then:\n    - { name: N, call: c.Create, with: { entityName: orders, item: { a: 1 } } }";
    let other = "- { name: L, call: c.List, with: { entityName: accounts, $filter: a } }\n- { name: N, call: c.Create, with: { entityName: orders, item: { a: 1 } } }";
    for (trigger, actions, expected) in [
        ("", actions, 1),
        (", concurrency: { runs: 1 }", actions, 0),
        (", concurrency: { runs: 1, key: \"@triggerBody()?['id']\" }", actions, 0),
        (", concurrency: { runs: 5 }", actions, 1),
        ("", other, 0),
    ] {
        let text = flow("F", DEALS, trigger, actions);
        assert_eq!(
            found("no-concurrency-key", &[("f/flow.yaml", &text)]).len(),
            expected,
            "{text}"
        );
    }
}

//! What flows ask of services: again, too often, too much, or the wrong thing.

use super::project::{lint, lint_with};

const SHOP: &str = "connector: shop
version: 1.4.2
http: { baseUrl: 'https://shop.example.com' }
operations:
  List:
    effect: read
    request: GET /{table}
    params: { table: { type: string, required: true }, $filter: { type: string }, $top: { type: integer }, $select: { type: string } }
    returns: { type: object, properties: { value: { type: array, items: { type: object } } } }
  Get: { effect: read, request: 'GET /{table}/{id}', params: { table: { type: string, required: true }, id: { type: string, required: true } }, returns: { type: object } }
  Add: { effect: create, request: POST /rows, bodyParam: item, body: { type: object } }
  AddOnce: { effect: create, request: POST /rows, bodyParam: item, body: { type: object }, idempotency: { header: Idempotency-Key } }
  Write: { effect: update, request: 'PATCH /rows/{id}', params: { id: { type: string, required: true } }, bodyParam: item, body: { type: object } }
  AddMultiple: { effect: create, request: POST /batch, bodyParam: items, body: { type: array } }
  Old: { effect: read, request: GET /old, deprecated: true }
  Login: { effect: action, request: POST /login, bodyParam: item, body: { type: object } }
triggers:
  Placed: { kind: webhook, deprecated: PlacedV2, receive: { verify: { scheme: urlSecret } }, returns: { type: object } }
  PlacedV2: { kind: webhook, receive: { verify: { scheme: urlSecret }, dedupe: { key: \"@{triggerBody()?['id']}\" } }, returns: { type: object } }
  Changed:
    kind: poll
    params: { table: { type: string, required: true }, $filter: { type: string } }
    poll: { operation: List, with: { table: \"@input('table')\" }, items: \"@body()?['value']\" }
    returns: { type: object }
";

/// The lines in which one rule finds something; the trigger stands in line 3, actions begin in line 5.
fn lines(rule: &str, connection: &str, trigger: &str, actions: &str) -> Vec<usize> {
    let indented: Vec<String> = actions.lines().map(|it| format!("  {it}")).collect();
    let flow = format!(
        "flow: F\nconnections: {{ s: {connection} }}\ntriggers: [{{ name: T, {trigger} }}]\nactions:\n{}\n",
        indented.join("\n")
    );
    let files = [("connector.yaml", SHOP), ("flow.yaml", flow.as_str())];
    let wanted = crate::rules::find(rule).unwrap();
    let all = lint_with(&files, &crate::Settings::default().and(wanted));
    let of_rule = all.iter().filter(|it| it.contains(&format!("[{rule}]")));
    of_rule.map(|it| it.split(':').nth(1).unwrap().parse().unwrap()).collect()
}

/// The same behind a trigger that a person starts.
fn check(rule: &str, actions: &str, expected: &[usize]) {
    assert_eq!(lines(rule, "shop", "manual:", actions), expected, "{actions}");
}

#[test]
fn repeating_is_for_what_may_be_repeated() {
    let retry = "retryPolicy: { type: fixed, count: 2, interval: PT5S }";
    let post = "http: { method: POST, uri: 'https://h.example.com/x'";
    for (action, expected) in [
        (format!("call: s.Add, with: {{ item: {{}} }}, {retry}"), 1),
        (format!("call: s.AddOnce, with: {{ item: {{}} }}, {retry}"), 0),
        (format!("call: s.Write, with: {{ id: a, item: {{}} }}, {retry}"), 0),
        (format!("call: s.Get, with: {{ table: t, id: a }}, {retry}"), 0),
        ("call: s.Add, with: { item: {} }, retryPolicy: none".into(), 0),
        ("call: s.Add, with: { item: {} }".into(), 0),
        (format!("{post} }}, {retry}"), 1),
        (format!("{post}, headers: {{ Idempotency-Key: x }} }}, {retry}"), 0),
        (format!("{post} }}"), 0),
        (format!("http: {{ method: GET, uri: 'https://h.example.com/x' }}, {retry}"), 0),
        (
            format!("http: {{ method: POST, uri: 'https://h.example.com/oauth2/token' }}, {retry}"),
            0,
        ),
    ] {
        let actions = format!("- {{ name: A, {action} }}");
        check("non-idempotent-retry", &actions, &vec![5; expected]);
    }
}

#[test]
fn repeated_events_are_told() {
    let add = "- { name: A, call: s.Add, with: { item: {} } }";
    for (trigger, actions, expected) in [
        ("on: s.Placed", add, 1),
        ("on: s.PlacedV2", add, 0),
        ("on: s.Placed, dedupe: \"@{triggerBody()?['id']}\"", add, 0),
        ("on: s.Changed, with: { table: t }", add, 1),
        ("on: s.Placed", "- { name: A, call: s.Get, with: { table: t, id: a } }", 0),
        ("on: s.Placed", "- { name: A, compose: 1 }", 0),
        ("on: s.Placed", "- { name: A, http: { method: POST, uri: 'https://h.example.com' } }", 1),
        ("request: { verify: { connector: shop, trigger: PlacedV2 } }", add, 1),
        (
            "request: { verify: { connector: shop, trigger: PlacedV2 } }, dedupe: \"{{body.id}}\"",
            add,
            0,
        ),
        ("recurrence: { frequency: Day, interval: 1 }", add, 0),
    ] {
        assert_eq!(lines("no-dedup-key", "shop", trigger, actions).len(), expected, "{trigger}");
    }
}

#[test]
fn loops_say_how_often_they_call() {
    let get = "- { name: G, call: s.Get, with: { table: t, id: \"@item()?['id']\" } }";
    let add = "- { name: G, call: s.Add, with: { item: \"@item()\" } }";
    let each =
        |list: &str, inner: &str| format!("- name: L\n  foreach: {list}\n  actions:\n    {inner}");
    let list = "- { name: Q, call: s.List, with: { table: t, $top: 20 } }\n";
    let said = |actions: &str| {
        let indented: Vec<String> = actions.lines().map(|it| format!("  {it}")).collect();
        let flow = format!(
            "flow: F\nconnections: {{ s: shop }}\ntriggers: [{{ name: T, manual: }}]\nactions:\n{}\n",
            indented.join("\n")
        );
        let all = lint(&[("connector.yaml", SHOP), ("flow.yaml", &flow)]);
        let found = all.into_iter().find(|it| it.contains("[io-in-loop]"));
        found.map(|it| it.split("a run makes ").nth(1).unwrap().to_owned()).unwrap_or_default()
    };
    let ask = "(ask once before the loop with `List` and a `$filter`, and pick from the answer)";
    assert_eq!(said(&each("[{ id: 1 }, { id: 2 }, { id: 3 }]", get)), format!("3 calls {ask}"));
    assert_eq!(
        said(&each("\"@triggerBody()\"", get)),
        format!("as many calls as the list is long {ask}")
    );
    assert_eq!(
        said(&format!("{list}{}", each("\"@body('Q')?['value']\"", get))),
        format!("up to 20 calls {ask}")
    );
    let nested = format!(
        "{list}- name: O\n  foreach: \"@body('Q')?['value']\"\n  actions:\n    - name: L\n      foreach: [1, 2]\n      actions:\n        {get}"
    );
    assert_eq!(said(&nested), format!("up to 40 calls {ask}"));
    assert_eq!(
        said(&each("\"@triggerBody()\"", add)),
        "as many calls as the list is long (hand all of them over at once with `AddMultiple`)"
    );
    // What is the same for every item, and what is asked outside, is no call for each item.
    let same = "- { name: G, call: s.Get, with: { table: t, id: fixed } }";
    assert_eq!(said(&each("\"@triggerBody()\"", same)), "");
    assert_eq!(said(get), "");
}

#[test]
fn lists_are_asked_for_what_is_needed() {
    for (with, expected) in [
        ("{ table: t }", 1),
        ("{ table: t, $select: a }", 1),
        ("{ table: t, $top: 5 }", 0),
        ("{ table: t, $filter: a }", 0),
        ("{ table: t, $filter: \"@{triggerBody()}\" }", 0),
        ("\"@triggerBody()\"", 0),
    ] {
        let actions = format!("- {{ name: A, call: s.List, with: {with} }}");
        check("unbounded-list", &actions, &vec![5; expected]);
    }
    check(
        "unbounded-list",
        "- { name: A, call: s.List, with: { table: t }, minimumItemCount: 5 }",
        &[],
    );
    let keep =
        "- { name: K, filter: \"@equals(item()?['a'], 1)\", from: \"@body('A')?['value']\" }";
    for (with, rest, expected) in [
        ("{ table: t, $top: 5 }", "", 1),
        ("{ table: t, $filter: a }", "", 0),
        // It is needed whole elsewhere.
        ("{ table: t, $top: 5 }", "\n- { name: N, compose: \"@length(body('A')?['value'])\" }", 0),
    ] {
        let actions = format!("- {{ name: A, call: s.List, with: {with} }}\n{keep}{rest}");
        check("filter-after-fetch", &actions, &vec![6; expected]);
    }
}

#[test]
fn triggers_say_which_changes_matter() {
    for (trigger, expected) in [
        ("on: s.Changed, with: { table: t }", 1),
        ("on: s.Changed, with: { table: t, $filter: a }", 0),
        ("on: s.Changed, with: { table: t }, conditions: \"@equals(triggerBody()?['a'], 1)\"", 0),
        ("on: s.PlacedV2", 0),
        ("manual:", 0),
    ] {
        let found = lines("no-trigger-filter", "shop", trigger, "- { name: A, compose: 1 }");
        assert_eq!(found.len(), expected, "{trigger}");
    }
}

#[test]
fn what_is_old_and_what_is_not_pinned() {
    check(
        "deprecated-operation",
        "- { name: A, call: s.Old }\n- { name: B, call: s.Get, with: { table: t, id: a } }",
        &[5],
    );
    assert_eq!(
        lines("deprecated-operation", "shop", "on: s.Placed", "- { name: A, compose: 1 }"),
        [3]
    );
    for (connection, unpinned, unknown) in [
        ("shop", 1, 0),
        ("shop@1", 0, 0),
        ("shop@1.4", 0, 0),
        ("shop@1.4.2", 0, 0),
        ("shop@1.40", 0, 1),
        ("shop@2", 0, 1),
    ] {
        let actions = "- { name: A, compose: 1 }";
        let count = |rule: &str| lines(rule, connection, "manual:", actions).len();
        assert_eq!(count("unpinned-connector"), unpinned, "{connection}");
        assert_eq!(count("unknown-connection"), unknown, "{connection}");
    }
}

#[test]
fn credentials_stay_out_of_records() {
    for (action, expected) in [
        ("call: s.Login, with: { item: { user: a, password: \"@{guid()}\" } }", 1),
        (
            "call: s.Login, with: { item: { user: a, password: \"@{guid()}\" } }, secure: [inputs]",
            0,
        ),
        ("call: s.Login, with: { item: { user: a, iban: \"@{guid()}\" } }", 1),
        ("call: s.Login, with: { item: { user: a } }", 0),
        (
            "http: { method: PUT, uri: 'https://h.example.com', headers: { Authorization: \"@{guid()}\" } }",
            0,
        ),
        (
            "http: { method: PUT, uri: 'https://h.example.com', headers: { X-Access-Token: \"@{guid()}\" } }",
            0,
        ),
        (
            "http: { method: PUT, uri: 'https://h.example.com', headers: { X-Shop-Api-Key: \"@{guid()}\" } }",
            1,
        ),
        ("http: { method: POST, uri: 'https://h.example.com/oauth2/v2.0/token', body: a }", 1),
        (
            "http: { method: POST, uri: 'https://h.example.com/oauth2/v2.0/token', body: a }, secure: [outputs]",
            0,
        ),
        ("compose: { password: \"@{guid()}\" }", 0),
    ] {
        check("secure-io-missing", &format!("- {{ name: A, {action} }}"), &vec![5; expected]);
    }
}

#[test]
fn branches_that_were_not_taken_are_thought_of() {
    let branch = |rest: &str| {
        format!(
            "- name: I\n  if: \"@equals(rand(1, 3), 1)\"\n  then: [{{ name: A, compose: {{ x: 1 }} }}]\n{rest}"
        )
    };
    for (rest, expected) in [
        ("- { name: R, compose: \"@outputs('A')?['x']\" }", 1),
        ("- { name: R, compose: \"@{outputs('A')}\" }", 1),
        ("- { name: R, compose: \"@coalesce(outputs('A')?['x'], 0)\" }", 0),
        ("- { name: R, compose: \"@if(empty(outputs('A')), 0, outputs('A')?['x'])\" }", 0),
        ("- { name: R, compose: \"@empty(outputs('A'))\" }", 0),
        ("- { name: R, compose: \"@actions('A')?['status']\" }", 0),
        ("- { name: R, if: \"@equals(outputs('A')?['x'], 1)\", then: [] }", 0),
        (
            "- { name: R, if: \"@not(empty(outputs('A')))\", then: [{ name: S, compose: \"@outputs('A')?['x']\" }] }",
            0,
        ),
        (
            "- { name: R, if: \"@equals(rand(1, 3), 1)\", then: [{ name: S, compose: \"@outputs('A')?['x']\" }] }",
            1,
        ),
        (
            "- { name: R, if: \"@equals(rand(1, 3), 2)\", then: [{ name: S, compose: \"@outputs('A')?['x']\" }] }",
            1,
        ),
        (
            "  else: [{ name: E, terminate: Succeeded }]\n- { name: R, compose: \"@outputs('A')?['x']\" }",
            0,
        ),
        ("  else: [{ name: E, compose: 1 }]\n- { name: R, compose: \"@outputs('A')?['x']\" }", 1),
    ] {
        let actions = branch(rest);
        let found = lines("maybe-skipped-reference", "shop", "manual:", &actions);
        assert_eq!(found.len(), expected, "{actions}");
    }
    let related = |then: &str, asked: &str| {
        format!(
            "- {{ name: C, compose: \"@greater(rand(1, 3), 1)\" }}\n- name: I\n  if: \"@outputs('C')\"\n  then: {then}\n\
             - {{ name: R, if: \"{asked}\", then: [{{ name: S, compose: \"@outputs('A')?['x']\" }}] }}"
        )
    };
    let (one, two) = (
        "[{ name: A, compose: { x: 1 } }]",
        "[{ name: A, compose: { x: 1 } }, { name: B, compose: 1 }]",
    );
    for (then, asked, expected) in [
        (one, "@and(outputs('C'), equals(rand(1, 3), 1))", 0),
        (two, "@not(empty(outputs('B')))", 0),
        (one, "@equals(rand(1, 3), 1)", 1),
    ] {
        let actions = related(then, asked);
        let found = lines("maybe-skipped-reference", "shop", "manual:", &actions);
        assert_eq!(found.len(), expected, "{actions}");
    }
}

#[test]
fn keys_that_are_both_null_match() {
    let list = "\"@triggerBody()?['list']\"";
    for (condition, expected) in [
        ("\"@equals(item()?['a'], triggerBody()?['b'])\"", 1),
        ("{ equals: [$.item.a, $.trigger.body.b] }", 1),
        ("\"@equals(item()?['a'], 'x')\"", 0),
        ("\"@and(not(empty(item()?['a'])), equals(item()?['a'], triggerBody()?['b']))\"", 0),
        ("\"@not(equals(item()?['a'], triggerBody()?['b']))\"", 0),
        ("{ not: { equals: [$.item.a, $.trigger.body.b] } }", 0),
    ] {
        let actions = format!("- {{ name: A, filter: {condition}, from: {list} }}");
        check("null-join-key", &actions, &vec![5; expected]);
    }
}

//! What each rule finds in a flow, and what looks like it and is right.

use super::{around, project::lint_with, rules::places};
use crate::{Settings, rules::find};

/// Actions, and where the rule finds something in each; they begin in line 4.
fn check(slug: &str, all: &[(&str, &[&str])]) {
    for (actions, expected) in all {
        assert_eq!(places(slug, &around(actions)), *expected, "{slug}:\n{actions}");
    }
}

/// The same behind a trigger of its own, which stands in line 2; actions begin in line 4.
fn check_behind(slug: &str, trigger: &str, all: &[(&str, &[&str])]) {
    for (actions, expected) in all {
        let text = format!("flow: F\ntriggers: [{{ name: T, {trigger} }}]\nactions:\n{actions}\n");
        assert_eq!(places(slug, &text), *expected, "{slug}: {trigger}\n{actions}");
    }
}

#[test]
fn old_names_of_functions() {
    check(
        "deprecated",
        &[
            ("- { name: A, compose: \"@decodeBase64('YQ==')\" }", &["warning 4"]),
            ("- { name: A, compose: 'x @{encodeUriComponent(''a'')}' }", &["warning 4"]),
            ("- { name: A, compose: \"@base64ToString('YQ==')\" }", &[]),
            ("- { name: A, compose: \"@concat('decodeBase64')\" }", &[]),
            ("- { name: A, compose: decodeBase64 }", &[]),
        ],
    );
}

#[test]
fn definitions_that_nothing_looks_at() {
    let slug = "unused-definition";
    check(
        slug,
        &[
            ("- { name: V, initialize: { name: x, type: string } }", &["info 4"]),
            ("- { name: A, compose: 1 }", &["info 4"]),
            // To write is not to read.
            (
                "- { name: V, initialize: { name: x, type: integer } }\n- { name: I, increment: { name: x } }",
                &["info 4"],
            ),
            (
                "- { name: V, initialize: { name: X, type: integer } }\n- { name: R, respond: { status: 200, body: \"@variables('x')\" } }",
                &[],
            ),
            (
                "- { name: A b, compose: 1 }\n- { name: R, respond: { status: 200, body: \"{{actions.A_b.outputs}}\" } }",
                &[],
            ),
            (
                "- { name: A, compose: 1 }\n- { name: R, respond: { status: 200, body: $.actions.A.outputs } }",
                &[],
            ),
            // A name that is computed may be any.
            (
                "- { name: A, compose: 1 }\n- { name: R, respond: { status: 200, body: \"@outputs(triggerBody())\" } }",
                &[],
            ),
            (
                "- name: S\n  scope: [{ name: A, compose: 1 }]\n- { name: R, respond: { status: 200, body: \"@result('S')\" } }",
                &["info 5"],
            ),
        ],
    );
    let flow = |parameters: &str, value: &str| {
        format!(
            "flow: F\nparameters: {parameters}\ntriggers: [{{ name: T, manual: }}]\nactions: [{{ name: R, respond: {{ status: 200, body: {value} }} }}]\n"
        )
    };
    assert_eq!(places(slug, &flow("{ p: { type: string } }", "x")), ["info 2"]);
    assert_eq!(
        places(slug, &flow("{ p: { type: string } }", "\"@parameters('P')\"")),
        Vec::<String>::new()
    );
    assert_eq!(
        places(slug, &flow("{ $connections: { type: object } }", "x")),
        Vec::<String>::new()
    );
}

#[test]
fn what_actions_run_after() {
    let slug = "bad-run-after";
    let a = "- { name: A, compose: 1 }\n";
    for (rest, expected) in [
        ("- { name: B, compose: 1, runAfter: { C: [Succeeded] } }", &["error 5"][..]),
        ("- { name: B, compose: 1, runAfter: { Start: [Succeeded] } }", &["error 5"]),
        ("- { name: B, compose: 1, runAfter: { B: [Succeeded] } }", &["error 5"]),
        (
            "- name: S\n  scope: [{ name: B, compose: 1, runAfter: { A: [Succeeded] } }]",
            &["error 6"],
        ),
        ("- { name: B, compose: 1, runAfter: { A: [Succeeded, Failed, Skipped, TimedOut] } }", &[]),
        ("- { name: B, compose: 1, runAfter: { a: [succeeded] } }", &[]),
        ("- { name: B, compose: 1, runAfter: {} }", &[]),
        // What stands further down may run before.
        (
            "- { name: B, compose: 1, runAfter: { C: [Succeeded] } }\n- { name: C, compose: 1, runAfter: {} }",
            &[],
        ),
        (
            "- { name: B, compose: 1, runAfter: { C: [Succeeded] } }\n- { name: C, compose: 1, runAfter: { B: [Succeeded] } }",
            &["error 5", "error 6"],
        ),
    ] {
        let text = format!("{a}{rest}");
        let found = places(slug, &around(&text));
        let is_circle = expected.len() == 2 && !found.is_empty();
        assert!(is_circle || found == expected, "{text}: {found:?}");
    }
}

#[test]
fn functions_and_their_arguments() {
    check(
        "wrong-argument-count",
        &[
            ("- { name: A, compose: \"@length()\" }", &["error 4"]),
            ("- { name: A, compose: \"@concat()\" }", &["error 4"]),
            ("- { name: A, compose: \"@utcNow('o', 'x')\" }", &["error 4"]),
            ("- { name: A, compose: \"@substring('abc')\" }", &["error 4"]),
            ("- { name: A, compose: \"@substring('abc', 1)\" }", &[]),
            ("- { name: A, compose: \"@concat('a')\" }", &[]),
            ("- { name: A, compose: \"@formatDateTime(utcNow(), 'd', 'de-DE')\" }", &[]),
            ("- { name: A, compose: \"@coalesce(null, null, 1)\" }", &[]),
            ("- { name: A, compose: \"@string('length()')\" }", &[]),
        ],
    );
    check(
        "unknown-function",
        &[
            ("- { name: A, compose: \"@lenght('a')\" }", &["error 4"]),
            ("- { name: A, compose: \"@abs(1)\" }", &["error 4"]),
            ("- { name: A, compose: \"@LENGTH('a')\" }", &[]),
            ("- { name: A, compose: \"@if(true, 'lenght()', '')\" }", &[]),
            ("- { name: A, compose: \"@@lenght('a')\" }", &[]),
        ],
    );
}

#[test]
fn nothing_where_something_is_needed() {
    let trigger = "request: { schema: { type: object, properties: { a: { type: [string, 'null'] }, o: { type: [object, 'null'], properties: { b: { type: [string, 'null'] } } }, l: { type: [array, 'null'], items: { type: object, properties: { b: { type: string } } } } } } }";
    let compose = |value: &str| format!("- {{ name: A, compose: \"{value}\" }}");
    for (slug, value, expected) in [
        ("possibly-null", "@toUpper(triggerBody()?['a'])", &["warning 4"][..]),
        ("possibly-null", "@triggerBody()['o']['b']", &["warning 4"]),
        ("possibly-null", "@toUpper(coalesce(triggerBody()?['a'], ''))", &[]),
        ("possibly-null", "@if(empty(triggerBody()?['a']), '', toUpper(triggerBody()?['a']))", &[]),
        ("possibly-null", "@triggerBody()?['o']?['b']", &[]),
        ("possibly-null", "@concat(triggerBody()?['a'], '')", &[]),
        ("possibly-null", "@equals(triggerBody()?['a'], null)", &[]),
        ("possibly-null", "@toUpper(triggerOutputs()?['headers']?['x'])", &[]),
        ("empty-collection-access", "@first(createArray(1))", &[]),
        ("empty-collection-access", "@first(triggerBody()?['l'])?['b']", &[]),
        (
            "empty-collection-access",
            "@first(coalesce(triggerBody()?['l'], json('[]')))['b']",
            &["warning 4"],
        ),
        (
            "empty-collection-access",
            "@coalesce(triggerBody()?['l'], json('[]'))[0]",
            &["warning 4"],
        ),
        (
            "empty-collection-access",
            "@string(first(coalesce(triggerBody()?['l'], json('[]'))))",
            &[],
        ),
    ] {
        check_behind(slug, trigger, &[(&compose(value), expected)]);
    }
}

#[test]
fn conditions_are_true_or_false() {
    let slug = "non-boolean-condition";
    for (condition, expected) in [
        ("\"@{equals(1, 2)}\"", &["error 4"][..]),
        ("\"@length('a')\"", &["error 4"]),
        ("equals(1, 2)", &["error 4"]),
        ("\"{{trigger.body}}\"", &["error 4"]),
        ("\"x @{equals(1, 2)}\"", &["error 4"]),
        ("{ and: [\"@concat('a')\", \"@equals(guid(), '')\"] }", &["error 4"]),
        ("\"@equals(guid(), '')\"", &[]),
        ("\"@triggerBody()?['isOpen']\"", &[]),
        ("\"@bool('true')\"", &[]),
        ("\"@if(equals(guid(), ''), true, false)\"", &[]),
        ("$.trigger.body.isOpen", &[]),
        ("{ equals: [\"@{guid()}\", x] }", &[]),
    ] {
        let text = format!("- {{ name: I, if: {condition}, then: [{{ name: A, compose: 1 }}] }}");
        check(slug, &[(&text, expected)]);
    }
}

#[test]
fn blocks_with_nothing_in_them() {
    let (a, ask) = ("{ name: A, compose: 1 }", "\"@empty(guid())\"");
    for (text, expected) in [
        ("- { name: S, scope: [] }".to_owned(), &["warning 4"][..]),
        ("- { name: L, foreach: [1], actions: [] }".to_owned(), &["warning 4"]),
        (format!("- {{ name: I, if: {ask}, then: [], else: [] }}"), &["warning 4"]),
        (format!("- {{ name: I, if: {ask}, then: [], else: [{a}] }}"), &["warning 4"]),
        ("- { name: W, switch: x, cases: [{ case: x, actions: [] }] }".to_owned(), &["warning 4"]),
        (format!("- {{ name: S, scope: [{a}] }}"), &[]),
        (format!("- {{ name: I, if: {ask}, then: [{a}] }}"), &[]),
        (format!("- {{ name: I, if: {ask}, then: [{a}], else: [] }}"), &[]),
        // One case may be for doing nothing.
        (
            format!(
                "- {{ name: W, switch: x, cases: [{{ case: x, actions: [] }}], default: [{a}] }}"
            ),
            &[],
        ),
    ] {
        check("empty-block", &[(&text, expected)]);
    }
}

#[test]
fn containers_in_containers() {
    let nested = |depth: usize, inner: &str| {
        (0..depth)
            .rev()
            .fold(inner.to_owned(), |inside, nth| format!("{{ name: S{nth}, scope: [{inside}] }}"))
    };
    let a = "{ name: A, compose: 1 }";
    for (text, expected) in [
        (nested(6, a), &["info 4"][..]),
        (nested(8, a), &["info 4"]),
        (nested(5, a), &[]),
        (
            format!(
                "{{ name: L, foreach: [1], actions: [{{ name: M, foreach: [2], actions: [{a}] }}] }}"
            ),
            &["info 4"],
        ),
        (
            format!(
                "{{ name: L, foreach: [1], actions: [{{ name: U, until: \"@true\", actions: [{a}] }}] }}"
            ),
            &[],
        ),
    ] {
        check("deep-nesting", &[(&format!("- {text}"), expected)]);
    }
}

const POST: &str = "{ name: C, http: { method: POST, uri: 'https://x.example.com' } }";
const GET: &str = "{ name: C, http: { method: GET, uri: 'https://x.example.com' } }";

#[test]
fn failures_are_thought_of() {
    let slug = "no-failure-path";
    let handled =
        format!("- {POST}\n- {{ name: H, terminate: Failed, runAfter: {{ C: [Failed] }} }}");
    let late = format!("- {POST}\n- {{ name: H, compose: 1, runAfter: {{ C: [TimedOut] }} }}");
    let skipped = format!("- {POST}\n- {{ name: H, compose: 1, runAfter: {{ C: [Skipped] }} }}");
    let answered = format!("- {POST}\n- {{ name: R, respond: {{ status: 200 }} }}");
    let every = "recurrence: { frequency: Day, interval: 1 }";
    for (trigger, actions, expected) in [
        (every, format!("- {POST}"), &["warning 4"][..]),
        (every, skipped, &["warning 4"]),
        ("request:", format!("- {POST}"), &["warning 4"]),
        (every, format!("- {GET}"), &[]),
        (every, handled, &[]),
        (every, late, &[]),
        // Whoever waits for the end learns of the failure.
        ("request:", answered, &[]),
        ("manual:", format!("- {POST}"), &[]),
        ("flow:", format!("- {POST}"), &[]),
    ] {
        check_behind(slug, trigger, &[(&actions, expected)]);
    }
}

#[test]
fn policies_that_do_not_help() {
    let call = |method: &str, rest: &str| {
        format!(
            "- {{ name: A, http: {{ method: {method}, uri: 'https://x.example.com' }}, {rest} }}"
        )
    };
    let fixed = "retryPolicy: { type: fixed, count: 4, interval: PT30S }";
    let grows = "retryPolicy: { type: exponential, count: 4, interval: PT10S";
    for (text, expected) in [
        (format!("- {{ name: A, compose: 1, {fixed} }}"), &["warning 4"][..]),
        (call("GET", "retryPolicy: none"), &["warning 4"]),
        (call("GET", &format!("{fixed}, timeout: PT1M")), &["warning 4"]),
        // 10, 20, 40, 80.
        (call("GET", &format!("{grows} }}, timeout: PT2M")), &["warning 4"]),
        (call("GET", &format!("{grows}, maximumInterval: PT20S }}, timeout: PT2M")), &[]),
        (call("GET", &format!("{fixed}, timeout: PT5M")), &[]),
        (call("POST", "retryPolicy: none"), &[]),
        (call("GET", fixed), &[]),
        (call("GET", "timeout: PT1M"), &[]),
    ] {
        check("bad-retry-policy", &[(&text, expected)]);
    }
}

#[test]
fn callers_do_not_wait_for_ever() {
    let slug = "late-acknowledge";
    let answer = "- { name: R, respond: { status: 200 } }";
    let poll = "{ name: U, until: \"@equals(guid(), '')\", actions: [{ name: W, wait: PT1S }] }";
    for (actions, expected) in [
        (format!("- {{ name: W, wait: PT3M }}\n{answer}"), &["warning 5"][..]),
        (
            format!("- {{ name: W, wait: {{ interval: 5, unit: Minute }} }}\n{answer}"),
            &["warning 5"],
        ),
        (format!("- {poll}\n{answer}"), &["warning 5"]),
        (format!("- {{ name: W, wait: PT3S }}\n{answer}"), &[]),
        (format!("{answer}\n- {{ name: W, wait: PT3M }}"), &[]),
        (format!("- {GET}\n{answer}"), &[]),
        // Side by side.
        (
            format!(
                "- {{ name: W, wait: PT3M }}\n{}",
                answer.replace(" } }", " }, runAfter: {} }")
            ),
            &[],
        ),
        (
            format!(
                "- {{ name: W, wait: PT3M }}\n{}",
                answer.replace(" } }", " }, operationOptions: [Asynchronous] }")
            ),
            &[],
        ),
    ] {
        check_behind(slug, "request:", &[(&actions, expected)]);
    }
    let late = format!("- {{ name: W, wait: PT3M }}\n{answer}");
    check_behind(slug, "flow:", &[(&late, &[])]);
}

#[test]
fn what_every_environment_has_for_itself() {
    let slug = "hardcoded-environment";
    for (value, expected) in [
        ("https://contoso.crm4.dynamics.com/api", &["warning 4"][..]),
        ("https://contoso.sharepoint.com/sites/a", &["warning 4"]),
        ("mail to jane.doe@contoso.com", &["warning 4"]),
        ("{ tenantId: 1b2c3d4e-0000-4000-8000-123456789abc }", &["warning 4"]),
        ("https://login.microsoftonline.com/common", &[]),
        ("https://api.partnercenter.microsoft.com/v1", &[]),
        ("\"https://@{parameters('org')}.crm.dynamics.com\"", &[]),
        ("owner@odata.bind", &[]),
        ("jane@example.com", &[]),
        ("{ id: 1b2c3d4e-0000-4000-8000-123456789abc }", &[]),
        ("{ tenantId: 00000000-0000-0000-0000-000000000000 }", &[]),
        ("10.5", &[]),
    ] {
        check(slug, &[(&format!("- {{ name: A, compose: {value} }}"), expected)]);
    }
}

#[test]
fn requests_that_everybody_can_read() {
    for (uri, expected) in [
        ("http://x.example.com/a", &["warning 4"][..]),
        ("HTTP://x.example.com", &["warning 4"]),
        ("\"http://@{parameters('host')}/a\"", &["warning 4"]),
        ("https://x.example.com/?next=http://y.example.com", &[]),
        ("http://localhost:8080/a", &[]),
        ("http://127.0.0.1/a", &[]),
        ("\"@parameters('address')\"", &[]),
    ] {
        let text = format!("- {{ name: A, http: {{ method: GET, uri: {uri} }} }}");
        check("insecure-transport", &[(&text, expected)]);
    }
    check(
        "insecure-transport",
        &[("- { name: A, compose: 'http://www.w3.org/2001/XMLSchema' }", &[])],
    );
}

#[test]
fn answers_that_are_made_up() {
    let flow = |rest: &str| {
        format!(
            "flow: F\ntriggers: [{{ name: T, manual: }}]\nstaticResults: {{ r: {{ status: Succeeded, outputs: {{ statusCode: 200 }} }} }}\nactions:\n- {{ name: A, http: {{ method: GET, uri: 'https://x.example.com' }}{rest} }}\n"
        )
    };
    assert_eq!(places("test-mode-left-on", &flow(", staticResult: r")), ["warning 5"]);
    assert_eq!(places("test-mode-left-on", &flow("")), Vec::<String>::new());
}

#[test]
fn loops_that_only_collect() {
    let list = "- { name: V, initialize: { name: v, type: array } }\n- { name: W, initialize: { name: w, type: string } }\n";
    let append =
        |name: &str| format!("{{ name: P{name}, append: {{ name: {name}, value: \"@item()\" }} }}");
    let each = |inner: &str| {
        format!("{list}- {{ name: L, foreach: \"@triggerBody()\", actions: [{inner}] }}")
    };
    for (text, expected) in [
        (each(&append("v")), &["info 6"][..]),
        (each(&format!("{{ name: C, compose: 1 }}, {}", append("v"))), &["info 6"]),
        // A text is made by `join`, not by `select`.
        (each(&append("w")), &[]),
        (each(&format!("{GET}, {}", append("v"))), &[]),
        (each(&format!("{}, {}", append("v"), append("w"))), &[]),
        (each(&format!("{{ name: I, if: \"@empty(item())\", then: [{}] }}", append("v"))), &[]),
    ] {
        check("loop-append", &[(&text, expected)]);
    }
}

#[test]
fn names_and_descriptions_say_something() {
    for (name, expected) in [
        ("Compose", &["info 4"][..]),
        ("Compose_2", &["info 4"]),
        ("Apply to each 3", &["info 4"]),
        ("Condition-copy", &[]),
        ("Compose the mail", &[]),
        ("HTTP", &["info 4"]),
        ("Httpbin", &[]),
        ("Scope 1a", &[]),
    ] {
        check("default-name", &[(&format!("- {{ name: {name}, compose: 1 }}"), expected)]);
    }
    let flow = |flow: &str, trigger: &str, scope: &str| {
        format!(
            "flow: F\n{flow}triggers: [{{ name: T, manual: {trigger} }}]\nactions: [{{ name: S, scope: [{{ name: A, compose: 1 }}]{scope} }}]\n"
        )
    };
    let slug = "missing-description";
    assert_eq!(places(slug, &flow("", "", "")), ["info 1", "info 2", "info 3"]);
    let said = ", description: what it does";
    assert_eq!(places(slug, &flow("description: \" \"\n", said, said)), ["info 1"]);
    assert_eq!(places(slug, &flow("description: x\n", said, said)), Vec::<String>::new());
}

#[test]
fn fields_and_roots_that_there_are() {
    let trigger = "request: { schema: { type: object, properties: { id: { type: string } }, additionalProperties: false } }";
    for (value, expected) in [
        ("$.trigers.body", &["error 4"][..]),
        ("$.body.id", &["error 4"]),
        ("\"{{actoins.x}}\"", &["error 4"]),
        ("$.trigger.body.id", &[]),
        ("$.run.id", &[]),
        ("\"@triggerBody()?['ID']\"", &[]),
        ("$$.nothing", &[]),
    ] {
        let text = format!("- {{ name: A, compose: {value} }}");
        check_behind("unknown-field", trigger, &[(&text, expected)]);
    }
}

#[test]
fn records_are_written_where_they_differ() {
    let crm = "connector: crm\nversion: 1.0.0\nhttp: { baseUrl: 'https://crm.example.com' }\noperations:\n  Get: { effect: read, request: 'GET /rows/{id}', params: { id: { type: string, required: true } }, returns: { type: object } }\n  Update: { effect: update, request: 'PATCH /rows/{id}', params: { id: { type: string, required: true } }, bodyParam: item, body: { type: object } }\n  Add: { effect: create, request: POST /rows, bodyParam: item, body: { type: object } }\n";
    let said = |actions: &str| {
        let flow = format!(
            "flow: F\nconnections: {{ c: crm }}\ntriggers: [{{ name: T, manual: }}]\nactions:\n{actions}\n"
        );
        let slug = "update-without-change-check";
        let settings = Settings::default().and(find(slug).unwrap());
        let found = lint_with(&[("connector.yaml", crm), ("flow.yaml", &flow)], &settings);
        found.iter().filter(|it| it.contains(slug)).count()
    };
    let update =
        "{ name: U, call: c.Update, with: { id: x, item: { a: \"@triggerBody()?['a']\" } } }";
    let get = "- { name: G, call: c.Get, with: { id: x } }\n";
    assert_eq!(said(&format!("- {update}")), 1);
    assert_eq!(
        said(&format!("- {{ name: I, if: \"@equals(rand(1, 3), 1)\", then: [{update}] }}")),
        1
    );
    let compared =
        format!("{get}- {{ name: C, compare: \"@triggerBody()\", with: \"@body('G')\" }}\n");
    assert_eq!(
        said(&format!(
            "{compared}- {{ name: I, if: \"@body('C')['changed']\", then: [{update}] }}"
        )),
        0
    );
    let differs = "\"@not(equals(triggerBody()?['a'], body('G')?['a']))\"";
    assert_eq!(said(&format!("{get}- {{ name: I, if: {differs}, then: [{update}] }}")), 0);
    assert_eq!(said("- { name: N, call: c.Add, with: { item: { a: 1 } } }"), 0);
}

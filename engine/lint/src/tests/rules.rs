//! What rules of the flow file find and what they leave alone, beside the examples of their pages.

use super::around;
use crate::{
    FlowFile, Project, Settings, check_with,
    rules::{TABLE, find},
};

/// The places where a rule finds something, as `severity line`, in a flow of these actions.
pub(super) fn places(slug: &str, text: &str) -> Vec<String> {
    let package = flow::package::read(&base::Source::new("flow.yaml", text), &[]);
    let flows = [FlowFile { name: "test", package: &package }];
    let catalog = connector::Catalog::default();
    let project = Project { flows: &flows, catalog: &catalog, environment: None };
    let settings = Settings::default().and(find(slug).unwrap());
    let mut places = Vec::new();
    for file in check_with(&project, &settings) {
        for it in file.found.iter().filter(|it| it.code.slug == slug) {
            let place = file.source.location(it.span.start);
            places.push(format!("{} {}", it.severity.name(), place.line));
        }
    }
    places
}

/// Actions begin in line 4; lines are indented by two blanks.
fn check(slug: &str, actions: &str, expected: &[&str]) {
    assert_eq!(places(slug, &around(actions)), expected, "{slug}:\n{actions}");
}

#[test]
fn conditions_that_are_known() {
    let slug = "constant-condition";
    let branch = "then: [{ name: A, compose: 1 }]";
    let test = |condition: &str, expected: &[&str]| {
        check(slug, &format!("- {{ name: I, if: {condition}, {branch} }}"), expected);
    };
    test("\"@true\"", &["warning 4"]);
    test("true", &["warning 4"]);
    test("\"@and(equals(1, 1), not(false))\"", &["warning 4"]);
    test("{ or: [\"@true\", \"@empty(guid())\"] }", &["warning 4"]);
    test("{ and: [\"@equals(1, 1)\", \"@empty(guid())\"] }", &["warning 4"]);
    test("{ equals: [\"@utcNow()\", \"@utcNow()\"] }", &[]);
    test("{ equals: [\"@workflow()\", \"@workflow()\"] }", &["warning 4"]);
    test("\"@equals(utcNow(), 'x')\"", &[]);
    test("$.run.id", &[]);
    test("\"@concat('a')\"", &[]);
}

#[test]
fn loops_that_change_nothing() {
    let slug = "unbounded-loop";
    let test = |until: &str, rest: &str, inner: &str, expected: &[&str]| {
        let v = "- { name: V, initialize: { name: x, type: integer, value: 0 } }\n- { name: O, compose: 1 }";
        let text = format!("{v}\n- {{ name: U, until: \"{until}\", {rest}actions: [{inner}] }}");
        check(slug, &text, expected);
    };
    let wait = "{ name: W, wait: PT1S }";
    test("@equals(1, 2)", "", wait, &["error 6"]);
    test("@equals(1, 2)", "onLimit: continue, ", wait, &["warning 6"]);
    test("@equals(outputs('O'), 2)", "", wait, &["error 6"]);
    test("@equals(variables('x'), 2)", "", wait, &["error 6"]);
    test("@equals(variables('x'), 2)", "", "{ name: S, increment: { name: X } }", &[]);
    test("@equals(outputs('C'), 2)", "", "{ name: C, compose: 1 }", &[]);
    test("@equals(iterationIndexes('U'), 2)", "", wait, &[]);
    test("@less('2026', utcNow())", "", wait, &[]);
    test("@equals(outputs(concat('O')), 2)", "", wait, &[]);
    test("@equals(result('U'), 2)", "", wait, &[]);
    // Another branch changes it.
    check(
        slug,
        "- { name: V, initialize: { name: x, type: integer, value: 0 } }\n- parallel:\n    - [{ name: S, set: { name: x, value: 1 } }]\n    \
         - [{ name: U, until: \"@equals(variables('x'), 1)\", actions: [{ name: W, wait: PT1S }] }]",
        &[],
    );
}

#[test]
fn writes_at_the_same_time() {
    let slug = "parallel-variable-write";
    let start = "- { name: V, initialize: { name: x, type: string } }\n";
    let test = |rest: &str, expected: &[&str]| check(slug, &format!("{start}{rest}"), expected);
    let set =
        |name: &str, value: &str| format!("{{ name: {name}, set: {{ name: x, value: {value} }} }}");
    let (a, b) = (set("A", "\"@guid()\""), set("B", "\"@guid()\""));
    test(&format!("- parallel:\n    - [{a}]\n    - [{b}]"), &["error 7"]);
    let same = [set("A", "yes"), set("B", "yes")];
    test(&format!("- parallel:\n    - [{}]\n    - [{}]", same[0], same[1]), &[]);
    // One or the other, by how another action ended.
    test(
        "- { name: O, compose: 1 }\n- { name: A, set: { name: x, value: \"@guid()\" }, runAfter: { O: [Succeeded] } }\n\
                  - { name: B, set: { name: x, value: \"@guid()\" }, runAfter: { O: [Failed] } }",
        &[],
    );
    test(&format!("- {{ name: I, if: \"@empty(guid())\", then: [{a}], else: [{b}] }}"), &[]);
    let each = |n: usize, actions: &str| {
        format!(
            "- {{ name: L, foreach: \"@createArray(1, 2)\", concurrency: {n}, actions: [{actions}] }}"
        )
    };
    let read = "{ name: R, compose: \"@variables('x')\" }";
    test(&each(5, &format!("{a}, {read}")), &["error 5"]);
    test(&each(1, &format!("{a}, {read}")), &[]);
    test(&each(5, &a), &["warning 5"]);
    test(&each(5, &format!("{}, {read}", same[0])), &[]);
    test(&each(5, "{ name: A, append: { name: x, value: y } }"), &["warning 5"]);
}

#[test]
fn callers_get_one_answer() {
    let slug = "response-contract";
    let test = |trigger: &str, actions: &str, expected: &[&str]| {
        let text = format!("flow: F\ntriggers: [{{ name: T, {trigger} }}]\nactions:\n{actions}\n");
        assert_eq!(places(slug, &text), expected, "{actions}");
    };
    let (a, b) = ("{ name: A, respond: { status: 200 } }", "{ name: B, respond: { status: 500 } }");
    test("request: ", &format!("- {a}\n- {b}"), &["error 5"]);
    test("request: ", &format!("- {a}"), &[]);
    test("recurrence: { frequency: Day, interval: 1 }", &format!("- {a}"), &["error 4"]);
    test("flow: ", &format!("- {a}"), &[]);
    let branches = |then: &str, otherwise: &str| {
        format!("- {{ name: I, if: \"@empty(guid())\", then: [{then}], else: [{otherwise}] }}")
    };
    test("request: ", &branches(a, b), &[]);
    test("request: ", &branches(a, ""), &["warning 4"]);
    test("request: ", &branches(a, "{ name: E, terminate: Failed }"), &[]);
    test("request: ", &format!("{}\n- {b}", branches(a, "")), &[]);
    // After a failure another answer is given.
    test(
        "request: ",
        &format!(
            "- name: S\n  scope: [{{ name: O, compose: 1 }}, {a}]\n- {{ name: B, respond: {{ status: 500 }}, runAfter: {{ S: [Failed] }} }}"
        ),
        &[],
    );
    test("request: ", &format!("- name: S\n  scope: [{a}]\n- {b}"), &["error 6"]);
}

#[test]
fn actions_that_no_run_gets_to() {
    let slug = "unreachable-action";
    let end = "- { name: E, terminate: Failed }\n";
    check(
        slug,
        &format!("{end}- {{ name: A, compose: 1 }}\n- {{ name: B, compose: 1 }}"),
        &["warning 5"],
    );
    check(slug, &format!("{end}- {{ name: A, compose: 1, runAfter: {{ E: [Skipped] }} }}"), &[]);
    check(
        slug,
        "- { name: I, if: true, then: [{ name: A, compose: 1 }], else: [{ name: B, compose: 1 }] }",
        &["warning 4"],
    );
    check(
        slug,
        "- { name: A, compose: 1 }\n- { name: B, compose: 1 }\n\
         - { name: C, compose: 1, runAfter: { A: [Failed], B: [Succeeded] } }",
        &["warning 6"],
    );
}

#[test]
fn secrets_have_a_form() {
    let slug = "hardcoded-secret";
    let test = |headers: &str, expected: &[&str]| {
        let call = "- { name: H, http: { method: GET, uri: \"https://x.example.com\", headers: ";
        check(slug, &format!("{call}{headers} }} }}"), expected);
    };
    test("{ x-api-key: 9fK2mQ8vLr4TzXc7Wb1N }", &["error 4"]);
    test("{ password: Summer2031! }", &["warning 4"]);
    test("{ x-api-key: \"@parameters('k')\" }", &[]);
    test("{ x-api-key: your-key-goes-here-123 }", &[]);
    test("{ x-api-key: \"<key-9fK2mQ8vLr4TzXc7Wb1N>\" }", &[]);
    test("{ accept: 9fK2mQ8vLr4TzXc7Wb1N }", &[]);
    test("{ password: correct horse }", &[]);
    // Put together, so that nobody takes it for one.
    let token = format!("ghp{}9fK2mQ8vLr4TzXc7Wb1NpQ3sUy6Ed0RhJtGa", '_');
    test(&format!("{{ x: {token} }}"), &["error 4"]);
    test(&format!("{{ x: ghp{}{} }}", '_', "x".repeat(36)), &[]);
}

#[test]
fn handlers_that_tell_nobody() {
    let slug = "swallowed-failure";
    let call = "- { name: C, http: { method: POST, uri: \"https://x.example.com\" } }\n";
    let after = |rest: &str| format!("{call}- {{ name: H, {rest}, runAfter: {{ C: [Failed] }} }}");
    check(slug, &after("compose: 1"), &["warning 5"]);
    check(slug, &after("terminate: Failed"), &[]);
    check(slug, &after("http: { method: POST, uri: \"https://y.example.com\" }"), &[]);
    check(slug, &format!("{}\n- {{ name: T, terminate: Failed }}", after("compose: 1")), &[]);
    check(
        slug,
        &format!("{call}- {{ name: H, compose: 1, runAfter: {{ C: [Succeeded, Failed] }} }}"),
        &[],
    );
}

#[test]
fn expressions_that_a_shorter_one_replaces() {
    let slug = "redundant-expression";
    let test = |text: &str, expected: &[&str]| {
        check(slug, &format!("- {{ name: A, compose: \"{text}\" }}"), expected);
    };
    test("@equals(empty(''), true)", &["info 4"]);
    test("@equals(true, empty(''))", &["info 4"]);
    test("@equals(triggerBody(), true)", &[]);
    test("@equals(empty(''), false)", &[]);
    test("@if(triggerBody(), true, false)", &[]);
    test("@not(not(empty('')))", &["info 4"]);
    test("@not(not(triggerBody()))", &[]);
    test("x @{toLower(toLower(guid()))}", &["info 4"]);
    test("@concat('a')", &["info 4"]);
    test("@concat(triggerBody())", &[]);
}

#[test]
fn characters_that_nobody_sees() {
    let slug = "invisible-character";
    let test = |text: &str, expected: &[&str]| {
        check(slug, &format!("- {{ name: A, compose: \"{text}\" }}"), expected);
    };
    test("@concat('a\u{a0}b',\u{a0}'c')", &["warning 4"]);
    test("text\u{a0}with @{guid()\u{a0}} in\u{a0}it", &["warning 4"]);
    test("\u{202e}evil\u{202c}", &["warning 4", "warning 4"]);
    test("👩\u{200d}💻 ok", &[]);
}

#[test]
fn every_rule_can_be_looked_for_alone() {
    for rule in TABLE {
        let change = crate::Change { select: Some(vec![rule]), ..crate::Change::default() };
        assert!(Settings::default().with(&change).has(rule.code.slug));
    }
}

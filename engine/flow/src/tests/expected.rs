//! What tests expect of values: what fits, and where what does not fit differs.

use std::borrow::Cow;

use base::{Sink, Source, Span};
use expr::Context;
use serde_json::{Value, json};

use crate::Expected;

/// What expectations may look at here.
struct Facts(Value);

impl Context for Facts {
    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        (name == "p").then_some(Cow::Borrowed(&self.0))
    }
}

/// An expectation in YAML against a value: each difference as `path: wanted`.
fn check(expected: &str, actual: &Value, differences: &[&str]) {
    let (node, found) = yaml::parse(expected);
    assert!(found.is_empty(), "{expected}: {found:?}");
    let mut sink = Sink::new();
    let read = Expected::read(&node.unwrap(), &mut sink);
    let source = Source::new("expected", expected);
    assert!(sink.found().is_empty(), "{:?}", super::lines(&source, sink.found()));
    let told = read.compare(Some(actual), &Facts(json!("x")));
    let told: Vec<String> = told.iter().map(|it| format!("{}: {}", it.path, it.wanted)).collect();
    assert_eq!(told, differences, "{expected} of {actual}");
}

#[test]
fn values_are_compared_as_far_as_they_are_named() {
    check("1", &json!(1.0), &[]);
    check("1", &json!("1"), &[": 1"]);
    check("a", &json!("A"), &[": \"a\""]);
    check("null", &json!(null), &[]);
    check("{ a: null }", &json!({}), &[]);
    check("{ a: null }", &json!({ "a": 0 }), &["a: null"]);
    check("{ a: 1 }", &json!({ "a": 1, "b": 2 }), &[]);
    check("{ a: { b: 1, c: 2 } }", &json!({ "a": { "b": 2 } }), &["a.b: 1", "a.c: 2"]);
    check("{ a b: 1 }", &json!({}), &["'a b': 1"]);
    check("{ a: {} }", &json!({ "a": [] }), &["a: {}"]);
    check("{}", &json!({ "a": 1 }), &[]);
    check("[1, { a: 2 }]", &json!([1, { "a": 2, "b": 3 }]), &[]);
    check("[1, { a: 2 }]", &json!([2, { "a": 3 }]), &["[0]: 1", "[1].a: 2"]);
    check("[1]", &json!([1, 2]), &[": [1]"]);
    check("[]", &json!([]), &[]);
    check("{ item/name: x }", &json!({ "item": { "name": "x" } }), &[]);
    check("{ item/name: x }", &json!({ "item/name": "x" }), &[]);
    check("{ item/name: x }", &json!({ "item": 1 }), &["item/name: \"x\""]);
}

#[test]
fn two_words_say_more() {
    check("{ exactly: { a: 1 } }", &json!({ "a": 1 }), &[]);
    check("{ exactly: { a: 1 } }", &json!({ "a": 1, "b": 2 }), &[": {\"a\":1}"]);
    check("{ exactly: '@x' }", &json!("@x"), &[]);
    check("{ contains: [{ a: 1 }, 3] }", &json!([3, 2, { "a": 1, "b": 2 }]), &[]);
    check(
        "{ contains: [{ a: 1 }, 3] }",
        &json!([2]),
        &[": a list with {\"a\":1}", ": a list with 3"],
    );
    check("{ contains: [] }", &json!({}), &[": a list with "]);
    // Beside other members they are members.
    check("{ exactly: 1, contains: 2 }", &json!({ "exactly": 1, "contains": 2 }), &[]);
}

#[test]
fn expressions_are_conditions_or_values() {
    check("'@greater(item(), 1)'", &json!(2), &[]);
    check("'@greater(item(), 1)'", &json!(1), &[": @greater(item(), 1)"]);
    check("{ a: \"@empty(item())\" }", &json!({}), &[]);
    check("\"@parameters('p')\"", &json!("x"), &[]);
    check("\"@parameters('p')\"", &json!("y"), &[": @parameters('p'), which is \"x\""]);
    check("\"a@{parameters('p')}\"", &json!("ax"), &[]);
    check("'@@x'", &json!("@x"), &[]);
    // A condition that gives no truth value does not hold.
    check("'@add(item(), 1)'", &json!(1), &[": @add(item(), 1)"]);
    let (node, _) = yaml::parse("'@greater(item(), 1)'");
    let fails = Expected::read(&node.unwrap(), &mut Sink::new());
    let told = fails.compare(Some(&json!({})), &Facts(Value::Null));
    assert!(told[0].wanted.contains("which fails: "), "{told:?}");
}

#[test]
fn what_cannot_be_computed_is_found_when_it_is_read() {
    for (text, message) in [
        ("@body('A')", "an expectation cannot look at the action `A`"),
        ("@variables('v')", "an expectation cannot look at the variable `v`"),
        ("@items('l')", "an expectation cannot look at the loop `l`"),
        ("@nothing()", "there is no function `nothing`"),
    ] {
        assert_eq!(Expected::of_value(&json!({ "a": [text] })).unwrap_err(), message);
    }
    assert!(Expected::of_value(&json!({ "contains": 1 })).unwrap_err().contains("must be a list"));
    assert!(Expected::of_value(&json!({ "a": "@item()" })).is_ok());
    let text = Expected::text(Span::default(), "@not(computed)");
    assert!(text.fits(Some(&json!("@not(computed)")), &Facts(Value::Null)));
}

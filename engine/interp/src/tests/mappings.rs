//! Mapping files: conversions, comparisons, conditions, values; what differs.

use std::collections::BTreeMap;

use base::Source;
use serde_json::{Value, json};

use super::{Play, plan};
use crate::{Plan, view};

/// Applies a mapping of these fields to a source; the target, or the failure's message.
fn applied(fields: &str, source: &Value) -> Value {
    let mut plan = plan("- { name: M, map: m, from: \"@triggerBody()\" }");
    plan.mappings = mappings(fields);
    outcome(&plan, source)
}

/// Compares two objects, with what they last agreed on, exactly or by a mapping of these fields.
fn compared_three(fields: Option<&str>, after: &Value, before: &Value, base: &Value) -> Value {
    let using = if fields.is_some() { ", using: m" } else { "" };
    let flow = format!(
        "- {{ name: C, compare: \"@triggerBody()['after']\", with: \"@triggerBody()['before']\", base: \"@triggerBody()['base']\"{using} }}"
    );
    let mut plan = plan(&flow);
    plan.mappings = fields.map(mappings).unwrap_or_default();
    outcome(&plan, &json!({ "after": after, "before": before, "base": base }))
}

/// Compares two objects by a mapping of these fields.
fn compared(fields: Option<&str>, after: &Value, before: &Value) -> Value {
    let using = if fields.is_some() { ", using: m" } else { "" };
    let flow = format!(
        "- {{ name: C, compare: \"@triggerBody()['after']\", with: \"@triggerBody()['before']\"{using} }}"
    );
    let mut plan = plan(&flow);
    plan.mappings = fields.map(mappings).unwrap_or_default();
    outcome(&plan, &json!({ "after": after, "before": before }))
}

fn mappings(fields: &str) -> BTreeMap<String, flow::Mapping> {
    let text = format!("mapping: m\nfields:\n{fields}\n");
    let (mapping, found) = flow::mapping::read(&Source::new("m.mapping.yaml", &text));
    assert!(found.is_empty(), "{found:?}");
    BTreeMap::from([("m".to_owned(), mapping)])
}

fn outcome(plan: &Plan, body: &Value) -> Value {
    let play = Play::run(plan, &format!("start {body}"));
    let node = view::tree(plan, &play.run).remove(0);
    match node.failure {
        Some(failure) => format!("{}: {}", failure.code, failure.message).into(),
        None => node.outputs.unwrap()["body"].clone(),
    }
}

#[test]
fn conversions() {
    let fails = |what: &str, shown: &str| json!(format!("`{shown}` is not {what}"));
    let cases = [
        ("text", json!(5), json!("5")),
        ("text", json!(true), json!("True")),
        ("text", json!(null), json!(null)),
        ("text", json!({ "a": 1 }), json!("{\"a\":1}")),
        ("integer", json!("42"), json!(42)),
        ("integer", json!(5.0), json!(5)),
        ("integer", json!(5.5), fails("a whole number", "5.5")),
        ("integer", json!("x"), fails("a whole number", "x")),
        ("integer", json!(1e300), fails("a whole number", "1E+300")),
        ("number", json!(" 1.5 "), json!(1.5)),
        ("number", json!("10000"), json!(10000)),
        ("number", json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993_i64)),
        ("number", json!("NaN"), fails("a number", "NaN")),
        ("number", json!(true), fails("a number", "True")),
        ("money", json!("10000"), json!(10000)),
        ("money", json!(1.005), json!(1.01)),
        ("money", json!("-2.345"), json!(-2.35)),
        ("money", json!(0.004), json!(0)),
        ("money", json!("1,5"), fails("an amount of money", "1,5")),
        ("money", json!(1e3), json!(1000)),
        ("date", json!("2026-01-31T23:30:00-05:00"), json!("2026-02-01")),
        ("date", json!("2026-01-31"), json!("2026-01-31")),
        ("date", json!("31.01.2026"), fails("a date", "31.01.2026")),
        ("dateTime", json!("2026-01-31"), json!("2026-01-31T00:00:00.0000000Z")),
        ("dateTime", json!("2026-01-31T12:00:00+02:00"), json!("2026-01-31T10:00:00.0000000Z")),
        ("dateTime", json!(5), fails("an instant", "5")),
        ("boolean", json!("TRUE"), json!(true)),
        ("boolean", json!(false), json!(false)),
        ("boolean", json!(1), fails("true or false", "1")),
        ("list", json!(null), json!([])),
        ("list", json!("a"), json!(["a"])),
        ("list", json!([1, 2]), json!([1, 2])),
    ];
    for (conversion, value, expected) in cases {
        let target =
            applied(&format!("  x: {{ from: $.v, as: {conversion} }}"), &json!({ "v": value }));
        let expected = match expected.as_str().filter(|text| text.contains("is not")) {
            Some(why) => json!(format!("MappingFailed: field `x` of the mapping `m`: {why}")),
            None => json!({ "x": expected }),
        };
        assert_eq!(target.to_string(), expected.to_string(), "{conversion} of {value}");
    }
}

#[test]
fn fields_choose_default_and_leave_out() {
    let fields = "
  plain: $.a.b
  nested/name: $.a.b
  text: 'Deal {{a.b}}'
  expression: \"@concat('x', item()?['a']?['b'])\"
  constant: 5
  stage: { from: $.stage, values: { New: 1, Won: 3 }, otherwise: 9 }
  none: { from: $.missing, values: { New: 1 }, default: unset }
  empty: { from: $.missing }
  sometimes: { from: $.stage, when: { not: { equals: [$.stage, Closed] } } }
  \"@{concat('key', 1)}\": true";
    let source = json!({ "a": { "b": "B" }, "stage": "Closed" });
    assert_eq!(
        applied(fields, &source).to_string(),
        json!({
            "plain": "B", "nested": { "name": "B" }, "text": "Deal B", "expression": "xB",
            "constant": 5, "stage": 9, "none": "unset", "empty": null, "key1": true,
        })
        .to_string()
    );
    let open = json!({ "a": { "b": "B" }, "stage": "New" });
    assert_eq!(applied(fields, &open)["sometimes"], json!("New"));
    assert_eq!(applied(fields, &open)["stage"], json!(1));
}

#[test]
fn fields_that_cannot_be_made_say_which_and_why() {
    let cases = [
        (
            "  x: { from: $.none, required: true }",
            "it is required and the source has no value for it",
        ),
        (
            "  x: { from: $.empty, required: true }",
            "it is required and the source has no value for it",
        ),
        (
            "  x: { from: $.s, values: { a: 1 } }",
            "`New` is none of its `values`, and there is no `otherwise`",
        ),
    ];
    for (fields, why) in cases {
        let target = applied(fields, &json!({ "empty": "", "s": "New" }));
        assert_eq!(target, json!(format!("MappingFailed: field `x` of the mapping `m`: {why}")));
    }
    let failed = applied("  x: \"@int('y')\"", &json!({}));
    assert!(
        failed.as_str().unwrap().starts_with("MappingFailed: field `x` of the mapping `m`: "),
        "{failed}"
    );
}

#[test]
fn comparisons() {
    let (same, other) = (true, false);
    let cases = [
        ("exact", json!(1), json!(1.0), same),
        ("exact", json!("a"), json!("A"), other),
        ("exact", json!(""), json!(null), other),
        ("exact", json!("1"), json!(1), other),
        ("text", json!(" 5 "), json!(5), same),
        ("text", json!(""), json!(null), same),
        ("text", json!("a"), json!("A"), other),
        ("text", json!("a\r\nb"), json!("a\nb "), same),
        ("exact", json!("a\r\nb"), json!("a\nb"), other),
        ("date", json!("2026-01-31T10:00:00Z"), json!("2026-01-31"), same),
        ("date", json!("2026-01-31T23:00:00-05:00"), json!("2026-01-31"), other),
        ("date", json!("soon"), json!("soon"), same),
        ("date", json!("soon"), json!("2026-01-31"), other),
        ("date", json!(null), json!(""), same),
        ("money", json!("10000"), json!(10000.0), same),
        ("money", json!(1.004), json!("1"), same),
        ("money", json!(1.0), json!(1.01), other),
        ("money", json!("a lot"), json!("a lot"), same),
        ("money", json!("a lot"), json!(1), other),
        ("ignoreCase", json!("STRASSE"), json!("strasse"), same),
        ("ignoreCase", json!("a"), json!("b"), other),
        ("ignoreMark", json!("\u{2714}\u{FE0F} Deal"), json!("Deal"), same),
        ("ignoreMark", json!("\u{2716} Deal"), json!("\u{2714} Deal"), same),
        ("ignoreMark", json!("Deal 1"), json!("Deal 2"), other),
        ("set", json!([1, "a"]), json!(["a", 1]), same),
        ("set", json!([1, 1]), json!([1]), other),
        ("set", json!([]), json!(null), same),
        ("set", json!("a"), json!("a"), same),
    ];
    for (comparison, after, before, expected) in cases {
        let fields = format!("  x: {{ from: $.x, compare: {comparison} }}");
        let found = compared(Some(&fields), &json!({ "x": after }), &json!({ "x": before }));
        assert_eq!(found["changed"], json!(!expected), "{comparison}: {after} and {before}");
    }
}

#[test]
fn differences_are_given_in_four_forms() {
    let fields = "
  same: $.same
  value: { from: $.v, compare: money }
  deep/er: $.d
  new: $.n
  left_out: { from: $.l, when: '@false' }";
    let after = json!({ "same": 1, "value": "2", "deep": { "er": true }, "new": "x" });
    let before = json!({ "same": 1, "value": 1, "deep": { "er": false }, "left_out": 5 });
    assert_eq!(
        compared(Some(fields), &after, &before),
        json!({
            "changed": true,
            "changes": { "value": "2", "deep/er": true, "new": "x" },
            "fields": [
                { "field": "value", "before": 1, "after": "2" },
                { "field": "deep/er", "before": false, "after": true },
                { "field": "new", "before": null, "after": "x" },
            ],
            "patch": [
                { "op": "replace", "path": "/value", "value": "2" },
                { "op": "replace", "path": "/deep/er", "value": true },
                { "op": "add", "path": "/new", "value": "x" },
            ],
        })
    );
    let plain =
        compared(None, &json!({ "a/b": 1, "c~d": 2 }), &json!({ "a/b": 0, "c~d": 0, "e": 1 }));
    assert_eq!(plain["patch"][0]["path"], json!("/a~1b"));
    assert_eq!(plain["patch"][1]["path"], json!("/c~0d"));
    let equal = compared(None, &json!({ "a": 1 }), &json!({ "a": 1.0, "b": 2 }));
    assert_eq!(equal, json!({ "changed": false, "changes": {}, "fields": [], "patch": [] }));
}

#[test]
fn a_base_tells_whose_change_it_is() {
    // The new value, the present one, the base; what is written, the new base, whether both changed.
    let cases = [
        (json!(1), json!(1), json!(1), None, json!(1), false),
        // Changed by the new state, by the present one, by both to the same, by both.
        (json!(2), json!(1), json!(1), Some(json!(2)), json!(2), false),
        (json!(1), json!(2), json!(1), None, json!(1), false),
        (json!(2), json!(2), json!(1), None, json!(2), false),
        (json!(3), json!(2), json!(1), Some(json!(3)), json!(3), true),
        // Blanks are values, and what counts as the same stays as it is.
        (json!(null), json!("1"), json!(1), Some(json!(null)), json!(null), false),
        (json!("1.001"), json!(2), json!(1), None, json!(1), false),
        (json!(""), json!(5), json!(null), None, json!(null), false),
        (json!(5), json!(""), json!(null), Some(json!(5)), json!(5), false),
    ];
    for (new, old, base, written, agreed, conflict) in cases {
        let of = |value: &Value| json!({ "x": value });
        let fields = "  x: { from: $.x, compare: money }";
        let found = compared_three(Some(fields), &of(&new), &of(&old), &of(&base));
        let shown = format!("{new} {old} {base}: {found}");
        let changes = written.as_ref().map_or(json!({}), of);
        assert_eq!(found["changes"], changes, "{shown}");
        assert_eq!(found["changed"], json!(written.is_some()), "{shown}");
        assert_eq!(found["base"], of(&agreed), "{shown}");
        let both = json!([{ "field": "x", "base": base, "before": old, "after": new }]);
        assert_eq!(found["conflicts"], if conflict { both } else { json!([]) }, "{shown}");
    }
}

#[test]
fn a_base_may_know_less_or_more_than_is_compared() {
    let (after, before) = (json!({ "a": 2, "b": 1 }), json!({ "a": 1, "b": 2 }));
    for (base, changes, agreed) in [
        (json!(null), json!({ "a": 2, "b": 1 }), json!({ "a": 2, "b": 1 })),
        (json!({}), json!({ "a": 2, "b": 1 }), json!({ "a": 2, "b": 1 })),
        (json!({ "a": 1 }), json!({ "a": 2, "b": 1 }), json!({ "a": 2, "b": 1 })),
        (json!({ "b": 1, "z": 9 }), json!({ "a": 2 }), json!({ "b": 1, "z": 9, "a": 2 })),
    ] {
        let found = compared_three(None, &after, &before, &base);
        assert_eq!((&found["changes"], &found["base"]), (&changes, &agreed), "{base}");
        assert_eq!(found["conflicts"], json!([]), "{base}");
    }
    // What a mapping leaves out keeps its base, and names lead into objects.
    let fields = "
  deep/er: $.d
  left_out: { from: $.l, when: '@false' }";
    let base = json!({ "deep": { "er": 1, "other": 2 }, "left_out": 3 });
    let after = json!({ "deep": { "er": 5 } });
    let found = compared_three(Some(fields), &after, &json!({ "deep": { "er": 1 } }), &base);
    assert_eq!(found["base"], json!({ "deep": { "er": 5, "other": 2 }, "left_out": 3 }));
    let slashed = compared_three(None, &json!({ "a/b": 1 }), &json!({}), &json!({ "a/b": 0 }));
    assert_eq!(slashed["base"], json!({ "a/b": 1 }));
}

#[test]
fn a_comparison_needs_two_objects() {
    let failed =
        "BadRequest: a comparison needs objects; `compare` is of type 'Object', `with` of 'Null'";
    assert_eq!(compared(None, &json!({}), &json!(null)), json!(failed));
    let failed = "BadRequest: a comparison needs objects; `base` is of type 'String'";
    assert_eq!(compared_three(None, &json!({}), &json!({}), &json!("{}")), json!(failed));
}

//! Conditions in the JSON form of Power Automate.

use serde_json::{Value, json};

use super::world::World;
use crate::condition::Condition;
use crate::{Dialect, Tree};

fn check(condition: &Value, expected: Result<bool, &str>) {
    let (tree, errors) = Tree::from_value(condition, Dialect::Wdl);
    assert_eq!(errors, [], "{condition}");
    let actual = Condition::read(tree)
        .and_then(|condition| condition.eval(&World::of_examples()).map_err(|error| error.message));
    assert_eq!(actual, expected.map_err(str::to_owned), "{condition}");
}

#[test]
fn conditions_hold_or_do_not() {
    check(&json!("@equals(1, 1)"), Ok(true));
    check(&json!(true), Ok(true));
    check(&json!({ "equals": ["@variables('count')", 5] }), Ok(true));
    check(&json!({ "and": [] }), Ok(true));
    check(&json!({ "or": [] }), Ok(false));
    check(&json!({ "and": [{ "greater": [2, 1] }, { "less": [2, 1] }] }), Ok(false));
    check(
        &json!({ "or": [{ "not": { "equals": [1, 1] } }, { "contains": ["abc", "b"] }] }),
        Ok(true),
    );
    check(&json!({ "or": [{ "equals": [1, 1] }, { "less": [1, "a"] }] }), Ok(true));
    check(&json!({ "not": [{ "equals": [1, 2] }] }), Ok(true));
    check(&json!({ "startsWith": ["Hello", "he"] }), Ok(true));
    check(&json!({ "endsWith": ["Hello", "x"] }), Ok(false));
    check(&json!({ "lessOrEquals": [1, 1.0] }), Ok(true));
    check(&json!({ "greaterOrEquals": ["b", "A"] }), Ok(true));
}

#[test]
fn broken_conditions_say_why() {
    check(&json!({ "equals": [1] }), Err("`equals` compares two operands, not 1"));
    check(&json!({ "same": [1, 2] }), Err("`same` is not an operator of conditions"));
    check(
        &json!({ "equals": [1, 1], "less": [1, 2] }),
        Err("a condition has one operator, this has 2"),
    );
    check(&json!({}), Err("a condition has one operator, this has 0"));
    check(&json!({ "and": {} }), Err("`and` takes a list of operands"));
    check(&json!(5), Err("a condition is an expression or an object, not a Integer"));
    check(
        &json!("@add(1, 1)"),
        Err(
            "The result of the condition is of type 'Integer' but is expected to be a value of type 'Boolean'.",
        ),
    );
}

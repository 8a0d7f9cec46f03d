//! Runs the examples that every function shows, and checks the table they stand in.

use serde_json::Value;

use super::world::World;
use crate::functions::{Eval, TABLE, find};
use crate::{Template, equals};

#[test]
fn every_example_holds() {
    let world = World::of_examples();
    for function in TABLE {
        assert!(2 <= function.examples.len(), "`{}` shows fewer than two", function.name);
        for (expression, expected) in function.examples {
            let (template, errors) = Template::parse_expression(expression);
            assert!(errors.is_empty(), "{expression}: {errors:?}");
            let expected: Value = serde_json::from_str(expected).unwrap();
            let actual = template.eval(&world);
            let holds = actual.as_ref().is_ok_and(|actual| equals(actual, &expected));
            assert!(holds, "{expression} = {actual:?}, not {expected}");
        }
    }
}

#[test]
fn table_is_sorted_and_complete() {
    assert!(TABLE.is_sorted_by_key(|function| function.name.to_lowercase()));
    for function in TABLE {
        assert_eq!(find(&function.name.to_uppercase()).map(|it| it.name), Some(function.name));
        assert!(function.summary.ends_with('.'), "`{}` needs a sentence", function.name);
        assert!(!function.family.is_empty());
        let lazy = matches!(function.eval, Eval::Lazy(_));
        let expected = matches!(function.name, "and" | "or" | "if" | "coalesce");
        assert_eq!(lazy, expected, "`{}`", function.name);
    }
}

//! The cloud's words for what goes wrong, in full.

use serde_json::json;

use super::world::World;
use crate::Template;

fn check(rows: &[(&str, &str)]) {
    let world = World::new(json!({
        "variables": { "o": { "a": 1, "b": 2 }, "l": [1, 2, 3], "t": "text", "n": null },
    }));
    for (expression, expected) in rows {
        let (template, errors) = Template::parse_expression(expression);
        assert!(errors.is_empty(), "{expression}: {errors:?}");
        let error = template.eval(&world).unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("InvalidTemplate", *expected));
    }
}

#[test]
fn arguments() {
    check(&[
        (
            "length(null)",
            "The template language function 'length' expects its parameter to be an array or a \
             string. The provided value is of type 'Null'. Please see \
             https://aka.ms/logicexpressions#length for usage details.",
        ),
        (
            "if('a', 1, 2)",
            "The template language function 'if' expects its first parameter to be of type \
             boolean. The provided value is of type 'String'. Please see \
             https://aka.ms/logicexpressions#if for usage details.",
        ),
        (
            "int('x')",
            "The template language function 'int' was invoked with a parameter that is not valid. \
             The value cannot be converted to the target type. Please see \
             https://aka.ms/logicexpressions#int for usage details.",
        ),
        (
            "formatDateTime('garbage')",
            "In function 'formatDateTime', the value provided for date time string 'garbage' was \
             not valid. The datetime string must match ISO 8601 format.",
        ),
        ("div(1, 0)", "Attempt to divide an integral or decimal value by zero in function 'div'."),
        ("nope()", "The template function 'nope' is not defined or not valid."),
        (
            "greater(1, 'a')",
            "The template language function 'greater' expects two parameter of matching types. The \
             function was invoked with values of type 'Integer' and 'String' that do not match. \
             Please see https://aka.ms/logicexpressions#greater for usage details.",
        ),
    ]);
}

#[test]
fn selection() {
    check(&[
        (
            "variables('o')['c']",
            "The template language expression 'variables('o')['c']' cannot be evaluated because \
             property 'c' doesn't exist, available properties are 'a, b'. Please see \
             https://aka.ms/logicexpressions for usage details.",
        ),
        (
            "variables('l')['c']",
            "The template language expression 'variables('l')['c']' cannot be evaluated because \
             property 'c' cannot be selected. Array elements can only be selected using an integer \
             index. Please see https://aka.ms/logicexpressions for usage details.",
        ),
        (
            "variables('t')['c']",
            "The template language expression 'variables('t')['c']' cannot be evaluated because \
             property 'c' cannot be selected. Property selection is not supported on values of \
             type 'String'. Please see https://aka.ms/logicexpressions for usage details.",
        ),
        (
            "variables('l')[3]",
            "The template language expression 'variables('l')[3]' cannot be evaluated because array \
             index '3' is outside bounds (0, 2) of array. Please see \
             https://aka.ms/logicexpressions for usage details.",
        ),
    ]);
}

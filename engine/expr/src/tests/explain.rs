//! Explanations: which parts are shown, with which values, and that the whole is what evaluation gives.

use std::fmt::Write as _;

use serde_json::Value;

use super::world::World;
use crate::functions::TABLE;
use crate::{Dialect, Explained, Operand, Outcome, Template, exact, explain};

/// The parts as indented lines.
fn lines(part: &Explained, depth: usize, out: &mut String) {
    let outcome = match &part.outcome {
        Outcome::Value(Operand::Decimal(digits)) => format!("decimal {digits}"),
        Outcome::Value(value @ Operand::Exact(_)) => format!("exact {}", value.to_text()),
        Outcome::Value(value) => value.clone().into_value().to_string(),
        Outcome::Error(error) => format!("error at {:?}", error.range.clone().unwrap_or_default()),
        Outcome::Unevaluated => "-".to_owned(),
    };
    writeln!(out, "{}{} = {outcome}", "  ".repeat(depth), part.source).unwrap();
    for child in &part.children {
        lines(child, depth + 1, out);
    }
}

fn check(text: &str, expected: &[&str]) {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert_eq!(errors, [], "{text}");
    let mut actual = String::new();
    lines(&explain(&template, &World::of_examples()), 0, &mut actual);
    assert_eq!(actual.lines().collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn parts_have_values() {
    check("plain", &["plain = \"plain\""]);
    check(
        "@add(variables('count'), mul(2, 3))",
        &["add(variables('count'), mul(2, 3)) = 11", "  variables('count') = 5", "  mul(2, 3) = 6"],
    );
    check(
        "@body('Get_item')?[concat('ti', 'tle')]",
        &[
            "body('Get_item')?[concat('ti', 'tle')] = \"A title\"",
            "  body('Get_item') = {\"id\":7,\"title\":\"A title\"}",
            "  concat('ti', 'tle') = \"title\"",
        ],
    );
    check(
        "n=@{ item()?['n'] }",
        &["n=@{ item()?['n'] } = \"n=1\"", "  item()?['n'] = 1", "    item() = {\"n\":1}"],
    );
    check("@echo(int('1'))", &["echo(int('1')) = [1]", "  int('1') = 1"]);
}

#[test]
fn lazy_functions_show_what_they_left_out() {
    check(
        "@if(equals(1, 1), toUpper('a'), div(1, 0))",
        &[
            "if(equals(1, 1), toUpper('a'), div(1, 0)) = \"A\"",
            "  equals(1, 1) = true",
            "  toUpper('a') = \"A\"",
            "  div(1, 0) = -",
        ],
    );
    check(
        "@and(not(true), or(not(true), not(false)))",
        &[
            "and(not(true), or(not(true), not(false))) = false",
            "  not(true) = false",
            "  or(not(true), not(false)) = -",
        ],
    );
    check(
        "@string(coalesce(item()?['x'], decimal('1.20'), guid()))",
        &[
            "string(coalesce(item()?['x'], decimal('1.20'), guid())) = \"1.20\"",
            "  coalesce(item()?['x'], decimal('1.20'), guid()) = decimal 1.20",
            "    item()?['x'] = null",
            "      item() = {\"n\":1}",
            "    decimal('1.20') = decimal 1.20",
            "    guid() = -",
        ],
    );
}

#[test]
fn decimals_keep_their_digits() {
    check(
        "@if(true, createArray(decimal('1.20')), null)",
        &[
            "if(true, createArray(decimal('1.20')), null) = exact [1.20]",
            "  createArray(decimal('1.20')) = exact [1.20]",
            "    decimal('1.20') = decimal 1.20",
        ],
    );
}

#[test]
fn errors_have_their_place() {
    check(
        "@concat(int('1'), if(true, int('x'), 1), item())",
        &[
            "concat(int('1'), if(true, int('x'), 1), item()) = error at 27..35",
            "  int('1') = 1",
            "  if(true, int('x'), 1) = error at 27..35",
            "    int('x') = error at 27..35",
            "  item() = -",
        ],
    );
    check("@if('x', item(), 2)", &["if('x', item(), 2) = error at 1..19", "  item() = -"]);
}

#[test]
fn paths_show_their_steps() {
    check(
        "$.actions.Get_item.body.nothing.deep",
        &[
            "$.actions.Get_item.body.nothing.deep = null",
            "  $.actions.Get_item.body = {\"id\":7,\"title\":\"A title\"}",
            "  $.actions.Get_item.body.nothing = null",
        ],
    );
    check(
        "{{#if variables.count}}{{concat (string trigger.body.k) 'x'}}{{else}}{{nothing}}{{/if}}",
        &[
            "{{#if variables.count}}{{concat (string trigger.body.k) 'x'}}{{else}}{{nothing}}{{/if}} = \"1x\"",
            "  variables.count = 5",
            "  concat (string trigger.body.k) \"x\" = \"1x\"",
            "    string trigger.body.k = \"1\"",
            "      trigger.body.k = 1",
            "        trigger.body = {\"k\":1}",
        ],
    );
}

/// Every example of every function is explained by the value that it has.
#[test]
fn the_whole_is_what_evaluation_gives() {
    for (text, _) in TABLE.iter().flat_map(|function| function.examples) {
        let (template, _) = Template::parse_expression(text);
        let expected = template.eval(&World::of_examples());
        let explained = explain(&template, &World::of_examples()).outcome;
        let explained = match explained {
            Outcome::Value(value) => Ok(value.into_value()),
            Outcome::Error(error) => Err(error),
            Outcome::Unevaluated => Ok(Value::from("unevaluated")),
        };
        assert_eq!(explained, expected, "{text}");
        let exact = exact(&template, &World::of_examples()).map(Operand::into_value);
        assert_eq!(exact, expected, "{text}");
    }
}

//! An expression that cannot be read. The reader finds it; here it is said what other languages'
//! operators are called in this one.

use base::{Diagnostic, code};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::EXPRESSION_SYNTAX,
    phase: Phase::File,
    summary: "An expression, a JSONPath or a template that cannot be read.",
    hooks: Hooks { found: Some(explain), ..Hooks::NONE },
};

/// Operators of other languages; longer ones first.
const OPERATORS: &[(&str, &str)] = &[
    ("===", "there are no operators: use `equals(a, b)`"),
    ("!==", "there are no operators: use `not(equals(a, b))`"),
    ("??", "there are no operators: use `coalesce(a, b)`"),
    ("=>", "there are no lambdas: use a `select` or `filter` action"),
    ("==", "there are no operators: use `equals(a, b)`"),
    ("!=", "there are no operators: use `not(equals(a, b))`"),
    ("&&", "there are no operators: use `and(a, b)`"),
    ("||", "there are no operators: use `or(a, b)`"),
    ("<=", "there are no operators: use `lessOrEquals(a, b)`"),
    (">=", "there are no operators: use `greaterOrEquals(a, b)`"),
    ("<", "there are no operators: use `less(a, b)`"),
    (">", "there are no operators: use `greater(a, b)`"),
    ("&", "there are no operators: use `concat(a, b)` or `and(a, b)`"),
    ("*", "there are no operators: use `mul(a, b)`"),
    ("/", "there are no operators: use `div(a, b)`"),
    ("%", "there are no operators: use `mod(a, b)`"),
    ("!", "there are no operators: use `not(a)`"),
    ("\"", "texts are written in single quotes"),
    ("`", "texts are written in single quotes"),
];

/// Operators that are also signs of numbers or parts of names: only when they stand alone.
const SIGNS: &[(&str, &str)] = &[
    ("+", "there are no operators: use `add(a, b)` or `concat(a, b)`"),
    ("-", "there are no operators: use `sub(a, b)`"),
    ("=", "there are no operators: use `equals(a, b)`"),
    ("and", "there are no operators: use `and(a, b)`"),
    ("or", "there are no operators: use `or(a, b)`"),
    ("?", "there are no operators: use `if(condition, a, b)`"),
    ("eq", "there are no operators: use `equals(a, b)`"),
];

fn explain(view: &View<'_>, found: &mut Diagnostic) {
    let text = view.source.text();
    let at = text.get(found.span.start..found.span.end).unwrap_or("");
    let mut known = SIGNS.iter().filter(|(sign, _)| *sign == at.trim());
    let mut inside = OPERATORS.iter().filter(|(operator, _)| at.contains(operator));
    if at.len() <= WORD_BYTES_MAX
        && let Some((_, hint)) = known.next().or_else(|| inside.next())
    {
        found.hint = Some((*hint).to_owned());
    }
}

/// Longer places are whole strings, in which an operator may be text.
const WORD_BYTES_MAX: usize = 40;

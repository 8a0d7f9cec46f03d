//! Calls that a shorter expression replaces without any difference.

use std::ops::Range;

use serde_json::Value;

use crate::ast::{Call, Expr, Node};
use crate::functions;
use crate::template::{Body, Notation, Template};
use crate::types::Type;
use crate::uses::{visit, visit_parts};

/// A call and what says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// Bytes of the string.
    pub range: Range<usize>,
    /// The call as written.
    pub written: String,
    /// What gives the same in every case.
    pub shorter: String,
}

/// The calls of a string that a shorter expression replaces: the outermost of those inside each other.
pub fn redundant(template: &Template) -> Vec<Redundant> {
    let mut found: Vec<Redundant> = Vec::new();
    // Handlebars writes calls in another way.
    if template.is_broken() || template.notation() == Notation::Handlebars {
        return found;
    }
    let source = template.source();
    let mut see = |expr: &Expr| {
        let inside =
            |it: &Redundant| it.range.start <= expr.range.start && expr.range.end <= it.range.end;
        if !found.iter().any(inside)
            && let Some(shorter) = shorter(expr, source)
        {
            let written = source.get(expr.range.clone()).unwrap_or("").to_owned();
            found.push(Redundant { range: expr.range.clone(), written, shorter });
        }
    };
    match template.body() {
        Body::Literal(_) => {}
        Body::Value(expr) => visit(expr, &mut see),
        Body::Text(parts) => visit_parts(parts, &mut see),
    }
    found
}

fn shorter(expr: &Expr, source: &str) -> Option<String> {
    let Node::Call(call) = &expr.node else { return None };
    let text = |it: &Expr| source.get(it.range.clone()).map(str::to_owned);
    let is = |it: &Expr, truth: bool| matches!(it.node, Node::Literal(Value::Bool(known)) if known == truth);
    match (call.canonical_name(), call.arguments()) {
        ("equals", [a, b]) if is(b, true) && gives(a, &Type::Boolean) => text(a),
        ("equals", [a, b]) if is(a, true) && gives(b, &Type::Boolean) => text(b),
        ("if", [c, yes, no]) if is(yes, true) && is(no, false) && gives(c, &Type::Boolean) => {
            text(c)
        }
        ("not", [only]) => {
            let inner = named(only, "not")?.arguments().first()?;
            gives(inner, &Type::Boolean).then(|| text(inner))?
        }
        ("string" | "concat" | "toLower" | "toUpper" | "trim", [only])
            if is_twice(call, only) || is_text(call, only) =>
        {
            text(only)
        }
        _ => None,
    }
}

/// Whether the same is done to what it has been done to.
fn is_twice(call: &Call, only: &Expr) -> bool {
    named(only, call.canonical_name()).is_some_and(|it| it.arguments().len() == 1)
}

/// Whether a text is made a text.
fn is_text(call: &Call, only: &Expr) -> bool {
    ["string", "concat"].contains(&call.canonical_name()) && gives(only, &Type::String)
}

fn named<'a>(expr: &'a Expr, name: &str) -> Option<&'a Call> {
    match &expr.node {
        Node::Call(call) if call.canonical_name() == name => Some(call),
        _ => None,
    }
}

/// Whether an expression gives a value of that type whenever it gives any.
fn gives(expr: &Expr, ty: &Type) -> bool {
    match &expr.node {
        Node::Literal(value) => Type::of_value(value).fits(ty),
        Node::Call(call) => {
            let function = functions::find(call.name());
            // What is given depends on what comes in.
            let is_fixed =
                !["if", "coalesce", "json", "max", "min"].contains(&call.canonical_name());
            is_fixed && function.is_some_and(|it| it.returns == *ty)
        }
        Node::Access { .. } | Node::Path(_) | Node::Query(_) => false,
    }
}

//! Decides which notation a string is written in, and cuts texts at their holes.

use std::ops::Range;

use serde_json::Value;

use crate::ast::Part;
use crate::error::SyntaxError;
use crate::template::{Body, Dialect, Notation};
use crate::{handlebars, jsonpath, parser};

type Reading = (Notation, Body, Vec<SyntaxError>);

/// Reads a string of a document.
pub(crate) fn read(text: &str, dialect: Dialect) -> Reading {
    if let Some(rest) = text.strip_prefix("@@") {
        return literal(format!("@{rest}"));
    }
    if let Some(expression) = text.strip_prefix('@').filter(|rest| !rest.starts_with('{')) {
        if expression.is_empty() {
            return literal(text);
        }
        let (expr, errors) = parser::parse(expression, 1);
        return (Notation::Expression, Body::Value(expr), errors);
    }
    if dialect == Dialect::Wdl {
        return interpolation(text);
    }
    if text.starts_with("$.") || text.starts_with("$[") {
        let (expr, errors) = jsonpath::parse(text);
        return (Notation::JsonPath, Body::Value(expr), errors);
    }
    if text.starts_with("$$.") || text.starts_with("$$[") {
        return literal(text.get(1..).unwrap_or(text));
    }
    let holes = holes(text).0;
    let outside = |at| !holes.iter().any(|hole| hole.contains(&at));
    if !text.match_indices("{{").any(|(at, _)| outside(at)) {
        return interpolation(text);
    }
    if let Some(hole) = holes.first() {
        let message = "a text is written with `@{…}` or with `{{…}}`, not with both";
        let error = SyntaxError::new(hole.clone(), message);
        return (Notation::Handlebars, Body::Text(Vec::new()), vec![error]);
    }
    let (parts, errors) = handlebars::parse(text);
    match (parts.as_slice(), errors.is_empty()) {
        ([Part::Text(only)], true) => literal(only.as_str()),
        _ => (Notation::Handlebars, Body::Text(parts), errors),
    }
}

fn literal(text: impl Into<String>) -> Reading {
    (Notation::Literal, Body::Literal(Value::String(text.into())), Vec::new())
}

/// Reads a text with `@{…}` holes; without holes it means itself.
fn interpolation(text: &str) -> Reading {
    let (holes, mut errors) = holes(text);
    if holes.is_empty() && errors.is_empty() {
        return literal(text.replace("@@{", "@{"));
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for hole in holes {
        let before = text.get(from..hole.start).unwrap_or("").replace("@@{", "@{");
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let inside = text.get(hole.start + 2..hole.end - 1).unwrap_or("");
        let (expr, faults) = parser::parse(inside, hole.start + 2);
        errors.extend(faults);
        parts.push(Part::Value(expr));
        from = hole.end;
    }
    let after = text.get(from..).unwrap_or("").replace("@@{", "@{");
    if !after.is_empty() {
        parts.push(Part::Text(after));
    }
    (Notation::Interpolation, Body::Text(parts), errors)
}

/// The ranges of all `@{…}`: each ends at the first `}` outside quotes.
fn holes(text: &str) -> (Vec<Range<usize>>, Vec<SyntaxError>) {
    let bytes = text.as_bytes();
    let mut holes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at..at + 3) == Some(b"@@{");
        if escaped || bytes.get(at..at + 2) != Some(b"@{") {
            at += if escaped { 3 } else { 1 };
            continue;
        }
        let Some(end) = hole_end(bytes, at + 2) else {
            let error = SyntaxError::new(at..at + 2, "this has no closing `}`");
            return (holes, vec![error.hint("`@@{` means the text `@{` itself")]);
        };
        holes.push(at..end);
        at = end;
    }
    (holes, Vec::new())
}

fn hole_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

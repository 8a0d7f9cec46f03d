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
    let scan = Scan::of(text);
    if dialect == Dialect::Wdl {
        return interpolation(text, dialect, scan);
    }
    if text.starts_with("$.") || text.starts_with("$[") {
        let (expr, errors) = jsonpath::parse(text);
        return (Notation::JsonPath, Body::Value(expr), errors);
    }
    if !scan.has_template() {
        return interpolation(text, dialect, scan);
    }
    if let Some(hole) = scan.first_hole() {
        let message = "a text is written with `@{…}` or with `{{…}}`, not with both";
        let error = SyntaxError::new(hole, message);
        return (Notation::Handlebars, Body::Text(Vec::new()), vec![error]);
    }
    let (mut parts, errors) = handlebars::parse(text);
    if let Some(Part::Text(first)) = parts.first_mut().filter(|_| has_spare_dollar(text)) {
        first.remove(0);
    }
    match (parts.as_slice(), errors.is_empty()) {
        ([Part::Text(only)], true) => literal(only.as_str()),
        _ => (Notation::Handlebars, Body::Text(parts), errors),
    }
}

fn literal(text: impl Into<String>) -> Reading {
    (Notation::Literal, Body::Literal(Value::String(text.into())), Vec::new())
}

/// `$$.` and `$$[`: a text that begins with one `$` less.
fn has_spare_dollar(text: &str) -> bool {
    let rest = text.trim_start_matches('$');
    text.starts_with("$$") && rest.starts_with(['.', '['])
}

/// Reads a text with `@{…}` holes; without holes it means itself.
fn interpolation(text: &str, dialect: Dialect, scan: Scan) -> Reading {
    let Scan { tokens, mut errors } = scan;
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut from = usize::from(dialect == Dialect::Flowright && has_spare_dollar(text));
    for token in tokens {
        let at = token.range();
        plain.push_str(text.get(from..at.start).unwrap_or(""));
        from = at.end;
        match token {
            Token::EscapedHole(_) => plain.push_str("@{"),
            Token::Braces { slashes, .. } => {
                let kept = if dialect == Dialect::Wdl { slashes } else { slashes / 2 };
                plain.push_str(&"\\".repeat(kept));
                plain.push_str("{{");
            }
            Token::Hole(hole) => {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                let inside = text.get(hole.start + 2..hole.end - 1).unwrap_or("");
                let (expr, faults) = parser::parse(inside, hole.start + 2);
                errors.extend(faults);
                parts.push(Part::Value(expr));
            }
        }
    }
    plain.push_str(text.get(from..).unwrap_or(""));
    if parts.is_empty() && errors.is_empty() {
        return literal(plain);
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    (Notation::Interpolation, Body::Text(parts), errors)
}

/// A string of a document in the cloud's notation as a document of ours has to write it.
pub(crate) fn from_wdl(text: &str) -> String {
    let is_whole = text.strip_prefix('@').is_some_and(|rest| !rest.starts_with('{'));
    if is_whole {
        return text.to_owned();
    }
    let begins_query = text.trim_start_matches('$').starts_with(['.', '[']);
    let dollar = if text.starts_with('$') && begins_query { "$" } else { "" };
    dollar.to_owned() + &with_slashes(text, 0, |slashes| 2 * slashes + 1)
}

/// A string of a document of ours as the cloud's notation has to write it, if it has no other
/// notation in it.
pub(crate) fn to_wdl(text: &str) -> String {
    let is_whole = text.strip_prefix('@').is_some_and(|rest| !rest.starts_with('{'));
    if is_whole {
        return text.to_owned();
    }
    with_slashes(text, usize::from(has_spare_dollar(text)), |slashes| slashes / 2)
}

/// The text from a place on with another number of backslashes before each `{{`.
fn with_slashes(text: &str, mut from: usize, count: impl Fn(usize) -> usize) -> String {
    let mut written = String::with_capacity(text.len());
    for token in Scan::of(text).tokens {
        if let Token::Braces { range, slashes } = token {
            written.push_str(text.get(from..range.start).unwrap_or(""));
            written.push_str(&"\\".repeat(count(slashes)));
            written.push_str("{{");
            from = range.end;
        }
    }
    written.push_str(text.get(from..).unwrap_or(""));
    written
}

/// What may mean something in a text.
enum Token {
    /// `@{…}`: ends at the first `}` outside quotes.
    Hole(Range<usize>),
    /// `@@{`: means `@{` itself.
    EscapedHole(Range<usize>),
    /// `{{` with the backslashes before it.
    Braces { range: Range<usize>, slashes: usize },
}

impl Token {
    fn range(&self) -> Range<usize> {
        let (Self::Hole(range) | Self::EscapedHole(range) | Self::Braces { range, .. }) = self;
        range.clone()
    }
}

/// The tokens of a text, in order; behind a hole that is never closed there are no more holes.
struct Scan {
    tokens: Vec<Token>,
    errors: Vec<SyntaxError>,
}

impl Scan {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut scan = Self { tokens: Vec::new(), errors: Vec::new() };
        let (mut at, mut slashes) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let before = std::mem::take(&mut slashes);
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.starts_with(b"@@{") {
                scan.tokens.push(Token::EscapedHole(at..at + 3));
                at += 3;
            } else if rest.starts_with(b"@{") && scan.errors.is_empty() {
                at = scan.hole(bytes, at);
            } else if rest.starts_with(b"{{") {
                scan.tokens.push(Token::Braces { range: at - before..at + 2, slashes: before });
                at += 2;
            } else {
                slashes = if *byte == b'\\' { before + 1 } else { 0 };
                at += 1;
            }
        }
        scan
    }

    /// Takes a hole; says where to go on.
    fn hole(&mut self, bytes: &[u8], at: usize) -> usize {
        if let Some(end) = hole_end(bytes, at + 2) {
            self.tokens.push(Token::Hole(at..end));
            return end;
        }
        let error = SyntaxError::new(at..at + 2, "this has no closing `}`");
        self.errors.push(error.hint("`@@{` means the text `@{` itself"));
        at + 2
    }

    /// Whether there is a `{{` that is not escaped: an even number of backslashes stand for half.
    fn has_template(&self) -> bool {
        let opens = |it: &Token| matches!(it, Token::Braces { slashes, .. } if slashes % 2 == 0);
        self.tokens.iter().any(opens)
    }

    fn first_hole(&self) -> Option<Range<usize>> {
        self.tokens.iter().find(|it| matches!(it, Token::Hole(_))).map(Token::range)
    }
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

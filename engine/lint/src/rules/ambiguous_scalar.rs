//! A value without quotes that versions of YAML read as different types.

use base::{Diagnostic, Sink, Source, code};
use yaml::{Kind, Node, Style};

use crate::rule::{Hooks, Phase, Rule};

pub(super) const RULE: Rule = Rule {
    code: code::AMBIGUOUS_SCALAR,
    phase: Phase::File,
    summary: "A value without quotes that versions of YAML read as different types.",
    hooks: Hooks { file: Some(check), ..Hooks::NONE },
};

fn check(source: &Source, sink: &mut Sink) {
    // Reading the file once more costs far more than looking for words that could matter.
    let words = source.text().split(|c: char| c.is_whitespace() || "[]{},".contains(c));
    if words.into_iter().all(|it| reading(it).is_none()) {
        return;
    }
    let (root, _) = yaml::parse(source.text());
    if let Some(root) = root {
        visit(&root, source, sink);
    }
}

fn visit(node: &Node, source: &Source, sink: &mut Sink) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|it| visit(it, source, sink)),
        Kind::Map(map) => map.iter().for_each(|it| visit(&it.value, source, sink)),
        Kind::Str(_) | Kind::Int(_) | Kind::Float(_) if node.style == Style::Plain => {
            let text = source.text().get(node.span.start..node.span.end).unwrap_or("");
            if let Some((here, elsewhere)) = reading(text) {
                let message = format!("`{text}` is {here} here, but {elsewhere} in YAML 1.1");
                let found = Diagnostic::new(RULE.code, node.span, message);
                let found = found.hint(hint(node, text));
                // Of a number nobody knows whether it was to be a text.
                sink.push(if matches!(node.kind, Kind::Str(_)) {
                    found.fix(node.span, format!("\"{text}\""), "Write it in quotes")
                } else {
                    found
                });
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Str(_) | Kind::Int(_) | Kind::Float(_) => {}
    }
}

/// What a word is in this format and in the older version, if that differs.
fn reading(text: &str) -> Option<(&'static str, &'static str)> {
    let lower = text.to_ascii_lowercase();
    if ["yes", "no", "on", "off"].contains(&lower.as_str()) {
        let truth = ["yes", "on"].contains(&lower.as_str());
        return Some(("text", if truth { "`true`" } else { "`false`" }));
    }
    let digits = text.trim_start_matches(['-', '+']);
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if 1 < digits.len() && digits.starts_with('0') && is_number(digits) {
        let octal = digits.bytes().all(|it| it < b'8');
        return Some(("a decimal number", if octal { "an octal one" } else { "text" }));
    }
    let mut parts = digits.split(':');
    let sixties = digits.contains(':') && parts.all(|it| is_number(it) && it.len() <= 2);
    sixties.then_some(("text", "a number of base 60"))
}

fn hint(node: &Node, text: &str) -> String {
    match (&node.kind, reading(text)) {
        (Kind::Str(_), Some((_, truth))) if truth.starts_with('`') => {
            format!("write {truth}, or `\"{text}\"` if it is text")
        }
        (Kind::Str(_), _) => format!("write `\"{text}\"`"),
        _ => format!("write `\"{text}\"` if it is text, else leave out the zeros"),
    }
}

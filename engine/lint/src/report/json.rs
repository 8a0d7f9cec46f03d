//! `json-v1`: an array of objects. Keys are only ever added.

use base::{Diagnostic, Source, Span};
use serde_json::{Value, json};

use super::{concise::is_unsafe, fingerprint::fingerprints};
use crate::FileFindings;

/// The findings for programs, in one array: its text in parts, so that nobody has to hold all of it.
pub fn json(findings: &[FileFindings]) -> impl Iterator<Item = String> {
    let is_empty = findings.iter().all(|it| it.found.is_empty());
    let end = if is_empty { "[]\n" } else { "\n]\n" };
    let mut before = "[";
    let parts = objects(findings).map(move |it| {
        let object = format!("{it:#}").replace('\n', "\n  ");
        let part = format!("{before}\n  {}", escaped(&object));
        before = ",";
        part
    });
    parts.chain(std::iter::once_with(move || end.to_owned()))
}

/// The findings for programs, each on a line of its own.
pub fn jsonl(findings: &[FileFindings]) -> impl Iterator<Item = String> {
    objects(findings).map(|it| escaped(&format!("{it}\n")))
}

/// The findings for programs, one by one.
pub fn objects(findings: &[FileFindings]) -> impl Iterator<Item = Value> {
    findings.iter().flat_map(|file| {
        let found = file.found.iter().zip(fingerprints(file));
        found.map(|(it, fingerprint)| object(&file.source, it, &fingerprint))
    })
}

fn object(source: &Source, it: &Diagnostic, fingerprint: &str) -> Value {
    let start = source.location(it.span.start);
    let labels = it.labels.iter().map(|label| {
        let mut object = place(source, label.span);
        object["message"] = label.text.as_str().into();
        object
    });
    json!({
        "code": it.code.number,
        "slug": it.code.slug,
        "severity": it.severity.name(),
        "message": it.message,
        "file": source.name(),
        "line": start.line,
        "column": start.column,
        "end": end(source, it.span),
        "hint": it.hint,
        "labels": labels.collect::<Vec<_>>(),
        "path": it.path,
        "fingerprint": fingerprint,
        "fix": it.fix.as_ref().map(|fix| {
            let mut object = place(source, fix.span);
            object["text"] = fix.text.as_str().into();
            object["title"] = fix.title.as_str().into();
            object["safe"] = fix.safe.into();
            object
        }),
    })
}

fn place(source: &Source, span: Span) -> Value {
    let start = source.location(span.start);
    json!({ "line": start.line, "column": start.column, "end": end(source, span) })
}

fn end(source: &Source, span: Span) -> Value {
    let end = source.location(span.end);
    json!({ "line": end.line, "column": end.column })
}

/// JSON may hold characters that a terminal obeys; written as escapes they mean the same.
pub(super) fn escaped(text: &str) -> String {
    let is_escaped = |c: char| c != '\n' && is_unsafe(c);
    if !text.contains(is_escaped) {
        return text.to_owned();
    }
    let safe = |c: char| {
        // All of them are in the first plane, so that one escape says them.
        if is_escaped(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    text.chars().map(safe).collect()
}

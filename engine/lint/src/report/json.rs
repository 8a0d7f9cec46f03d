//! `json-v1`: an array of objects. Keys are only ever added.

use base::{Source, Span};
use serde_json::{Value, json};

use super::{concise::is_unsafe, fingerprint::fingerprints};
use crate::FileFindings;

/// The findings for programs, in one array.
pub fn json(findings: &[FileFindings]) -> String {
    escaped(&format!("{:#}\n", Value::Array(objects(findings))))
}

/// The findings for programs, each on a line of its own.
pub fn jsonl(findings: &[FileFindings]) -> String {
    objects(findings).iter().map(|it| escaped(&format!("{it}\n"))).collect()
}

fn objects(findings: &[FileFindings]) -> Vec<Value> {
    let mut all = Vec::new();
    for file in findings {
        let name = file.source.name();
        for (it, fingerprint) in file.found.iter().zip(fingerprints(file)) {
            let start = file.source.location(it.span.start);
            let labels = it.labels.iter().map(|label| {
                let mut object = place(&file.source, label.span);
                object["message"] = label.text.as_str().into();
                object
            });
            all.push(json!({
                "code": it.code.number,
                "slug": it.code.slug,
                "severity": it.severity.name(),
                "message": it.message,
                "file": name,
                "line": start.line,
                "column": start.column,
                "end": end(&file.source, it.span),
                "hint": it.hint,
                "labels": labels.collect::<Vec<_>>(),
                "path": it.path,
                "fingerprint": fingerprint,
                "fix": it.fix.as_ref().map(|fix| {
                    let mut object = place(&file.source, fix.span);
                    object["text"] = fix.text.as_str().into();
                    object["title"] = fix.title.as_str().into();
                    object["safe"] = fix.safe.into();
                    object
                }),
            }));
        }
    }
    all
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

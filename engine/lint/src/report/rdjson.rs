//! Reviewdog's format, which brings findings into any code review.

use base::{Severity, Source, Span};
use serde_json::{Value, json};

use super::json::escaped;
use crate::FileFindings;

/// The findings with the edits that mend them.
pub fn rdjson(findings: &[FileFindings]) -> String {
    let mut all = Vec::new();
    for file in findings {
        for it in &file.found {
            let severity = match it.severity {
                Severity::Error => "ERROR",
                Severity::Warning => "WARNING",
                Severity::Info => "INFO",
            };
            let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
            let suggestions = it
                .fix
                .iter()
                .map(|fix| json!({ "range": range(&file.source, fix.span), "text": fix.text }));
            all.push(json!({
                "message": format!("{}{hint}", it.message),
                "location": {
                    "path": file.source.name(),
                    "range": range(&file.source, it.span),
                },
                "severity": severity,
                "code": { "value": it.code.slug },
                "suggestions": suggestions.collect::<Vec<_>>(),
            }));
        }
    }
    let report = json!({ "source": { "name": "flowright" }, "diagnostics": all });
    escaped(&format!("{report:#}\n"))
}

fn range(source: &Source, span: Span) -> Value {
    json!({ "start": place(source, span.start), "end": place(source, span.end) })
}

/// Columns are counted in bytes here.
fn place(source: &Source, offset: usize) -> Value {
    let before = source.text().get(..offset).unwrap_or(source.text());
    let column = before.rfind('\n').map_or(before.len(), |at| before.len() - at - 1) + 1;
    json!({ "line": source.location(offset).line, "column": column })
}

//! A code quality report of GitLab.

use base::Severity;
use serde_json::{Value, json};

use super::{fingerprint::fingerprints, json::escaped};
use crate::FileFindings;

/// The findings as GitLab compares them between branches.
pub fn gitlab(findings: &[FileFindings]) -> String {
    let mut all = Vec::new();
    for file in findings {
        for (it, fingerprint) in file.found.iter().zip(fingerprints(file)) {
            let start = file.source.location(it.span.start);
            let end = file.source.location(it.span.end);
            let severity = match it.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Info => "info",
            };
            all.push(json!({
                "check_name": it.code.slug,
                "description": it.message,
                "fingerprint": fingerprint,
                "severity": severity,
                "location": {
                    "path": file.source.name(),
                    "positions": {
                        "begin": { "line": start.line, "column": start.column },
                        "end": { "line": end.line, "column": end.column },
                    },
                },
            }));
        }
    }
    escaped(&format!("{:#}\n", Value::Array(all)))
}

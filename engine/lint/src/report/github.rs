//! Commands of GitHub's runners, which show findings beside the lines of a change.

use base::Severity;

use super::concise::is_unsafe;
use crate::FileFindings;

/// The findings as commands. GitHub shows ten of each severity a step, so grave ones come first.
pub fn github(findings: &[FileFindings]) -> String {
    let all = || findings.iter().flat_map(|file| file.found.iter().map(move |it| (file, it)));
    let mut out = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        for (file, it) in all().filter(|(_, it)| it.severity == severity) {
            let command = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let (start, end) =
                (file.source.location(it.span.start), file.source.location(it.span.end));
            let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
            let mut place =
                format!("line={},col={},endLine={}", start.line, start.column, end.line);
            // Columns of several lines are not understood.
            if start.line == end.line {
                place = format!("{place},endColumn={}", end.column);
            }
            let line = format!(
                "::{command} file={},{place},title={}::{}\n",
                property(file.source.name()),
                it.code.slug,
                data(&format!("{}{hint}", it.message)),
            );
            out.push_str(&line);
        }
    }
    out
}

fn data(text: &str) -> String {
    let escape = |c: char| match c {
        '%' => "%25".to_owned(),
        '\r' => "%0D".to_owned(),
        '\n' => "%0A".to_owned(),
        c if is_unsafe(c) => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

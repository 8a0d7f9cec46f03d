//! One line a finding: `file:line:column: severity[slug]: message (hint)`.

use crate::FileFindings;

/// The findings in the form that editors and CI logs understand.
pub fn concise(findings: &[FileFindings]) -> String {
    let mut out = String::new();
    for file in findings {
        for it in &file.found {
            let place = file.source.location(it.span.start);
            let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
            let line = format!(
                "{}:{}:{}: {}[{}]: {}{hint}",
                file.source.name(),
                place.line,
                place.column,
                it.severity.name(),
                it.code.slug,
                it.message
            );
            out.push_str(&printable(&line));
            out.push('\n');
        }
    }
    out
}

/// Text without characters that a terminal would obey, or that would change the order of others: they are
/// written as escapes.
pub fn printable(text: &str) -> String {
    let safe = |c: char| {
        if is_unsafe(c) { format!("\\u{{{:x}}}", u32::from(c)) } else { c.to_string() }
    };
    if text.contains(is_unsafe) { text.chars().map(safe).collect() } else { text.to_owned() }
}

/// Control characters, line breaks of Unicode, and marks of direction.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

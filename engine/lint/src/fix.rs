//! Edits of files: those that findings offer, and comments that suppress them. Comments and layout stay
//! as they are.

use std::collections::{BTreeMap, BTreeSet};

use base::{Diagnostic, Fix, Source, Span};

/// A text after its edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// Edits that were made.
    pub count: usize,
}

/// Makes the edits that findings of a file offer, the unsafe ones only if wanted. Of edits that overlap the
/// first is made; checking again shows the others. What would break the file is left as it is.
pub fn apply(source: &Source, found: &[Diagnostic], with_unsafe: bool) -> Edited {
    let mut fixes: Vec<&Fix> =
        found.iter().filter_map(|it| it.fix.as_ref()).filter(|it| it.safe || with_unsafe).collect();
    fixes.sort_by_key(|it| (it.span.start, it.span.end));
    fixes.dedup();
    let mut edits: Vec<(Span, &str)> = Vec::new();
    for fix in fixes {
        if edits.last().is_none_or(|(span, _)| span.end <= fix.span.start) {
            edits.push((fix.span, &fix.text));
        }
    }
    let all = replaced(source.text(), &edits);
    if !breaks(source, &all) {
        return Edited { text: all, count: edits.len() };
    }
    // One of them does; the others are made one by one, from the end so that places stay.
    let mut text = source.text().to_owned();
    let mut count = 0;
    for edit in edits.iter().rev() {
        let next = replaced(&text, std::slice::from_ref(edit));
        if !breaks(source, &next) {
            text = next;
            count += 1;
        }
    }
    Edited { text, count }
}

fn replaced(text: &str, edits: &[(Span, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in edits {
        out.push_str(text.get(at..span.start).unwrap_or(""));
        out.push_str(new);
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// Whether a text cannot be read that could be read before.
fn breaks(source: &Source, text: &str) -> bool {
    let is_json = flow::package::is_definition(source.name(), source.text());
    let n_faults = |text: &str| {
        let (root, found) = if is_json { yaml::parse_json(text) } else { yaml::parse(text) };
        if root.is_none() { usize::MAX } else { found.len() }
    };
    n_faults(source.text()) < n_faults(text)
}

/// Writes a comment above every line with findings, which suppresses them. Where there can be no comment,
/// such as in the middle of a text, and in JSON, nothing is written.
pub fn suppress(source: &Source, found: &[Diagnostic], reason: &str) -> Edited {
    let mut by_line: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for it in found {
        let line = source.location(it.span.start).line;
        by_line.entry(line).or_default().insert(it.code.slug);
    }
    let before = yaml::parse(source.text()).0.map(|it| it.to_json());
    let mut lines: Vec<String> = source.text().split_inclusive('\n').map(str::to_owned).collect();
    let mut count = 0;
    for (line, slugs) in by_line.iter().rev() {
        let Some(text) = lines.get(line - 1) else { continue };
        let indent: String = text.chars().take_while(|it| *it == ' ').collect();
        let slugs = slugs.iter().copied().collect::<Vec<_>>().join(", ");
        let reason = if reason.is_empty() { String::new() } else { format!(" {reason}") };
        lines.insert(line - 1, format!("{indent}# lint: ignore[{slugs}]{reason}\n"));
        let (after, faults) = yaml::parse(&lines.concat());
        if after.map(|it| it.to_json()) == before && before.is_some() && faults.is_empty() {
            count += 1;
        } else {
            lines.remove(line - 1);
        }
    }
    Edited { text: lines.concat(), count }
}

//! Scalars as a file writes them: quotes where they are needed, lines below where they belong.

use crate::{
    node::{Node, Style},
    scalar_text::{self, Place},
};

/// A scalar in one line; none if it takes several.
pub(super) fn in_line(raw: &str, text: &str, style: Style, place: Place) -> Option<String> {
    if raw.contains('\n') {
        return None;
    }
    Some(match style {
        Style::DoubleQuoted | Style::SingleQuoted if is_simple(text, place) => text.to_owned(),
        // Both kinds of quotes say the same if nothing is escaped in them.
        Style::SingleQuoted if !text.contains(['"', '\\']) => format!("\"{text}\""),
        Style::Plain if is_mistaken(raw) => scalar_text::in_line(text, place),
        _ => raw.to_owned(),
    })
}

/// Whether a text is so plain that nobody would wonder about missing quotes.
fn is_simple(text: &str, place: Place) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && scalar_text::in_line(text, place) == text
}

/// Whether a plain scalar is an expression that lacks its quotes.
fn is_mistaken(raw: &str) -> bool {
    raw.starts_with(['@', '`', '%']) || raw.starts_with("{{")
}

/// A scalar of several lines; those below the first stand at `indent`.
pub(super) fn in_lines(raw: &str, indent: usize) -> String {
    let mut lines = raw.lines();
    let mut written = lines.next().unwrap_or("").trim_end().to_owned();
    for line in lines {
        written.push('\n');
        let line = line.trim();
        if !line.is_empty() {
            written.push_str(&" ".repeat(indent));
            written.push_str(line);
        }
    }
    written
}

/// A block scalar: its mark, and its lines moved to `indent`. `above` is the text from the key or
/// the dash to the first line of content.
pub(super) fn block(node: &Node, text: &str, from: usize, indent: usize) -> Result<String, String> {
    let header = text.get(from..).unwrap_or("");
    let at = header.find(['|', '>']).ok_or("a block of text has no mark")?;
    let header = header.get(at..).unwrap_or("");
    let line = header.lines().next().unwrap_or("");
    let mark = line.split([' ', '\t', '#']).next().unwrap_or("");
    if mark.contains(|c: char| c.is_ascii_digit()) || mark.contains('+') {
        return Err(format!("a block of text with the mark `{mark}` is kept as it is"));
    }
    let start = from + at + line.len() + 1;
    let end = node.span.end.max(start);
    let lines: Vec<&str> = text.get(start..end).unwrap_or("").lines().collect();
    let blanks = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let filled = lines.iter().filter(|it| !it.trim().is_empty());
    let mut written = mark.to_owned();
    let Some(present) = filled.map(blanks).min() else {
        let is_empty = node.as_str().is_some_and(str::is_empty);
        return if is_empty {
            Ok(written)
        } else {
            Err("a text of blank lines is kept".to_owned())
        };
    };
    for line in lines {
        written.push('\n');
        // A line of blanks only may be content beyond the indentation.
        let line = line.get(present..).unwrap_or("");
        if !line.is_empty() {
            written.push_str(&" ".repeat(indent));
            written.push_str(line);
        }
    }
    Ok(written)
}

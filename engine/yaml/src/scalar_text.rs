//! Texts as scalars of YAML: plain where that is safe, else quoted, long ones in blocks.

use crate::{
    node::{Kind, Scalar},
    scalar,
};

/// Where a scalar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On lines of its own, where only the beginning and `: ` and ` #` mean something.
    Block,
    /// In brackets.
    Inline,
}

/// A key, always in one line.
pub(crate) fn key(text: &str, place: Place) -> String {
    // `on` is a word only as a value.
    if text == "on" { text.to_owned() } else { in_line(text, place) }
}

/// A text as a scalar in one line, to be put into a file by hand; `in_brackets` if it stands in `[…]`
/// or `{…}`.
pub fn one_line(text: &str, in_brackets: bool) -> String {
    in_line(text, if in_brackets { Place::Inline } else { Place::Block })
}

/// A text in one line.
pub(crate) fn in_line(text: &str, place: Place) -> String {
    if is_plain(text, place) { text.to_owned() } else { quoted(text) }
}

/// A text as the value of a block: in so many columns, or in lines of its own.
pub(crate) fn value(text: &str, indent: usize, room: usize, width: usize) -> String {
    if text.contains('\n') {
        return literal(text, indent).unwrap_or_else(|| quoted(text));
    }
    let line = in_line(text, Place::Block);
    if line.chars().count() <= room {
        return line;
    }
    folded(text, indent, width).unwrap_or(line)
}

/// Words that some version of YAML, or a reader of its own mind, takes for another type.
const WORDS: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "nan", "inf"];

fn is_plain(text: &str, place: Place) -> bool {
    let mut chars = text.chars();
    let (Some(first), last) = (chars.next(), text.chars().next_back()) else { return false };
    let begins = first.is_alphanumeric() || matches!(first, '_' | '/' | '(' | '$' | '.');
    let is_text = matches!(
        scalar::resolve(Scalar { text: text.to_owned(), verbatim_at: None }),
        Some(Kind::Str(_))
    );
    // Numbers of old, dates and times.
    let like_number = text.chars().all(|c| c.is_ascii_digit() || "+-.:_,eExXoOtTzZ/ ".contains(c))
        && text.chars().any(|c| c.is_ascii_digit());
    let word = WORDS.iter().any(|it| it.eq_ignore_ascii_case(text));
    let inline_safe = place == Place::Block || !text.contains([',', '[', ']', '{', '}', ':', '#']);
    begins
        && is_text
        && !like_number
        && !word
        && inline_safe
        && last != Some(' ')
        && last != Some(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains("{{")
        && text.chars().all(is_printable)
}

/// Characters that may stand in a file as they are, within a line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Text in quotes, of the kind that needs fewer escapes.
fn quoted(text: &str) -> String {
    let needs_escape = |c: char| c == '"' || c == '\\' || !is_printable(c);
    if !text.contains(needs_escape) {
        return format!("\"{text}\"");
    }
    let in_single = text.matches('\'').count();
    let in_double = text.matches(['"', '\\']).count();
    if in_single <= in_double && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '\r' => written.push_str("\\r"),
            c if is_printable(c) => written.push(c),
            // Everything that is not printable has four digits at most.
            c => written.extend(format!("\\u{:04x}", u32::from(c)).chars()),
        }
    }
    written.push('"');
    written
}

/// A text of several lines as a block, if its first line gives the indentation away, no line is
/// only blanks, and every character may stand in a file.
fn literal(text: &str, indent: usize) -> Option<String> {
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let blank = |line: &str| !line.is_empty() && line.trim_matches([' ', '\t']).is_empty();
    let fits = !body.is_empty()
        && !body.starts_with([' ', '\t', '\n'])
        && !body.ends_with('\n')
        && !body.split('\n').any(blank)
        && body.chars().all(|c| c == '\n' || c == '\t' || is_printable(c));
    if !fits {
        return None;
    }
    let mut written = mark.to_owned();
    for line in body.split('\n') {
        written.push('\n');
        if !line.is_empty() {
            written.push_str(&" ".repeat(indent));
            written.push_str(line);
        }
    }
    Some(written)
}

/// A long text of one line folded at its blanks, if each of them stands alone.
fn folded(text: &str, indent: usize, width: usize) -> Option<String> {
    let fits = !text.starts_with([' ', '\t'])
        && !text.ends_with(' ')
        && text.contains(' ')
        && text.chars().all(is_printable);
    if !fits {
        return None;
    }
    let room = width.saturating_sub(indent).max(width / 3);
    let mut lines: Vec<String> = Vec::new();
    // Only at a blank that stands alone may a line end.
    let mut words: Vec<String> = Vec::new();
    let mut after_blank = false;
    for word in text.split(' ') {
        if word.is_empty() || after_blank {
            if let Some(last) = words.last_mut() {
                last.push(' ');
                last.push_str(word);
            }
            after_blank = word.is_empty();
        } else {
            words.push(word.to_owned());
        }
    }
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    if lines.len() < 2 {
        return None;
    }
    let mut written = ">-".to_owned();
    for line in lines {
        written.push('\n');
        written.push_str(&" ".repeat(indent));
        written.push_str(&line);
    }
    Some(written)
}

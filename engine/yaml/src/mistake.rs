//! The mistake that flows invite: an expression or a template without quotes.
//!
//! `@` cannot begin a plain scalar and `{{` begins an object. Such a value is found, reported
//! with a fix, and masked by letters of the same length, so that reading goes on behind it.

use base::{Diagnostic, Span, code};

/// Where an unquoted value stands, if that is why the parser stopped at `at`.
pub(crate) fn find(text: &str, at: usize) -> Option<Span> {
    if text.get(at..)?.starts_with('@') {
        return Some(value_span(text, at));
    }
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |it| it + 1);
    let line = text.get(line_start..)?.lines().next()?;
    Some(value_span(text, line_start + beginning(line)?))
}

/// The whole of an unquoted value that begins at `start`.
pub(crate) fn value_span(text: &str, start: usize) -> Span {
    let before = text.get(..start).unwrap_or("");
    let prefix = before.rsplit('\n').next().unwrap_or("");
    let rest = text.get(start..).unwrap_or("");
    let is_key = prefix.trim().trim_start_matches(['-', '?']).trim().is_empty();
    let place = Place { in_flow: 0 < open_brackets(prefix), is_key };
    let length = length(rest, place, true).or_else(|| length(rest, place, false));
    Span::new(start, start + length.unwrap_or(1))
}

/// The finding, with the edit that puts the value in quotes.
pub(crate) fn diagnostic(source: &str, span: Span) -> Diagnostic {
    let value = source.get(span.start..span.end).unwrap_or("");
    let (message, hint) = if value.starts_with("{{") {
        ("a value that begins with `{{` is an object unless it is quoted", "quote the template")
    } else {
        ("a value that begins with `@` must be quoted", "quote the expression")
    };
    let quoted = if value.contains(['"', '\\']) {
        format!("'{}'", value.replace('\'', "''"))
    } else {
        format!("\"{value}\"")
    };
    Diagnostic::new(code::UNQUOTED_EXPRESSION, span, message).hint(format!("{hint}: {quoted}")).fix(
        span,
        quoted,
        "quote the value",
    )
}

/// The text with a value replaced by letters, every other byte in its place.
pub(crate) fn mask(text: &str, span: Span) -> String {
    let (Some(before), Some(value), Some(after)) =
        (text.get(..span.start), text.get(span.start..span.end), text.get(span.end..))
    else {
        return text.to_owned();
    };
    let mut masked = String::with_capacity(text.len());
    masked.push_str(before);
    for c in value.chars() {
        if c.is_ascii_whitespace() {
            masked.push(c);
        } else {
            masked.extend(std::iter::repeat_n('x', c.len_utf8()));
        }
    }
    masked.push_str(after);
    masked
}

/// Where in a line `{{` begins a value: not inside quotes, behind nothing but an indicator.
fn beginning(line: &str) -> Option<usize> {
    let (mut in_double, mut in_single) = (false, false);
    // The last character that is no blank, and whether a blank follows it.
    let (mut last, mut blank) = (None, true);
    for (at, c) in line.char_indices() {
        let introduced = match last {
            None | Some('[' | ',' | '{') => true,
            Some(':' | '-' | '?') => blank,
            Some(_) => false,
        };
        let is_template = c == '{' && line.get(at..).is_some_and(|it| it.starts_with("{{"));
        if is_template && introduced && !in_double && !in_single {
            return Some(at);
        }
        in_double ^= c == '"';
        in_single ^= c == '\'';
        blank = c.is_whitespace();
        last = if blank { last } else { Some(c) };
    }
    None
}

/// How many brackets of a line's beginning are still open.
fn open_brackets(prefix: &str) -> usize {
    let mut open = 0_usize;
    let mut quote = None;
    for c in prefix.chars() {
        match (quote, c) {
            (Some(end), _) => quote = (c != end).then_some(end),
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => open += 1,
            (None, '}' | ']') => open = open.saturating_sub(1),
            (None, _) => {}
        }
    }
    open
}

#[derive(Clone, Copy)]
struct Place {
    in_flow: bool,
    is_key: bool,
}

/// How long the value is at the beginning of `rest`: to the end of its line, or of the line that
/// closes its brackets if `many_lines`. `None` if they are never closed.
fn length(rest: &str, place: Place, many_lines: bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_quotes = false;
    let mut end = rest.len();
    let mut last = ' ';
    for (at, c) in rest.char_indices() {
        let next = rest.get(at + c.len_utf8()..).and_then(|it| it.chars().next());
        let ends = match c {
            '\n' if many_lines && (0 < depth || in_quotes) => false,
            '\n' => true,
            '\'' if 0 < depth => {
                in_quotes = !in_quotes;
                false
            }
            _ if in_quotes => false,
            '(' | '[' | '{' => {
                depth += 1;
                false
            }
            ']' | '}' if depth == 0 => true,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                false
            }
            ',' if depth == 0 => place.in_flow || matches!(next, None | Some('\n' | '\r')),
            '#' if depth == 0 => last.is_whitespace(),
            ':' if depth == 0 && place.is_key => next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends {
            end = at;
            break;
        }
        last = c;
    }
    let closed = !many_lines || (depth == 0 && !in_quotes);
    closed.then(|| rest.get(..end).unwrap_or(rest).trim_end().len())
}

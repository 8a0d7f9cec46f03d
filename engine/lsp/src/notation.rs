//! What is being written in a text of one of the three notations, up to the cursor.

use std::ops::Range;

/// Where in a text something is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Behind `@`, or in `@{ }`.
    Expression,
    /// Behind `$.`.
    Path,
    /// In `{{ }}`.
    Handlebars,
}

/// What the cursor is in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Writing {
    pub(crate) notation: Notation,
    pub(crate) what: What,
    /// The calls around the cursor, innermost last: name and number of the argument.
    pub(crate) calls: Vec<(String, usize)>,
}

/// What is being written; the part before the cursor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// A name of a function, or a word of a path.
    Name(String),
    /// A text that is an argument.
    Argument(String),
    /// A member of what stands before it, an expression.
    Member { of: String, name: String, is_quoted: bool },
    /// The last segment of a path; those before it.
    Segment { above: Vec<String>, name: String },
}

/// Finds out what is being written at the end of `before`, the text of a value up to the cursor.
pub(crate) fn writing(before: &str) -> Option<Writing> {
    let (notation, inside) = region(before)?;
    if notation == Notation::Path {
        let (above, name) = segments(inside);
        let what = What::Segment { above, name };
        return Some(Writing { notation, what, calls: Vec::new() });
    }
    Some(scan(notation, inside))
}

/// The notation at the end of a text, and its text so far.
fn region(before: &str) -> Option<(Notation, &str)> {
    if let Some(open) = before.rfind("{{") {
        let inside = before.get(open + 2..)?;
        let is_escaped = before.get(..open).is_some_and(|it| it.ends_with('\\'));
        if !inside.contains("}}") && !is_escaped {
            return Some((Notation::Handlebars, inside.trim_start_matches(['#', '/', '~'])));
        }
    }
    if let Some(rest) = before.strip_prefix('@').filter(|it| !it.starts_with(['@', '{'])) {
        return Some((Notation::Expression, rest));
    }
    // The innermost `@{` whose `}` has not come yet.
    if let Some(open) = before.rfind("@{") {
        let inside = before.get(open + 2..)?;
        if !closes(inside) && !before.get(..open).is_some_and(|it| it.ends_with('@')) {
            return Some((Notation::Expression, inside));
        }
    }
    if before.starts_with("$.") || before.starts_with("$[") {
        return Some((Notation::Path, before.get(1..)?));
    }
    None
}

/// Whether a `}` outside of quotes ends an expression.
fn closes(inside: &str) -> bool {
    let mut is_quoted = false;
    for c in inside.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            '}' if !is_quoted => return true,
            _ => {}
        }
    }
    false
}

/// The segments of a path, the last of which is being written.
fn segments(path: &str) -> (Vec<String>, String) {
    let mut all = vec![String::new()];
    let mut quote = None;
    for c in path.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '.' | '[') => all.push(String::new()),
            (None, ']') => {}
            (_, c) => {
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    let last = all.pop().unwrap_or_default();
    // What stands before the first dot or bracket is nothing.
    all.retain(|it| !it.is_empty());
    (all, last)
}

/// Reads an expression up to its end, where the cursor is.
fn scan(notation: Notation, text: &str) -> Writing {
    let mut calls: Vec<(String, usize)> = Vec::new();
    // What an open bracket belongs to: a call, or the beginning of what is indexed.
    let mut open: Vec<Option<Range<usize>>> = Vec::new();
    let mut word = 0..0;
    let mut chain: Option<usize> = None;
    let mut quoted: Option<usize> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if let Some(start) = quoted {
            if c == '\'' && chars.peek().is_some_and(|it| it.1 == '\'') {
                chars.next();
            } else if c == '\'' {
                quoted = None;
                word = start..at + 1;
            }
            continue;
        }
        match c {
            '\'' => {
                quoted = Some(at);
                if !is_behind_link(text, at) {
                    chain = Some(at);
                }
            }
            '(' => {
                let name = text.get(word.clone()).unwrap_or("").to_owned();
                open.push(None);
                calls.push((name, 0));
                word = at + 1..at + 1;
            }
            '[' => {
                open.push(Some(chain.unwrap_or(word.start)..at));
                word = at + 1..at + 1;
                chain = None;
            }
            ')' | ']' => {
                match open.pop() {
                    Some(None) => {
                        calls.pop();
                        chain = start_of_chain(text, at + 1);
                    }
                    Some(Some(of)) => chain = Some(of.start),
                    None => {}
                }
                word = at + 1..at + 1;
            }
            ',' => {
                if let Some((_, nth)) = calls.last_mut() {
                    *nth += 1;
                }
                word = at + 1..at + 1;
                chain = None;
            }
            c if c.is_alphanumeric() || c == '_' => {
                if word.end < at || word.is_empty() {
                    word = at..at;
                    if chain.is_none() || !is_behind_link(text, at) {
                        chain = Some(at);
                    }
                }
                word.end = at + c.len_utf8();
            }
            ' ' => {
                if notation == Notation::Handlebars {
                    // `{{name argument}}`: the first word is the function.
                    let name = text.get(..at).unwrap_or("").trim();
                    if calls.is_empty() && !name.is_empty() && !name.contains(' ') {
                        calls.push((name.to_owned(), 0));
                    } else if let Some((_, nth)) = calls.last_mut() {
                        *nth += 1;
                    }
                }
                word = at + 1..at + 1;
                chain = None;
            }
            _ => {}
        }
    }
    let what = what(notation, text, quoted, open.last().cloned().flatten());
    Writing { notation, what, calls }
}

fn what(
    notation: Notation,
    text: &str,
    quoted: Option<usize>,
    indexed: Option<Range<usize>>,
) -> What {
    if let Some(start) = quoted {
        let written = text.get(start + 1..).unwrap_or("").to_owned();
        let is_index = text.get(..start).is_some_and(|it| it.trim_end().ends_with('['));
        return match indexed.filter(|_| is_index) {
            Some(of) => {
                let of = text.get(of).unwrap_or("").trim_end_matches('?').to_owned();
                What::Member { of, name: written, is_quoted: true }
            }
            None => What::Argument(written),
        };
    }
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || *c == '_')
        .last()
        .map_or(text.len(), |(at, _)| at);
    let name = text.get(start..).unwrap_or("").to_owned();
    let before = text.get(..start).unwrap_or("");
    if notation == Notation::Handlebars {
        let path = before.rsplit([' ', '(']).next().unwrap_or("");
        let (mut above, last) = segments(path);
        above.extend(Some(last).filter(|it| !it.is_empty()));
        return What::Segment { above, name };
    }
    if let Some(of) = before.strip_suffix('.') {
        let of = of.trim_end_matches('?');
        let of = start_of_chain(of, of.len()).and_then(|it| of.get(it..)).unwrap_or("").to_owned();
        return What::Member { of, name, is_quoted: false };
    }
    if let (Some(of), true) = (indexed, before.ends_with('[')) {
        let of = text.get(of).unwrap_or("").trim_end_matches('?').to_owned();
        return What::Member { of, name, is_quoted: false };
    }
    What::Name(name)
}

fn is_behind_link(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|it| it.ends_with(['.', '[']))
}

/// Where an expression begins that ends at a byte: `body('x')?['a'].b` as a whole.
pub(crate) fn start_of_chain(text: &str, end: usize) -> Option<usize> {
    let head = text.get(..end)?;
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut start = end;
    for (at, c) in head.char_indices().rev() {
        match c {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            ')' | ']' => depth += 1,
            '(' | '[' if depth == 0 => break,
            '(' | '[' => depth -= 1,
            _ if 0 < depth => {}
            c if c.is_alphanumeric() || matches!(c, '_' | '.' | '?' | '\'') => {}
            _ => break,
        }
        start = at;
    }
    (start < end).then_some(start)
}

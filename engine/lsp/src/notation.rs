//! What is being written in a text of one of the three notations, up to the cursor.

use std::ops::Range;

/// Where in a text something is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Behind `@`, or in `@{ }`.
    #[default]
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
    let mut scan = Scan { notation, text, ..Scan::default() };
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if let Some(start) = scan.quoted {
            if c == '\'' && chars.peek().is_some_and(|it| it.1 == '\'') {
                chars.next();
            } else if c == '\'' {
                scan.quoted = None;
                scan.word = start..at + 1;
            }
        } else {
            scan.see(at, c);
        }
    }
    let what = what(notation, text, scan.quoted, scan.open.last().cloned().flatten());
    Writing { notation, what, calls: scan.calls }
}

/// A reading of an expression.
#[derive(Default)]
struct Scan<'t> {
    notation: Notation,
    text: &'t str,
    calls: Vec<(String, usize)>,
    /// What an open bracket belongs to: a call, or what is indexed.
    open: Vec<Option<Range<usize>>>,
    /// The word that was read last.
    word: Range<usize>,
    /// Where the expression begins that a bracket would index.
    chain: Option<usize>,
    /// Where the text in quotes begins that is open.
    quoted: Option<usize>,
}

impl Scan<'_> {
    fn see(&mut self, at: usize, c: char) {
        match c {
            '\'' => {
                self.quoted = Some(at);
                if !is_behind_link(self.text, at) {
                    self.chain = Some(at);
                }
            }
            '(' => {
                let name = self.text.get(self.word.clone()).unwrap_or("").to_owned();
                self.open.push(None);
                self.calls.push((name, 0));
                self.word = at + 1..at + 1;
            }
            '[' => {
                self.open.push(Some(self.chain.unwrap_or(self.word.start)..at));
                self.word = at + 1..at + 1;
                self.chain = None;
            }
            ')' | ']' => {
                match self.open.pop() {
                    Some(None) => {
                        self.calls.pop();
                        self.chain = start_of_chain(self.text, at + 1);
                    }
                    Some(Some(of)) => self.chain = Some(of.start),
                    None => {}
                }
                self.word = at + 1..at + 1;
            }
            ',' => {
                if let Some((_, nth)) = self.calls.last_mut() {
                    *nth += 1;
                }
                self.word = at + 1..at + 1;
                self.chain = None;
            }
            ' ' => self.blank(at),
            c if c.is_alphanumeric() || c == '_' => self.letter(at, c),
            _ => {}
        }
    }

    fn letter(&mut self, at: usize, c: char) {
        if self.word.end < at || self.word.is_empty() {
            self.word = at..at;
            if self.chain.is_none() || !is_behind_link(self.text, at) {
                self.chain = Some(at);
            }
        }
        self.word.end = at + c.len_utf8();
    }

    /// `{{name argument}}`: the first word is the function.
    fn blank(&mut self, at: usize) {
        if self.notation == Notation::Handlebars {
            let name = self.text.get(..at).unwrap_or("").trim();
            if self.calls.is_empty() && !name.is_empty() && !name.contains(' ') {
                self.calls.push((name.to_owned(), 0));
            } else if let Some((_, nth)) = self.calls.last_mut() {
                *nth += 1;
            }
        }
        self.word = at + 1..at + 1;
        self.chain = None;
    }
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

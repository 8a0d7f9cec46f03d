//! A tree of a YAML text that is being written: what is broken is left out, the rest is there.

mod brackets;

use base::Span;
use serde_json::{Map, Value};

use brackets::Brackets;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// A value by its form.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Nothing,
    Scalar(Scalar),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text, with the quotes left out.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) quote: Option<char>,
}

/// A key and its value; a key without a colon is one that is being written, or a text.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) has_colon: bool,
    pub(crate) value: Node,
}

/// Levels that are read; what is deeper is nothing.
const DEPTH_MAX: usize = 200;

/// Reads a text.
pub(crate) fn read(text: &str) -> Node {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start_matches(' ').len();
        lines.push(Line { at: start + indent, column: indent, end: start + content.len() });
        start += line.len();
    }
    let mut parser = Parser { text, lines, line: 0, depth: 0 };
    let mut root = parser.block(0);
    // What stands to the left of the first line goes on beside it.
    while parser.skip().is_some() {
        let before = parser.line;
        if let (Kind::Map(entries), Kind::Map(more)) = (&mut root.kind, parser.block(0).kind) {
            entries.extend(more);
        }
        if parser.line == before {
            parser.line += 1;
        }
    }
    root.span.end = text.len();
    root
}

/// A line from its first character on.
#[derive(Clone, Copy)]
struct Line {
    at: usize,
    column: usize,
    end: usize,
}

struct Parser<'t> {
    text: &'t str,
    lines: Vec<Line>,
    line: usize,
    depth: usize,
}

impl Parser<'_> {
    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or("")
    }

    /// The next line with content.
    fn skip(&mut self) -> Option<Line> {
        while let Some(line) = self.lines.get(self.line).copied() {
            let content = self.slice(line.at, line.end).trim();
            if !content.is_empty() && !content.starts_with('#') && content != "---" {
                return Some(line);
            }
            self.line += 1;
        }
        None
    }

    fn is_dash(&self, line: Line) -> bool {
        let content = self.slice(line.at, line.end);
        content.starts_with("- ") || content == "-"
    }

    /// What begins in the next line, if that stands at least so far to the right.
    fn block(&mut self, least: usize) -> Node {
        let Some(line) = self.skip().filter(|it| least <= it.column) else {
            return self.nothing();
        };
        if DEPTH_MAX <= self.depth {
            self.line += 1;
            return self.nothing();
        }
        self.depth += 1;
        let content = self.slice(line.at, line.end);
        let quote = content.chars().next().filter(|it| matches!(it, '"' | '\''));
        let quote = quote.filter(|_| key(content, line.at).is_none());
        let node = if self.is_dash(line) {
            self.seq(line.column)
        } else if let Some(quote) = quote {
            let node = self.quoted(line.at, quote, line.column.saturating_sub(1));
            self.go_behind(node.span.end);
            node
        } else if content.starts_with(['{', '[']) {
            let node = self.flow(line.at, line.column.saturating_sub(1));
            self.go_behind(node.span.end);
            node
        } else {
            self.map(line.column)
        };
        self.depth -= 1;
        node
    }

    fn nothing(&self) -> Node {
        let at = self.line.checked_sub(1).and_then(|it| self.lines.get(it)).map_or(0, |it| it.end);
        Node { kind: Kind::Nothing, span: Span::new(at, at) }
    }

    fn seq(&mut self, column: usize) -> Node {
        let mut items = Vec::new();
        let start = self.lines.get(self.line).map_or(0, |it| it.at);
        while let Some(line) = self.skip().filter(|it| column <= it.column) {
            if line.column > column {
                self.line += 1;
                continue;
            }
            if !self.is_dash(line) {
                break;
            }
            let content = self.slice(line.at + 1, line.end);
            let blanks = content.len() - content.trim_start().len();
            let rest = content.trim_start();
            if rest.is_empty() || rest.starts_with('#') {
                self.line += 1;
                let mut item = self.block(column + 1);
                if matches!(item.kind, Kind::Nothing) {
                    item.span = Span::new(line.at + 1, line.end);
                }
                items.push(item);
            } else {
                // What stands behind the dash is a line of its own.
                let (at, by) = (line.at + 1 + blanks, 1 + blanks);
                if let Some(line) = self.lines.get_mut(self.line) {
                    *line = Line { at, column: column + by, end: line.end };
                }
                items.push(self.block(column + 1));
            }
        }
        let end = items.last().map_or(start, |it| it.span.end);
        Node { kind: Kind::Seq(items), span: Span::new(start, end) }
    }

    fn map(&mut self, column: usize) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        let start = self.lines.get(self.line).map_or(0, |it| it.at);
        while let Some(line) = self.skip().filter(|it| column <= it.column) {
            if line.column > column {
                self.line += 1;
                continue;
            }
            if self.is_dash(line) {
                break;
            }
            entries.push(self.entry(line));
        }
        let end = entries.last().map_or(start, |it| it.value.span.end.max(it.key_span.end));
        Node { kind: Kind::Map(entries), span: Span::new(start, end) }
    }

    fn entry(&mut self, line: Line) -> Entry {
        let content = self.slice(line.at, line.end);
        let Some((key, key_span, behind)) = key(content, line.at) else {
            let text = without_comment(content).to_owned();
            let key_span = Span::new(line.at, line.at + text.len());
            self.line += 1;
            let value = Node { kind: Kind::Nothing, span: Span::new(key_span.end, key_span.end) };
            return Entry { key: text, key_span, has_colon: false, value };
        };
        let value = self.value(line, behind);
        Entry { key, key_span, has_colon: true, value }
    }

    /// What stands behind the colon at `behind`, or below it.
    fn value(&mut self, line: Line, behind: usize) -> Node {
        let content = self.slice(behind, line.end);
        let at = behind + content.len() - content.trim_start().len();
        let rest = content.trim_start();
        let first = rest.chars().next();
        match first {
            None | Some('#') => {
                self.line += 1;
                let below = self.skip();
                let is_list = below.is_some_and(|it| it.column == line.column && self.is_dash(it));
                let mut node =
                    if is_list { self.seq(line.column) } else { self.block(line.column + 1) };
                if matches!(node.kind, Kind::Nothing) {
                    node.span = Span::new(behind, line.end);
                }
                node
            }
            Some('|' | '>') => self.block_scalar(line, at),
            Some('{' | '[') => {
                let node = self.flow(at, line.column);
                self.go_behind(node.span.end);
                node
            }
            Some(quote @ ('"' | '\'')) => {
                let node = self.quoted(at, quote, line.column);
                self.go_behind(node.span.end);
                node
            }
            Some(_) => {
                let text = without_comment(rest).to_owned();
                self.line += 1;
                let span = Span::new(at, at + text.len());
                Node { kind: Kind::Scalar(Scalar { text, quote: None }), span }
            }
        }
    }

    fn block_scalar(&mut self, line: Line, at: usize) -> Node {
        self.line += 1;
        let mut lines = Vec::new();
        let mut end = line.end;
        while let Some(below) = self.lines.get(self.line).copied() {
            let content = self.slice(below.at, below.end);
            if !content.trim().is_empty() {
                if below.column <= line.column {
                    break;
                }
                end = below.end;
            }
            lines.push(content.to_owned());
            self.line += 1;
        }
        let scalar = Scalar { text: lines.join("\n"), quote: Some('|') };
        Node { kind: Kind::Scalar(scalar), span: Span::new(at, end) }
    }

    /// The first line that begins behind a byte is next.
    fn go_behind(&mut self, at: usize) {
        self.line += 1;
        while self.lines.get(self.line).is_some_and(|it| it.end < at) {
            self.line += 1;
        }
        if self.lines.get(self.line).is_some_and(|it| it.at < at) {
            self.line += 1;
        }
    }

    /// Where what stands to the right of a column ends, from a byte on: an open bracket or quote
    /// reaches no further.
    fn reach(&self, at: usize, column: usize) -> usize {
        let first = self.lines.partition_point(|it| it.end < at);
        let mut end = self.lines.get(first).map_or(self.text.len(), |it| it.end);
        for line in self.lines.iter().skip(first + 1) {
            let content = self.slice(line.at, line.end).trim();
            let closes = content.starts_with(['}', ']']);
            if !content.is_empty() && line.column <= column && !closes {
                break;
            }
            end = line.end;
            if closes && line.column <= column {
                break;
            }
        }
        end
    }

    fn quoted(&self, at: usize, quote: char, column: usize) -> Node {
        let end = self.reach(at, column);
        let inside = self.slice(at + 1, end);
        let mut text = String::new();
        let mut chars = inside.char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            match c {
                '\'' if quote == '\'' && chars.peek().is_some_and(|it| it.1 == '\'') => {
                    chars.next();
                    text.push('\'');
                }
                '\\' if quote == '"' => text.extend(chars.next().map(|it| it.1)),
                c if c == quote => {
                    let span = Span::new(at, at + 2 + index);
                    let scalar = Scalar { text, quote: Some(quote) };
                    return Node { kind: Kind::Scalar(scalar), span };
                }
                c => text.push(c),
            }
        }
        // Without its end it is taken to the end of its line.
        let line = inside.split('\n').next().unwrap_or("").trim_end();
        let scalar = Scalar { text: line.to_owned(), quote: Some(quote) };
        Node { kind: Kind::Scalar(scalar), span: Span::new(at, at + 1 + line.len()) }
    }

    fn flow(&mut self, at: usize, column: usize) -> Node {
        let end = self.reach(at, column);
        Brackets { parser: self, at, end, column, depth: 0 }.node()
    }
}

/// The key that a line begins with, and where what follows its colon begins.
fn key(content: &str, at: usize) -> Option<(String, Span, usize)> {
    if let Some(quote) = content.chars().next().filter(|it| matches!(it, '"' | '\'')) {
        let inside = content.get(1..)?;
        let end = inside.find(quote)?;
        let behind = inside.get(end + 1..)?;
        let blanks = behind.len() - behind.trim_start().len();
        behind.trim_start().strip_prefix(':')?;
        let span = Span::new(at, at + end + 2);
        return Some((inside.get(..end)?.to_owned(), span, span.end + blanks + 1));
    }
    let colon = content.char_indices().find(|(index, c)| {
        let behind = content.get(index + 1..).unwrap_or("");
        *c == ':' && (behind.is_empty() || behind.starts_with([' ', '\t']))
    })?;
    let comment = content.find(" #");
    if comment.is_some_and(|it| it < colon.0) {
        return None;
    }
    let key = content.get(..colon.0)?.trim_end();
    Some((key.to_owned(), Span::new(at, at + key.len()), at + colon.0 + 1))
}

fn without_comment(text: &str) -> &str {
    let text = text.split(" #").next().unwrap_or("");
    text.trim_end()
}

impl Node {
    /// The value as JSON, without what is still being written.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Nothing => Value::Null,
            Kind::Scalar(scalar) if scalar.quote.is_some() => scalar.text.clone().into(),
            Kind::Scalar(scalar) => match scalar.text.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" | "~" => Value::Null,
                text => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            },
            Kind::Seq(items) => items.iter().map(Self::to_json).collect(),
            // A text, unless it is a key that is being written.
            Kind::Map(entries) if matches!(entries.as_slice(), [only] if !only.has_colon) => {
                let text = entries.first().map(|it| it.key.clone()).unwrap_or_default();
                if text.contains(crate::cursor::MARK) {
                    return Value::Object(Map::new());
                }
                let scalar = Scalar { text, quote: None };
                Self { kind: Kind::Scalar(scalar), span: self.span }.to_json()
            }
            Kind::Map(entries) => {
                let written = entries.iter().filter(|it| it.has_colon);
                let all: Map<String, Value> =
                    written.map(|it| (it.key.clone(), it.value.to_json())).collect();
                Value::Object(all)
            }
        }
    }

    /// The entries, if it is an object.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// The items, if it is a list.
    pub(crate) fn items(&self) -> &[Self] {
        if let Kind::Seq(items) = &self.kind { items } else { &[] }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|it| it.has_colon && it.key == key).map(|it| &it.value)
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Scalar(scalar) = &self.kind { Some(&scalar.text) } else { None }
    }
}

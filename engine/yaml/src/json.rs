//! JSON text into the same tree, as lenient as the cloud's reader: a byte order mark, comments,
//! commas at the end and line breaks in text are accepted.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code, limits};

use crate::{
    node::{Entry, Key, Kind, Mapping, Node, Scalar, Style},
    parse::{too_deep, too_long},
};

/// Values of one file: the shortest takes two bytes, a real one eight and more.
const NODES_MAX: usize = limits::WDL_BYTES_MAX / 8;

/// Reads JSON. There is no tree if the syntax is broken; of equal keys the first counts.
pub fn parse_json(source: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if limits::WDL_BYTES_MAX < source.len() {
        return (None, vec![too_long(source, limits::WDL_BYTES_MAX)]);
    }
    let at = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { source, at, depth: 0, n_nodes: 0, sink: Sink::new() };
    let root = match reader.document() {
        Ok(node) => Some(node),
        Err(diagnostic) => {
            reader.sink.push(*diagnostic);
            None
        }
    };
    (root, reader.sink.into_sorted())
}

type Read<T> = Result<T, Box<Diagnostic>>;

struct Reader<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    n_nodes: usize,
    sink: Sink,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Node> {
        self.skip()?;
        if self.peek().is_none() {
            return Ok(Node::null(Span::new(self.at, self.at)));
        }
        let node = self.value()?;
        self.skip()?;
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.unexpected("the end of the file")),
        }
    }

    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn error(&self, start: usize, message: impl Into<String>) -> Box<Diagnostic> {
        let span = Span::new(start, self.at.max(start));
        Box::new(Diagnostic::new(code::INVALID_YAML, span, message))
    }

    fn unexpected(&self, expected: &str) -> Box<Diagnostic> {
        let (found, width) = match self.peek() {
            Some(c) => (format!("`{}`", c.escape_debug()), c.len_utf8()),
            None => ("the end of the file".to_owned(), 0),
        };
        let span = Span::new(self.at, self.at + width);
        let message = format!("expected {expected}, found {found}");
        Box::new(Diagnostic::new(code::INVALID_YAML, span, message))
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let start = self.at;
                let Some(length) = rest.get(2..).and_then(|it| it.find("*/")) else {
                    self.at += 2;
                    return Err(self.error(start, "the comment is never closed"));
                };
                self.at += length + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Read<Node> {
        let start = self.at;
        self.n_nodes += 1;
        if NODES_MAX < self.n_nodes {
            let message = format!("a file holds at most {NODES_MAX} values");
            let span = Span::new(start, start);
            return Err(Box::new(Diagnostic::new(code::LIMIT_EXCEEDED, span, message)));
        }
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => {
                let scalar = self.string()?;
                let span = Span::new(start, self.at);
                Ok(Node { kind: Kind::Str(scalar), span, style: Style::DoubleQuoted })
            }
            Some('-' | '0'..='9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.unexpected("a value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Kind>) -> Read<Node> {
        let start = self.at;
        if limits::YAML_DEPTH_MAX <= self.depth {
            return Err(Box::new(too_deep(Span::new(start, start + 1))));
        }
        self.depth += 1;
        self.at += 1;
        let kind = read(self)?;
        self.depth -= 1;
        Ok(Node { kind, span: Span::new(start, self.at), style: Style::Flow })
    }

    fn array(&mut self) -> Read<Kind> {
        let mut items = Vec::new();
        loop {
            self.skip()?;
            if self.take(']') {
                return Ok(Kind::Seq(items));
            }
            items.push(self.value()?);
            self.skip()?;
            if !self.take(',') && self.peek() != Some(']') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self) -> Read<Kind> {
        let mut entries = Vec::new();
        let mut seen = BTreeMap::new();
        loop {
            self.skip()?;
            if self.take('}') {
                return Ok(Kind::Map(Mapping::new(entries)));
            }
            if self.peek() != Some('"') {
                return Err(self.unexpected("a key in double quotes or `}`"));
            }
            let start = self.at;
            let scalar = self.string()?;
            let span = Span::new(start, self.at);
            let key = Key { text: scalar.text, span, verbatim_at: scalar.verbatim_at };
            self.skip()?;
            if !self.take(':') {
                return Err(self.unexpected("`:`"));
            }
            self.skip()?;
            let value = self.value()?;
            if let Some(first) = seen.get(&key.text) {
                let message = format!("the key `{}` is written twice", key.text);
                let found = Diagnostic::new(code::DUPLICATE_KEY, span, message);
                self.sink.push(found.label(*first, "first here"));
            } else {
                seen.insert(key.text.clone(), span);
                entries.push(Entry { key, value });
            }
            self.skip()?;
            if !self.take(',') && self.peek() != Some('}') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn number(&mut self) -> Read<Node> {
        let start = self.at;
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let rest = self.rest();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or("").to_owned();
        self.at += length;
        let span = Span::new(start, self.at);
        // The library's grammar is exactly JSON's: no `01`, no `1.`, no `+1`.
        let number: Result<serde_json::Number, _> = serde_json::from_str(&text);
        let kind = match number {
            Ok(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Kind::Int(whole),
                (None, Some(float)) if float.is_finite() => Kind::Float(float),
                (None, _) => return Err(self.error(start, format!("`{text}` is too large"))),
            },
            Err(_) => return Err(self.error(start, format!("`{text}` is not a number"))),
        };
        Ok(Node { kind, span, style: Style::Plain })
    }

    fn word(&mut self) -> Read<Node> {
        let start = self.at;
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let kind = match rest.get(..length) {
            Some("null") => Kind::Null,
            Some("true") => Kind::Bool(true),
            Some("false") => Kind::Bool(false),
            _ => return Err(self.unexpected("a value")),
        };
        self.at += length;
        Ok(Node { kind, span: Span::new(start, self.at), style: Style::Plain })
    }

    /// Text in double quotes, from the opening quote to behind the closing one.
    fn string(&mut self) -> Read<Scalar> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut escaped = false;
        loop {
            let rest = self.rest();
            let Some(length) = rest.find(['"', '\\']) else {
                self.at = start + 1;
                return Err(self.error(start, "the text is never closed by `\"`"));
            };
            text.push_str(rest.get(..length).unwrap_or(""));
            self.at += length;
            if self.take('"') {
                let verbatim_at = (!escaped).then_some(start + 1);
                return Ok(Scalar { text, verbatim_at });
            }
            escaped = true;
            text.push(self.escape()?);
        }
    }

    /// One character behind a backslash; two escapes if they make a surrogate pair.
    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return Err(self.unexpected("an escape")) };
        self.at += c.len_utf8();
        match c {
            '"' | '\\' | '/' => Ok(c),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => {
                let first = self.hex(start)?;
                let units = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    vec![first, self.hex(start)?]
                } else {
                    vec![first]
                };
                let mut chars = char::decode_utf16(units);
                match (chars.next(), chars.next()) {
                    (Some(Ok(c)), None) => Ok(c),
                    _ => Err(self.error(start, "half of a surrogate pair is no character")),
                }
            }
            _ => Err(self.error(start, format!("`\\{}` is no escape", c.escape_debug()))),
        }
    }

    fn hex(&mut self, start: usize) -> Read<u16> {
        let digits = self.rest().get(..4).unwrap_or("");
        let all = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let unit = all.then(|| u16::from_str_radix(digits, 16).ok()).flatten();
        let Some(unit) = unit else {
            return Err(self.error(start, "`\\u` needs four hexadecimal digits"));
        };
        self.at += 4;
        Ok(unit)
    }
}

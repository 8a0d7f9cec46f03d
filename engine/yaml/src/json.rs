//! JSON text into the same tree, as lenient as the cloud's reader: a byte order mark, comments,
//! commas at the end and line breaks in text are accepted, each with a warning.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code, limits};
use serde_json::Number;

use crate::{
    node::{Entry, Key, Kind, Mapping, Node, Scalar, Style},
    parse::{too_deep, too_long},
};

/// Values of one file: the shortest takes two bytes, a real one eight and more.
const NODES_MAX: usize = limits::WDL_BYTES_MAX / 8;

/// Reads JSON. There is no tree if the syntax is broken; of equal keys the first counts. What is
/// accepted although JSON does not have it is a warning, where it occurs first.
pub fn parse_json(source: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if limits::WDL_BYTES_MAX < source.len() {
        return (None, vec![too_long(source, limits::WDL_BYTES_MAX)]);
    }
    let mut reader =
        Reader { source, at: 0, depth: 0, n_nodes: 0, noted: Vec::new(), sink: Sink::new() };
    if reader.take('\u{feff}') {
        reader.note(Lenience::Mark, Span::new(0, reader.at));
    }
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

/// What JSON does not have and the cloud reads all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lenience {
    Mark,
    Comment,
    Comma,
    Control,
    Number,
}

impl Lenience {
    const fn message(self) -> &'static str {
        match self {
            Self::Mark => "a byte order mark is no part of JSON; it is left out",
            Self::Comment => "a comment is no part of JSON; comments are left out",
            Self::Comma => "JSON has no comma behind the last value; it is left out",
            Self::Control => "JSON writes control characters as escapes; they are kept as they are",
            Self::Number => {
                "the number is beyond 64 bits; of such numbers the nearest float is kept"
            }
        }
    }
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    n_nodes: usize,
    noted: Vec<Lenience>,
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

    /// Warns of what is accepted, once for each kind.
    fn note(&mut self, lenience: Lenience, span: Span) {
        if self.noted.contains(&lenience) {
            return;
        }
        self.noted.push(lenience);
        let found = Diagnostic::new(code::INVALID_YAML, span, lenience.message()).warning();
        self.sink.push(found);
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                let start = self.at;
                let Some(length) = rest.get(2..).and_then(|it| it.find("*/")) else {
                    self.at += 2;
                    return Err(self.error(start, "the comment is never closed"));
                };
                length + 4
            } else {
                return Ok(());
            };
            self.note(Lenience::Comment, Span::new(self.at, self.at + 2));
            self.at += length;
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
        if limits::JSON_DEPTH_MAX <= self.depth {
            let span = Span::new(start, start + 1);
            return Err(Box::new(too_deep(span, limits::JSON_DEPTH_MAX)));
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
            self.comma(']', "`,` or `]`")?;
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
            self.comma('}', "`,` or `}`")?;
        }
    }

    /// What stands behind a value in brackets: a comma, or the closing bracket, which is not taken.
    fn comma(&mut self, close: char, expected: &str) -> Read<()> {
        self.skip()?;
        let start = self.at;
        if self.take(',') {
            self.skip()?;
            if self.peek() == Some(close) {
                self.note(Lenience::Comma, Span::new(start, start + 1));
            }
        } else if self.peek() != Some(close) {
            return Err(self.unexpected(expected));
        }
        Ok(())
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
        let number: Result<Number, _> = serde_json::from_str(&text);
        let kind = match number {
            // A whole number has no sign if it is zero.
            Ok(_) if text == "-0" => Kind::Int(0),
            Ok(number) => {
                if number.is_f64() && !text.contains(['.', 'e', 'E']) {
                    self.note(Lenience::Number, span);
                }
                number.as_i64().map_or(Kind::Float(number), Kind::Int)
            }
            Err(_) if text.parse().is_ok_and(f64::is_infinite) => {
                return Err(self.error(start, format!("`{}` is too large", shortened(&text))));
            }
            Err(_) => {
                return Err(self.error(start, format!("`{}` is not a number", shortened(&text))));
            }
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
            let part = rest.get(..length).unwrap_or("");
            text.push_str(part);
            if let Some(at) = part.find(|it| it < ' ') {
                self.note(Lenience::Control, Span::new(self.at + at, self.at + at + 1));
            }
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

/// The beginning of a text that may be of any length.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

//! Lists and objects in brackets, which may be open.

use base::Span;

use super::{DEPTH_MAX, Entry, Kind, Node, Parser, Scalar};

/// Reads what stands in brackets.
pub(super) struct Brackets<'p, 't> {
    pub(super) parser: &'p Parser<'t>,
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) column: usize,
    pub(super) depth: usize,
}

impl Brackets<'_, '_> {
    fn peek(&self) -> Option<char> {
        self.parser.slice(self.at, self.end).chars().next()
    }

    fn blanks(&mut self) {
        loop {
            let rest = self.parser.slice(self.at, self.end);
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn node(&mut self) -> Node {
        self.blanks();
        let start = self.at;
        self.depth += 1;
        let kind = match self.peek() {
            Some('{') if self.depth < DEPTH_MAX => self.map(),
            Some('[') if self.depth < DEPTH_MAX => self.seq(),
            Some(quote @ ('"' | '\'')) => {
                let node = self.parser.quoted(self.at, quote, self.column);
                self.at = node.span.end.min(self.end);
                node.kind
            }
            _ => self.plain(),
        };
        self.depth -= 1;
        Node { kind, span: Span::new(start, self.at.max(start)) }
    }

    fn plain(&mut self) -> Kind {
        let rest = self.parser.slice(self.at, self.end);
        let mut length = rest.len();
        let mut before = ' ';
        for (index, c) in rest.char_indices() {
            let next = rest.get(index + c.len_utf8()..).and_then(|it| it.chars().next());
            let ends = matches!(c, ',' | '{' | '}' | '[' | ']' | '\n')
                || c == ':' && next.is_none_or(|it| it.is_whitespace() || ",]}".contains(it))
                || c == '#' && before == ' ';
            if ends {
                length = index;
                break;
            }
            before = c;
        }
        let text = rest.get(..length).unwrap_or("").trim_end().to_owned();
        self.at += text.len();
        if text.is_empty() { Kind::Nothing } else { Kind::Scalar(Scalar { text, quote: None }) }
    }

    fn seq(&mut self) -> Kind {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some('}') => return Kind::Seq(items),
                Some(']') => {
                    self.at += 1;
                    return Kind::Seq(items);
                }
                Some(',') => self.at += 1,
                Some(_) => {
                    let before = self.at;
                    items.push(self.node());
                    if self.at == before {
                        self.at += self.peek().map_or(1, char::len_utf8);
                    }
                }
            }
        }
    }

    fn map(&mut self) -> Kind {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(']') => return Kind::Map(entries),
                Some('}') => {
                    self.at += 1;
                    return Kind::Map(entries);
                }
                Some(',') => self.at += 1,
                Some(_) => {
                    let before = self.at;
                    entries.extend(self.entry());
                    if self.at == before {
                        self.at += self.peek().map_or(1, char::len_utf8);
                    }
                }
            }
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        let node = self.node();
        let Kind::Scalar(scalar) = node.kind else { return None };
        let key_span = node.span;
        self.blanks();
        let has_colon = self.peek() == Some(':');
        let mut value = Node { kind: Kind::Nothing, span: Span::new(self.at, self.at) };
        if has_colon {
            self.at += 1;
            let behind = self.at;
            self.blanks();
            value = match self.peek() {
                None | Some(',' | '}' | ']') => {
                    Node { kind: Kind::Nothing, span: Span::new(behind, self.at) }
                }
                Some(_) => self.node(),
            };
        }
        Some(Entry { key: scalar.text, key_span, has_colon, value })
    }
}

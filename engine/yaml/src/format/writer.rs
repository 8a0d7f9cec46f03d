//! Writes a tree again, with the file's own words for its scalars.

use base::Span;

use super::{Orders, scalars, trivia::Trivia};
use crate::{
    node::{Entry, Key, Kind, Mapping, Node, Style},
    scalar_text::Place,
};

/// Columns of a line with a list or an object in it.
const WIDTH: usize = 100;
/// Columns by which what is inside moves to the right.
const STEP: usize = 2;

pub(super) struct Writer<'t> {
    text: &'t str,
    orders: &'t Orders,
    trivia: Trivia<'t>,
    out: String,
}

/// Where the parts of a collection stand.
#[derive(Clone, Copy)]
struct Around {
    /// What stands before it ends here.
    from: usize,
    /// What follows it begins here.
    to: usize,
    /// Columns before its parts.
    indent: usize,
    /// Whether its first part stands behind a dash.
    is_inline: bool,
}

impl<'t> Writer<'t> {
    pub(super) fn new(text: &'t str, orders: &'t Orders) -> Self {
        Self { text, orders, trivia: Trivia::new(text), out: String::new() }
    }

    pub(super) fn document(mut self, root: &Node) -> Result<String, String> {
        let around = Around { from: 0, to: self.text.len(), indent: 0, is_inline: false };
        if let Some(text) = self.short(root) {
            self.above(0, root.span.start, 0, true);
            self.out.push_str(&text);
            self.behind(root.span.end);
            self.out.push('\n');
        } else {
            self.collection(root, around)?;
        }
        for it in self.trivia.take_between(0, self.text.len()) {
            if it.after_blank && !self.out.is_empty() {
                self.out.push('\n');
            }
            self.out.push_str(it.text);
            self.out.push('\n');
        }
        if self.trivia.is_told() { Ok(self.out) } else { Err("a comment would be lost".to_owned()) }
    }

    fn collection(&mut self, node: &Node, around: Around) -> Result<(), String> {
        match &node.kind {
            Kind::Map(mapping) => self.mapping(mapping, node.span, around),
            Kind::Seq(items) => self.items(items, around),
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => Ok(()),
        }
    }

    fn mapping(&mut self, mapping: &Mapping, span: Span, around: Around) -> Result<(), String> {
        let entries: Vec<&Entry> = mapping.iter().collect();
        let column = entries.first().map_or(0, |it| self.trivia.column(it.key.span.start));
        let order = self.order(&entries, span, around);
        for (nth, index) in order.iter().enumerate() {
            let Some(entry) = entries.get(*index) else { continue };
            let before = index.checked_sub(1).and_then(|it| entries.get(it));
            let from = before.map_or(around.from, |it| end(it));
            let to = entries.get(index + 1).map_or(around.to, |it| it.key.span.start);
            if 0 < nth || !around.is_inline {
                self.above(from, entry.key.span.start, around.indent, nth == 0);
                self.out.push_str(&" ".repeat(around.indent));
            }
            self.entry(entry, to, around.indent)?;
        }
        let last = entries.last().map_or(span.end, |it| end(it));
        self.below(last, around, column);
        Ok(())
    }

    /// The order of an object's entries: as it was asked for, unless a comment would have to stand
    /// before a dash.
    fn order(&self, entries: &[&Entry], span: Span, around: Around) -> Vec<usize> {
        let as_it_is = || (0..entries.len()).collect();
        let Some(order) = self.orders.get(&span.start) else { return as_it_is() };
        let moved = order.first().filter(|it| 0 < **it && around.is_inline);
        let region =
            moved.and_then(|it| Some(end(entries.get(it - 1)?)..entries.get(*it)?.key.span.start));
        let has_comment = region.is_some_and(|it| {
            // A comment behind the entry before is that entry's.
            let line = self.text.get(it.start..it.end).and_then(|text| text.find('\n'));
            line.is_some_and(|line| self.trivia.has_between(it.start + line, it.end))
        });
        if has_comment { as_it_is() } else { order.clone() }
    }

    fn entry(&mut self, entry: &Entry, to: usize, indent: usize) -> Result<(), String> {
        let key = self.key(&entry.key)?;
        self.out.push_str(&key);
        self.out.push(':');
        self.value(&entry.value, entry.key.span, to, indent)
    }

    fn key(&self, key: &Key) -> Result<String, String> {
        let before = self.trivia.before(key.span.start).trim_end();
        let raw = self.raw(key.span);
        if before.ends_with('?') || raw.contains('\n') {
            return Err(format!("the key `{}` is written in a way that is kept", key.text));
        }
        let style = match raw.chars().next() {
            Some('"') => Style::DoubleQuoted,
            Some('\'') => Style::SingleQuoted,
            _ => Style::Plain,
        };
        Ok(scalars::in_line(raw, &key.text, style, Place::Inline).unwrap_or_default())
    }

    /// What stands behind a key.
    fn value(&mut self, node: &Node, key: Span, to: usize, indent: usize) -> Result<(), String> {
        let column = self.line_length() + 1;
        if let Some(text) = self.short(node).filter(|it| self.fits(node, it, column)) {
            if !text.is_empty() {
                self.out.push(' ');
                self.out.push_str(&text);
            }
            // A comment may stand between a key and a value that has a line of its own.
            self.behind(key.end);
            self.behind(node.span.end.max(key.end));
            self.out.push('\n');
            return Ok(());
        }
        if let Kind::Str(_) = &node.kind {
            self.out.push(' ');
            let text = self.long(node, key.end, indent + STEP)?;
            self.lines(&text, key.end, node.span.end);
            return Ok(());
        }
        let is_flow = node.style == Style::Flow;
        if !is_flow || self.trivia.line(key.end) < self.trivia.line(node.span.start) {
            self.behind(key.end);
        }
        if is_flow && !self.trivia.has_between(node.span.start, node.span.end) {
            let moved = self.trivia.take_behind(node.span.end);
            if let Some((text, _)) = moved {
                self.out.push_str("  ");
                self.out.push_str(text);
            }
        }
        self.out.push('\n');
        let around = Around { from: key.end, to, indent: indent + STEP, is_inline: false };
        self.collection(node, around)?;
        if is_flow {
            self.rest(node.span.end, indent + STEP);
        }
        Ok(())
    }

    fn items(&mut self, items: &[Node], around: Around) -> Result<(), String> {
        let column = items.first().map_or(0, |it| self.dash(it.span.start));
        for (nth, item) in items.iter().enumerate() {
            let before = nth.checked_sub(1).and_then(|it| items.get(it));
            let from = before.map_or(around.from, |it| it.span.end);
            let to = items.get(nth + 1).map_or(around.to, |it| it.span.start);
            if 0 < nth || !around.is_inline {
                self.above(from, item.span.start, around.indent, nth == 0);
                self.out.push_str(&" ".repeat(around.indent));
            }
            self.out.push('-');
            self.item(item, to, around.indent)?;
        }
        let last = items.last().map_or(around.from, |it| it.span.end);
        self.below(last, around, column);
        Ok(())
    }

    fn item(&mut self, node: &Node, to: usize, indent: usize) -> Result<(), String> {
        let column = self.line_length() + 1;
        if let Some(text) = self.short(node).filter(|it| self.fits(node, it, column)) {
            if !text.is_empty() {
                self.out.push(' ');
                self.out.push_str(&text);
            }
            self.behind(node.span.end);
            self.out.push('\n');
            return Ok(());
        }
        self.out.push(' ');
        if let Kind::Str(_) = &node.kind {
            let from = self.trivia.before(node.span.start).len();
            let header = node.span.start.saturating_sub(from);
            // The mark of a block stands in the line above its text.
            let from = if node.style == Style::BlockScalar {
                self.line_above(header)
            } else {
                node.span.start
            };
            let text = self.long(node, from, indent + STEP)?;
            self.lines(&text, node.span.start, node.span.end);
            return Ok(());
        }
        let is_flow = node.style == Style::Flow;
        let around = Around { from: node.span.start, to, indent: indent + STEP, is_inline: true };
        if is_flow && !self.trivia.has_between(node.span.start, node.span.end) {
            return self.opened(node, around);
        }
        self.collection(node, around)?;
        if is_flow {
            self.rest(node.span.end, indent + STEP);
        }
        Ok(())
    }

    /// An item in brackets gets lines of its own; a comment behind it stands behind the first.
    fn opened(&mut self, node: &Node, around: Around) -> Result<(), String> {
        let behind = self.trivia.take_behind(node.span.end).map(|(it, _)| it.to_owned());
        let start = self.out.len();
        self.collection(node, around)?;
        if let Some(comment) = behind {
            let line = self.out.get(start..).and_then(|it| it.find('\n')).unwrap_or(0);
            self.out.insert_str(start + line, &format!("  {comment}"));
        }
        Ok(())
    }

    /// A value in one line; none if it has to take several.
    fn short(&self, node: &Node) -> Option<String> {
        self.in_line(node, Place::Block)
    }

    fn in_line(&self, node: &Node, place: Place) -> Option<String> {
        match &node.kind {
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                let raw = self.raw(node.span);
                let is_there = !matches!(node.kind, Kind::Null) || is_null(raw);
                Some(if is_there { raw.to_owned() } else { String::new() })
            }
            Kind::Str(scalar) => {
                let is_block = node.style == Style::BlockScalar;
                let raw = self.raw(node.span);
                (!is_block)
                    .then(|| scalars::in_line(raw, &scalar.text, node.style, place))
                    .flatten()
            }
            Kind::Seq(_) | Kind::Map(_) if node.style != Style::Flow => None,
            Kind::Seq(_) | Kind::Map(_)
                if self.trivia.has_between(node.span.start, node.span.end) =>
            {
                None
            }
            Kind::Seq(items) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|it| self.in_line(it, Place::Inline)).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Kind::Map(mapping) if mapping.is_empty() => Some("{}".to_owned()),
            Kind::Map(mapping) => {
                let entries: Vec<&Entry> = mapping.iter().collect();
                let order = self.orders.get(&node.span.start);
                let order = order.cloned().unwrap_or_else(|| (0..entries.len()).collect());
                let entry = |index: &usize| {
                    let entry = entries.get(*index)?;
                    let key = self.key(&entry.key).ok()?;
                    let value = self.in_line(&entry.value, Place::Inline)?;
                    let is_bare = value.is_empty() && !self.has_colon(entry);
                    Some(match (value.as_str(), is_bare) {
                        (_, true) => key,
                        ("", _) => format!("{key}:"),
                        (value, _) => format!("{key}: {value}"),
                    })
                };
                let entries: Option<Vec<String>> = order.iter().map(entry).collect();
                Some(format!("{{ {} }}", entries?.join(", ")))
            }
        }
    }

    /// Whether a value may stand in one line: if it has no choice, or is short enough.
    fn fits(&self, node: &Node, text: &str, column: usize) -> bool {
        let has_parts = match &node.kind {
            Kind::Map(mapping) => {
                !mapping.is_empty() && mapping.iter().all(|it| self.has_colon(it))
            }
            Kind::Seq(items) => !items.is_empty(),
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => false,
        };
        !has_parts || column + text.chars().count() <= WIDTH
    }

    /// In brackets a name alone is a key without a value.
    fn has_colon(&self, entry: &Entry) -> bool {
        !entry.value.is_null()
            || self
                .text
                .get(entry.key.span.end..)
                .is_some_and(|it| it.trim_start().starts_with(':'))
    }

    /// A scalar of several lines.
    fn long(&self, node: &Node, from: usize, indent: usize) -> Result<String, String> {
        if node.style == Style::BlockScalar {
            return scalars::block(node, self.text, from, indent);
        }
        Ok(scalars::in_lines(self.raw(node.span), indent))
    }

    /// Lines of a scalar, with the comments behind its first and its last one.
    fn lines(&mut self, text: &str, from: usize, end: usize) {
        let (first, rest) = match text.split_once('\n') {
            Some((first, rest)) => (first, Some(rest)),
            None => (text, None),
        };
        self.out.push_str(first);
        if first.starts_with(['|', '>']) {
            self.behind(from);
        }
        if let Some(rest) = rest {
            self.out.push('\n');
            self.out.push_str(rest);
        }
        if !first.starts_with(['|', '>']) {
            self.behind(end);
        }
        self.out.push('\n');
    }

    /// Comments and a blank line before a part.
    fn above(&mut self, from: usize, to: usize, indent: usize, is_first: bool) {
        let mut is_first = is_first;
        for it in self.trivia.take_between(from, to) {
            if it.after_blank && !is_first {
                self.out.push('\n');
            }
            is_first = false;
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(it.text);
            self.out.push('\n');
        }
        // A dash may stand in a line above its item.
        let start = if self.text.get(from..to).is_some_and(|it| it.contains("\n\n")) {
            self.trivia.is_after_blank(to) || is_blank_before_dash(self.text, from, to)
        } else {
            self.trivia.is_after_blank(to)
        };
        if start && !is_first {
            self.out.push('\n');
        }
    }

    /// Comments behind the last part that stand as far to the right as the parts.
    fn below(&mut self, from: usize, around: Around, column: usize) {
        for it in self.trivia.take_below(from, around.to, column) {
            if it.after_blank {
                self.out.push('\n');
            }
            self.out.push_str(&" ".repeat(around.indent));
            self.out.push_str(it.text);
            self.out.push('\n');
        }
    }

    /// A comment behind the closing bracket of what has lines of its own now.
    fn rest(&mut self, end: usize, indent: usize) {
        if let Some((text, _)) = self.trivia.take_behind(end) {
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(text);
            self.out.push('\n');
        }
    }

    /// The comment behind a value, in its column if there is room.
    fn behind(&mut self, at: usize) {
        let Some((text, column)) = self.trivia.take_behind(at) else { return };
        let present = self.line_length();
        let column = if present < column { column } else { present + 2 };
        self.out.push_str(&" ".repeat(column - present));
        self.out.push_str(text);
    }

    fn line_length(&self) -> usize {
        let line = self.out.rsplit('\n').next().unwrap_or("");
        line.chars().count()
    }

    /// The column of the dash before an item.
    fn dash(&self, item: usize) -> usize {
        let before = self.trivia.before(item);
        before
            .rfind('-')
            .map_or_else(|| self.trivia.column(item), |at| before.chars().take(at).count())
    }

    /// The first byte of the line above one that begins there.
    fn line_above(&self, line_start: usize) -> usize {
        let above = self.text.get(..line_start.saturating_sub(1)).unwrap_or("");
        above.rfind('\n').map_or(0, |at| at + 1)
    }

    fn raw(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or("")
    }
}

fn is_null(raw: &str) -> bool {
    matches!(raw, "~" | "null" | "Null" | "NULL")
}

/// Where an entry ends.
fn end(entry: &Entry) -> usize {
    entry.key.span.end.max(entry.value.span.end)
}

/// Whether a blank line stands before the dash of an item that begins in a later line.
fn is_blank_before_dash(text: &str, from: usize, to: usize) -> bool {
    let between = text.get(from..to).unwrap_or("");
    between.rfind('-').is_some_and(|at| {
        let above = between.get(..at).unwrap_or("");
        above.trim_end_matches(' ').ends_with("\n\n")
    })
}

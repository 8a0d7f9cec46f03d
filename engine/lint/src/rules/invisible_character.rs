//! Characters that nobody sees, or that change the order in which others are shown.

use base::{Diagnostic, Sink, Source, Span, code};
use expr::{Dialect, Notation};
use yaml::{Kind, Node};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::INVISIBLE_CHARACTER,
    phase: Phase::File,
    summary: "A character that nobody sees, or that shows others in another order than they have.",
    hooks: Hooks {
        file: Some(file),
        flow: Some(flow),
        expression: Some(expression),
        ..Hooks::NONE
    },
};

/// What is never meant, wherever it stands.
fn name(c: char) -> Option<&'static str> {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some("a mark that changes the direction of text")
        }
        '\u{200b}' | '\u{2060}' => Some("a space without width"),
        '\u{feff}' => Some("a byte order mark"),
        _ => None,
    }
}

const NO_BREAK_SPACE: char = '\u{a0}';

fn flow(view: &View<'_>, sink: &mut Sink) {
    if view.flow.dialect == Dialect::Wdl {
        marks(view.source, sink);
    }
}

fn file(source: &Source, sink: &mut Sink) {
    marks(source, sink);
    if source.text().contains(NO_BREAK_SPACE)
        && let (Some(root), _) = yaml::parse(source.text())
    {
        keys(&root, source, sink);
    }
}

fn marks(source: &Source, sink: &mut Sink) {
    if source.text().is_ascii() {
        return;
    }
    // The first character of a file may say how it is encoded.
    let found = source.text().char_indices().filter(|(at, _)| 0 < *at);
    for (at, c, what) in found.filter_map(|(at, c)| Some((at, c, name(c)?))) {
        let span = Span::new(at, at + c.len_utf8());
        let message = format!("{what} (`\\u{{{:x}}}`) stands here", u32::from(c));
        sink.push(Diagnostic::new(RULE.code, span, message).fix(span, "", "Remove the character"));
    }
}

/// A blank that does not break lines is part of a key, and another key than with a usual blank.
fn keys(node: &Node, source: &Source, sink: &mut Sink) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|it| keys(it, source, sink)),
        Kind::Map(map) => {
            for entry in map {
                let span = entry.key.span;
                let written = source.text().get(span.start..span.end).unwrap_or("");
                blanks(written, span.start, "this key", sink);
                keys(&entry.value, source, sink);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
    }
}

fn blanks(text: &str, start: usize, place: &str, sink: &mut Sink) {
    for (at, found) in text.match_indices(NO_BREAK_SPACE) {
        let span = Span::new(start + at, start + at + found.len());
        let message = format!("a blank that does not break lines (`\\u{{a0}}`) stands in {place}");
        let found = Diagnostic::new(RULE.code, span, message);
        sink.push(found.fix(span, " ", "Write a usual blank"));
    }
}

fn expression(_: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    let template = &written.placed.template;
    if !template.source().contains(NO_BREAK_SPACE) {
        return;
    }
    for (at, found) in code_of(template.source(), template.notation()) {
        if let Some(start) = written.placed.verbatim_at {
            blanks(found, start + at, "this expression", sink);
        } else if found.contains(NO_BREAK_SPACE) {
            let message = "a blank that does not break lines (`\\u{a0}`) stands in this expression";
            sink.push(Diagnostic::new(RULE.code, written.placed.span, message));
        }
    }
}

/// The pieces of a string that are code: neither the text around it nor quoted texts in it.
fn code_of(text: &str, notation: Notation) -> Vec<(usize, &str)> {
    let whole = match notation {
        Notation::Literal => return Vec::new(),
        Notation::Expression | Notation::JsonPath => true,
        Notation::Interpolation | Notation::Handlebars => false,
    };
    let opening = if notation == Notation::Handlebars { "{{" } else { "@{" };
    let mut pieces = Vec::new();
    let mut piece = whole.then_some(0);
    let (mut quoted, mut depth) = (false, 0_usize);
    for (at, c) in text.char_indices() {
        match (piece, c) {
            (None, _) if quoted && c == '\'' => {
                quoted = false;
                piece = Some(at + 1);
            }
            (None, _) if !quoted && text.get(at..).is_some_and(|it| it.starts_with(opening)) => {
                piece = Some(at + opening.len());
                depth = 0;
            }
            (Some(start), '\'') => {
                pieces.extend(text.get(start..at).map(|it| (start, it)));
                (piece, quoted) = (None, true);
            }
            (Some(start), '}') if !whole && depth == 0 => {
                pieces.extend(text.get(start..at).map(|it| (start, it)));
                piece = None;
            }
            (Some(start), '{') if start <= at => depth += 1,
            (Some(_), '}') => depth = depth.saturating_sub(1),
            (None | Some(_), _) => {}
        }
    }
    let last = piece.and_then(|start| Some((start, text.get(start..)?)));
    pieces.extend(last);
    pieces
}

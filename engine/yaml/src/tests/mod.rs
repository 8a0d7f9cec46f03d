//! Texts, the trees they give and what is said about them.

mod emit;
mod format;
mod json;
mod mutations;
mod yaml;

use base::{Diagnostic, Source};

use crate::{Kind, Node};

/// Diagnostics as `line:column slug message (hint)`.
pub(crate) fn lines(text: &str, found: &[Diagnostic]) -> Vec<String> {
    let source = Source::new("x", text);
    let show = |it: &Diagnostic| {
        let place = source.location(it.span.start);
        let hint = it.hint.as_deref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}:{} {} {}{hint}", place.line, place.column, it.code.slug, it.message)
    };
    found.iter().map(show).collect()
}

/// Every span lies in the text and holds those of its parts; what is verbatim is in the text.
pub(crate) fn check_spans(text: &str, node: &Node) {
    let inside = |span: base::Span| text.get(span.start..span.end).is_some();
    assert!(inside(node.span), "{:?} in {text:?}", node.span);
    let holds = |part: base::Span| node.span.start <= part.start && part.end <= node.span.end;
    match &node.kind {
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {}
        Kind::Str(scalar) => {
            if let Some(at) = scalar.verbatim_at {
                assert_eq!(text.get(at..at + scalar.text.len()), Some(&*scalar.text), "{text:?}");
            }
        }
        Kind::Seq(items) => {
            for item in items {
                assert!(holds(item.span), "{:?} in {:?} in {text:?}", item.span, node.span);
                check_spans(text, item);
            }
        }
        Kind::Map(mapping) => {
            for entry in mapping {
                assert!(inside(entry.key.span) && holds(entry.key.span), "{text:?}");
                assert!(holds(entry.value.span), "{:?} in {:?}", entry.value.span, node.span);
                check_spans(text, &entry.value);
            }
        }
    }
}

//! Finds places again that the typed tree does not keep: the file is read once more, but only when
//! there is something to say about it.

use base::{Source, Span};
use expr::Dialect;
use yaml::{Entry, Kind, Node};

/// The nodes of one file.
pub(crate) struct Locator {
    root: Option<Node>,
}

impl Locator {
    pub(crate) fn new(source: &Source, dialect: Dialect) -> Self {
        let (root, _) = match dialect {
            Dialect::Flowright => yaml::parse(source.text()),
            Dialect::Wdl => yaml::parse_json(source.text()),
        };
        Self { root }
    }

    /// The entry of the first of `keys` that is there, in the object whose name stands at `name`.
    pub(crate) fn entry(&self, name: Span, keys: &[&str]) -> Option<&Entry> {
        let map = named(self.root.as_ref()?, name)?.as_map()?;
        keys.iter().find_map(|key| map.entry(key))
    }
}

impl Locator {
    /// The whole file.
    pub(crate) const fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// The object whose name stands at `name`.
    pub(crate) fn object(&self, name: Span) -> Option<&Node> {
        named(self.root.as_ref()?, name)
    }

    /// The first text that is exactly this, in the object whose name stands at `name`.
    pub(crate) fn text(&self, name: Span, wanted: &str) -> Option<Span> {
        texts(named(self.root.as_ref()?, name)?, wanted).first().copied()
    }
}

/// The object that is called by the text at `span`: by its `name`, or in the cloud's JSON by its key.
fn named(node: &Node, span: Span) -> Option<&Node> {
    let inside = |it: &&Node| it.span.start <= span.start && span.end <= it.span.end;
    match &node.kind {
        Kind::Seq(items) => items.iter().filter(inside).find_map(|it| named(it, span)),
        Kind::Map(map) => {
            if map.get("name").is_some_and(|it| it.span == span) {
                return Some(node);
            }
            if let Some(entry) = map.iter().find(|it| it.key.span == span) {
                return Some(&entry.value);
            }
            map.iter().map(|it| &it.value).filter(inside).find_map(|it| named(it, span))
        }
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => None,
    }
}

/// Every text below a node that is exactly this, in the order of the file.
pub(crate) fn texts(node: &Node, wanted: &str) -> Vec<Span> {
    let mut found = Vec::new();
    collect(node, wanted, &mut found);
    found
}

fn collect(node: &Node, wanted: &str, found: &mut Vec<Span>) {
    match &node.kind {
        Kind::Str(scalar) if scalar.text == wanted => found.push(node.span),
        Kind::Seq(items) => items.iter().for_each(|it| collect(it, wanted, found)),
        Kind::Map(map) => map.iter().for_each(|it| collect(&it.value, wanted, found)),
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
    }
}

//! Reading of objects whose keys are fixed: what is there, what is missing, what nobody knows.

use base::Span;
use expr::{Dialect, Tree};
use serde_json::Value;
use yaml::{Entry, Mapping, Node};

use crate::{
    reader::{EMPTY, Reader},
    schema::Schema,
    shape::{Kind, Shape},
};

/// What is in an object of the format: keys that nobody asks for are unknown. The cloud's JSON is
/// read without case, and its unknown keys are let be.
pub(crate) struct Fields<'a> {
    /// The object in messages, such as "action `Get`".
    pub(crate) place: String,
    /// Where messages about the whole object point.
    pub(crate) at: Span,
    entries: &'a Mapping,
    dialect: Dialect,
    known: Vec<&'static str>,
    /// The table that has its keys, where it is an object of ours.
    shape: Option<&'static Shape>,
    /// The whole object is missing, which has been said.
    missing: bool,
}

impl<'a> Fields<'a> {
    /// The keys of an object; of nothing and of anything else none.
    pub(crate) fn new(reader: &mut Reader, node: &'a Node, place: &str) -> Self {
        let dialect = reader.dialect;
        let Some(entries) = node.as_map() else {
            let at = node.span;
            if node.is_null() {
                return Self { missing: false, ..Self::missing(dialect, place, at) };
            }
            reader.wrong(node, place, "an object");
            return Self::missing(dialect, place, at);
        };
        let at = entries.iter().next().map_or(node.span, |first| first.key.span);
        let (place, known, shape) = (place.to_owned(), Vec::new(), None);
        Self { place, at, entries, dialect, known, shape, missing: false }
    }

    /// The keys are those of a table, in our own format.
    pub(crate) fn of(mut self, shape: &'static Shape) -> Self {
        if self.dialect == Dialect::Flowright {
            self.shape = Some(shape);
            self.known = shape.keys.iter().map(|it| it.name).collect();
        }
        self
    }

    /// The object is of a kind that the table has: the keys of that kind are known, too.
    pub(crate) fn of_kind(&mut self, kind: &'static Kind) {
        let keys = std::iter::once(&kind.key).chain(kind.beside).map(|it| it.name);
        self.known.extend(keys);
    }

    /// The keys of an object that should be there and is not; `at` is where that was said.
    pub(crate) fn missing(dialect: Dialect, place: &str, at: Span) -> Self {
        let place = place.to_owned();
        let (known, shape) = (Vec::new(), None);
        Self { place, at, entries: &EMPTY, dialect, known, shape, missing: true }
    }

    /// The entry of a key that the format has.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        debug_assert!(
            self.shape.is_none_or(|_| self.missing || self.known.contains(&key)),
            "`{key}` of {} is not in its table",
            self.place
        );
        self.know(&[key]);
        match self.dialect {
            Dialect::Flowright => self.entries.entry(key),
            Dialect::Wdl => self.entries.entry_any_case(key),
        }
    }

    /// The keys that are there, in the order of the file.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.entries.iter().map(|it| it.key.text.as_str())
    }

    /// Where a key stands.
    pub(crate) fn span(&self, key: &str) -> Option<Span> {
        self.entries.entry(key).map(|it| it.key.span)
    }

    /// Adds keys that are known even if nobody asks for them.
    pub(crate) fn know(&mut self, keys: &[&'static str]) {
        for key in keys {
            if !self.known.contains(key) {
                self.known.push(key);
            }
        }
    }

    /// Whether there is a key that nobody knows.
    pub(crate) fn has_unknown(&self) -> bool {
        self.entries.iter().any(|it| !self.known.contains(&it.key.text.as_str()))
    }

    /// The value of a key, `null` included.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|it| &it.value)
    }

    /// The value of a key that may be left out, which is what `null` means, too.
    pub(crate) fn given(&mut self, key: &'static str) -> Option<&'a Node> {
        self.node(key).filter(|it| !it.is_null())
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, reader: &mut Reader, key: &'static str) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() && !self.missing {
            reader.sink.missing_key(self.at, key, &self.place);
        }
        node
    }

    /// The value of a key with its templates, if it is there.
    pub(crate) fn tree(&mut self, reader: &mut Reader, key: &'static str) -> Option<Tree> {
        self.node(key).map(|it| reader.tree(it))
    }

    /// The value of a key that must be there; null if it is not.
    pub(crate) fn required_tree(&mut self, reader: &mut Reader, key: &'static str) -> Tree {
        self.required(reader, key).map_or(Tree::Value(Value::Null), |it| reader.tree(it))
    }

    pub(crate) fn text(&mut self, reader: &mut Reader, key: &'static str) -> Option<String> {
        self.given(key).and_then(|it| reader.text(it, &format!("`{key}`")))
    }

    pub(crate) fn required_text(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
    ) -> Option<(String, Span)> {
        let node = self.required(reader, key)?;
        reader.text(node, &format!("`{key}`")).map(|it| (it, node.span))
    }

    pub(crate) fn flag(&mut self, reader: &mut Reader, key: &'static str) -> bool {
        let flag = self.given(key).and_then(|it| reader.flag(it, &format!("`{key}`")));
        flag.unwrap_or(false)
    }

    pub(crate) fn schema(&mut self, reader: &mut Reader, key: &'static str) -> Option<Schema> {
        self.given(key).and_then(|it| reader.schema(it, &format!("`{key}`")))
    }

    /// Reports the keys that the format does not have.
    pub(crate) fn finish(self, reader: &mut Reader) {
        if self.dialect == Dialect::Wdl {
            return;
        }
        for entry in self.entries {
            let key = entry.key.text.as_str();
            if !self.known.contains(&key) {
                reader.sink.unknown_key(entry.key.span, key, &self.known, &self.place);
            }
        }
    }
}

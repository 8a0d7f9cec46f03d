//! Reading of objects whose keys are fixed: what is there, what is missing, what nobody knows.

use base::Span;
use expr::{Dialect, Tree};
use serde_json::Value;
use yaml::{Entry, Mapping, Node};

use crate::{
    reader::{EMPTY, Reader},
    schema::Schema,
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
        Self { place: place.to_owned(), at, entries, dialect, known: Vec::new(), missing: false }
    }

    /// The keys of an object that should be there and is not; `at` is where that was said.
    pub(crate) fn missing(dialect: Dialect, place: &str, at: Span) -> Self {
        let place = place.to_owned();
        Self { place, at, entries: &EMPTY, dialect, known: Vec::new(), missing: true }
    }

    /// The entry of a key that the format has.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.know(&[key]);
        match self.dialect {
            Dialect::Flowright => self.entries.entry(key),
            Dialect::Wdl => self.entries.entry_any_case(key),
        }
    }

    /// Those of some keys that are there, in the order of the file.
    pub(crate) fn matching(&self, keys: &[&'static str]) -> Vec<(&'static str, &'a Entry)> {
        let known = |entry: &Entry| keys.iter().find(|key| **key == entry.key.text).copied();
        self.entries.iter().filter_map(|entry| Some((known(entry)?, entry))).collect()
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

    /// Reports every key but one.
    pub(crate) fn only(reader: &mut Reader, node: &Node, key: &'static str, place: &str) {
        let mut fields = Fields::new(reader, node, place);
        fields.know(&[key]);
        fields.finish(reader);
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

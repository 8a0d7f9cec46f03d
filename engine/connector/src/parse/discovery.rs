//! Checks how schemas are asked for.

use base::{Diagnostic, code};
use yaml::Mapping;

use super::{reader::Reader, schema::KEYWORDS};
use crate::discover::KEYWORD;

pub(crate) const KEYS: &[&str] =
    &["closed", "column", "columns", "extends", "input", "operation", "schema", "types", "with"];
/// What is read of a column besides its name and type: keywords of its schema.
pub(crate) const COLUMN_KEYS: &[&str] = &[
    "default",
    "description",
    "enum",
    "format",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "name",
    "readOnly",
    "required",
    "title",
    "type",
    "when",
];

impl Reader {
    /// `discover` of a schema. One without an operation is a note for people, unless it builds on that
    /// of another schema.
    pub(super) fn check_discover(&mut self, map: &Mapping, schemas: &Mapping) {
        let Some(node) = map.get(KEYWORD) else { return };
        let place = "`discover`";
        let Some(own) = self.entries(node, place) else { return };
        let base = self.base(own, schemas);
        let get = |key: &str| own.get(key).or_else(|| base?.get(key));
        if get("operation").is_none() {
            return;
        }
        self.object(node, place, KEYS);
        self.flag(own, "closed");
        self.text(own, "input");
        if own.get("operation").is_some() {
            self.called(own, place, node);
        }
        if get("schema").is_some() == get("columns").is_some() {
            let message = "`discover` needs one of `schema`, `columns`";
            self.sink.push(Diagnostic::new(code::MISSING_KEY, node.span, message));
        }
        for key in ["schema", "columns"] {
            self.template(own, key);
        }
        if get("columns").is_some() {
            for key in ["column", "types"].iter().filter(|key| get(key).is_none()) {
                self.sink.missing_key(node.span, key, "`discover` of columns");
            }
            self.check_column(own);
        }
    }

    /// The `discover` that another builds on.
    fn base<'n>(&mut self, own: &Mapping, schemas: &'n Mapping) -> Option<&'n Mapping> {
        let name = self.text(own, "extends")?;
        let base = schemas.get(&name).and_then(|it| it.get(KEYWORD)?.as_map());
        if base.is_none() {
            let message = format!("there is no schema `{name}` with `discover` to build on");
            let span = own.get("extends").map_or_else(Default::default, |it| it.span);
            let found = Diagnostic::new(code::UNKNOWN_TYPE, span, message);
            self.unknown_name(found, &name, schemas.iter().map(|it| it.key.text.as_str()));
        }
        base
    }

    fn check_column(&mut self, map: &Mapping) {
        if let Some(column) = map.get("column")
            && let Some(keys) = self.object(column, "`column`", COLUMN_KEYS)
        {
            for key in ["name", "type"].iter().filter(|key| keys.get(key).is_none()) {
                self.sink.missing_key(column.span, key, "`column`");
            }
            self.templates(map, "column");
        }
        for entry in
            map.get("types").and_then(|it| self.entries(it, "`types`")).into_iter().flatten()
        {
            self.check_schema(&entry.value, KEYWORDS, &format!("type `{}`", entry.key.text));
        }
    }
}

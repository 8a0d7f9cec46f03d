//! `ParseJson`: a value checked against a JSON Schema.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{Schema, fields::Fields, reader::Reader};

/// A value checked against a schema.
#[derive(Clone, Debug)]
pub struct ParseJson {
    /// The value, or JSON text.
    pub content: Tree,
    /// The schema; `{}` accepts all.
    pub schema: Schema,
}

/// Reads `parseJson` and `schema`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let content = reader.tree(node);
    let schema = fields.schema(reader, "schema").unwrap_or_default();
    ActionKind::ParseJson(ParseJson { content, schema })
}

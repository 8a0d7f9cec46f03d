//! `ParseJson`: a value checked against a JSON Schema.

use expr::Tree;
use serde_json::{Value, json};
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A value checked against a schema.
#[derive(Clone, Debug)]
pub struct ParseJson {
    /// The value, or JSON text.
    pub content: Tree,
    /// The schema; `{}` accepts all.
    pub schema: Value,
}

/// Reads `parseJson` and `schema`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let content = reader.tree(node);
    let schema = fields.schema(reader, "schema").unwrap_or_else(|| json!({}));
    ActionKind::ParseJson(ParseJson { content, schema })
}

//! Ours: applies a mapping file.

use base::Span;
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A mapping applied to a value.
#[derive(Clone, Debug)]
pub struct Map {
    /// The mapping's name: its file without `.mapping.yaml`.
    pub mapping: String,
    /// Where the name stands.
    pub mapping_span: Span,
    /// The source object.
    pub from: Tree,
}

pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let mapping = reader.text(node, "`map`").unwrap_or_default();
    let from = fields.required_tree(reader, "from");
    ActionKind::Map(Map { mapping, mapping_span: node.span, from })
}

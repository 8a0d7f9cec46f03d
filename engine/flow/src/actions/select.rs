//! Select: reshapes a list.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A list with other items.
#[derive(Clone, Debug)]
pub struct Select {
    /// The list.
    pub from: Tree,
    /// What each `item()` becomes.
    pub select: Tree,
}

/// Reads `select: item` and `from`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let select = reader.tree(node);
    ActionKind::Select(Select { from: fields.required_tree(reader, "from"), select })
}

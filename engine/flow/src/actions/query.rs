//! Query: filters a list.

use expr::{Tree, condition::Condition};
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A list with fewer items.
#[derive(Clone, Debug)]
pub struct Query {
    /// The list.
    pub from: Tree,
    /// Must be true of `item()`.
    pub condition: Condition,
}

/// Reads `filter: condition` and `from`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let condition = reader.condition(node, "`filter`");
    ActionKind::Query(Query { from: fields.required_tree(reader, "from"), condition })
}

//! Join: a list to text.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A list to text.
#[derive(Clone, Debug)]
pub struct Join {
    /// The list.
    pub from: Tree,
    /// What stands between the items.
    pub with: Tree,
}

/// Reads `join: ", "` and `from`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let with = reader.tree(node);
    ActionKind::Join(Join { from: fields.required_tree(reader, "from"), with })
}

//! A value.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::reader::Reader;

/// A value.
#[derive(Clone, Debug)]
pub struct Compose {
    /// The value.
    pub inputs: Tree,
}

pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    ActionKind::Compose(Compose { inputs: reader.tree(node) })
}

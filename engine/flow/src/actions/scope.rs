//! Scope: grouping.

use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, model::Block};

/// A group of actions.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The actions.
    pub block: Block,
}

pub(crate) fn read(builder: &mut Builder, node: &Node) -> ActionKind {
    ActionKind::Scope(Scope { block: builder.read_block(node, "`scope`") })
}

//! Foreach: a block for each item of a list.

use base::limits;
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, fields::Fields, model::Block};

/// A loop over a list.
#[derive(Clone, Debug)]
pub struct Foreach {
    /// The list.
    pub items: Tree,
    /// What is done with each item.
    pub block: Block,
    /// Iterations at a time; 1 is one after the other.
    pub concurrency: usize,
}

/// Reads `foreach` with `actions` and `concurrency`; one after the other unless told otherwise.
pub(crate) fn read(builder: &mut Builder, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let items = builder.reader.tree(node);
    let range = (1, limits::FOREACH_CONCURRENCY_MAX);
    let concurrency = fields.given("concurrency");
    let concurrency =
        concurrency.and_then(|it| builder.reader.whole(it, "`concurrency`", range)).unwrap_or(1);
    let block = fields.required(&mut builder.reader, "actions");
    let block = block.map(|it| builder.read_block(it, "`actions`")).unwrap_or_default();
    ActionKind::Foreach(Foreach { items, block, concurrency })
}

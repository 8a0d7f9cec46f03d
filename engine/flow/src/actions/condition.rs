//! If: two branches.

use expr::condition::Condition;
use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, fields::Fields, model::Block};

/// Two branches.
#[derive(Clone, Debug)]
pub struct If {
    /// What decides.
    pub condition: Condition,
    /// If it is true.
    pub then: Block,
    /// If it is false.
    pub otherwise: Block,
}

/// Reads `if` with `then` and `else`.
pub(crate) fn read(builder: &mut Builder, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let condition = builder.reader.condition(node, "`if`");
    let then = fields.required(&mut builder.reader, "then");
    let then = then.map(|it| builder.read_block(it, "`then`")).unwrap_or_default();
    let otherwise = fields.given("else");
    let otherwise = otherwise.map(|it| builder.read_block(it, "`else`")).unwrap_or_default();
    ActionKind::Condition(If { condition, then, otherwise })
}

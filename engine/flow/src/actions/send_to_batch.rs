//! `SendToBatch`: hands a message to another flow, which starts when it has enough of them.

use base::Span;
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A message for the batch trigger of another flow.
#[derive(Clone, Debug)]
pub struct SendToBatch {
    /// The other flow: its name, folder or id.
    pub flow: String,
    /// Where that stands.
    pub span: Span,
    /// Its batch trigger; the only one it has if not named.
    pub trigger: Option<String>,
    /// The batch, one of those that the trigger declares.
    pub batch: Tree,
    /// Messages of one partition are released together; all of a batch if not given.
    pub partition: Option<Tree>,
    /// Identity of the message; made up if not given.
    pub message_id: Option<Tree>,
    /// The message.
    pub content: Tree,
}

/// Reads `sendToBatch: flow` with `batch`, `with`, `partition`, `messageId` and `trigger`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    ActionKind::SendToBatch(SendToBatch {
        flow: reader.text(node, "`sendToBatch`").unwrap_or_default(),
        span: node.span,
        trigger: fields.text(reader, "trigger"),
        batch: fields.required_tree(reader, "batch"),
        partition: fields.tree(reader, "partition"),
        message_id: fields.tree(reader, "messageId"),
        content: fields.required_tree(reader, "with"),
    })
}

//! Workflow: calls another flow.

use base::Span;
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A call of another flow.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The other flow: its name, folder or id.
    pub flow: String,
    /// Where that stands.
    pub span: Span,
    /// Its trigger; the only one it has if not named.
    pub trigger: Option<String>,
    /// Body of the trigger event.
    pub body: Option<Tree>,
    /// Headers of the trigger event.
    pub headers: Option<Tree>,
}

/// Reads `runFlow: name` with `with`, `headers` and `trigger`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let flow = reader.text(node, "`runFlow`").unwrap_or_default();
    let trigger = fields.text(reader, "trigger");
    let (body, headers) = (fields.tree(reader, "with"), fields.tree(reader, "headers"));
    ActionKind::Workflow(Workflow { flow, span: node.span, trigger, body, headers })
}

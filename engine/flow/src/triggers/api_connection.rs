//! A connector's trigger: polled or subscribed to.

use base::Span;
use expr::Tree;
use yaml::Node;

use super::{TriggerKind, recurrence::Recurrence};
use crate::{
    actions::api_connection::{no_parameters, read_operation},
    fields::Fields,
    reader::Reader,
    shape,
};

/// A connector's trigger.
#[derive(Clone, Debug)]
pub struct ApiConnectionTrigger {
    /// The connection by its name in the flow.
    pub connection: String,
    /// The trigger's id in the connector, or method and path in older definitions.
    pub operation: String,
    /// Where it is written.
    pub span: Span,
    /// Parameters, an object.
    pub parameters: Tree,
    /// How often a polled one is asked.
    pub recurrence: Option<Recurrence>,
    /// Whether the definition says that it subscribes; else the connector knows.
    pub webhook: Option<bool>,
}

/// Reads `on: connection.Trigger` or `on: {connection, operation, webhook}`, `with` and
/// `recurrence`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> TriggerKind {
    let (connection, operation, webhook) = read_target(reader, node);
    let parameters = fields.given("with").map_or_else(no_parameters, |it| reader.tree(it));
    let recurrence = fields.given("recurrence").and_then(|it| Recurrence::read(reader, it));
    let span = node.span;
    let on = ApiConnectionTrigger { connection, operation, span, parameters, recurrence, webhook };
    TriggerKind::ApiConnection(on)
}

fn read_target(reader: &mut Reader, node: &Node) -> (String, String, Option<bool>) {
    if node.as_map().is_none() {
        let (connection, operation) = read_operation(reader, node, "on").unwrap_or_default();
        return (connection, operation, None);
    }
    let mut inner = Fields::new(reader, node, "`on`").of(&shape::ON);
    let connection = inner.required_text(reader, "connection").unwrap_or_default().0;
    let operation = inner.required_text(reader, "operation").unwrap_or_default().0;
    let webhook = inner.given("webhook").and_then(|it| reader.flag(it, "`webhook`"));
    inner.finish(reader);
    (connection, operation, webhook)
}

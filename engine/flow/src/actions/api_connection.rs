//! Calls an operation of a connector: `call` + `with`, `OpenApiConnection`, `ApiConnection`.

use base::{Diagnostic, Span, code};
use expr::Tree;
use serde_json::{Map, Value};
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader, shape};

/// A call of an operation.
#[derive(Clone, Debug)]
pub struct ApiConnection {
    /// The connection by its name in the flow.
    pub connection: String,
    /// What is called.
    pub target: Target,
    /// Where the target is written.
    pub target_span: Span,
    /// Parameters as flattened keys (`item/name`), an object. Of a target by path: an object with
    /// `queries`, `headers` and `body`, those that are given.
    pub parameters: Tree,
    /// Whether the action subscribes and waits to be called back.
    pub webhook: bool,
}

/// How a definition names the operation.
#[derive(Clone, Debug)]
pub enum Target {
    /// By its id, such as `CreateRecord`.
    Operation(String),
    /// By method and path, as the older `ApiConnection` does.
    Path {
        /// Lower- or upper-case method.
        method: String,
        /// Path behind the connector's address.
        path: Tree,
    },
}

/// Reads `call: connection.Operation` or `call: {connection, operation}` or
/// `call: {connection, method, path}`, and `with`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let parameters = fields.given("with");
    let parameters = parameters.map_or_else(no_parameters, |it| reader.tree(it));
    let target_span = node.span;
    if node.as_map().is_none() {
        let (connection, operation) = read_operation(reader, node, "call").unwrap_or_default();
        let target = Target::Operation(operation);
        let webhook = false;
        let call = ApiConnection { connection, target, target_span, parameters, webhook };
        return ActionKind::ApiConnection(call);
    }
    let mut inner = Fields::new(reader, node, "`call`").of(&shape::CALL);
    let connection = inner.required_text(reader, "connection").unwrap_or_default().0;
    let operation = inner.text(reader, "operation");
    let (method, path) = (inner.text(reader, "method"), inner.tree(reader, "path"));
    let webhook = inner.flag(reader, "webhook");
    let target = match (operation, method, path) {
        (Some(operation), None, None) => Target::Operation(operation),
        (None, Some(method), Some(path)) => Target::Path { method, path },
        (operation, ..) => {
            let message = "`call` needs either `operation` or both `method` and `path`";
            reader.report(code::MISSING_KEY, inner.at, message);
            Target::Operation(operation.unwrap_or_default())
        }
    };
    inner.finish(reader);
    let call = ApiConnection { connection, target, target_span, parameters, webhook };
    ActionKind::ApiConnection(call)
}

/// Reads `connection.Operation`.
pub(crate) fn read_operation(
    reader: &mut Reader,
    node: &Node,
    key: &str,
) -> Option<(String, String)> {
    let text = reader.text(node, &format!("`{key}`"))?;
    let parts = text.split_once('.').filter(|(a, b)| !a.is_empty() && !b.is_empty());
    let Some((connection, operation)) = parts else {
        let message = format!("`{key}` must be `connection.Operation`, not `{text}`");
        let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
        reader.sink.push(found.hint("the connection is one of the flow's `connections`"));
        return None;
    };
    Some((connection.to_owned(), operation.to_owned()))
}

pub(crate) fn no_parameters() -> Tree {
    Tree::Value(Value::Object(Map::new()))
}

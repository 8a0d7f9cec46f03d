//! Connector calls of actions and triggers: which connection, which operation, which parameters.

use base::Span;
use expr::{Key, Tree};
use yaml::Node;

use super::{Import, any_case, at, kinds::inputs, last_segment};
use crate::{
    actions::api_connection::{Target, no_parameters},
    fields::Fields,
    reader::object,
};

/// What all connector calls have in common.
pub(crate) struct Call {
    pub(crate) connection: String,
    pub(crate) parameters: Tree,
    pub(crate) target: Target,
    /// Where the target is written.
    pub(crate) span: Span,
    /// The target in a word: the operation, or method and path as they are written.
    pub(crate) name: String,
}

impl Import {
    /// A call by operation id: `OpenApiConnection` and its variants.
    pub(crate) fn open_api_call(&mut self, fields: &mut Fields<'_>) -> Call {
        let reader = &mut self.builder.reader;
        let fields = &mut inputs(reader, fields);
        let host = fields.required(reader, "host");
        let parameters = fields.given("parameters");
        let parameters = parameters.map_or_else(no_parameters, |it| reader.tree(it));
        let Some(host) = host else {
            let (connection, name) = (String::new(), String::new());
            let target = Target::Operation(String::new());
            return Call { connection, parameters, target, span: fields.at, name };
        };
        let mut inner = Fields::new(reader, host, "`host`");
        let operation = inner.required_text(reader, "operationId");
        let (name, span) = operation.unwrap_or((String::new(), at(host)));
        let connection = self.host_connection(host);
        Call { connection, parameters, target: Target::Operation(name.clone()), span, name }
    }

    /// A call by method and path: `ApiConnection` and its variants.
    pub(crate) fn path_call(&mut self, fields: &mut Fields<'_>) -> Call {
        let fields = &mut inputs(&mut self.builder.reader, fields);
        let host = fields.required(&mut self.builder.reader, "host");
        let connection = host.map_or(String::new(), |it| self.host_connection(it));
        let reader = &mut self.builder.reader;
        // Subscriptions name no method; they are always posted.
        let method = fields.text(reader, "method").unwrap_or_else(|| "post".to_owned());
        let node = fields.required(reader, "path");
        let span = node.map_or(fields.at, |it| it.span);
        let name = format!("{method} {}", node.and_then(Node::as_str).unwrap_or_default());
        let path = node.map_or(Tree::Value("".into()), |it| reader.tree(it));
        let parts = ["queries", "headers", "body"];
        let parts = parts.map(|key| Some((Key::Plain(key.to_owned()), fields.tree(reader, key)?)));
        let parameters = object(parts.into_iter().flatten().collect());
        Call { connection, parameters, target: Target::Path { method, path }, span, name }
    }

    /// The connection's name; Power Automate names it, Logic Apps takes it from a parameter.
    pub(crate) fn host_connection(&mut self, host: &Node) -> String {
        let named = any_case(host, "connectionName").or(any_case(host, "connectionReferenceName"));
        let connection = any_case(host, "connection");
        let referenced = connection.and_then(|it| any_case(it, "referenceName"));
        let computed = connection.and_then(|it| any_case(it, "name")).or(connection);
        let text = named.or(referenced).or(computed).and_then(Node::as_str).unwrap_or_default();
        let name = connection_name(text).to_owned();
        let api = any_case(host, "apiId").and_then(Node::as_str).map(last_segment);
        if !name.is_empty() {
            self.must_be_listed(&name, at(host));
            self.connection(&name, api, at(host));
        }
        name
    }
}

/// `x` of `@parameters('$connections')['x']['connectionId']`; else what stands behind the last
/// slash, unless it is another expression.
fn connection_name(text: &str) -> &str {
    let reference = text.split_once("parameters('$connections')").map(|(_, rest)| rest);
    let quoted = reference.and_then(|rest| rest.trim_start_matches('?').strip_prefix("['"));
    match quoted.and_then(|it| it.split_once('\'')) {
        Some((name, _)) => name,
        None if text.starts_with(['@', '[']) => text,
        None => last_segment(text),
    }
}

impl Import {
    /// A trigger that fetches when it is notified: what it fetches is its target.
    pub(crate) fn notification_call(&mut self, fields: &mut Fields<'_>) -> Call {
        let fields = &mut inputs(&mut self.builder.reader, fields);
        let host = fields.required(&mut self.builder.reader, "host");
        let connection = host.map_or(String::new(), |it| self.host_connection(it));
        let reader = &mut self.builder.reader;
        let fetch = fields.required(reader, "fetch");
        let part = |key| fetch.and_then(|it| any_case(it, key));
        let template = part("pathTemplate").and_then(|it| any_case(it, "template"));
        let path = template.or(part("path")).and_then(Node::as_str).unwrap_or_default();
        let method = part("method").and_then(Node::as_str).unwrap_or("get").to_owned();
        let name = format!("{method} {path}");
        let span = fetch.map_or(fields.at, at);
        let parameters = ["fetch", "subscribe"];
        let parameters =
            parameters.map(|key| Some((Key::Plain(key.to_owned()), fields.tree(reader, key)?)));
        let parameters = object(parameters.into_iter().flatten().collect());
        let target = Target::Path { method, path: Tree::Value(path.into()) };
        Call { connection, parameters, target, span, name }
    }
}

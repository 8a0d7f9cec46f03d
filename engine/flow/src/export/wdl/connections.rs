//! Connections and what is called through them, as definitions name them.

use expr::{Key, Tree};
use serde_json::{Map, Value, json};

use super::{Entries, Writer};
use crate::{
    actions::{
        api_connection::{ApiConnection, Target},
        hosted::{self, API_MANAGEMENT, FUNCTION_APP, LOCAL_FUNCTIONS, SERVICE_PROVIDERS},
    },
    export::values::Values,
    import::last_segment,
    model::Flow,
};

/// The name by which Power Automate hands its own credentials to a call.
pub(super) const AUTHENTICATION: &str = "$authentication";

/// `connectionReferences` of a solution's flow.
pub(super) fn references(flow: &Flow) -> Value {
    let reference = |connector: &str| json!({ "api": { "name": connector } });
    let entries = flow.connections.iter().map(|it| (it.name.clone(), reference(&it.connector)));
    Value::Object(entries.collect::<Map<_, _>>())
}

impl<'a> Writer<'a> {
    /// Writes the type of a call, which depends on what is behind its connection, and its inputs.
    pub(super) fn call(&mut self, call: &ApiConnection, node: &mut Entries) {
        let waits = if call.webhook { "Webhook" } else { "" };
        match &call.target {
            Target::Operation(operation) => self.by_operation(call, operation, waits, node),
            Target::Path { method, path } => {
                let path = self.values.tree(path);
                let connector = self.connector_of(&call.connection).unwrap_or_default();
                let (ty, mut inputs) = if let Some(id) = of(FUNCTION_APP, connector) {
                    ("Function".to_owned(), function(&call.connection, id, &path))
                } else if let Some(id) = of(API_MANAGEMENT, connector) {
                    ("ApiManagement".to_owned(), api_management(&call.connection, id, &path))
                } else {
                    let mut inputs = Entries::default();
                    inputs.put("host", host(&call.connection));
                    inputs.put("path", path);
                    self.put_authentication(&mut inputs);
                    (format!("ApiConnection{waits}"), inputs)
                };
                inputs.put("method", method.as_str());
                if !put_parts(&mut inputs, &mut self.values, &call.parameters) {
                    let message = "a call by path has `queries`, `headers` and `body`";
                    self.values.refuse(call.target_span, message, "");
                }
                node.put("type", ty);
                node.put("inputs", inputs.value());
            }
        }
    }

    fn by_operation(
        &mut self,
        call: &ApiConnection,
        operation: &str,
        waits: &str,
        node: &mut Entries,
    ) {
        let connection = call.connection.as_str();
        let mut parameters = self.values.tree(&call.parameters);
        let connector = self.connector_of(connection).unwrap_or_default();
        let hosted = hosted::find(operation).filter(|it| it.connector == connector);
        let (ty, inputs) = if let Some(hosted) = hosted {
            // The kind stands beside the inputs, where nothing is computed.
            let written = parameters.as_object_mut().and_then(|it| it.shift_remove("kind"));
            node.put_some("kind", constant(&call.parameters, "kind").or(written));
            (hosted.type_name.to_owned(), parameters)
        } else if connector == LOCAL_FUNCTIONS {
            let mut inputs = Entries::default();
            inputs.put("functionName", operation);
            inputs.put_parameters("parameters", parameters);
            ("InvokeFunction".to_owned(), inputs.value())
        } else if let Some(provider) = self.service_provider(connection) {
            let inputs = provided(connection, provider, operation, parameters);
            ("ServiceProvider".to_owned(), inputs)
        } else {
            let inputs = self.open_api(connection, operation, parameters);
            (format!("OpenApiConnection{waits}"), inputs.value())
        };
        node.put("type", ty);
        node.put("inputs", inputs);
    }

    fn connector_of(&self, connection: &str) -> Option<&'a str> {
        self.connectors.get(connection).copied()
    }

    /// The connector that is built into Logic Apps Standard, if a connection is to one.
    pub(super) fn service_provider(&self, connection: &str) -> Option<&'a str> {
        self.connector_of(connection).filter(|it| it.starts_with(SERVICE_PROVIDERS))
    }

    /// The inputs of a call by operation.
    pub(super) fn open_api(
        &mut self,
        connection: &str,
        operation: &str,
        parameters: Value,
    ) -> Entries {
        let mut host = Entries::default();
        if !connection.is_empty() {
            host.put("connectionName", connection);
        }
        host.put("operationId", operation);
        host.put_some("apiId", self.connector_of(connection).map(api_id));
        let mut inputs = Entries::default();
        inputs.put("host", host.value());
        inputs.put_parameters("parameters", parameters);
        self.put_authentication(&mut inputs);
        inputs
    }

    pub(super) fn put_authentication(&self, inputs: &mut Entries) {
        if self.authenticates {
            inputs.put("authentication", format!("@parameters('{AUTHENTICATION}')"));
        }
    }
}

/// The value of a key in which nothing is computed.
fn constant(tree: &Tree, name: &str) -> Option<Value> {
    match tree {
        Tree::Value(value) => value.get(name).cloned(),
        Tree::Object(entries) => {
            let named = |(key, _): &&(Key, Tree)| matches!(key, Key::Plain(it) if it == name);
            entries.iter().find(named).and_then(|(_, tree)| tree.constant())
        }
        Tree::Template(_) | Tree::Array(_) => None,
    }
}

/// The id behind a kind of connectors, such as `function-app:…`; empty if there is none.
fn of<'c>(kind: &str, connector: &'c str) -> Option<&'c str> {
    let rest = connector.strip_prefix(kind)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

/// The inputs of an operation that is built into Logic Apps Standard.
pub(super) fn provided(
    connection: &str,
    provider: &str,
    operation: &str,
    parameters: Value,
) -> Value {
    let mut inputs = Entries::default();
    inputs.put_parameters("parameters", parameters);
    let mut host = Entries::default();
    host.put("connectionName", connection);
    host.put("operationId", operation);
    host.put("serviceProviderId", provider);
    inputs.put("serviceProviderConfiguration", host.value());
    inputs.value()
}

/// A function of the app with that id. An id that is no path is kept with the action.
fn function(connection: &str, app: &str, path: &Value) -> Entries {
    let name = path.as_str().and_then(|it| it.strip_prefix("/api/"));
    let is_id = app.starts_with('/');
    let mut function = Entries::default();
    if is_id {
        let name = name.map_or(String::new(), |it| format!("/functions/{it}"));
        function.put("id", format!("{app}{name}"));
    }
    let usual = if is_id { last_segment(app) } else { FUNCTION_APP };
    if connection != usual {
        function.put("connectionName", connection);
    }
    let mut inputs = Entries::default();
    inputs.put("function", function.value());
    inputs
}

/// An operation of the API with that id.
fn api_management(connection: &str, id: &str, path: &Value) -> Entries {
    let mut inputs = Entries::default();
    if !id.is_empty() {
        inputs.put("api", json!({ "id": id }));
    }
    let usual = if id.is_empty() { API_MANAGEMENT } else { last_segment(id) };
    if connection != usual {
        inputs.put("apiManagement", json!({ "connection": connection }));
    }
    inputs.put("pathTemplate", json!({ "template": path }));
    inputs
}

/// The host of a call by path.
pub(super) fn host(connection: &str) -> Value {
    let is_expression = connection.starts_with(['@', '[']);
    if connection.contains(['\'', '/']) && !is_expression {
        return json!({ "connection": { "referenceName": connection } });
    }
    let name = if is_expression {
        connection.to_owned()
    } else {
        format!("@parameters('$connections')['{connection}']['connectionId']")
    };
    json!({ "connection": { "name": name } })
}

/// Puts what stands beside the path: `queries`, `headers` and `body`, or what a notification has.
/// Whether there was nothing else.
pub(super) fn put_parts(inputs: &mut Entries, values: &mut Values, parameters: &Tree) -> bool {
    let Value::Object(parts) = values.tree(parameters) else { return false };
    let known = ["queries", "headers", "body", "fetch", "subscribe"];
    let all_known = parts.keys().all(|it| known.contains(&it.as_str()));
    inputs.0.extend(parts);
    all_known
}

fn api_id(connector: &str) -> String {
    if connector.contains('/') {
        return connector.to_owned();
    }
    format!("/providers/Microsoft.PowerApps/apis/{connector}")
}

//! Calls of what Azure hosts beside a workflow: built-in connectors, functions, managed APIs.

use base::Span;
use expr::{Key, Placed, Template, Tree};
use serde_json::Value;
use yaml::Node;

use super::{Import, any_case, api::Call, at, kinds::inputs, last_segment};
use crate::{
    actions::{
        api_connection::{Target, no_parameters},
        hosted::{API_MANAGEMENT, FUNCTION_APP, Hosted, LOCAL_FUNCTIONS},
    },
    fields::Fields,
    reader::object,
};

impl Import {
    /// An operation of a connector that is built into Logic Apps Standard.
    pub(crate) fn service_provider(&mut self, fields: &mut Fields<'_>) -> Call {
        let reader = &mut self.builder.reader;
        let fields = &mut inputs(reader, fields);
        let parameters = fields.given("parameters");
        let parameters = parameters.map_or_else(no_parameters, |it| reader.tree(it));
        let host = fields.required(reader, "serviceProviderConfiguration");
        let Some(host) = host else { return nowhere(fields.at, parameters) };
        let mut inner = Fields::new(reader, host, "`serviceProviderConfiguration`");
        let operation = inner.required_text(reader, "operationId");
        let (name, span) = operation.unwrap_or((String::new(), at(host)));
        let provider = inner.required_text(reader, "serviceProviderId").unwrap_or_default().0;
        let connection = inner.given("connectionName").and_then(Node::as_str);
        let connection = connection.unwrap_or_else(|| last_segment(&provider)).to_owned();
        self.must_be_listed(&connection, at(host));
        self.connection(&connection, Some(&provider), at(host));
        Call { connection, parameters, target: Target::Operation(name.clone()), span, name }
    }

    /// A function that lies beside the workflow.
    pub(crate) fn local_function(&mut self, fields: &mut Fields<'_>) -> Call {
        let reader = &mut self.builder.reader;
        let fields = &mut inputs(reader, fields);
        let parameters = fields.given("parameters");
        let parameters = parameters.map_or_else(no_parameters, |it| reader.tree(it));
        let (name, span) =
            fields.required_text(reader, "functionName").unwrap_or((String::new(), fields.at));
        let connection = LOCAL_FUNCTIONS.to_owned();
        self.connection(&connection, None, span);
        Call { connection, parameters, target: Target::Operation(name.clone()), span, name }
    }

    /// A type whose work is done elsewhere: all of its inputs are parameters.
    pub(crate) fn hosted(&mut self, hosted: Hosted, span: Span, fields: &mut Fields<'_>) -> Call {
        let reader = &mut self.builder.reader;
        let mut parameters = fields.tree(reader, "inputs").unwrap_or_else(no_parameters);
        // What a Liquid map is given and makes is beside the inputs.
        if let Some(kind) = fields.given("kind").and_then(Node::as_str) {
            match &mut parameters {
                Tree::Object(entries) => {
                    entries.push((Key::Plain("kind".to_owned()), Tree::Value(kind.into())));
                }
                Tree::Value(Value::Object(entries)) => {
                    entries.insert("kind".to_owned(), kind.into());
                }
                Tree::Value(_) | Tree::Template(_) | Tree::Array(_) => {}
            }
        }
        let connection = hosted.connector.to_owned();
        self.connection(&connection, None, span);
        let name = hosted.type_name.to_owned();
        Call { connection, parameters, target: Target::Operation(name.clone()), span, name }
    }

    /// A function in an app of its own, called by HTTP.
    pub(crate) fn function(&mut self, fields: &mut Fields<'_>) -> Call {
        let fields = &mut inputs(&mut self.builder.reader, fields);
        let host = fields.required(&mut self.builder.reader, "function");
        let text = |key: &str| host.and_then(|it| any_case(it, key)).and_then(Node::as_str);
        let (id, named) = (text("id").unwrap_or_default(), text("connectionName"));
        // `…/sites/<app>/functions/<function>`
        let (app, function) = id.rsplit_once("/functions/").unwrap_or((id, ""));
        let is_id = app.starts_with('/');
        let connection = match named {
            Some(name) => name,
            None if is_id => last_segment(app),
            None => FUNCTION_APP,
        };
        let connection = connection.to_owned();
        let connector = if id.is_empty() { FUNCTION_APP.to_owned() } else { of(FUNCTION_APP, app) };
        let span = host.map_or(fields.at, at);
        self.connection(&connection, Some(&connector), span);
        let path =
            if is_id && !function.is_empty() { format!("/api/{function}") } else { "/".to_owned() };
        let method = fields.text(&mut self.builder.reader, "method");
        let route = (method.unwrap_or_else(|| "POST".to_owned()), Tree::Value(path.into()));
        self.routed(fields, connection, route, span)
    }

    /// An operation of an API behind Azure API Management.
    pub(crate) fn api_management(&mut self, fields: &mut Fields<'_>) -> Call {
        let fields = &mut inputs(&mut self.builder.reader, fields);
        let standard = fields.given("apiManagement");
        let id = fields.given("api").and_then(|it| any_case(it, "id")).and_then(Node::as_str);
        let named = standard.and_then(|it| any_case(it, "connection")).and_then(Node::as_str);
        let connection = named.or(id.map(last_segment)).unwrap_or(API_MANAGEMENT).to_owned();
        let connector = id.map_or_else(|| API_MANAGEMENT.to_owned(), |it| of(API_MANAGEMENT, it));
        let span = standard.map_or(fields.at, at);
        self.connection(&connection, Some(&connector), span);
        let reader = &mut self.builder.reader;
        let method = fields.text(reader, "method").unwrap_or_else(|| "GET".to_owned());
        let node = fields.required(reader, "pathTemplate");
        let template = node.and_then(|it| any_case(it, "template"));
        let parameters = node.and_then(|it| any_case(it, "parameters"));
        let path = self.path_of(template, parameters);
        self.routed(fields, connection, (method, path), span)
    }

    /// A path template with its parameters in place, as one text.
    fn path_of(&mut self, template: Option<&Node>, parameters: Option<&Node>) -> Tree {
        let Some(node) = template else { return Tree::Value("/".into()) };
        let mut text = node.as_str().unwrap_or_default().to_owned();
        for entry in parameters.and_then(Node::as_map).into_iter().flatten() {
            let value = entry.value.as_str().unwrap_or_default();
            let is_whole = value.starts_with('@') && !value.starts_with("@{");
            let value = if is_whole {
                format!("@{{{}}}", value.trim_start_matches('@'))
            } else {
                value.to_owned()
            };
            text = text.replace(&format!("{{{}}}", entry.key.text), &value);
        }
        if node.as_str() == Some(&text) {
            return self.builder.reader.tree(node);
        }
        let (template, _) = Template::parse(&text, self.builder.reader.dialect);
        self.builder.reader.looks.add(&template);
        match template.literal() {
            Some(Value::String(text)) => Tree::Value(text.as_str().into()),
            _ => Tree::Template(Placed { template, span: node.span, verbatim_at: None }),
        }
    }

    fn routed(
        &mut self,
        fields: &mut Fields<'_>,
        connection: String,
        (method, path): (String, Tree),
        span: Span,
    ) -> Call {
        let reader = &mut self.builder.reader;
        let parts = ["queries", "headers", "body"];
        let parts = parts.map(|key| Some((Key::Plain(key.to_owned()), fields.tree(reader, key)?)));
        let parameters = object(parts.into_iter().flatten().collect());
        let name = format!("{method} {connection}");
        Call { connection, parameters, target: Target::Path { method, path }, span, name }
    }
}

fn of(kind: &str, id: &str) -> String {
    format!("{kind}:{id}")
}

/// A call whose host is missing, which has been said.
fn nowhere(span: Span, parameters: Tree) -> Call {
    let target = Target::Operation(String::new());
    Call { connection: String::new(), parameters, target, span, name: String::new() }
}

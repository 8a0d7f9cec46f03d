//! Logic Apps and Power Automate definitions (WDL JSON) as flows, as lenient as the cloud.

mod action;
mod api;
mod kinds;
mod trigger;

use std::collections::BTreeSet;

use base::{Diagnostic, Severity, Source, Span, code};
use expr::Dialect;
use serde_json::Value;
use yaml::{Kind, Mapping, Node};

use crate::{
    builder::Builder,
    fields::Fields,
    model::{Connection, Flow, Parameter, ParameterType},
    reader::Reader,
};

/// Iterations of a Foreach at a time where a Logic App says nothing.
const LOGIC_APPS_REPETITIONS: usize = 20;

/// Reads a definition: bare, in `definition`, or in `properties.definition`. There is always a
/// flow; it runs only if no finding is an error.
pub fn read(source: &Source) -> (Flow, Vec<Diagnostic>) {
    let (root, found) = yaml::parse_json(source.text());
    let mut import = Import {
        builder: Builder::new(Reader::new(Dialect::Wdl, found)),
        connections: Vec::new(),
        connection_names: BTreeSet::new(),
        repetitions: LOGIC_APPS_REPETITIONS,
    };
    let mut flow = Flow::empty(Dialect::Wdl);
    flow.name = name_of_file(source.name());
    if let Some(root) = root {
        import.document(&mut flow, &root);
    }
    flow.connections = import.connections;
    let (reader, actions, names) = import.builder.finish();
    flow.actions = actions;
    flow.names = names;
    (flow, reader.sink.into_sorted())
}

/// A definition that is being read.
pub(crate) struct Import {
    pub(crate) builder: Builder,
    connections: Vec<Connection>,
    connection_names: BTreeSet<String>,
    /// Iterations of a Foreach at a time where the definition says nothing.
    pub(crate) repetitions: usize,
}

impl Import {
    fn document(&mut self, flow: &mut Flow, root: &Node) {
        let outer = any_case(root, "properties").unwrap_or(root);
        let definition = any_case(outer, "definition").unwrap_or(outer);
        let is_definition =
            ["actions", "triggers"].iter().any(|it| any_case(definition, it).is_some());
        if !is_definition {
            let message =
                "this is not a workflow definition: it has no `actions` and no `triggers`";
            let found = Diagnostic::new(code::MISSING_KEY, at(root), message);
            let hint =
                "expected a definition, `{definition: …}` or `{properties: {definition: …}}`";
            self.builder.reader.sink.push(found.hint(hint));
            return;
        }
        let name = any_case(outer, "displayName").and_then(Node::as_str);
        flow.name = name.map_or(std::mem::take(&mut flow.name), str::to_owned);
        flow.description =
            any_case(definition, "description").and_then(Node::as_str).map(str::to_owned);
        self.references(outer);
        if is_power_automate(root)
            || self.connections.iter().any(|it| it.name.starts_with("shared_"))
        {
            self.repetitions = 1;
        }
        self.definition(flow, definition, any_case(outer, "parameters"));
    }

    fn definition(&mut self, flow: &mut Flow, definition: &Node, values: Option<&Node>) {
        let reader = &mut self.builder.reader;
        let mut fields = Fields::new(reader, definition, "the definition");
        let parameters = fields.given("parameters").map(|it| reader.mapping(it, "`parameters`"));
        for entry in parameters.into_iter().flatten() {
            let value = values.and_then(|it| any_case(it, &entry.key.text)?.get("value"));
            flow.parameters.extend(parameter(reader, &entry.key, &entry.value, value));
        }
        let defaults = flow.parameters.iter();
        let defaults = defaults.filter_map(|it| Some((it.name.clone(), it.default.clone()?)));
        reader.defaults = defaults.collect();
        let results = fields.given("staticResults").and_then(Node::as_map);
        flow.static_results = results.map(Mapping::to_json).unwrap_or_default();
        let outputs = fields.given("outputs").map(|it| reader.mapping(it, "`outputs`"));
        for entry in outputs.into_iter().flatten() {
            let value = any_case(&entry.value, "value").unwrap_or(&entry.value);
            flow.outputs.push((entry.key.text.clone(), reader.tree(value)));
        }
        let triggers = fields.given("triggers");
        let triggers = triggers.map(|it| self.builder.reader.mapping(it, "`triggers`"));
        for entry in triggers.into_iter().flatten() {
            let trigger = self.trigger(&entry.key, &entry.value);
            flow.triggers.push(trigger);
        }
        flow.root = self.actions(fields.given("actions"));
    }

    /// Connections of `connectionReferences`, and of the value of `$connections`.
    fn references(&mut self, outer: &Node) {
        let deployed = any_case(outer, "parameters");
        let deployed = deployed.and_then(|it| it.get("$connections")?.get("value"));
        for references in [any_case(outer, "connectionReferences"), deployed].into_iter().flatten()
        {
            for entry in references.as_map().into_iter().flatten() {
                let api = any_case(&entry.value, "api");
                let id = api.and_then(|it| any_case(it, "name").or(any_case(it, "id")));
                let id = id.or(any_case(&entry.value, "id")).and_then(Node::as_str);
                self.connection(&entry.key.text, id.map(last_segment), entry.key.span);
            }
        }
    }

    /// Notes a connection, unless it is known.
    pub(crate) fn connection(&mut self, name: &str, connector: Option<&str>, span: Span) {
        if self.connection_names.insert(name.to_owned()) {
            let connector = connector.unwrap_or(name).to_owned();
            self.connections.push(Connection { name: name.to_owned(), connector, span });
        }
    }

    /// Says that a type does not run here.
    pub(crate) fn unknown_type(&mut self, span: Span, message: String) {
        let mut found = Diagnostic::new(code::UNKNOWN_TYPE, span, message);
        found.severity = Severity::Warning;
        self.builder.reader.sink.push(found);
    }
}

/// The value of a key in any case.
pub(crate) fn any_case<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.as_map()?.entry_any_case(key).map(|it| &it.value).filter(|it| !it.is_null())
}

/// What stands behind the last slash of an id.
pub(crate) fn last_segment(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The beginning of a node, as a place for messages about the whole.
pub(crate) fn at(node: &Node) -> Span {
    let first = node.as_map().and_then(|it| it.iter().next());
    first.map_or(node.span, |it| it.key.span)
}

const TYPES: &[(&str, (ParameterType, bool))] = &[
    ("String", (ParameterType::String, false)),
    ("SecureString", (ParameterType::String, true)),
    ("Int", (ParameterType::Integer, false)),
    ("Integer", (ParameterType::Integer, false)),
    ("Float", (ParameterType::Float, false)),
    ("Bool", (ParameterType::Boolean, false)),
    ("Boolean", (ParameterType::Boolean, false)),
    ("Array", (ParameterType::Array, false)),
    ("Object", (ParameterType::Object, false)),
    ("SecureObject", (ParameterType::Object, true)),
];

fn parameter(
    reader: &mut Reader,
    key: &yaml::Key,
    node: &Node,
    value: Option<&Node>,
) -> Option<Parameter> {
    let name = key.text.clone();
    let mut fields = Fields::new(reader, node, &format!("parameter `{name}`"));
    fields.at = key.span;
    let ty = fields.required(reader, "type");
    let (ty, secure) = ty.and_then(|it| reader.choice(it, "`type`", TYPES))?;
    // A Standard workflow's file gives `value` in place of `defaultValue`.
    let default = value.or(fields.given("defaultValue")).or(fields.given("value"));
    let default: Option<Value> = default.map(Node::to_json);
    let description = any_case(node, "metadata").and_then(|it| any_case(it, "description"));
    let description = description.and_then(Node::as_str).map(str::to_owned);
    Some(Parameter { name, span: key.span, ty, default, secure, description })
}

/// Whether any action or trigger is of the type that only Power Automate has.
fn is_power_automate(root: &Node) -> bool {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.kind {
            Kind::Map(mapping) => {
                let ty = mapping.entry_any_case("type").and_then(|it| it.value.as_str());
                let prefix = "OpenApiConnection";
                if ty
                    .and_then(|it| it.get(..prefix.len()))
                    .is_some_and(|it| it.eq_ignore_ascii_case(prefix))
                {
                    return true;
                }
                open.extend(mapping.iter().map(|it| &it.value));
            }
            Kind::Seq(items) => open.extend(items),
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
        }
    }
    false
}

/// The flow's name where the definition has none: its file's, or its folder's if the file is the
/// `workflow.json` that every Standard workflow has.
fn name_of_file(path: &str) -> String {
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or(path);
    let stem = file.strip_suffix(".json").unwrap_or(file);
    match parts.next() {
        Some(folder) if stem == "workflow" && !folder.is_empty() => folder.to_owned(),
        Some(_) | None => stem.to_owned(),
    }
}

//! Logic Apps and Power Automate definitions (WDL JSON) as flows, as lenient as the cloud.

mod action;
mod api;
mod beside;
mod hosted;
mod kinds;
pub(crate) mod template;
mod trigger;

pub(crate) use kinds::needs_inputs;
pub(crate) use trigger::VALIDATE;

use std::{collections::BTreeSet, rc::Rc};

use base::{Diagnostic, Source, Span, code, limits, suggest};
use expr::Dialect;
use yaml::{Kind, Mapping, Node};

use crate::{
    actions::variables,
    builder::Builder,
    check,
    export::besides,
    fields::Fields,
    model::{Connection, Flow, Parameter, ParameterType},
    reader::{Reader, is_deployment_text},
};

pub use beside::Beside;

/// Iterations of a Foreach at a time where a Logic App says nothing.
const LOGIC_APPS_REPETITIONS: usize = 20;

/// A definition as it was read. It runs only if no finding is an error.
pub(crate) struct Definition<'a> {
    pub(crate) flow: Flow,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What holds it in the file.
    pub(crate) node: &'a Node,
}

/// Reads the first definition of a file, or whatever the file has. There is always a flow.
pub fn read(source: &Source) -> (Flow, Vec<Diagnostic>) {
    let mut first = None;
    let found = each(source, &Beside::default(), &mut |it| {
        first.get_or_insert((it.flow, it.diagnostics));
    });
    let Some((flow, diagnostics)) = first else {
        let mut flow = Flow::empty(Dialect::Wdl);
        flow.name = name_of_file(source.name());
        return (flow, found.unwrap_or_else(|faults| faults));
    };
    (flow, diagnostics)
}

/// Reads the definitions of a file, as many as a deployment template deploys or the only one: bare,
/// in `definition`, or in `properties.definition`. If there are none, the answer says so.
///
/// # Errors
/// What is wrong with a file that is not JSON.
pub(crate) fn each(
    source: &Source,
    beside: &Beside,
    take: &mut dyn FnMut(Definition<'_>),
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let (root, mut found) = yaml::parse_json(source.text());
    let Some(root) = root else { return Err(found) };
    let workflows = template::workflows(&root, &beside.deployment);
    if let Some(first) = workflows.get(limits::DEFINITIONS_MAX) {
        let message = format!("a file holds at most {} definitions", limits::DEFINITIONS_MAX);
        found.push(Diagnostic::new(code::LIMIT_EXCEEDED, at(first.node), message));
        return Err(found);
    }
    let single = workflows.is_empty() && is_definition(&root);
    if workflows.is_empty() && !single {
        found.push(no_definition(&root));
        return Ok(found);
    }
    let beside = &Rc::new(beside.clone());
    // What the file says outside of the workflows is told with the first.
    let mut found = found.into_iter().peekable();
    for (index, workflow) in workflows.iter().enumerate() {
        let end = match workflows.get(index + 1) {
            Some(next) => next.node.span.start,
            None => usize::MAX,
        };
        let mut mine = Vec::new();
        while let Some(it) = found.next_if(|it| it.span.start < end) {
            mine.push(it);
        }
        let mut import = Import::new(mine, beside);
        import.builder.reader.deployment = Rc::clone(&workflow.values);
        import.repetitions = LOGIC_APPS_REPETITIONS;
        take(import.finish(workflow.node, workflow.name.clone()));
    }
    if single {
        let import = Import::new(found.collect(), beside);
        let path = source.name();
        let id = id_of_file(path);
        let name = id.as_deref().and_then(|it| beside.name(it)).map(str::to_owned);
        take(import.finish(&root, name.unwrap_or_else(|| name_of_file(path))));
    }
    Ok(Vec::new())
}

/// The object with the actions, if there is one.
pub(crate) fn definition(root: &Node) -> Option<&Node> {
    let outer = any_case(root, "properties").unwrap_or(root);
    let definition = any_case(outer, "definition").unwrap_or(outer);
    ["actions", "triggers"]
        .iter()
        .any(|it| any_case(definition, it).is_some())
        .then_some(definition)
}

fn is_definition(root: &Node) -> bool {
    definition(root).is_some()
}

fn no_definition(root: &Node) -> Diagnostic {
    let message = "this is not a workflow definition: it has no `actions` and no `triggers`";
    let hint = "expected a definition, `{definition: …}` or `{properties: {definition: …}}`";
    Diagnostic::new(code::MISSING_KEY, at(root), message).hint(hint)
}

/// A definition that is being read.
pub(crate) struct Import {
    pub(crate) builder: Builder,
    connections: Vec<Connection>,
    connection_names: BTreeSet<String>,
    /// Iterations of a Foreach at a time where the definition says nothing.
    pub(crate) repetitions: usize,
    beside: Rc<Beside>,
}

impl Import {
    fn new(found: Vec<Diagnostic>, beside: &Rc<Beside>) -> Self {
        Self {
            builder: Builder::new(Reader::new(Dialect::Wdl, found)),
            connections: Vec::new(),
            connection_names: BTreeSet::new(),
            repetitions: 1,
            beside: Rc::clone(beside),
        }
    }

    fn finish(mut self, node: &Node, name: String) -> Definition<'_> {
        let mut flow = Flow::empty(Dialect::Wdl);
        flow.name = name;
        self.document(&mut flow, node);
        flow.connections = self.connections;
        let (mut reader, actions, names) = self.builder.finish();
        flow.actions = actions;
        variables::settle(&mut flow.actions);
        flow.names = names;
        flow.looks = std::mem::take(&mut reader.looks);
        besides::keep(&mut flow, any_case(node, "properties").unwrap_or(node));
        check::answers(&flow, &mut reader.sink);
        check::static_results(&flow, &mut reader.sink);
        Definition { flow, diagnostics: reader.sink.into_sorted(), node }
    }

    fn document(&mut self, flow: &mut Flow, root: &Node) {
        let outer = any_case(root, "properties").unwrap_or(root);
        let definition = any_case(outer, "definition").unwrap_or(outer);
        let name = any_case(outer, "displayName").and_then(Node::as_str);
        flow.name = name.map_or(std::mem::take(&mut flow.name), str::to_owned);
        flow.description =
            any_case(definition, "description").and_then(Node::as_str).map(str::to_owned);
        self.references(outer);
        // One at a time is right in both; many at a time are wrong for a flow of Power Automate.
        let of_power_automate = has_type(root, |ty| ty.starts_with(POWER_AUTOMATE_TYPE))
            || self.connections.iter().any(|it| it.name.starts_with("shared_"));
        let of_logic_apps = any_case(root, "kind").is_some()
            || has_type(root, |ty| LOGIC_APPS_TYPES.iter().any(|it| ty.starts_with(it)));
        if of_power_automate {
            self.repetitions = 1;
        } else if of_logic_apps {
            self.repetitions = LOGIC_APPS_REPETITIONS;
        }
        self.definition(flow, definition, any_case(outer, "parameters"));
    }

    fn definition(&mut self, flow: &mut Flow, definition: &Node, values: Option<&Node>) {
        let reader = &mut self.builder.reader;
        let mut fields = Fields::new(reader, definition, "the definition");
        let parameters = fields.given("parameters").map(|it| reader.mapping(it, "`parameters`"));
        for entry in parameters.into_iter().flatten() {
            let value = values.and_then(|it| any_case(any_case(it, &entry.key.text)?, "value"));
            flow.parameters.extend(parameter(reader, &entry.key, &entry.value, value));
        }
        for other in &self.beside.parameters {
            let is_known =
                flow.parameters.iter().any(|it| it.name.eq_ignore_ascii_case(&other.name));
            if !is_known {
                flow.parameters.push(Parameter { span: Span::default(), ..other.clone() });
            }
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
                let name = api.and_then(|it| any_case(it, "name")).and_then(Node::as_str);
                let id = api.and_then(|it| any_case(it, "id")).or(any_case(&entry.value, "id"));
                let connector = name.or(id.and_then(Node::as_str).map(last_segment));
                self.connection(&entry.key.text, connector, entry.key.span);
            }
        }
    }

    /// Notes a connection, unless it is known.
    pub(crate) fn connection(&mut self, name: &str, connector: Option<&str>, span: Span) {
        if self.connection_names.insert(name.to_owned()) {
            let listed = self.beside.connectors.get(name);
            let connector = connector.or(listed.map(String::as_str)).unwrap_or(name).to_owned();
            self.connections.push(Connection {
                name: name.to_owned(),
                connector,
                version: None,
                span,
            });
        }
    }

    /// Warns of a connection that the list of them does not have.
    pub(crate) fn must_be_listed(&mut self, name: &str, span: Span) {
        let known = &self.beside.connectors;
        let is_new = !self.connection_names.contains(name) && !known.contains_key(name);
        let Some(file) = self.beside.connections_in.as_ref().filter(|_| is_new) else { return };
        let message = format!("there is no connection `{name}` in `{file}`");
        let found = Diagnostic::new(code::UNKNOWN_CONNECTION, span, message).warning();
        let near = suggest::closest(name, known.keys().map(String::as_str));
        self.builder.reader.sink.push(match near {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found,
        });
    }

    /// Says that a type does not run here.
    pub(crate) fn unknown_type(&mut self, span: Span, message: String) {
        let found = Diagnostic::new(code::UNKNOWN_TYPE, span, message).warning();
        self.builder.reader.sink.push(found);
    }
}

/// The value of a key in any case.
pub(crate) fn any_case<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.as_map()?.entry_any_case(key).map(|it| &it.value).filter(|it| !it.is_null())
}

/// What stands behind the last slash of an id; of one that a deployment puts together, its last
/// text.
pub(crate) fn last_segment(id: &str) -> &str {
    let id = if is_deployment_text(id) {
        let end = id.rsplit_once('\'').map_or(id, |(before, _)| before);
        end.rsplit_once('\'').map_or(id, |(_, text)| text)
    } else {
        id
    };
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
    let written = fields.given("defaultValue").or(fields.given("value"));
    let value = value.map(|it| reader.deployed(it));
    // What only the deployment knows is no value if there is a default.
    let value =
        value.filter(|it| written.is_none() || !it.as_str().is_some_and(is_deployment_text));
    let default = value.or_else(|| written.map(|it| reader.deployed(it)));
    let description = any_case(node, "metadata").and_then(|it| any_case(it, "description"));
    let description = description.and_then(Node::as_str).map(str::to_owned);
    Some(Parameter { name, span: key.span, ty, default, secure, description })
}

/// How types begin that only Power Automate has, and those that it hardly has, in lower case.
const POWER_AUTOMATE_TYPE: &str = "openapiconnection";
const LOGIC_APPS_TYPES: [&str; 6] =
    ["apiconnection", "apimanagement", "batch", "function", "invokefunction", "serviceprovider"];

/// Whether any action or trigger is of such a type.
fn has_type(root: &Node, wanted: impl Fn(&str) -> bool) -> bool {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.kind {
            Kind::Map(mapping) => {
                let ty = mapping.entry_any_case("type").and_then(|it| it.value.as_str());
                if ty.is_some_and(|it| wanted(&it.to_ascii_lowercase())) {
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

/// The flow's name where the definition has none: its file's without the id that solutions put
/// behind it, or its folder's if the file is the `workflow.json` that every Standard workflow has,
/// or the `definition.json` of every flow of a package.
fn name_of_file(path: &str) -> String {
    let (folder, stem) = folder_and_stem(path);
    match folder {
        Some(folder) if ["workflow", "definition"].contains(&stem) => folder.to_owned(),
        Some(_) | None => split_id(stem).map_or(stem, |(name, _)| name).to_owned(),
    }
}

/// The id that child-flow calls name a flow by, if its file's name has it.
pub(crate) fn id_of_file(path: &str) -> Option<String> {
    let (folder, stem) = folder_and_stem(path);
    let id = match (folder, split_id(stem)) {
        (_, Some((_, id))) => Some(id),
        (Some(folder), None) if stem == "definition" => Some(folder),
        (_, None) => None,
    };
    id.map(str::to_ascii_lowercase)
}

fn folder_and_stem(path: &str) -> (Option<&str>, &str) {
    let mut parts = path.rsplit(['/', '\\', '!']);
    let file = parts.next().unwrap_or(path);
    (parts.next().filter(|it| !it.is_empty()), file.strip_suffix(".json").unwrap_or(file))
}

/// `Name-01234567-89AB-CDEF-0123-456789ABCDEF` in its two parts.
fn split_id(stem: &str) -> Option<(&str, &str)> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let at = stem.len().checked_sub(36)?;
    let (name, id) = (stem.get(..at)?.strip_suffix('-')?, stem.get(at..)?);
    let is_group = |(part, length): (&str, usize)| {
        part.len() == length && part.bytes().all(|it| it.is_ascii_hexdigit())
    };
    let groups: Vec<&str> = id.split('-').collect();
    let is_id = groups.len() == GROUPS.len() && groups.into_iter().zip(GROUPS).all(is_group);
    (is_id && !name.is_empty()).then_some((name, id))
}

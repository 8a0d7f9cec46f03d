//! JSON Schemas of a project's files: the published ones, and what the project knows besides — its
//! connectors, the connections of its flows, its mappings and environments.

pub(crate) mod applies;
mod calls;
pub(crate) mod made;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use connector::{Catalog, Connector, model::ParamKind};
use flow::{Environment, Flow, model::ParameterType, shape::File};
use serde_json::{Map, Value, json};

/// What a project knows that the formats of its files do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Connectors by the names that flows give to connections to them.
    pub connections: BTreeMap<String, BTreeSet<String>>,
    /// Names by which flows can be called.
    pub flows: BTreeSet<String>,
    /// Mappings beside flows.
    pub mappings: BTreeSet<String>,
    /// Actions of the flow that a test is of.
    pub actions: BTreeSet<String>,
    /// Names of environments.
    pub environments: BTreeSet<String>,
    /// Parameters of flows: their types, and what they are for.
    pub parameters: BTreeMap<String, (ParameterType, String)>,
}

impl Known {
    /// The connectors that the project has connections to.
    pub fn connectors(&self) -> BTreeSet<String> {
        self.connections.values().flatten().cloned().collect()
    }

    /// Adds a flow, which is called by its folder and by its name.
    pub fn add(&mut self, folder: &str, flow: &Flow) {
        self.flows.extend([folder.to_owned(), flow.name.clone()]);
        for it in &flow.connections {
            self.connections.entry(it.name.clone()).or_default().insert(it.connector.clone());
        }
        for it in &flow.parameters {
            let doc = it.description.clone().unwrap_or_default();
            self.parameters.entry(it.name.clone()).or_insert((it.ty, doc));
        }
    }

    /// Adds what an environment has connections to.
    pub fn add_environment(&mut self, environment: &Environment) {
        for it in &environment.connections {
            let connector = it.connector.clone().unwrap_or_else(|| it.name.clone());
            self.connections.entry(it.name.clone()).or_default().insert(connector);
        }
    }
}

/// The JSON Schema of flow files. Where flows give one name to connections of several connectors,
/// what either of them takes is taken.
pub fn flow(catalog: &Catalog, known: &Known) -> Value {
    let mut schema = File::Flow.schema().clone();
    calls::add(&mut schema, catalog, known);
    let connectors = schema.pointer_mut("/properties/connections/additionalProperties");
    if let Some(connector) = connectors {
        *connector = connector_name(catalog);
    }
    let verify = "/$defs/verify/properties/connector";
    if let Some(connector) = schema.pointer_mut(verify) {
        offer(connector, catalog.listings().map(|it| it.name.as_str()));
    }
    for (kind, names) in
        [("runFlow", &known.flows), ("sendToBatch", &known.flows), ("map", &known.mappings)]
    {
        let place = format!("/$defs/action.{kind}/properties/{kind}");
        if let Some(value) = schema.pointer_mut(&place) {
            offer(value, names.iter().map(String::as_str));
        }
    }
    if let Some(value) = schema.pointer_mut("/$defs/action.compare/properties/using") {
        offer(value, known.mappings.iter().map(String::as_str));
    }
    schema
}

/// Values that an editor offers; others are for the linter to judge.
fn offer<'n>(schema: &mut Value, names: impl Iterator<Item = &'n str>) {
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        schema["examples"] = names.into();
    }
}

/// A connector of the project, or one that is not at hand.
fn connector_name(catalog: &Catalog) -> Value {
    let known: Vec<Value> =
        catalog.listings().map(|it| json!({ "const": it.name, "description": it.title })).collect();
    json!({ "anyOf": [{ "anyOf": known }, { "type": "string" }] })
}

/// The JSON Schema of mapping files: schemas of connectors, and the fields of the one that is
/// written to.
pub fn mapping(catalog: &Catalog, used: &BTreeSet<String>) -> Value {
    let mut schema = File::Mapping.schema().clone();
    let mut names = Vec::new();
    let mut ways = Vec::new();
    let connectors = used.iter().filter_map(|it| catalog.find(it));
    for connector in connectors {
        for (name, of) in &connector.schemas {
            let name = format!("{}#{name}", connector.name);
            let fields = value::fields(connector, of);
            if !fields.is_empty() {
                ways.push(target(&name, &fields));
            }
            names.push(name);
        }
    }
    for side in ["from", "to"] {
        offer(&mut schema["properties"][side], names.iter().map(String::as_str));
    }
    if !ways.is_empty() {
        schema["allOf"] = ways.into();
    }
    schema
}

/// The fields of a mapping to a schema.
fn target(name: &str, fields: &[(String, String)]) -> Value {
    let source = &File::Mapping.schema()["properties"]["fields"]["additionalProperties"];
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, doc)| {
            let mut field = source.clone();
            field["description"] = doc.as_str().into();
            (name.clone(), field)
        })
        .collect();
    json!({
        "if": { "required": ["to"], "properties": { "to": { "const": name } } },
        "then": { "properties": { "fields": { "properties": properties } } },
    })
}

/// The JSON Schema of environment files: the parameters of flows, and what connectors ask for.
pub fn environment(catalog: &Catalog, known: &Known) -> Value {
    let mut schema = File::Environment.schema().clone();
    let parameters: Map<String, Value> = known
        .parameters
        .iter()
        .map(|(name, (ty, doc))| {
            let doc = format!("{doc} ({})", ty.name());
            (name.clone(), json!({ "description": doc.trim() }))
        })
        .collect();
    schema["properties"]["parameters"]["properties"] = parameters.into();
    let own = "#/$defs/connection";
    let mut connections = Map::new();
    let mut ways = Vec::new();
    for connector in known.connections.values().flatten() {
        let Some(connector) = catalog.find(connector) else { continue };
        let then = json!({ "properties": { "params": params(connector) } });
        connections.entry(connector.name.clone()).or_insert_with(|| {
            // Without a word about it, a connection is to the connector of its own name.
            json!({
                "anyOf": [{ "$ref": own }, { "type": "null" }],
                "if": { "not": { "required": ["connector"] } },
                "then": then,
            })
        });
        let names = std::iter::once(&connector.name).chain(&connector.aliases);
        let condition = json!({ "required": ["connector"], "properties": { "connector": { "enum": names.collect::<Vec<_>>() } } });
        let way = json!({ "if": condition, "then": then });
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    for name in known.connections.keys() {
        connections
            .entry(name.clone())
            .or_insert_with(|| json!({ "anyOf": [{ "$ref": own }, { "type": "null" }] }));
    }
    schema["properties"]["connections"]["properties"] = connections.into();
    if let Some(connection) = schema.pointer_mut("/$defs/connection") {
        offer(
            &mut connection["properties"]["connector"],
            catalog.listings().map(|it| it.name.as_str()),
        );
        connection["allOf"] = ways.into();
    }
    schema
}

/// What a connector asks of the operator. Everything may name secrets, and so be text.
fn params(connector: &Connector) -> Value {
    let one = |it: &connector::model::ConnectionParam| {
        let kind = ParamKind::ALL.iter().find(|(_, kind)| *kind == it.kind).map_or("", |it| it.0);
        let mut schema = json!({ "description": format!("{} ({kind})", it.description).trim() });
        if let Some(default) = &it.default {
            schema["default"] = default.clone();
        }
        if it.kind == ParamKind::Secret {
            schema["examples"] = json!([format!("${{secret:{}}}", it.name)]);
        }
        (it.name.clone(), schema)
    };
    let params: Map<String, Value> = connector.connection.params.iter().map(one).collect();
    json!({ "properties": params })
}

/// The JSON Schema of the project's file.
pub fn project(known: &Known) -> Value {
    let mut schema = File::Project.schema().clone();
    offer(&mut schema["properties"]["environment"], known.environments.iter().map(String::as_str));
    schema
}

/// The JSON Schema of test files, with the actions that can be mocked and expected.
pub fn test(known: &Known) -> Value {
    let mut schema = flow::test_file::schema();
    offer(&mut schema["properties"]["flow"], known.flows.iter().map(String::as_str));
    for def in ["setup", "test"] {
        let mocks = format!("/$defs/{def}/properties/mocks");
        let Some(mocks) = schema.pointer_mut(&mocks) else { continue };
        let reply = mocks["additionalProperties"].clone();
        mocks["properties"] = known.actions.iter().map(|it| (it.clone(), reply.clone())).collect();
    }
    schema
}

/// The JSON Schema of connector files, which does not depend on the project.
pub fn connector() -> Value {
    connector::file_schema()
}

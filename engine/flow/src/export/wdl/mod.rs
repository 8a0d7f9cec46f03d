//! Flows as definitions of the cloud's.

mod actions;
mod connections;
mod triggers;

use std::collections::BTreeMap;

use base::{Diagnostic, Status};
use expr::Dialect;
use serde_json::{Map, Value, json};

use super::{
    besides,
    values::{Entries, Values},
};
use crate::{
    actions::{ActionKind, variables::Variables},
    model::{Action, ActionId, Block, Flow, Parameter, ParameterType},
};

/// What a definition is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: `{triggers, actions, …}`.
    Definition,
    /// `workflow.json` of Logic Apps Standard: `{definition, kind}`.
    Workflow,
    /// A flow of a Power Automate solution: `{properties: {definition, connectionReferences}}`.
    Solution,
}

const SCHEMA: &str = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/\
                      workflowdefinition.json#";
const VERSION: &str = "1.0.0.0";

/// Writes a definition, and says what of the flow has no counterpart in the cloud and is missing
/// in it. What was imported has one always.
pub fn wdl(flow: &Flow, form: Form) -> (Value, Vec<Diagnostic>) {
    let mut writer = Writer::new(flow);
    let definition = writer.definition(true);
    let mut outer = flow.cloud.clone();
    let kept = outer.shift_remove("definition").unwrap_or_default();
    let mut definition = besides::filled(definition, &kept);
    if let Value::Object(map) = &mut definition {
        complete(map);
    }
    let unwritten = writer.values.unwritten;
    let value = match form {
        Form::Definition => definition,
        Form::Workflow => {
            let kind = outer.get("kind").cloned().unwrap_or_else(|| "Stateful".into());
            json!({ "definition": definition, "kind": kind })
        }
        Form::Solution => {
            let mut properties = Entries::default();
            properties.put("displayName", flow.name.as_str());
            properties.put("definition", definition);
            properties.put("connectionReferences", connections::references(flow));
            let properties = besides::filled(properties.value(), &Value::Object(outer));
            json!({ "properties": properties, "schemaVersion": VERSION })
        }
    };
    (value, unwritten)
}

/// Puts what every definition begins with, and what the cloud asks for.
fn complete(definition: &mut Map<String, Value>) {
    for (at, key, usual) in [(0, "$schema", SCHEMA), (1, "contentVersion", VERSION)] {
        let value = definition.shift_remove(key).unwrap_or_else(|| usual.into());
        definition.shift_insert(at, key.to_owned(), value);
    }
    let outputs = definition.get_mut("outputs").and_then(Value::as_object_mut);
    for (_, output) in outputs.into_iter().flatten() {
        let Some(output) = output.as_object_mut().filter(|it| !it.contains_key("type")) else {
            continue;
        };
        let ty = match output.get("value") {
            Some(Value::Bool(_)) => "Bool",
            Some(Value::Number(_)) => "Float",
            Some(Value::Array(_)) => "Array",
            Some(Value::Object(_)) => "Object",
            Some(Value::String(_) | Value::Null) | None => "String",
        };
        output.shift_insert(0, "type".to_owned(), ty.into());
    }
}

/// Whether a key of a definition says what is written in any case.
pub(super) fn is_usual(key: &str, value: &Value) -> bool {
    // There is one version of the language; its address is written in many ways.
    key == "$schema" || (key == "contentVersion" && value == VERSION)
}

/// What of a flow's file the writer would write, to be compared with what was read.
pub(super) fn outer(flow: &Flow) -> Value {
    let mut writer = Writer::new(flow);
    let mut definition = writer.definition(false);
    if let Value::Object(map) = &mut definition {
        map.insert("triggers".to_owned(), json!({}));
        map.insert("actions".to_owned(), json!({}));
    }
    json!({
        "displayName": flow.name,
        "connectionReferences": connections::references(flow),
        "definition": definition,
    })
}

/// A flow that is being written.
pub(super) struct Writer<'a> {
    flow: &'a Flow,
    values: Values,
    with_blocks: bool,
    /// Connectors by the names of their connections.
    connectors: BTreeMap<&'a str, &'a str>,
    /// Types of the variables that are declared, by their names in lower case.
    variables: BTreeMap<String, ParameterType>,
    /// Whether calls are given the credentials of Power Automate.
    authenticates: bool,
}

impl<'a> Writer<'a> {
    fn new(flow: &'a Flow) -> Self {
        let connectors = flow.connections.iter();
        let connectors = connectors.map(|it| (it.name.as_str(), it.connector.as_str()));
        let declared = flow.actions.iter().filter_map(|it| match &it.kind {
            ActionKind::Variables(Variables::Initialize(list)) => Some(list),
            _ => None,
        });
        let declared = declared.flatten().map(|it| (it.name.to_ascii_lowercase(), it.ty));
        Self {
            flow,
            values: Values::new(Dialect::Wdl),
            with_blocks: true,
            connectors: connectors.collect(),
            variables: declared.collect(),
            authenticates: flow.parameters.iter().any(|it| it.name == connections::AUTHENTICATION),
        }
    }

    /// Writes actions and triggers one by one, their blocks empty.
    pub(super) fn of_parts(flow: &'a Flow) -> Self {
        Self { with_blocks: false, ..Self::new(flow) }
    }

    fn definition(&mut self, whole: bool) -> Value {
        let flow = self.flow;
        let mut definition = Entries::default();
        definition.put_some("description", flow.description.as_deref());
        let parameters = flow.parameters.iter().map(|it| (it.name.clone(), self.parameter(it)));
        let parameters: Map<String, Value> = parameters.collect();
        definition.put_filled("parameters", parameters);
        definition.put_filled("staticResults", flow.static_results.clone());
        if whole {
            let mut triggers = Map::new();
            for it in &flow.triggers {
                let kept = Value::Object(it.cloud.clone());
                triggers.insert(it.display.clone(), besides::filled(self.trigger(it), &kept));
            }
            definition.put("triggers", triggers);
            let actions = self.block(&flow.root);
            definition.put("actions", actions);
        }
        let outputs = flow
            .outputs
            .iter()
            .map(|(name, value)| (name.clone(), json!({ "value": self.values.tree(value) })));
        let outputs: Map<String, Value> = outputs.collect();
        definition.put_filled("outputs", outputs);
        definition.value()
    }

    fn parameter(&mut self, parameter: &Parameter) -> Value {
        let ty = match (parameter.ty, parameter.secure) {
            (ParameterType::String, true) => "SecureString",
            (ParameterType::Object, true) => "SecureObject",
            (ParameterType::String, false) => "String",
            (ParameterType::Object, false) => "Object",
            (ParameterType::Integer, _) => "Int",
            (ParameterType::Float, _) => "Float",
            (ParameterType::Boolean, _) => "Bool",
            (ParameterType::Array, _) => "Array",
        };
        if parameter.secure && !ty.starts_with("Secure") {
            let message = format!("the secure parameter `{}` is not text", parameter.name);
            let hint = "in the cloud only a text or an object is secure";
            self.values.refuse(parameter.span, message, hint);
        }
        let mut entries = Entries::default();
        entries.put("type", ty);
        entries.put_some("defaultValue", parameter.default.clone());
        let description = parameter.description.as_deref();
        entries.put_some("metadata", description.map(|it| json!({ "description": it })));
        entries.value()
    }

    fn block(&mut self, block: &Block) -> Value {
        if !self.with_blocks {
            return json!({});
        }
        let mut actions = Map::new();
        for id in super::order::order(self.flow, block) {
            let action = self.flow.action(id);
            let kept = Value::Object(action.cloud.clone());
            let written = besides::filled(self.action(action), &kept);
            actions.insert(action.display.clone(), written);
        }
        Value::Object(actions)
    }

    pub(super) fn action(&mut self, action: &Action) -> Value {
        let mut node = self.kind(action);
        node.put("runAfter", self.run_after(action));
        node.put_some("description", action.description.as_deref());
        let tracked = self.values.optional(action.tracked_properties.as_ref());
        node.put_some("trackedProperties", tracked);
        node.value()
    }

    fn run_after(&self, action: &Action) -> Value {
        let named = action.run_after.iter().map(|it| {
            let statuses = it.statuses.iter().map(Status::name).map(Value::from);
            (self.name(it.predecessor), statuses.collect())
        });
        Value::Object(named.collect())
    }

    fn name(&self, id: ActionId) -> String {
        self.flow.action(id).display.clone()
    }
}

/// `secureData`, as actions and triggers have it.
fn secure(inputs: bool, outputs: bool) -> Option<Value> {
    let sides = [(inputs, "inputs"), (outputs, "outputs")];
    let sides: Vec<&str> = sides.iter().filter(|it| it.0).map(|it| it.1).collect();
    (!sides.is_empty()).then(|| json!({ "properties": sides }))
}

/// Puts the options that a flow names, and one that it says in another way.
fn put_options(node: &mut Entries, options: &[String], implied: Option<&str>) {
    let is_there = |name: &str| options.iter().any(|it| it.eq_ignore_ascii_case(name));
    let implied = implied.filter(|it| !is_there(it));
    let words: Vec<&str> = options.iter().map(String::as_str).chain(implied).collect();
    if !words.is_empty() {
        node.put("operationOptions", words.join(", "));
    }
}

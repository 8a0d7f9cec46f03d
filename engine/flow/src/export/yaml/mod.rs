//! Flows as flow files.

mod actions;
mod parallel;
mod triggers;

use std::collections::BTreeSet;

use base::Status;
use expr::Dialect;
use serde_json::{Value, json};
use yaml::{Draft, emit};

use self::parallel::{Waiting, follows};
use super::{
    order::order,
    values::{Entries, Values, duration, retry},
};
use crate::{
    ActionKind,
    actions::{api_connection::Target, hosted},
    model::{Action, ActionId, Block, Flow, Parameter},
};

/// Writes a flow file that is read as the same flow.
pub fn yaml(flow: &Flow) -> String {
    let mut writer = Writer { flow, values: Values::new(Dialect::Flowright) };
    emit(&writer.flow())
}

/// A flow that is being written.
struct Writer<'a> {
    flow: &'a Flow,
    values: Values,
}

/// An object in the making, each entry on lines of its own.
#[derive(Default)]
struct Lines(Vec<(String, Draft)>);

impl Lines {
    fn put(&mut self, key: &str, value: impl Into<Draft>) {
        self.0.push((key.to_owned(), value.into()));
    }

    fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value.into());
        }
    }

    /// Takes the entries of an object.
    fn extend(&mut self, entries: Entries) {
        self.0.extend(entries.0.into_iter().map(|(key, value)| (key, value.into())));
    }

    fn put_lines(&mut self, key: &str, lines: Self) {
        if !lines.0.is_empty() {
            self.put(key, Draft::Block(lines.0));
        }
    }

    fn draft(self) -> Draft {
        Draft::Block(self.0)
    }
}

impl Writer<'_> {
    fn flow(&mut self) -> Draft {
        let flow = self.flow;
        let mut lines = Lines::default();
        lines.put("flow", flow.name.as_str());
        lines.put_some("description", flow.description.as_deref());
        let mut parameters = Lines::default();
        for it in &flow.parameters {
            parameters.put(&it.name, parameter(it));
        }
        lines.put_lines("parameters", parameters);
        let mut connections = Lines::default();
        for it in &flow.connections {
            let version = it.version.as_ref().map_or_else(String::new, |it| format!("@{it}"));
            connections.put(&it.name, format!("{}{version}", it.connector).as_str());
        }
        lines.put_lines("connections", connections);
        let triggers = flow.triggers.iter().map(|it| self.trigger(it));
        let triggers = Draft::List(triggers.collect());
        lines.put("triggers", triggers);
        let actions = self.block(&flow.root);
        lines.put("actions", actions);
        let mut outputs = Lines::default();
        for (name, value) in &flow.outputs {
            outputs.put(name, self.values.tree(value));
        }
        lines.put_lines("outputs", outputs);
        let mut rest = Entries::default();
        rest.put_filled("staticResults", flow.static_results.clone());
        rest.put_filled("cloud", flow.cloud.clone());
        lines.extend(rest);
        lines.draft()
    }

    fn block(&mut self, block: &Block) -> Draft {
        let mut before = Vec::new();
        let mut actions = Vec::new();
        let mut rest = order(self.flow, block);
        let waiting = Waiting::of(self.flow, &rest);
        while let Some(id) = rest.first().copied() {
            let branches = waiting.branches(self.flow, &rest, &before);
            if branches.is_empty() {
                actions.push(self.action(id, &before));
                before = vec![id];
            } else {
                actions.push(self.parallel(&branches, &before));
                before = branches.iter().filter_map(|it| it.last().copied()).collect();
            }
            let mut written: BTreeSet<ActionId> = branches.into_iter().flatten().collect();
            written.insert(id);
            rest.retain(|it| !written.contains(it));
        }
        Draft::List(actions)
    }

    fn parallel(&mut self, branches: &[Vec<ActionId>], before: &[ActionId]) -> Draft {
        let mut lists = Vec::new();
        for branch in branches {
            let mut before = before.to_vec();
            let mut actions = Vec::new();
            for id in branch {
                actions.push(self.action(*id, &before));
                before = vec![*id];
            }
            lists.push(Draft::List(actions));
        }
        Draft::Block(vec![("parallel".to_owned(), Draft::List(lists))])
    }

    fn action(&mut self, id: ActionId, before: &[ActionId]) -> Draft {
        let flow = self.flow;
        let action = flow.action(id);
        let mut lines = Lines::default();
        let name = action.display.as_str();
        match self.unusual_type(action) {
            Some(ty) => lines.put("name", Draft::Noted(name.into(), ty.to_owned())),
            None => lines.put("name", name),
        }
        lines.put_some("description", action.description.as_deref());
        lines.put_some("runAfter", self.run_after(action, before));
        let blocks = self.kind(action, &mut lines);
        let mut common = Entries::default();
        common.put_some("retryPolicy", action.retry.as_ref().map(retry));
        common.put_some("timeout", action.timeout.map(duration));
        common.put_filled("secure", secure(action.secure_inputs, action.secure_outputs));
        let tracked = self.values.optional(action.tracked_properties.as_ref());
        common.put_some("trackedProperties", tracked);
        common.put_some("staticResult", action.static_result.as_deref());
        common.put_some("minimumItemCount", action.minimum_item_count);
        common.put_some("operationOptions", options(&action.options));
        common.put_filled("cloud", action.cloud.clone());
        lines.extend(common);
        lines.0.extend(blocks.0);
        lines.draft()
    }

    /// The type that an action has in the cloud, where the call does not tell it.
    fn unusual_type(&self, action: &Action) -> Option<&'static str> {
        let ActionKind::ApiConnection(call) = &action.kind else { return None };
        let connection = self.flow.connections.iter().find(|it| it.name == call.connection)?;
        let operation = match &call.target {
            Target::Operation(operation) => Some(operation.as_str()),
            Target::Path { .. } => None,
        };
        hosted::type_of(&connection.connector, operation)
    }

    /// What the place in the list does not say.
    fn run_after(&self, action: &Action, before: &[ActionId]) -> Option<Value> {
        let after = action.run_after.as_slice();
        let said = follows(action, before);
        let named = after.iter().map(|it| {
            let statuses: Vec<Value> =
                it.statuses.iter().map(Status::name).map(Value::from).collect();
            (self.flow.action(it.predecessor).display.clone(), Value::Array(statuses))
        });
        (!said).then(|| Value::Object(named.collect()))
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let mut entries = Entries::default();
    entries.put("type", parameter.ty.name());
    entries.put_some("default", parameter.default.clone());
    if parameter.secure {
        entries.put("secure", true);
    }
    entries.put_some("description", parameter.description.as_deref());
    entries.value()
}

fn secure(inputs: bool, outputs: bool) -> Value {
    let sides = [(inputs, "inputs"), (outputs, "outputs")];
    sides.iter().filter(|(is_secure, _)| *is_secure).map(|(_, side)| json!(side)).collect()
}

fn options(options: &[String]) -> Option<String> {
    (!options.is_empty()).then(|| options.join(", "))
}

//! Triggers: operations that start flows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Import, Policies, document::Found};
use crate::{
    inputs,
    model::{Operation, Param, Place},
    route::Route,
    trigger::{Trigger, TriggerKind},
};

/// Levels of a body whose members are named one by one.
const DEPTH_MAX: usize = 2;
/// Members that are named; others are taken all the same.
const NAMES_MAX: usize = 200;

impl Import<'_> {
    /// The trigger that an operation is, if it is one. What it needs of the operation is added there.
    pub(super) fn trigger(
        &mut self,
        found: &Found<'_>,
        id: &str,
        operations: &mut BTreeMap<String, Operation>,
        policies: &Policies,
    ) -> Option<Trigger> {
        let kind = found.operation.get("x-ms-trigger")?.as_str()?.to_ascii_lowercase();
        let schemas = Schemas { import: self };
        let operation = operations.get(id)?;
        let takes_callback = schemas.takes_callback(operation);
        let is_webhook = found.item.get("x-ms-notification-content").is_some() || takes_callback;
        let params = schemas.wishes(operation);
        let mut trigger = Trigger {
            id: id.to_owned(),
            title: operation.title.clone(),
            deprecated: operation.deprecated.clone(),
            params,
            routes: vec![Route { method: operation.method.clone(), path: operation.path.clone() }],
            kind: TriggerKind::Webhook(Box::new(super::subscription::unset())),
            output: None,
            returns: operation.returns.clone(),
        };
        if is_webhook {
            if !takes_callback {
                self.report.warn(format!(
                    "`{id}`: nothing says where the service is told the address to call; \
                     `subscription: {{create}}` of a connector file can"
                ));
            }
            let content = found.item.get("x-ms-notification-content");
            let schema = content.and_then(|it| it.get("schema")).map(super::schema::rewritten);
            trigger.returns.clone_from(&schema);
            trigger.kind = self.webhook(found, id, operations, schema);
            return Some(trigger);
        }
        let poll = match policies.poll(id) {
            Some(poll) => self.policy_poll(id, operations, poll)?,
            None => super::polling::native(id, kind == "batch"),
        };
        trigger.kind = TriggerKind::Poll(Box::new(poll));
        Some(trigger)
    }
}

/// Looks into the schemas of the document.
struct Schemas<'i, 'd> {
    import: &'i Import<'d>,
}

impl Schemas<'_, '_> {
    fn takes_callback(&self, operation: &Operation) -> bool {
        let in_params = operation.params.iter().any(|it| inputs::is_callback(&it.schema));
        in_params || operation.body.as_ref().is_some_and(|it| self.has_callback(it, 0))
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> Option<&'s Value> {
        super::operation::original(self.import.document, schema)
    }

    fn has_callback(&self, schema: &Value, depth: usize) -> bool {
        let Some(schema) = self.resolved(schema) else { return false };
        let members = schema.get("properties").and_then(Value::as_object);
        inputs::is_callback(schema)
            || (depth <= inputs::CALLBACK_DEPTH_MAX
                && members
                    .into_iter()
                    .flatten()
                    .any(|(_, it)| inputs::is_callback(it) || self.has_callback(it, depth + 1)))
    }

    /// What a flow may say: parameters as they are, the body whole or member by member.
    fn wishes(&self, operation: &Operation) -> Vec<Param> {
        let own = operation.params.iter().filter(|it| !inputs::is_callback(&it.schema));
        let mut params: Vec<Param> =
            own.map(|it| Param { place: Place::Input, ..it.clone() }).collect();
        if let Some(body) = &operation.body {
            let name = &operation.body_param;
            params.push(Param::new(name, Place::Input, body.clone()));
            self.members(body, name, 0, &mut params);
            // Members that only the service knows are taken, too.
            params.push(Param::new(&format!("{name}/*"), Place::Input, Value::Bool(true)));
        }
        params
    }

    fn members(&self, schema: &Value, path: &str, depth: usize, params: &mut Vec<Param>) {
        let Some(schema) = self.resolved(schema) else { return };
        let members = schema.get("properties").and_then(Value::as_object);
        for (name, member) in members.into_iter().flatten() {
            if NAMES_MAX < params.len() || inputs::is_callback(member) {
                continue;
            }
            let path = format!("{path}/{name}");
            if depth < DEPTH_MAX {
                self.members(member, &path, depth + 1, params);
            }
            params.push(Param::new(&path, Place::Input, member.clone()));
        }
    }
}

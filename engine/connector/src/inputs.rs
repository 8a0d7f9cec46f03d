//! Sorts what a flow gives into the parameters of an operation and its body.

use base::{Failure, suggest};
use serde_json::{Map, Value};

use crate::{
    connection::Connection,
    encode::invalid,
    model::{Operation, Param},
};

/// The inputs of a call, sorted.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// What `input('name')` gives: parameters with their defaults, and the body.
    pub(crate) values: Map<String, Value>,
    /// The body, if there is one.
    pub(crate) body: Option<Value>,
}

impl Inputs {
    /// Flows name parameters as they are, the body by its name, and fields of the body by their
    /// path: `item/name`. Names are compared exactly, as in the cloud.
    pub(crate) fn sort(operation: &Operation, given: &Value) -> Result<Self, Failure> {
        let empty = Map::new();
        let given = match given {
            Value::Object(given) => given,
            Value::Null => &empty,
            _ => {
                return Err(invalid(format!("the inputs of `{}` must be an object", operation.id)));
            }
        };
        let mut inputs = Self { values: defaults(&operation.params), body: None };
        if operation.body.is_some() {
            inputs.body = given.get(&operation.body_param).cloned();
        }
        for (key, value) in given {
            match operation.param(key) {
                Some(_) if value.is_null() => {}
                Some(_) => {
                    inputs.values.insert(key.clone(), value.clone());
                }
                None => inputs.put_body(operation, key, value)?,
            }
        }
        inputs.require(operation)?;
        if let Some(body) = &inputs.body {
            inputs.values.insert(operation.body_param.clone(), body.clone());
        }
        Ok(inputs)
    }

    /// Puts the address to call back where the operation says that it belongs, unless the flow has.
    pub(crate) fn give_callback(
        &mut self,
        connection: &Connection,
        operation: &Operation,
        url: &str,
    ) {
        for param in operation.params.iter().filter(|it| is_callback(&it.schema)) {
            self.values.entry(param.name.clone()).or_insert_with(|| url.into());
        }
        let schema = operation.body.as_ref().and_then(|it| connection.connector.schema(it));
        let Some(path) = schema.and_then(|it| callback_path(connection, it, 0)) else { return };
        let body = self.body.get_or_insert_with(|| Value::Object(Map::new()));
        let pointer = format!("/{path}");
        if body.pointer(&pointer).is_none_or(Value::is_null)
            && put(body, &path, &url.into()).is_some()
        {
            self.values.insert(operation.body_param.clone(), body.clone());
        }
    }

    /// Gives the body what is sent although the flow does not give it.
    pub(crate) fn give_defaults(&mut self, connection: &Connection, operation: &Operation) {
        let Some(schema) = operation.body.as_ref().filter(|_| operation.fills_body) else { return };
        fill(connection, schema, &mut self.body, 0);
        if let Some(body) = &self.body {
            self.values.insert(operation.body_param.clone(), body.clone());
        }
    }

    fn put_body(&mut self, operation: &Operation, key: &str, value: &Value) -> Result<(), Failure> {
        let has_body = operation.body.is_some();
        if has_body && key == operation.body_param {
            return Ok(());
        }
        let field = key.strip_prefix(&operation.body_param).and_then(|it| it.strip_prefix('/'));
        let Some(field) = field.filter(|it| has_body && !it.is_empty()) else {
            return Err(unknown(operation, key));
        };
        let body = self.body.get_or_insert_with(|| Value::Object(Map::new()));
        put(body, field, value).ok_or_else(|| {
            invalid(format!(
                "parameter `{key}` of `{}` is inside a value that is no object",
                operation.id
            ))
        })
    }

    fn require(&self, operation: &Operation) -> Result<(), Failure> {
        let missing = operation
            .params
            .iter()
            .find(|it| it.required && self.values.get(&it.name).is_none_or(Value::is_null));
        match missing {
            Some(param) => {
                let what =
                    format!("required parameter `{}` of `{}` is missing", param.name, operation.id);
                Err(invalid(what))
            }
            None => Ok(()),
        }
    }
}

/// Whether the API's description says where the address to call back goes: such a service keeps a
/// subscription.
pub(crate) fn takes_callback(connection: &Connection, operation: &Operation) -> bool {
    let schema = operation.body.as_ref().and_then(|it| connection.connector.schema(it));
    operation.params.iter().any(|it| is_callback(&it.schema))
        || schema.and_then(|it| callback_path(connection, it, 0)).is_some()
}

/// How API descriptions of the cloud mark the field that takes the address.
pub(crate) fn is_callback(schema: &Value) -> bool {
    schema.get("x-ms-notification-url") == Some(&Value::Bool(true))
}

/// Levels of a body's schema that are looked through; services put the address near the top.
pub(crate) const CALLBACK_DEPTH_MAX: usize = 3;

/// Where in a body the address belongs: names of members with `/`.
fn callback_path(connection: &Connection, schema: &Value, depth: usize) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, property)| {
        let property = connection.connector.schema(property)?;
        if is_callback(property) {
            return Some(name.clone());
        }
        let inner =
            (depth < CALLBACK_DEPTH_MAX).then(|| callback_path(connection, property, depth + 1));
        Some(format!("{name}/{}", inner.flatten()?))
    })
}

/// Levels of a body that are made for what is sent unasked.
const FILL_DEPTH_MAX: usize = 8;

/// Sets members that are required or hidden, have a default and are not given. Objects are made for
/// them only where they are required themselves.
fn fill(connection: &Connection, schema: &Value, value: &mut Option<Value>, depth: usize) {
    let Some(schema) = connection.connector.schema(schema) else { return };
    if FILL_DEPTH_MAX < depth || value.as_ref().is_some_and(|it| !it.is_object()) {
        return;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let members = schema.get("properties").and_then(Value::as_object);
    for (name, member) in members.into_iter().flatten() {
        let is_required = required.is_some_and(|it| it.iter().any(|it| it == name));
        let is_hidden = member.get("x-ms-visibility").is_some_and(|it| it == "internal");
        let resolved = connection.connector.schema(member);
        let default = member.get("default").or_else(|| resolved?.get("default"));
        let known = value.as_ref().and_then(|it| it.get(name)).cloned();
        let new = match (known, default.filter(|it| !it.is_null())) {
            (Some(Value::Object(inner)), _) => {
                let mut inner = Some(Value::Object(inner));
                fill(connection, member, &mut inner, depth + 1);
                inner
            }
            (None, Some(default)) if is_required || is_hidden => Some(default.clone()),
            (None, None) if is_required => {
                let mut inner = None;
                fill(connection, member, &mut inner, depth + 1);
                inner
            }
            (Some(_) | None, _) => None,
        };
        let Some(new) = new else { continue };
        let body = value.get_or_insert_with(|| Value::Object(Map::new()));
        if let Some(members) = body.as_object_mut() {
            members.insert(name.clone(), new);
        }
    }
}

/// The defaults of parameters that have one.
pub(crate) fn defaults(params: &[Param]) -> Map<String, Value> {
    let with = params.iter().filter_map(|it| Some((it.name.clone(), it.default.clone()?)));
    with.collect()
}

/// Sets a field by its path; `None` if something on the way is not an object.
fn put(body: &mut Value, path: &str, value: &Value) -> Option<()> {
    let mut place = body;
    let (parents, last) = path.rsplit_once('/').map_or((None, path), |(a, b)| (Some(a), b));
    for name in parents.into_iter().flat_map(|it| it.split('/')) {
        place = place.as_object_mut()?.entry(name).or_insert_with(|| Value::Object(Map::new()));
    }
    place.as_object_mut()?.insert(last.to_owned(), value.clone());
    Some(())
}

fn unknown(operation: &Operation, key: &str) -> Failure {
    let params = operation.params.iter().filter(|it| !it.internal).map(|it| it.name.as_str());
    let body = operation.body.is_some().then_some(operation.body_param.as_str());
    let near = suggest::closest(key, params.chain(body))
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    invalid(format!("`{}` has no parameter `{key}`{near}", operation.id))
}

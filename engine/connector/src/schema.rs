//! JSON Schemas of a connector file: references are followed when they are met.

use serde_json::Value;

use crate::model::Connector;

/// What a reference to a schema of the same file begins with.
const PREFIX: &str = "#/schemas/";
/// Schemas that refer to schemas, at most; a circle ends here too.
const HOPS_MAX: usize = 32;

impl Connector {
    /// The schema that a schema stands for: itself, or what its `$ref` leads to. `None` if the
    /// reference leads nowhere or in a circle.
    pub fn schema<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        let mut schema = schema;
        for _ in 0..HOPS_MAX {
            let Some(reference) = schema.get("$ref") else { return Some(schema) };
            let name = reference.as_str()?.strip_prefix(PREFIX)?;
            schema = self.schemas.get(name)?;
        }
        None
    }

    /// Whether a required member of a body is sent although a flow does not give it: it has a default,
    /// is the place of the address to call back, or is an object whose required members all are such.
    pub fn is_filled(&self, member: &Value) -> bool {
        self.fills(member, 0)
    }

    fn fills(&self, member: &Value, depth: usize) -> bool {
        let Some(schema) = self.schema(member).filter(|_| depth < HOPS_MAX) else { return false };
        let has = |key: &str| [member, schema].iter().any(|it| it.get(key).is_some());
        if has("default") || has("x-ms-notification-url") {
            return true;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let members = schema.get("properties");
        let mut names = required.into_iter().flatten().filter_map(Value::as_str).peekable();
        let inside = |name: &str| members.and_then(|it| it.get(name));
        names.peek().is_some()
            && names.all(|it| inside(it).is_some_and(|it| self.fills(it, depth + 1)))
    }

    /// The schema of a value inside, by the names of properties; a number or `*` is an item.
    pub fn schema_at<'a>(&'a self, schema: &'a Value, path: &[&str]) -> Option<&'a Value> {
        let mut schema = self.schema(schema)?;
        for name in path {
            let inside = schema.get("properties").and_then(|it| it.get(*name));
            let inside = inside
                .or_else(|| schema.get("items"))
                .or_else(|| schema.get("additionalProperties").filter(|it| it.is_object()));
            schema = self.schema(inside?)?;
        }
        Some(schema)
    }
}

/// The names of schemas that a schema refers to directly, for checking that they exist.
pub(crate) fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => found.push(reference),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema's name in a reference of this file.
pub(crate) fn referred(reference: &str) -> Option<&str> {
    reference.strip_prefix(PREFIX)
}

//! Reads JSON Schemas of a connector file: unknown keywords are mistakes, not wishes.

use base::{Diagnostic, code};
use serde_json::Value;
use yaml::{Mapping, Node};

use super::reader::Reader;
use crate::model::{Arrays, DynamicValues, Param, Place};

/// The keywords that mean something here.
pub(crate) const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "deprecated",
    "description",
    "discover",
    "enum",
    "example",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "valuesFrom",
    "writeOnly",
    "x-ms-notification-url",
];

/// What a parameter has besides its schema.
pub(crate) const PARAM_KEYS: &[&str] =
    &["arrays", "dynamicValues", "encode", "in", "internal", "required"];
pub(crate) const VALUES_KEYS: &[&str] = &["items", "operation", "title", "value", "with"];
/// How a parameter in the path is encoded.
pub(crate) const ENCODE: &[(&str, bool)] = &[("single", false), ("double", true)];

pub(crate) const TYPES: &[&str] =
    &["array", "boolean", "integer", "null", "number", "object", "string"];

impl Reader {
    /// The schema under a key, if it is there.
    pub(super) fn schema(&mut self, map: &Mapping, key: &str) -> Option<Value> {
        let node = map.get(key)?;
        self.check_schema(node, KEYWORDS, &format!("`{key}`"));
        Some(node.to_json())
    }

    /// The schemas of a file, by name.
    pub(super) fn schemas(&mut self, map: &Mapping) -> Vec<(String, Value)> {
        let Some(entries) = map.get("schemas").and_then(|it| self.entries(it, "`schemas`")) else {
            return Vec::new();
        };
        entries
            .iter()
            .map(|it| {
                self.check_schema(&it.value, KEYWORDS, &format!("schema `{}`", it.key.text));
                if let Some(map) = it.value.as_map() {
                    self.check_discover(map, entries);
                }
                (it.key.text.clone(), it.value.to_json())
            })
            .collect()
    }

    pub(super) fn check_schema(&mut self, node: &Node, known: &[&str], place: &str) {
        let Some(map) = self.object(node, place, known) else { return };
        if let Some(types) = map.get("type") {
            for name in types.as_seq().unwrap_or(std::slice::from_ref(types)) {
                let word = name.as_str().unwrap_or("");
                if !TYPES.contains(&word) && !name.is_null() {
                    self.unknown_word(name.span, "`type`", word, TYPES.iter().copied());
                }
            }
        }
        for entry in map.get("properties").and_then(Node::as_map).into_iter().flatten() {
            let place = format!("property `{}`", entry.key.text);
            self.check_schema(&entry.value, KEYWORDS, &place);
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inside) = map.get(key).filter(|it| it.as_bool().is_none()) {
                self.check_schema(inside, KEYWORDS, &format!("`{key}`"));
            }
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for inside in map.get(key).and_then(Node::as_seq).into_iter().flatten() {
                self.check_schema(inside, KEYWORDS, &format!("`{key}`"));
            }
        }
    }

    /// Parameters: each a schema with its place.
    pub(super) fn params(&mut self, map: &Mapping, path: Option<&str>) -> Vec<Param> {
        let Some(entries) = map.get("params").and_then(|it| self.entries(it, "`params`")) else {
            return Vec::new();
        };
        entries.iter().map(|it| self.param(&it.key.text, &it.value, path)).collect()
    }

    fn param(&mut self, name: &str, node: &Node, path: Option<&str>) -> Param {
        let keys: Vec<&str> = KEYWORDS.iter().chain(PARAM_KEYS).copied().collect();
        self.check_schema(node, &keys, &format!("parameter `{name}`"));
        let empty = Mapping::default();
        let map = node.as_map().unwrap_or(&empty);
        let usual = match path {
            None => Place::Input,
            Some(path) if path.contains(&format!("{{{name}}}")) => Place::Path,
            Some(_) => Place::Query,
        };
        let place = self.choice(map, "in", Place::ALL).unwrap_or(usual);
        let mut schema = node.to_json();
        if let Value::Object(members) = &mut schema {
            members.retain(|key, value| {
                !PARAM_KEYS.contains(&key.as_str()) || (key == "required" && value.is_array())
            });
        }
        let listed = map.get("required").is_some_and(|it| it.as_seq().is_some());
        let internal = self.flag(map, "internal");
        let default = Self::json(map, "default");
        if internal && default.is_none() {
            let message = format!("internal parameter `{name}` needs a default");
            self.sink.push(Diagnostic::new(code::MISSING_KEY, node.span, message));
        }
        Param {
            required: !listed && self.flag(map, "required"),
            default,
            internal,
            double: self.choice(map, "encode", ENCODE).unwrap_or(false),
            arrays: self.choice(map, "arrays", Arrays::ALL).unwrap_or(Arrays::Csv),
            values: map.get("dynamicValues").and_then(|it| self.dynamic_values(it)),
            ..Param::new(name, place, schema)
        }
    }

    fn dynamic_values(&mut self, node: &Node) -> Option<DynamicValues> {
        let place = "`dynamicValues`";
        let map = self.object(node, place, VALUES_KEYS)?;
        if map.get("value").is_none() {
            self.sink.missing_key(node.span, "value", place);
        }
        let (operation, with) = self.called(map, place, node);
        Some(DynamicValues {
            operation,
            with,
            items: self.template_or(map, "items", "@body()"),
            value: self.template(map, "value")?,
            title: self.template(map, "title"),
        })
    }
}

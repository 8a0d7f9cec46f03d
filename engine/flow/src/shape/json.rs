//! The tables as JSON Schemas, for editors and other programs.

use expr::condition::Operator;
use serde_json::{Map, Value, json};

use super::{ACTION, Key, Kind, PARALLEL, Shape, Takes, statuses};

/// The dialect that editors read.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of a file that is one object.
pub(super) fn of_file(shape: &Shape) -> Value {
    let mut writer = Writer::default();
    let object = writer.closed(shape.keys.iter());
    let mut file = json!({
        "$schema": DIALECT,
        "title": format!("Flowright: {}", shape.name),
        "description": shape.doc,
    });
    for (key, value) in object.as_object().into_iter().flatten() {
        file[key] = value.clone();
    }
    file["$defs"] = Value::Object(writer.defs);
    file
}

/// Collects the objects that files are made of.
#[derive(Default)]
struct Writer {
    defs: Map<String, Value>,
}

impl Writer {
    /// An object that has these keys and no others.
    fn closed<'k>(&mut self, keys: impl Iterator<Item = &'k Key> + Clone) -> Value {
        let required: Vec<&str> = keys.clone().filter(|it| it.required).map(|it| it.name).collect();
        let properties: Map<String, Value> =
            keys.map(|it| (it.name.to_owned(), self.key(it))).collect();
        let mut object = json!({ "type": "object" });
        if !required.is_empty() {
            object["required"] = required.into();
        }
        object["properties"] = properties.into();
        object["additionalProperties"] = false.into();
        object
    }

    fn key(&mut self, key: &Key) -> Value {
        let mut value = self.takes(&key.takes);
        if !key.required && !matches!(key.takes, Takes::RunAfter) {
            nullable(&mut value);
        }
        told(key, value)
    }

    /// The key that says the kind, whose value has to be there.
    fn kind(&mut self, kind: &Kind) -> Value {
        let value = self.takes(&kind.key.takes);
        told(&kind.key, value)
    }

    fn takes(&mut self, takes: &Takes) -> Value {
        match takes {
            Takes::Value | Takes::Json => json!({}),
            Takes::Template | Takes::Text | Takes::Named(_) => json!({ "type": "string" }),
            Takes::Condition => self.condition(),
            Takes::Flag => json!({ "type": "boolean" }),
            Takes::Whole(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Takes::Day => {
                json!({ "type": "integer", "minimum": -31, "maximum": 31, "not": { "const": 0 } })
            }
            Takes::Duration => json!({ "type": "string", "pattern": "^P" }),
            Takes::Words(words) => any_case(&words()),
            Takes::Exact(word) => json!({ "const": word }),
            Takes::Schema | Takes::AnyObject => json!({ "type": "object" }),
            Takes::Object(shape) => self.object(shape),
            Takes::Maybe(shape) => {
                let one = self.object(shape);
                json!({ "anyOf": [one, { "type": "null" }] })
            }
            Takes::Map(inside) => {
                let inside = self.takes(inside);
                json!({ "type": "object", "additionalProperties": inside })
            }
            Takes::List(inside) => {
                let inside = self.takes(inside);
                json!({ "type": "array", "items": inside })
            }
            Takes::OneOrMore(inside) => {
                let one = self.takes(inside);
                json!({ "anyOf": [one, { "type": "array", "items": one }] })
            }
            Takes::Either(all) => self.either(all),
            Takes::Block => self.block(),
            Takes::RunAfter => {
                let list =
                    json!({ "type": "array", "minItems": 1, "items": any_case(&statuses()) });
                json!({ "type": "object", "additionalProperties": list })
            }
            Takes::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        }
    }

    /// Readers look whether there is an object, and then at nothing else.
    fn either(&mut self, all: &[Takes]) -> Value {
        let any = all.iter().any(|it| matches!(it, Takes::Value));
        let made = all.iter().filter(|it| !matches!(it, Takes::Value));
        let mut made: Vec<Value> = made.map(|it| self.takes(it)).collect();
        match (any, made.pop()) {
            (true, Some(object)) => json!({ "if": { "type": "object" }, "then": object }),
            (_, last) => {
                made.extend(last);
                json!({ "anyOf": made })
            }
        }
    }

    /// A reference to a definition, which is made when it is asked for first.
    fn define(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.defs.contains_key(name) {
            // What stands in itself finds it there.
            self.defs.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.defs.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn object(&mut self, shape: &Shape) -> Value {
        self.define(shape.name, |writer| {
            let mut made = if shape.kinds.is_empty() {
                writer.closed(shape.keys.iter())
            } else {
                writer.kinds(shape)
            };
            made["description"] = shape.doc.into();
            made
        })
    }

    /// An object by the key that says its kind: each kind has its own keys.
    fn kinds(&mut self, shape: &Shape) -> Value {
        // What all kinds have is written down once.
        let common: Map<String, Value> = shape
            .keys
            .iter()
            .map(|it| {
                let name = format!("{}.{}", shape.name, it.name);
                (it.name.to_owned(), self.define(&name, |writer| writer.key(it)))
            })
            .collect();
        let required: Vec<&str> =
            shape.keys.iter().filter(|it| it.required).map(|it| it.name).collect();
        let with_common = |mut object: Value, kind: Option<&str>| {
            let names = required.iter().copied().chain(kind);
            let own = object["required"].take();
            let own = own.as_array().into_iter().flatten().filter_map(Value::as_str);
            object["required"] = names.chain(own).collect();
            let mut properties = common.clone();
            properties.extend(object["properties"].as_object().cloned().unwrap_or_default());
            object["properties"] = properties.into();
            object
        };
        let mut ways = Vec::new();
        for kind in shape.kinds {
            let name = format!("{}.{}", shape.name, kind.key.name);
            let then = self.define(&name, |writer| {
                let mut object = writer.closed(kind.beside.iter());
                let mut properties =
                    Map::from_iter([(kind.key.name.to_owned(), writer.kind(kind))]);
                properties.extend(object["properties"].as_object().cloned().unwrap_or_default());
                object["properties"] = properties.into();
                with_common(object, Some(kind.key.name))
            });
            ways.push(json!({ "if": is_kind(shape, kind), "then": then }));
        }
        let name = format!("{}.begun", shape.name);
        let begun = self.define(&name, |writer| {
            with_common(writer.closed(shape.kinds.iter().map(|it| &it.key)), None)
        });
        let any: Vec<Value> =
            shape.kinds.iter().map(|it| json!({ "required": [it.key.name] })).collect();
        ways.push(json!({ "if": { "not": { "anyOf": any } }, "then": begun }));
        json!({ "type": "object", "anyOf": any, "allOf": ways })
    }

    fn block(&mut self) -> Value {
        self.define("block", |writer| {
            let parallel = writer.object(&PARALLEL);
            let action = writer.object(&ACTION);
            json!({
                "type": ["array", "null"],
                "items": {
                    "if": { "required": ["parallel"] },
                    "then": parallel,
                    "else": action,
                },
            })
        })
    }

    fn condition(&mut self) -> Value {
        self.define("condition", |_| {
            let again = json!({ "$ref": "#/$defs/condition" });
            let several = json!({ "type": "array", "items": again });
            let two = json!({ "type": "array", "minItems": 2, "maxItems": 2 });
            let one = json!({ "anyOf": [again, { "type": "array", "items": again, "minItems": 1, "maxItems": 1 }] });
            let operators = [("and", &several), ("or", &several), ("not", &one)];
            let compared = Operator::ALL.iter().map(|(name, _)| (*name, &two));
            let all: Vec<(&str, &Value)> = operators.into_iter().chain(compared).collect();
            let properties: Map<String, Value> =
                all.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
            let patterns: Map<String, Value> =
                all.iter().map(|(name, value)| (pattern(&[*name]), (*value).clone())).collect();
            json!({
                "description": "A text that gives true or false, or an object with one operator.",
                "anyOf": [
                    { "type": "string" },
                    { "type": "boolean" },
                    {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "properties": properties,
                        "patternProperties": patterns,
                        "additionalProperties": false,
                    },
                ],
            })
        })
    }
}

/// What a key's value is for.
fn told(key: &Key, mut value: Value) -> Value {
    value["description"] = key.doc.into();
    let read = |json: &str| serde_json::from_str::<Value>(json).unwrap_or_default();
    if let Some(default) = key.default {
        value["default"] = read(default);
    }
    if let Some(example) = key.example {
        value["examples"] = json!([read(example)]);
    }
    value
}

/// Whether an object is of a kind, by its keys.
fn is_kind(shape: &Shape, kind: &Kind) -> Value {
    let name = kind.key.name;
    let is_beside = |it: &&Kind| it.beside.iter().any(|key| key.name == name);
    let others: Vec<Value> = shape
        .kinds
        .iter()
        .filter(is_beside)
        .map(|it| json!({ "required": [it.key.name] }))
        .collect();
    if others.is_empty() {
        return json!({ "required": [name] });
    }
    json!({ "required": [name], "not": { "anyOf": others } })
}

/// Words as readers take them: those that files use, and the same in any case.
fn any_case(words: &[&str]) -> Value {
    json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": pattern(words) }] })
}

/// A regular expression for words in any case; not every editor's dialect has a mark for that.
fn pattern(words: &[&str]) -> String {
    let mut all = String::from("^(");
    for (nth, word) in words.iter().enumerate() {
        if 0 < nth {
            all.push('|');
        }
        for c in word.chars() {
            let (lower, upper) = (c.to_ascii_lowercase(), c.to_ascii_uppercase());
            if lower == upper {
                all.push(c);
            } else {
                all.extend(['[', upper, lower, ']']);
            }
        }
    }
    all + ")$"
}

/// Nothing means the same as the key's absence.
fn nullable(value: &mut Value) {
    let nothing = || json!({ "type": "null" });
    let Some(object) = value.as_object_mut().filter(|it| !it.is_empty()) else { return };
    match object.get_mut("type") {
        Some(Value::String(name)) => {
            let both = json!([name, "null"]);
            object.insert("type".to_owned(), both);
        }
        Some(_) => {}
        None => match object.get_mut("anyOf").and_then(Value::as_array_mut) {
            Some(all) if !all.contains(&nothing()) => all.push(nothing()),
            Some(_) => {}
            None => *value = json!({ "anyOf": [value.clone(), nothing()] }),
        },
    }
}

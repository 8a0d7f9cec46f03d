//! JSON Schemas as types: what a schema does not say, or says in a way that is not read, is unknown.

use serde_json::{Map, Value};

use crate::types::{Field, Type};

/// Schemas that are read for one type; a schema can refer to itself in many ways.
const SCHEMAS_MAX: usize = 5_000;
/// How deep schemas are read.
const DEPTH_MAX: usize = 40;

/// Finds the schema that a reference beyond the document stands for.
pub type Resolve<'s> = dyn Fn(&str) -> Option<&'s Value> + 's;

impl Type {
    /// The values that a JSON Schema allows. `resolve` is asked for references that do not lead
    /// into the schema itself; a schema inside of itself is anything.
    pub fn of_schema<'s>(schema: &'s Value, resolve: &Resolve<'s>) -> Self {
        Reader { root: schema, resolve, open: Vec::new(), left: SCHEMAS_MAX }.read(schema)
    }
}

struct Reader<'r, 's> {
    root: &'s Value,
    resolve: &'r Resolve<'s>,
    /// References that are being followed.
    open: Vec<&'s str>,
    left: usize,
}

impl<'s> Reader<'_, 's> {
    fn read(&mut self, schema: &'s Value) -> Type {
        let Some(map) = schema.as_object() else {
            return if schema == &Value::Bool(false) { Type::Never } else { Type::Any };
        };
        if self.left == 0 || DEPTH_MAX < self.open.len() {
            return Type::Any;
        }
        self.left -= 1;
        // Depth is that of references and of keywords together: both recurse.
        self.open.push("");
        let mut ty = self.own(map);
        for (keyword, wide) in [("oneOf", true), ("anyOf", true), ("allOf", false)] {
            if let Some(Value::Array(all)) = map.get(keyword).filter(|it| !is_empty(it)) {
                let start = if wide { Type::Never } else { Type::Any };
                let combined = all.iter().fold(start, |sum, schema| {
                    let one = self.read(schema);
                    if wide { sum.join(&one) } else { sum.meet(&one) }
                });
                ty = ty.meet(&combined);
            }
        }
        self.open.pop();
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            ty = self.referred(reference).meet(&ty);
        }
        let nullable = ["nullable", "x-nullable"].iter().any(|key| is_true(map.get(*key)));
        if nullable { ty.or_null() } else { ty }
    }

    fn referred(&mut self, reference: &'s str) -> Type {
        if self.open.contains(&reference) {
            return Type::Any;
        }
        let local = match reference.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(pointer) => self.root.pointer(pointer),
            None => None,
        };
        let Some(schema) = local.or_else(|| (self.resolve)(reference)) else { return Type::Any };
        self.open.push(reference);
        let ty = self.read(schema);
        self.open.pop();
        ty
    }

    /// What the keywords of a schema say that are not other schemas for the same value.
    fn own(&mut self, map: &'s Map<String, Value>) -> Type {
        let ty = match map.get("type") {
            Some(Value::String(name)) => self.named(name, map),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                let names: Vec<_> = names.collect();
                names.into_iter().fold(Type::Never, |sum, name| sum.join(&self.named(name, map)))
            }
            _ if map.contains_key("properties") => self.object(map),
            _ if map.contains_key("items") => self.array(map),
            _ => Type::Any,
        };
        let ty = match map.get("enum") {
            Some(Value::Array(values)) if !values.is_empty() => ty.meet(&Type::one_of(values)),
            _ => ty,
        };
        map.get("const").map_or(ty.clone(), |value| ty.meet(&Type::of_value(value)))
    }

    fn named(&mut self, name: &str, map: &'s Map<String, Value>) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => match map.get("format").and_then(Value::as_str) {
                Some("date" | "date-time" | "date-no-tz") => Type::Timestamp,
                Some("binary") => Type::String.join(&Type::Binary),
                Some(_) | None => Type::String,
            },
            "array" => self.array(map),
            "object" => self.object(map),
            _ => Type::Any,
        }
    }

    fn array(&mut self, map: &'s Map<String, Value>) -> Type {
        let each = match (map.get("items"), map.get("prefixItems")) {
            (Some(Value::Array(_)), _) | (_, Some(_)) | (None, None) => Type::Any,
            (Some(schema), None) => self.read(schema),
        };
        let least = map.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if 0 < least { Type::filled_array_of(each) } else { Type::array_of(each) }
    }

    fn object(&mut self, map: &'s Map<String, Value>) -> Type {
        let required: Vec<&str> = match map.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut fields = Vec::new();
        for (name, schema) in map.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            // Older schemas say it at the property.
            let required = required.contains(&name.as_str()) || is_true(schema.get("required"));
            fields.push((name.clone(), Field { ty: self.read(schema), required }));
        }
        let rest = match map.get("additionalProperties") {
            Some(Value::Bool(false)) if !map.contains_key("patternProperties") => None,
            Some(schema @ Value::Object(_)) if !map.contains_key("patternProperties") => {
                Some(self.read(schema))
            }
            _ => Some(Type::Any),
        };
        // A name that is only required says too little to count as known: it may be misspelt.
        Type::object_of(fields, rest)
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

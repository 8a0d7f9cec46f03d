//! A person starts the flow, with typed inputs.

use base::Span;
use serde_json::{Map, Value};
use yaml::Node;

use super::TriggerKind;
use crate::{check, fields::Fields, model::ParameterType, reader::Reader, shape};

/// A manual trigger.
#[derive(Clone, Debug)]
pub struct Manual {
    /// The inputs in the order of the form.
    pub inputs: Vec<Input>,
}

/// One input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Key in the trigger's body.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Label in forms.
    pub title: String,
    /// Its type.
    pub ty: ParameterType,
    /// Whether it must be given.
    pub required: bool,
    /// Value when not given.
    pub default: Option<Value>,
    /// Help text.
    pub description: Option<String>,
    /// The only values allowed, if there are such.
    pub choices: Vec<Value>,
}

impl Manual {
    /// The trigger's body with the defaults of what is not given.
    ///
    /// # Errors
    /// Names the input that is missing, unknown or of the wrong type. Without declared inputs
    /// everything is taken.
    pub fn complete(&self, body: &Value) -> Result<Value, String> {
        if self.inputs.is_empty() {
            return Ok(body.clone());
        }
        let mut values = match body {
            Value::Null => Map::new(),
            Value::Object(values) => values.clone(),
            other => {
                let kind = base::value::kind(other);
                return Err(format!("the inputs must be an object, not a value of type '{kind}'"));
            }
        };
        let known = |name: &str| self.inputs.iter().any(|it| it.name == name);
        if let Some(unknown) = values.keys().find(|name| !known(name)) {
            let names: Vec<&str> = self.inputs.iter().map(|it| it.name.as_str()).collect();
            return Err(format!("there is no input `{unknown}`; there are: {}", names.join(", ")));
        }
        for input in &self.inputs {
            match values.get(&input.name).filter(|it| !it.is_null()) {
                Some(value) => input.check(value)?,
                None => match &input.default {
                    Some(default) => {
                        values.insert(input.name.clone(), default.clone());
                    }
                    None if input.required => {
                        return Err(format!(
                            "the input `{}` ({}) is required",
                            input.name, input.title
                        ));
                    }
                    None => {}
                },
            }
        }
        Ok(Value::Object(values))
    }
}

impl Input {
    fn check(&self, value: &Value) -> Result<(), String> {
        let Self { name, title, ty, .. } = self;
        if !ty.accepts(value) {
            let (wanted, kind) = (ty.described(), base::value::kind(value));
            return Err(format!(
                "the input `{name}` ({title}) must be {wanted}, not a value of type '{kind}'"
            ));
        }
        if self.choices.is_empty() || self.choices.contains(value) {
            return Ok(());
        }
        let choices: Vec<String> = self.choices.iter().map(expr::to_text).collect();
        Err(format!("the input `{name}` ({title}) must be one of {}", choices.join(", ")))
    }

    /// The properties of an object's schema as inputs, as the cloud's buttons and apps declare them.
    pub(crate) fn of_schema(schema: &Value) -> Vec<Self> {
        let required = schema.get("required").and_then(Value::as_array);
        let properties = schema.get("properties").and_then(Value::as_object);
        let inputs = properties.into_iter().flatten().map(|(name, property)| {
            let text = |key: &str| property.get(key).and_then(Value::as_str).map(str::to_owned);
            let ty = text("type").unwrap_or_default();
            Self {
                name: name.clone(),
                span: Span::default(),
                title: text("title").unwrap_or_else(|| name.clone()),
                ty: match ty.as_str() {
                    "integer" => ParameterType::Integer,
                    "number" => ParameterType::Float,
                    "boolean" => ParameterType::Boolean,
                    "array" => ParameterType::Array,
                    "object" => ParameterType::Object,
                    _ => ParameterType::String,
                },
                required: required.is_some_and(|it| it.iter().any(|it| it == name.as_str())),
                default: property.get("default").cloned(),
                description: text("description"),
                choices: property
                    .get("enum")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            }
        });
        inputs.collect()
    }
}

/// Reads `manual:` or `manual: {inputs: {name: {type, title, …}}}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mut fields = Fields::new(reader, node, "`manual`").of(&shape::MANUAL);
    let inputs = fields.given("inputs").map(|it| reader.mapping(it, "`inputs`"));
    fields.finish(reader);
    let inputs = inputs.into_iter().flatten();
    let inputs = inputs.filter_map(|it| read_input(reader, &it.key, &it.value)).collect();
    TriggerKind::Manual(Manual { inputs })
}

fn read_input(reader: &mut Reader, key: &yaml::Key, node: &Node) -> Option<Input> {
    let name = key.text.clone();
    let mut fields = Fields::new(reader, node, &format!("input `{name}`")).of(&shape::INPUT);
    fields.at = key.span;
    let ty = fields.required(reader, "type");
    let ty = ty.and_then(|it| reader.choice(it, "`type`", ParameterType::NAMES));
    let title = fields.text(reader, "title").unwrap_or_else(|| name.clone());
    let required = fields.flag(reader, "required");
    let default = fields.given("default");
    let description = fields.text(reader, "description");
    let choices = fields.given("choices");
    let choices = choices.map_or(&[][..], |it| reader.list(it, "`choices`"));
    fields.finish(reader);
    let ty = ty?;
    let default = default.map(|it| check::typed(&mut reader.sink, it, ty, "`default`"));
    let choices = choices.iter().map(|it| check::typed(&mut reader.sink, it, ty, "a choice"));
    let choices = choices.collect();
    Some(Input { name, span: key.span, title, ty, required, default, description, choices })
}

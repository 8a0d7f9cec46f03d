//! A person starts the flow, with typed inputs.

use base::Span;
use serde_json::Value;
use yaml::Node;

use super::TriggerKind;
use crate::{check, fields::Fields, model::ParameterType, reader::Reader};

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

/// Reads `manual:` or `manual: {inputs: {name: {type, title, …}}}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mut fields = Fields::new(reader, node, "`manual`");
    let inputs = fields.given("inputs").map(|it| reader.mapping(it, "`inputs`"));
    fields.finish(reader);
    let inputs = inputs.into_iter().flatten();
    let inputs = inputs.filter_map(|it| read_input(reader, &it.key, &it.value)).collect();
    TriggerKind::Manual(Manual { inputs })
}

fn read_input(reader: &mut Reader, key: &yaml::Key, node: &Node) -> Option<Input> {
    let name = key.text.clone();
    let mut fields = Fields::new(reader, node, &format!("input `{name}`"));
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

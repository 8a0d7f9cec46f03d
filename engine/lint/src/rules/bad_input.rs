//! Inputs of a call that the operation does not take.

use base::{Diagnostic, Sink, code, suggest};
use flow::{ActionId, Trigger};
use serde_json::Value;

use super::suggested;
use crate::{
    call::Call,
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::BAD_INPUT,
    phase: Phase::Project,
    summary: "A required input is missing, or an input is unknown or of the wrong type.",
    hooks: Hooks { action: Some(action), trigger: Some(trigger), ..Hooks::NONE },
};

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    if let Some(call) = Call::of_action(view, view.flow.action(id)) {
        check(view, &call, sink);
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    if let Some(call) = Call::of_trigger(view, trigger) {
        check(view, &call, sink);
    }
}

fn check(view: &View<'_>, call: &Call<'_>, sink: &mut Sink) {
    missing(view, call, sink);
    unknown(view, call, sink);
    for given in call.constants() {
        let Some(expected) = mismatch(given.schema, &given.value, given.as_text) else { continue };
        let found = base::value::kind(&given.value).to_lowercase();
        let message = format!("`{}` of `{}` takes {expected}, not {found}", given.key, call.id);
        let span = call.place(view, given.key, true);
        sink.push(view.lacking(Diagnostic::new(RULE.code, span, message)));
    }
}

fn missing(view: &View<'_>, call: &Call<'_>, sink: &mut Sink) {
    if !call.is_complete() {
        return;
    }
    let entries = call.entries();
    let given = |name: &str| {
        let entry = entries.iter().find(|(key, _)| *key == name);
        entry.is_some_and(|(_, value)| !matches!(value, Some(Value::Null)))
    };
    for param in call.params {
        let wanted = param.required && !param.internal && param.default.is_none();
        if wanted && !given(&param.name) && !is_misspelled(call, &param.name) {
            let message = format!("`{}` needs the input `{}`", call.id, param.name);
            let found = view.lacking(Diagnostic::new(RULE.code, call.span, message));
            sink.push(found.hint(format!("add `{}:` to `with`", param.name)));
        }
    }
    for field in missing_fields(call) {
        let (name, _) = call.body.unwrap_or_default();
        let message = format!("`{}` needs `{field}` in `{name}`", call.id);
        sink.push(view.lacking(Diagnostic::new(RULE.code, call.span, message)));
    }
}

/// Required fields of a body that is written down, whole or field by field.
fn missing_fields<'a>(call: &Call<'a>) -> Vec<&'a str> {
    let Some((_, schema)) = call.body else { return Vec::new() };
    let schema = call.connector.schema(schema);
    let required = schema.and_then(|it| it.get("required")?.as_array());
    let mut fields: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    if call.fills_body {
        let members = schema.and_then(|it| it.get("properties"));
        let is_filled = |name: &str| {
            members.and_then(|it| it.get(name)).is_some_and(|it| call.connector.is_filled(it))
        };
        fields.retain(|it| !is_filled(it));
    }
    for (key, value) in call.entries() {
        match (call.body_path(key).as_deref(), value) {
            (Some([]), Some(Value::Object(body))) => fields.retain(|it| !body.contains_key(*it)),
            // The body, or its keys, are known when the flow runs.
            (Some([]), _) => return Vec::new(),
            (Some([first, ..]), _) => fields.retain(|it| it != first),
            (None, _) => {}
        }
    }
    fields.retain(|it| !is_misspelled(call, it));
    fields
}

/// Whether an unknown key is reported with this name as what was meant.
fn is_misspelled(call: &Call<'_>, name: &str) -> bool {
    let entries = call.entries();
    let mut keys = entries.iter().map(|(key, _)| *key).filter(|it| call.param(it).is_none());
    keys.any(|key| {
        let path = call.body_path(key);
        let known: Vec<&str> = match path.as_deref() {
            Some([first, ..]) => closed(call, first).unwrap_or_default(),
            Some([]) => Vec::new(),
            None => call.names().collect(),
        };
        let word = path.as_deref().and_then(|it| it.first()).unwrap_or(&key);
        suggest::closest(word, known) == Some(name)
    })
}

fn unknown(view: &View<'_>, call: &Call<'_>, sink: &mut Sink) {
    for (key, _) in call.entries() {
        if call.param(key).is_some() {
            continue;
        }
        let span = || call.place(view, key, false);
        match call.body_path(key) {
            None => {
                let what = if call.params.iter().any(|it| it.name == key) {
                    format!("`{key}` of `{}` is set by the connector", call.id)
                } else {
                    format!("`{}` has no input `{key}`", call.id)
                };
                let found = view.lacking(Diagnostic::new(RULE.code, span(), what));
                sink.push(suggested(found, key, call.names()));
            }
            Some(path) => {
                let Some((field, names)) =
                    path.first().and_then(|it| Some((it, closed(call, it)?)))
                else {
                    continue;
                };
                let message = format!("`{}` has no field `{field}`", call.id);
                let found = view.lacking(Diagnostic::new(RULE.code, span(), message));
                sink.push(suggested(found, field, names.into_iter()));
            }
        }
    }
}

/// The fields of the body, if they are all that it can have and this is not one of them.
fn closed<'a>(call: &Call<'a>, field: &str) -> Option<Vec<&'a str>> {
    let (_, schema) = call.body?;
    let schema = call.connector.schema(schema)?;
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return None;
    }
    let fields = schema.get("properties")?.as_object()?;
    // An annotation such as `owner@odata.bind` belongs to every object.
    (!field.contains('@') && !fields.contains_key(field))
        .then(|| fields.keys().map(String::as_str).collect())
}

/// What a schema takes, if it does not take the value.
fn mismatch(schema: &Value, value: &Value, as_text: bool) -> Option<String> {
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(ty) => vec![ty],
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let fits = |ty: &&str| match *ty {
        "string" => value.is_string() || as_text && (value.is_number() || value.is_boolean()),
        "integer" => value.is_i64() || value.is_u64() || as_text && is_text_of::<i64>(value),
        "number" => value.is_number() || as_text && is_text_of::<f64>(value),
        "boolean" => value.is_boolean() || as_text && is_text_of::<bool>(value),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    // Null leaves a parameter out, and clears a field.
    if types.is_empty() || value.is_null() || types.iter().any(fits) {
        return None;
    }
    Some(types.join(" or "))
}

/// Text that says the value, where everything is sent as text.
fn is_text_of<T: std::str::FromStr>(value: &Value) -> bool {
    value.as_str().is_some_and(|it| it.parse::<T>().is_ok())
}

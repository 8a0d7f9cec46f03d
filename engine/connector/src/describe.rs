//! What a connector offers, as data that people and programs read: inputs and outputs as flows name
//! them, each with its type, and an example.

use serde_json::{Map, Value, json};

use crate::{
    model::{Connector, Operation, Param, Place},
    trigger::{Trigger, TriggerKind},
};

/// Levels of a schema that are shown.
const DEPTH_MAX: usize = 4;
/// Fields that are shown of one schema.
const FIELDS_MAX: usize = 500;

/// The connector with what it has.
pub fn connector(connector: &Connector) -> Value {
    let params = connector.connection.params.iter().map(|it| {
        json!({
            "name": it.name,
            "type": crate::model::ParamKind::ALL.iter().find(|(_, kind)| *kind == it.kind).map(|it| it.0),
            "required": it.required,
            "default": it.default,
            "description": it.description,
        })
    });
    let offered = connector.operations.values().filter(|it| !it.internal);
    let operations = offered.map(|it| {
        json!({ "id": it.id, "title": it.title, "effect": it.effect.name(), "request": format!("{} {}", it.method, it.path) })
    });
    let triggers = connector.triggers.values();
    let triggers = triggers.map(|it| json!({ "id": it.id, "title": it.title, "kind": kind(it) }));
    json!({
        "name": connector.name,
        "title": connector.title,
        "version": connector.version,
        "aliases": connector.aliases,
        "connection": params.collect::<Vec<_>>(),
        "operations": operations.collect::<Vec<_>>(),
        "triggers": triggers.collect::<Vec<_>>(),
    })
}

/// An operation with its inputs and outputs.
pub fn operation(connector: &Connector, operation: &Operation) -> Value {
    let mut inputs = of_params(connector, &operation.params);
    if let Some(body) = &operation.body {
        inputs.extend(fields(connector, body, &operation.body_param, false));
    }
    // What a mapping of outputs gives is not in the schema of the answer.
    let answered = operation.returns.as_ref();
    let outputs = answered.map(|it| fields(connector, it, "body", true)).unwrap_or_default();
    let described = json!({
        "connector": connector.name,
        "operation": operation.id,
        "title": operation.title,
        "description": operation.description,
        "effect": operation.effect.name(),
        "repeatable": operation.repeat_is_safe(),
        "pages": operation.paginate.is_some(),
        "request": format!("{} {}", operation.method, operation.path),
        "inputs": inputs,
        "outputs": outputs,
        "example": {
            "call": format!("{}.{}", connector.name, operation.id),
            "with": example(connector, &operation.params, operation.body.as_ref().map(|it| (operation.body_param.as_str(), it))),
        },
    });
    with_deprecated(described, operation.deprecated.as_deref())
}

/// What is there for older flows only says so, and what to use instead if that is known.
fn with_deprecated(mut described: Value, instead: Option<&str>) -> Value {
    match instead {
        None => {}
        Some("") => described["deprecated"] = true.into(),
        Some(instead) => described["deprecated"] = instead.into(),
    }
    described
}

/// A trigger with its inputs and outputs.
pub fn trigger(connector: &Connector, trigger: &Trigger) -> Value {
    let outputs = trigger.returns.as_ref();
    let outputs = outputs.map(|it| fields(connector, it, "body", true)).unwrap_or_default();
    let described = json!({
        "connector": connector.name,
        "trigger": trigger.id,
        "title": trigger.title,
        "kind": kind(trigger),
        "inputs": of_params(connector, &trigger.params),
        "outputs": outputs,
        "example": {
            "on": format!("{}.{}", connector.name, trigger.id),
            "with": example(connector, &trigger.params, None),
        },
    });
    with_deprecated(described, trigger.deprecated.as_deref())
}

const fn kind(trigger: &Trigger) -> &'static str {
    match trigger.kind {
        TriggerKind::Webhook(_) => "webhook",
        TriggerKind::Poll(_) => "poll",
    }
}

fn of_params(connector: &Connector, params: &[Param]) -> Vec<Value> {
    let visible = params.iter().filter(|it| !it.internal);
    let shown = visible.map(|param| {
        let place = Place::ALL.iter().find(|(_, it)| *it == param.place).map_or("", |it| it.0);
        let mut shown = field(connector, &param.name, &param.schema);
        shown["in"] = place.into();
        shown["required"] = param.required.into();
        if let Some(default) = &param.default {
            shown["default"] = default.clone();
        }
        if let Some(values) = &param.values {
            shown["valuesOf"] = values.operation.as_str().into();
        }
        shown
    });
    shown.collect()
}

/// A schema and what is in it, by names as flows write them: `item/name`, `body/value`.
fn fields(connector: &Connector, schema: &Value, name: &str, is_output: bool) -> Vec<Value> {
    let mut found = vec![field(connector, name, schema)];
    walk(connector, schema, (name, 0), is_output, &mut found);
    if let (Some(body), false) = (found.first_mut(), is_output) {
        body["in"] = "body".into();
    }
    found
}

fn walk(
    connector: &Connector,
    schema: &Value,
    (name, depth): (&str, usize),
    is_output: bool,
    found: &mut Vec<Value>,
) {
    let Some(schema) = connector.schema(schema).filter(|_| depth < DEPTH_MAX) else { return };
    let required = schema.get("required").and_then(Value::as_array);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let known = connector.schema(property).unwrap_or(property);
        let is_fixed = known.get("readOnly") == Some(&Value::Bool(true));
        if FIELDS_MAX <= found.len() || (is_fixed && !is_output) {
            continue;
        }
        let path = format!("{name}/{key}");
        let mut shown = field(connector, &path, property);
        if !is_output {
            shown["in"] = "body".into();
            shown["required"] = required.is_some_and(|it| it.contains(&key.as_str().into())).into();
        }
        found.push(shown);
        walk(connector, property, (&path, depth + 1), is_output, found);
    }
    // Flows go over a list; what is in an item is named from the item.
    if let Some(items) = schema.get("items").filter(|_| is_output) {
        walk(connector, items, (&format!("{name}/*"), depth + 1), is_output, found);
    }
}

fn field(connector: &Connector, name: &str, schema: &Value) -> Value {
    let known = connector.schema(schema).unwrap_or(schema);
    let mut shown = json!({ "name": name, "type": type_of(connector, schema) });
    for (from, to) in [("enum", "values"), ("description", "description"), ("title", "title")] {
        if let Some(value) = schema.get(from).or_else(|| known.get(from)) {
            shown[to] = value.clone();
        }
    }
    shown
}

/// A type in words: `string (uuid)`, `array of integer`.
fn type_of(connector: &Connector, schema: &Value) -> String {
    let Some(known) = connector.schema(schema) else { return "any".to_owned() };
    let name = match known.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ if known.get("properties").is_some() => "object".to_owned(),
        _ => "any".to_owned(),
    };
    if let Some(items) = known.get("items").filter(|_| name == "array") {
        return format!("array of {}", type_of(connector, items));
    }
    match known.get("format").and_then(Value::as_str) {
        Some(format) => format!("{name} ({format})"),
        None => name,
    }
}

/// Inputs that an author begins with: what is required, and what else the file has an example of.
fn example(connector: &Connector, params: &[Param], body: Option<(&str, &Value)>) -> Value {
    let mut given = Map::new();
    let visible = params.iter().filter(|it| !it.internal);
    for param in visible {
        let told = param.schema.get("example").cloned();
        if param.required && param.default.is_none() || told.is_some() {
            given.insert(param.name.clone(), sample(connector, &param.schema, 0));
        }
    }
    let Some((name, schema)) = body else { return Value::Object(given) };
    let known = connector.schema(schema);
    let properties = known.and_then(|it| it.get("properties")?.as_object());
    let required = known.and_then(|it| it.get("required")?.as_array());
    let wanted = |key: &str| required.is_none_or(|it| it.is_empty() || it.contains(&key.into()));
    let mut fields = 0;
    for (key, property) in properties.into_iter().flatten() {
        let is_fixed = connector.schema(property).and_then(|it| it.get("readOnly"));
        if wanted(key) && is_fixed != Some(&Value::Bool(true)) && fields < 5 {
            fields += 1;
            given.insert(format!("{name}/{key}"), sample(connector, property, 0));
        }
    }
    if fields == 0 {
        given.insert(name.to_owned(), sample(connector, schema, 0));
    }
    Value::Object(given)
}

/// A value that a schema admits, as an example.
pub fn sample(connector: &Connector, schema: &Value, depth: usize) -> Value {
    let known = connector.schema(schema).unwrap_or(schema);
    for key in ["example", "default", "const"] {
        if let Some(value) = schema.get(key).or_else(|| known.get(key)) {
            return value.clone();
        }
    }
    if let Some(first) = known.get("enum").and_then(|it| it.as_array()?.first()) {
        return first.clone();
    }
    let name = match known.get("type") {
        Some(Value::Array(names)) => names.iter().find(|it| *it != "null").and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match name {
        Some("integer" | "number") => known.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("array") if depth < DEPTH_MAX => match known.get("items") {
            Some(items) => json!([sample(connector, items, depth + 1)]),
            None => json!([]),
        },
        Some("array") => json!([]),
        Some("string") => match known.get("format").and_then(Value::as_str) {
            Some("uuid") => json!("00000000-0000-0000-0000-000000000000"),
            Some("date-time") => json!("2026-01-31T12:00:00Z"),
            Some("date") => json!("2026-01-31"),
            Some("uri") => json!("https://example.com"),
            Some("email") => json!("ada@example.com"),
            _ => json!("…"),
        },
        Some("object") | None if depth < DEPTH_MAX => {
            let properties = known.get("properties").and_then(Value::as_object);
            let required = known.get("required").and_then(Value::as_array);
            let wanted = |key: &str| required.is_none_or(|it| it.contains(&key.into()));
            let members = properties.into_iter().flatten().filter(|(key, _)| wanted(key)).take(5);
            let members = members.map(|(key, it)| (key.clone(), sample(connector, it, depth + 1)));
            Value::Object(members.collect())
        }
        _ => json!({}),
    }
}

//! Values that flows and operators could give, made of what the definition says.

use serde_json::{Map, Value, json};

use super::raw::Raw;

/// Bytes that are no text.
pub(super) const BYTES: &[u8] = &[0, 159, 146, 150, b'\r', b'\n', 255];

/// A value for a parameter.
pub(super) fn param(param: &Value) -> Value {
    let schema = if param["schema"].is_object() { &param["schema"] } else { param };
    let name = param["name"].as_str().unwrap_or("");
    let mut choices = schema["enum"].as_array().into_iter().flatten();
    if let Some(first) = choices.find(|it| **it != "") {
        return first.clone();
    }
    match schema["type"].as_str().unwrap_or("string") {
        "integer" => json!(7),
        "number" => json!(2.5),
        "boolean" => json!(true),
        "array" => json!(["one", "two three"]),
        "object" => json!({ "a": 1 }),
        "file" => json!({
            "$content-type": "application/pdf",
            "$content": base::base64::encode(BYTES),
            "$filename": "a b.pdf",
        }),
        _ if param["in"] == "header" => format!("v {name}").into(),
        _ => format!("v {name}/ä&=?+%#").into(),
    }
}

/// A value that fits a schema.
pub(super) fn value(raw: &Raw, schema: &Value, depth: usize) -> Value {
    let schema = raw.follow(schema);
    if let Some(first) = schema["enum"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("integer") => json!(3),
        Some("number") => json!(1.5),
        Some("boolean") => json!(false),
        Some("string") => json!("text \"ü\" / 1"),
        Some("array") if depth == 0 => json!([]),
        Some("array") => json!([value(raw, &schema["items"], depth - 1)]),
        _ => {
            let mut members = Map::new();
            for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                let is_hidden = member["x-ms-visibility"] == "internal";
                if depth > 0 && !is_hidden && !is_callback(raw, member) {
                    members.insert(name.clone(), value(raw, member, depth - 1));
                }
            }
            Value::Object(members)
        }
    }
}

/// Whether a member is where the address of a callback goes.
pub(super) fn is_callback(raw: &Raw, member: &Value) -> bool {
    member["x-ms-notification-url"] == true || raw.follow(member)["x-ms-notification-url"] == true
}

/// What an operator gives for a connection parameter. One that an address begins with is an address.
pub(super) fn connection(raw: &Raw, name: &str, kind: &str) -> Value {
    let label: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match kind {
        "securestring" if !is_in_address(raw, name) => format!("secret-{label}").into(),
        "int" | "integer" => json!(4),
        "bool" | "boolean" => json!(true),
        _ if begins_address(raw, &format!("@connectionParameters('{name}'")) => {
            format!("https://c-{label}.example.org").into()
        }
        _ => format!("c{label}").into(),
    }
}

/// The addresses that policies name.
fn addresses(raw: &Raw) -> impl Iterator<Item = &str> {
    let all = raw.properties["policyTemplateInstances"].as_array().into_iter().flatten();
    all.filter_map(|it| it["parameters"]["x-ms-apimTemplateParameter.urlTemplate"].as_str())
}

fn is_in_address(raw: &Raw, name: &str) -> bool {
    addresses(raw).any(|it| it.contains(&format!("('{name}'")))
}

fn begins_address(raw: &Raw, text: &str) -> bool {
    addresses(raw).any(|it| it.to_lowercase().starts_with(&text.to_lowercase()))
}

/// What a flow gives for a parameter that is part of the service's address, if it is.
pub(super) fn host_part(raw: &Raw, name: &str) -> Option<Value> {
    for function in ["headers", "queryParameters"] {
        let asked = format!("@{function}('{name}')");
        if begins_address(raw, &asked) {
            return Some("https://flow.example.org".into());
        }
        if addresses(raw).any(|it| it.to_lowercase().contains(&asked.to_lowercase())) {
            return Some("flow.example.org".into());
        }
    }
    None
}

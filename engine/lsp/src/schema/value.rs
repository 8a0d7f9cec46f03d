//! Values that a connector takes, as flows may write them: any of them may be computed.

use connector::Connector;
use serde_json::{Map, Value, json};

/// Levels of a value that editors complete.
const DEPTH_MAX: usize = 5;
/// Fields of one object that editors are told of.
const FIELDS_MAX: usize = 500;
/// A text that is computed.
const COMPUTED: &str = r"^@|^\$[.\[]|\{\{|@\{";

/// The schema of an input; `as_text` if it is sent as text whatever its type.
pub(super) fn of(connector: &Connector, schema: &Value, as_text: bool) -> Value {
    let known = connector.schema(schema).unwrap_or(schema);
    let mut made = described(connector, schema);
    let types: Vec<&str> = match known.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let computed = json!({ "type": "string", "pattern": COMPUTED });
    if let Some(choices) = known.get("enum").and_then(Value::as_array) {
        let mut all = choices.clone();
        if as_text {
            all.extend(choices.iter().filter(|it| !it.is_string()).map(|it| it.to_string().into()));
        }
        made["anyOf"] = json!([{ "enum": all }, computed, { "type": "null" }]);
        return with_inside(connector, known, made, 0);
    }
    if !types.is_empty() {
        let mut all = types.clone();
        if types.contains(&"string") && as_text {
            all.extend(["number", "boolean"]);
        }
        if as_text && types.iter().any(|it| ["integer", "number", "boolean"].contains(it)) {
            all.push("string");
        }
        all.push("null");
        all.sort_unstable();
        all.dedup();
        let plain = json!({ "type": all });
        if all.contains(&"string") {
            made["type"] = plain["type"].clone();
        } else {
            made["anyOf"] = json!([plain, computed]);
        }
    }
    with_inside(connector, known, made, 0)
}

/// Fields and items, which are offered and explained, not judged.
fn with_inside(connector: &Connector, known: &Value, mut made: Value, depth: usize) -> Value {
    if DEPTH_MAX <= depth {
        return made;
    }
    let inside = |schema: &Value| {
        let below = connector.schema(schema).unwrap_or(schema);
        let mut made = described(connector, schema);
        if let Some(choices) = below.get("enum") {
            made["examples"] = choices.clone();
        }
        with_inside(connector, below, made, depth + 1)
    };
    if let Some(fields) = known.get("properties").and_then(Value::as_object) {
        let is_fixed =
            |it: &Value| connector.schema(it).is_some_and(|it| it["readOnly"] == json!(true));
        let fields = fields.iter().filter(|(_, it)| !is_fixed(it)).take(FIELDS_MAX);
        let fields: Map<String, Value> =
            fields.map(|(name, it)| (name.clone(), inside(it))).collect();
        made["properties"] = fields.into();
    }
    if let Some(items) = known.get("items").filter(|it| it.is_object()) {
        made["items"] = inside(items);
    }
    made
}

/// What people are told of a value.
fn described(connector: &Connector, schema: &Value) -> Value {
    let known = connector.schema(schema).unwrap_or(schema);
    let either = |key: &str| schema.get(key).or_else(|| known.get(key));
    let mut made = json!({});
    let text = |key: &str| either(key).and_then(Value::as_str);
    let doc: Vec<&str> = [text("title"), text("description")].into_iter().flatten().collect();
    let ty = type_of(known);
    let doc = match (doc.is_empty(), ty.is_empty()) {
        (true, _) => ty,
        (false, true) => doc.join(". "),
        (false, false) => format!("{} ({ty})", doc.join(". ")),
    };
    if !doc.is_empty() {
        made["description"] = doc.into();
    }
    if let Some(example) = either("example") {
        made["examples"] = json!([example]);
    }
    if let Some(default) = either("default") {
        made["default"] = default.clone();
    }
    made
}

fn type_of(known: &Value) -> String {
    let name = match &known["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(|it| *it != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    };
    match known["format"].as_str() {
        Some(format) if !name.is_empty() => format!("{name}, {format}"),
        _ => name,
    }
}

/// The fields of an object by their paths, with what they are.
pub(super) fn fields(connector: &Connector, schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(connector, schema, "", 0, &mut found);
    found
}

fn walk(
    connector: &Connector,
    schema: &Value,
    above: &str,
    depth: usize,
    found: &mut Vec<(String, String)>,
) {
    let Some(known) = connector.schema(schema).filter(|_| depth < DEPTH_MAX) else { return };
    for (name, property) in known["properties"].as_object().into_iter().flatten() {
        let below = connector.schema(property).unwrap_or(property);
        if FIELDS_MAX <= found.len() || below["readOnly"] == json!(true) {
            continue;
        }
        let path = format!("{above}{name}");
        let doc = described(connector, property);
        found.push((path.clone(), doc["description"].as_str().unwrap_or_default().to_owned()));
        walk(connector, property, &format!("{path}/"), depth + 1, found);
    }
}

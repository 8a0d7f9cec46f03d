//! Operations and triggers by the names that flows have for them, each with its inputs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use connector::{
    Catalog, Connector,
    model::{Operation, Param},
};
use serde_json::{Map, Value, json};

use super::{Known, value};

/// What can be called by a name: connectors and their operations or triggers.
type Offers = BTreeMap<String, Vec<Offer>>;

struct Offer {
    connector: Arc<Connector>,
    id: String,
}

/// Adds what the project's connections can do to the schema of flow files.
pub(super) fn add(schema: &mut Value, catalog: &Catalog, known: &Known) {
    let mut defs = Map::new();
    for (def, key, is_action) in [("action.call", "call", true), ("trigger.on", "on", false)] {
        let offers = offers(catalog, known, is_action);
        let mut ways = Vec::new();
        for (inputs, names) in grouped(&offers) {
            let alternatives: Vec<Value> = inputs
                .iter()
                .map(|(connector, id)| {
                    let name = format!("{connector}.{id}");
                    let made = || inputs_of(catalog, connector, id, is_action);
                    defs.entry(name.clone()).or_insert_with(|| made().unwrap_or_default());
                    json!({ "$ref": format!("#/$defs/{}", name.replace('~', "~0").replace('/', "~1")) })
                })
                .collect();
            let then = match alternatives.as_slice() {
                [only] => only.clone(),
                _ => json!({ "anyOf": alternatives }),
            };
            let condition = json!({ "required": [key], "properties": { key: { "enum": names } } });
            ways.push(json!({ "if": condition, "then": then }));
        }
        let Some(object) = schema.pointer_mut(&format!("/$defs/{def}")) else { continue };
        // Beside the name there is the longer form, an object.
        let ways_to_say = object.pointer_mut(&format!("/properties/{key}/anyOf"));
        for way in ways_to_say.and_then(Value::as_array_mut).into_iter().flatten() {
            if way["type"] == "string" {
                *way = names(&offers, known);
            }
        }
        object["allOf"] = ways.into();
    }
    if let Some(all) = schema["$defs"].as_object_mut() {
        all.extend(defs);
    }
}

fn offers(catalog: &Catalog, known: &Known, is_action: bool) -> Offers {
    let mut offers = Offers::new();
    for (name, connectors) in &known.connections {
        let connectors: BTreeMap<&str, &Arc<Connector>> = connectors
            .iter()
            .filter_map(|it| catalog.find(it))
            .map(|it| (it.name.as_str(), it))
            .collect();
        for connector in connectors.into_values() {
            let of_actions = connector.operations.values().filter(|it| is_action && !it.internal);
            let of_triggers = connector.triggers.values().filter(|_| !is_action);
            let ids = of_actions.map(|it| &it.id).chain(of_triggers.map(|it| &it.id));
            for id in ids {
                let offer = Offer { connector: Arc::clone(connector), id: id.clone() };
                offers.entry(format!("{name}.{id}")).or_default().push(offer);
            }
        }
    }
    offers
}

/// Names of operations by what they may stand for.
fn grouped(offers: &Offers) -> BTreeMap<BTreeSet<(&str, &str)>, Vec<&str>> {
    let mut grouped: BTreeMap<BTreeSet<(&str, &str)>, Vec<&str>> = BTreeMap::new();
    for (name, offers) in offers {
        let stands_for =
            offers.iter().map(|it| (it.connector.name.as_str(), it.id.as_str())).collect();
        grouped.entry(stands_for).or_default().push(name);
    }
    grouped
}

/// The names that can be called, and any of connections that nobody knows.
fn names(offers: &Offers, known: &Known) -> Value {
    let mut all: Vec<Value> = Vec::with_capacity(offers.len() + 1);
    for (name, offers) in offers {
        let Some(offer) = offers.first() else { continue };
        let (title, description) = about(&offer.connector, &offer.id);
        let doc = if description.is_empty() { title } else { description };
        all.push(json!({ "const": name, "description": doc }));
    }
    let known: Vec<String> = known.connections.keys().map(|it| escaped(it)).collect();
    let other = if known.is_empty() {
        "^[^.]+\\..+$".to_owned()
    } else {
        format!("^(?!({})\\.)[^.]+\\..+$", known.join("|"))
    };
    all.push(json!({ "type": "string", "pattern": other }));
    // Connections whose connector is not at hand may have any operation.
    json!({ "anyOf": all })
}

/// A text as a regular expression for itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && c != '_' && c != '-' && c != ' ' {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Title and description of an operation or a trigger.
fn about(connector: &Connector, id: &str) -> (String, String) {
    let operation = connector.operation(id);
    let trigger = connector.trigger(id).map(|it| (it.title.clone(), String::new()));
    let operation = operation.map(|it| (it.title.clone(), it.description.clone()));
    operation.or(trigger).unwrap_or_default()
}

/// What stands beside the name of an operation or a trigger.
fn inputs_of(catalog: &Catalog, connector: &str, id: &str, is_action: bool) -> Option<Value> {
    let connector = catalog.find(connector)?;
    let (params, operation): (&[Param], Option<&Operation>) = if is_action {
        let operation = connector.operation(id)?;
        (&operation.params, Some(operation))
    } else {
        (&connector.trigger(id)?.params, None)
    };
    let with = with(connector, params, operation);
    let needed = with["required"].as_array().is_some_and(|it| !it.is_empty());
    let (title, description) = about(connector, id);
    let doc = [title, description].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>();
    let with = json!({
        "description": doc.join(" — "),
        "if": { "type": "object" },
        "then": with,
        // What is computed as a whole is known when the flow runs.
        "else": { "type": ["string", "null"] },
    });
    let mut object = json!({ "properties": { "with": with } });
    if needed {
        object["required"] = json!(["with"]);
    }
    Some(object)
}

fn with(connector: &Connector, params: &[Param], operation: Option<&Operation>) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    let mut required = Vec::new();
    for param in params.iter().filter(|it| !it.internal) {
        if let Some(above) = param.name.strip_suffix('*') {
            patterns.insert(format!("^{}", escaped(above)), json!({}));
            continue;
        }
        let as_text = param.place != connector::model::Place::Input;
        let mut schema = value::of(connector, &param.schema, as_text);
        if let Some(default) = &param.default {
            schema["default"] = default.clone();
        }
        if param.required && param.default.is_none() {
            required.push(param.name.as_str());
        }
        properties.insert(param.name.clone(), schema);
    }
    let body = operation.and_then(|it| Some((&it.body_param, it.body.as_ref()?)));
    if let Some((name, body)) = body {
        properties.insert(name.clone(), value::of(connector, body, false));
        patterns.insert(format!("^{}/", escaped(name)), json!({}));
        for (field, doc) in value::fields(connector, body) {
            properties.insert(format!("{name}/{field}"), json!({ "description": doc }));
        }
    }
    // A key may be computed; what it is called is known when the flow runs.
    patterns.insert("@\\{".to_owned(), json!({}));
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": false,
    })
}

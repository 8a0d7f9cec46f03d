//! What the org says of its own objects and fields.

use serde_json::{Value, json};

use super::Call;
use super::objects::OBJECTS;
use super::schema::{Field, Kind, Object};
use crate::http::Answer;

/// The schema never changes while the emulator runs, so its date is that of the emulator.
const CHANGED: &str = "Sun, 01 Mar 2026 08:00:00 GMT";

/// The list of all objects.
pub(super) fn all(base: &str) -> Answer {
    let objects: Vec<Value> = OBJECTS.iter().map(|it| head(it, base)).collect();
    Answer::json(200, &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }))
}

/// What `GET /sobjects/{name}` says.
pub(super) fn brief(object: &Object, base: &str) -> Answer {
    Answer::json(200, &json!({ "objectDescribe": head(object, base), "recentItems": [] }))
}

/// The whole description of an object; 304 for a caller that has it.
pub(super) fn one(object: &'static Object, call: &Call<'_>) -> Answer {
    if call.request.header("if-modified-since") == Some(CHANGED) {
        return Answer::empty(304);
    }
    let mut body = head(object, &call.base);
    body["fields"] = object.all_fields().map(|it| field(object, it)).collect();
    body["childRelationships"] = children(object);
    body["recordTypeInfos"] = json!([]);
    Answer::json(200, &body).with("last-modified", CHANGED)
}

fn head(object: &Object, base: &str) -> Value {
    let url = format!("{base}/sobjects/{}", object.name);
    json!({
        "name": object.name, "label": object.label, "labelPlural": object.plural,
        "keyPrefix": object.prefix, "custom": object.is_custom(), "queryable": true,
        "retrieveable": true, "searchable": object.writable, "createable": object.writable,
        "updateable": object.writable, "deletable": object.writable, "undeletable": object.writable,
        "mergeable": false, "replicateable": true, "triggerable": object.writable,
        "layoutable": true, "activateable": false, "deprecatedAndHidden": false,
        "customSetting": false, "feedEnabled": false, "hasSubtypes": false,
        "urls": {
            "sobject": url, "describe": format!("{url}/describe"), "rowTemplate": format!("{url}/{{ID}}"),
        },
    })
}

fn field(object: &Object, field: &Field) -> Value {
    let choices: &[&str] = match field.kind {
        Kind::Picklist(values) => values,
        _ => &[],
    };
    let choices: Vec<Value> = choices
        .iter()
        .map(|it| json!({ "active": true, "defaultValue": false, "label": it, "value": it }))
        .collect();
    let (to, read_by) = match field.kind {
        Kind::Reference(to, read_by) => (to, Some(read_by)),
        _ => (&[][..], None),
    };
    let (precision, scale) = match field.kind {
        Kind::Currency => (18, 2),
        Kind::Double => (18, 4),
        Kind::Percent => (3, 0),
        _ => (0, 0),
    };
    let own = object.writable;
    json!({
        "name": field.name, "label": field.label, "type": field.type_name(),
        "length": field.length(), "precision": precision, "scale": scale,
        "digits": if matches!(field.kind, Kind::Whole) { 9 } else { 0 },
        "nillable": !field.required && !matches!(field.kind, Kind::Id | Kind::Flag),
        "createable": own && field.is_createable(), "updateable": own && field.is_updateable(),
        "custom": field.is_custom(), "externalId": field.external_id, "unique": field.unique,
        "idLookup": field.external_id || matches!(field.kind, Kind::Id),
        "nameField": field.name == "Name", "calculated": false, "autoNumber": false,
        "caseSensitive": false, "defaultedOnCreate":
            matches!(field.kind, Kind::Flag) || ["OwnerId", "CurrencyIsoCode"].contains(&field.name),
        "filterable": field.is_filterable(), "sortable": field.is_filterable(),
        "groupable": field.is_filterable(), "permissionable": !field.required,
        "restrictedPicklist": !choices.is_empty(), "picklistValues": choices,
        "referenceTo": to, "relationshipName": read_by,
        "inlineHelpText": null, "defaultValue": null, "deprecatedAndHidden": false,
    })
}

/// The lookups of other objects that lead here.
fn children(object: &Object) -> Value {
    let mut found = Vec::new();
    for child in OBJECTS {
        for field in child.all_fields() {
            if matches!(field.kind, Kind::Reference(to, _) if to.contains(&object.name)) {
                found.push(json!({
                    "childSObject": child.name, "field": field.name,
                    "cascadeDelete": field.required, "relationshipName": null,
                    "restrictedDelete": false, "deprecatedAndHidden": false,
                }));
            }
        }
    }
    json!(found)
}

//! The JSON Schema of connector files, made of the tables that the reader goes by: editors complete keys
//! and words from it. What a key's value has to be is said here once more, coarsely; keys that are not
//! described here take anything.

use base::ErrorClass;
use serde_json::{Map, Value, json};

use super::{auth, connection, discovery, operation, overlay, paginate, schema, trigger, verify};
use crate::{
    auth::{ClientAuth, Grant},
    model::{Arrays, Effect, Encoding, METHODS, ParamKind, Place},
    trigger::{Digest, TokenAlgorithm, Written},
};

/// The dialect that editors read.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of a connector file.
pub fn file_schema() -> Value {
    let described = [
        ("aliases", strings()),
        ("connection", reference("connection")),
        ("connector", json!({ "type": "string", "pattern": "^[a-z0-9-]+$" })),
        ("description", json!({ "type": "string" })),
        ("errorCode", text()),
        ("errorMessage", text()),
        ("errors", json!({ "type": "array", "items": reference("error") })),
        ("http", reference("http")),
        (
            "import",
            object(
                overlay::IMPORT_KEYS,
                [("openapi", text()), ("operations", strings()), ("properties", text())],
                &["openapi"],
            ),
        ),
        ("operations", map_of(&reference("operation"))),
        ("schemas", map_of(&reference("schema"))),
        ("title", text()),
        ("triggers", map_of(&reference("trigger"))),
        ("version", text()),
    ];
    let mut file = object(super::KEYS, described, &["connector"]);
    // What a file builds on says the rest.
    let whole = json!({
        "anyOf": [{ "required": ["extends"] }, { "required": ["effect", "request"] }],
    });
    let alone = json!({
        "operations": map_of(&whole),
        "triggers": map_of(&json!({ "required": ["kind"] })),
    });
    file["anyOf"] =
        json!([{ "required": ["version"], "properties": alone }, { "required": ["import"] }]);
    file["$schema"] = DIALECT.into();
    file["title"] = "connector.yaml of Flowright".into();
    file["$defs"] = json!({
        "auth": auth(),
        "call": object(&["operation", "with"], [("operation", text()), ("with", any_object())], &["operation"]),
        "connection": connection(),
        "error": error(),
        "http": http(),
        "idempotency": idempotency(),
        "operation": operation(),
        "paginate": paginate(),
        "param": param(),
        "poll": poll(),
        "receive": receive(),
        "schema": json_schema(),
        "subscription": subscription(),
        "trigger": trigger(),
        "verify": verify(),
    });
    file
}

/// An object that has only these keys.
fn object<'k>(
    keys: &[&str],
    described: impl IntoIterator<Item = (&'k str, Value)>,
    required: &[&str],
) -> Value {
    let mut properties: Map<String, Value> =
        keys.iter().map(|key| ((*key).to_owned(), json!(true))).collect();
    for (key, value) in described {
        // What the reader does not know is not offered.
        if let Some(place) = properties.get_mut(key) {
            *place = value;
        }
    }
    let mut object =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn map_of(value: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": value })
}

fn any_object() -> Value {
    json!({ "type": "object" })
}

/// Text that may be computed; numbers and truth values are written as they are.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn texts() -> Value {
    map_of(&text())
}

fn strings() -> Value {
    json!({ "type": ["string", "array"], "items": { "type": "string" } })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^P" })
}

fn words<T>(table: &[(&str, T)]) -> Value {
    json!({ "enum": table.iter().map(|it| it.0).collect::<Vec<_>>() })
}

fn request() -> Value {
    let methods = METHODS.join("|");
    json!({ "type": "string", "pattern": format!("^({methods}) /") })
}

fn statuses() -> Value {
    let status = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
    json!({ "anyOf": [status, { "type": "array", "items": status }] })
}

fn connection() -> Value {
    let param = [("type", words(ParamKind::ALL)), ("required", flag()), ("description", text())];
    let described = [
        ("params", map_of(&object(connection::PARAM_KEYS, param, &[]))),
        ("auth", reference("auth")),
        ("test", reference("call")),
    ];
    object(connection::KEYS, described, &[])
}

/// One way, or several by name.
fn auth() -> Value {
    let way = |named: bool| {
        let ways = auth::AUTH_TYPES.iter().map(|(name, kind)| {
            let mut keys = auth::keys(*kind).to_vec();
            keys.push("type");
            if named {
                keys.push("name");
            }
            let described = [
                ("type", json!({ "const": name })),
                ("in", words(auth::PLACES)),
                ("clientAuth", words(ClientAuth::ALL)),
                ("form", texts()),
                ("headers", texts()),
                ("claims", texts()),
                ("lifetime", duration()),
            ];
            let mut way = object(&keys, described, &["type"]);
            if keys.contains(&"grant") {
                way["properties"]["grant"] = words(Grant::ALL);
                way["required"] = json!(["type", "grant", "tokenUrl"]);
            }
            way
        });
        json!({ "oneOf": ways.collect::<Vec<_>>() })
    };
    let several = json!({ "type": "array", "minItems": 1, "items": way(true) });
    json!({ "if": { "required": ["oneOf"] }, "then": object(&["oneOf"], [("oneOf", several)], &["oneOf"]), "else": way(false) })
}

fn http() -> Value {
    let rate = [("calls", count()), ("per", duration())];
    let described = [
        ("baseUrl", text()),
        ("headers", texts()),
        ("timeout", duration()),
        ("concurrency", count()),
        ("rate", object(&["calls", "per"], rate, &["calls", "per"])),
        ("followLinksTo", strings()),
    ];
    object(connection::HTTP_KEYS, described, &["baseUrl"])
}

fn error() -> Value {
    let code = json!({ "type": ["string", "integer", "array"], "items": { "type": ["string", "integer"] } });
    let when = [("status", statuses()), ("code", code), ("test", text())];
    let retry = [("after", text()), ("max", count())];
    let described = [
        ("when", object(super::WHEN_KEYS, when, &[])),
        ("class", words(ErrorClass::ALL)),
        ("message", text()),
        ("retry", object(super::RETRY_KEYS, retry, &[])),
    ];
    object(super::ERROR_KEYS, described, &["when", "class"])
}

fn operation() -> Value {
    let own = [("method", text()), ("url", text()), ("headers", json!({}))];
    let own = object(operation::REQUEST_KEYS, own, &["method", "url"]);
    let prepare =
        [("operation", text()), ("with", any_object()), ("when", text()), ("give", any_object())];
    let described = [
        ("baseUrl", text()),
        ("body", reference("schema")),
        ("bodyParam", text()),
        ("description", text()),
        ("effect", words(Effect::ALL)),
        ("encoding", words(Encoding::ALL)),
        ("deprecated", json!({ "type": ["boolean", "string"] })),
        ("extends", text()),
        ("headers", texts()),
        ("idempotency", reference("idempotency")),
        ("internal", flag()),
        ("paginate", reference("paginate")),
        ("params", map_of(&reference("param"))),
        ("prepare", object(operation::PREPARE_KEYS, prepare, &["operation", "give"])),
        ("query", texts()),
        ("request", json!({ "anyOf": [request(), own] })),
        ("returns", reference("schema")),
        ("routes", json!({ "anyOf": [request(), { "type": "array", "items": request() }] })),
        ("success", statuses()),
        ("title", text()),
        ("unsubscribe", reference("call")),
    ];
    object(operation::KEYS, described, &[])
}

fn idempotency() -> Value {
    let find = [("operation", text()), ("with", any_object()), ("found", text())];
    let find = object(&["operation", "with", "found"], find, &["operation", "found"]);
    let described = [
        ("header", text()),
        ("value", text()),
        ("upsert", request()),
        ("id", text()),
        ("find", find),
    ];
    let mut idempotency = object(operation::IDEMPOTENCY_KEYS, described, &[]);
    idempotency["anyOf"] = json!([{ "required": ["header"] }, { "required": ["upsert", "id"] }, { "required": ["find"] }]);
    idempotency
}

fn paginate() -> Value {
    let cursor = [("param", text()), ("next", text())];
    let described = [
        ("cursor", object(paginate::CURSOR_KEYS, cursor, paginate::CURSOR_KEYS)),
        ("items", text()),
        ("linkHeader", text()),
        ("more", text()),
        ("nextLink", text()),
        ("nextPath", text()),
        ("offset", text()),
        ("page", text()),
        ("pageSize", text()),
        ("pagesMax", count()),
    ];
    let mut paginate = object(paginate::KEYS, described, &["items"]);
    let ways = paginate::WAYS.iter().map(|it| json!({ "required": [it] }));
    paginate["oneOf"] = ways.collect();
    paginate
}

/// The keywords of a schema, each as far as this reader looks at it.
fn keywords() -> Vec<(&'static str, Value)> {
    let schemas = json!({ "type": "array", "items": reference("schema") });
    let inside = json!({ "anyOf": [{ "type": "boolean" }, reference("schema")] });
    let names = json!({ "enum": schema::TYPES });
    vec![
        ("$ref", json!({ "type": "string", "pattern": "^#/schemas/" })),
        ("additionalProperties", inside.clone()),
        ("allOf", schemas.clone()),
        ("anyOf", schemas.clone()),
        ("oneOf", schemas),
        ("discover", discover()),
        ("enum", json!({ "type": "array" })),
        ("items", inside),
        ("properties", map_of(&reference("schema"))),
        (
            "type",
            json!({ "anyOf": [names, { "type": "array", "items": { "anyOf": [names, { "type": "null" }] } }] }),
        ),
    ]
}

fn json_schema() -> Value {
    object(schema::KEYWORDS, keywords(), &[])
}

fn discover() -> Value {
    let column =
        object(discovery::COLUMN_KEYS, discovery::COLUMN_KEYS.iter().map(|it| (*it, text())), &[]);
    let described = [
        ("closed", flag()),
        ("column", column),
        ("columns", text()),
        ("extends", text()),
        ("input", text()),
        ("operation", text()),
        ("schema", text()),
        ("types", map_of(&reference("schema"))),
        ("with", any_object()),
    ];
    let own = object(discovery::KEYS, described, &[]);
    // Without an operation it is a note for people.
    json!({ "if": { "anyOf": [{ "required": ["operation"] }, { "required": ["extends"] }] }, "then": own, "else": any_object() })
}

fn param() -> Value {
    let keys: Vec<&str> = schema::KEYWORDS.iter().chain(schema::PARAM_KEYS).copied().collect();
    let values = [
        ("operation", text()),
        ("with", any_object()),
        ("items", text()),
        ("value", text()),
        ("title", text()),
    ];
    let mut described = keywords();
    described.extend([
        ("arrays", words(Arrays::ALL)),
        ("dynamicValues", object(schema::VALUES_KEYS, values, &["operation", "value"])),
        ("encode", words(schema::ENCODE)),
        ("in", words(Place::ALL)),
        ("internal", flag()),
        ("required", json!({ "type": ["boolean", "array"] })),
    ]);
    object(&keys, described, &[])
}

fn trigger() -> Value {
    let described = [
        ("cardinality", words(trigger::CARDINALITIES)),
        ("deprecated", json!({ "type": ["boolean", "string"] })),
        ("description", text()),
        ("kind", words(trigger::KINDS)),
        ("params", map_of(&reference("param"))),
        ("poll", reference("poll")),
        ("receive", reference("receive")),
        ("returns", reference("schema")),
        ("subscription", reference("subscription")),
        ("title", text()),
    ];
    object(trigger::KEYS, described, &[])
}

fn dedupe() -> Value {
    object(trigger::DEDUPE_KEYS, [("key", text()), ("keep", duration())], &["key"])
}

fn poll() -> Value {
    let cursor = [("next", text()), ("initial", text())];
    let described = [
        ("cursor", map_of(&object(trigger::CURSOR_KEYS, cursor, &["next"]))),
        ("dedupe", dedupe()),
        ("every", duration()),
        ("everyMin", duration()),
        ("filter", text()),
        ("items", text()),
        ("operation", text()),
        ("overlap", duration()),
        ("with", any_object()),
    ];
    object(trigger::POLL_KEYS, described, &["operation", "items"])
}

fn subscription() -> Value {
    let call = || {
        let described = [("id", text()), ("operation", text()), ("with", any_object())];
        object(trigger::CALL_KEYS, described, &["operation"])
    };
    let current = [("events", text()), ("url", text())];
    let described = [
        ("create", call()),
        ("current", object(trigger::CURRENT_KEYS, current, &[])),
        ("delete", call()),
        ("foreign", text()),
        ("read", call()),
        ("reconcileEvery", duration()),
        ("renewEvery", duration()),
        ("update", call()),
    ];
    object(trigger::SUBSCRIPTION_KEYS, described, &[])
}

fn receive() -> Value {
    let handshake = [
        ("method", json!({ "enum": verify::HANDSHAKE_METHODS })),
        ("when", text()),
        ("verified", flag()),
        ("status", statuses()),
        ("headers", texts()),
    ];
    let handshake = object(verify::HANDSHAKE_KEYS, handshake, &["when"]);
    let described = [
        ("body", reference("schema")),
        ("bodyBytesMax", count()),
        ("caseInsensitive", flag()),
        ("dedupe", dedupe()),
        ("filter", text()),
        ("handshake", json!({ "anyOf": [handshake, { "type": "array", "items": handshake }] })),
        ("status", statuses()),
        ("verify", reference("verify")),
    ];
    object(trigger::RECEIVE_KEYS, described, &["verify"])
}

fn verify() -> Value {
    let schemes = verify::SCHEMES.iter().map(|(name, scheme)| {
        let (keys, required) = scheme.keys();
        let keys: Vec<&str> = std::iter::once("scheme").chain(keys.iter().copied()).collect();
        let required: Vec<&str> =
            std::iter::once("scheme").chain(required.iter().copied()).collect();
        let described = [
            ("scheme", json!({ "const": name })),
            ("encoding", words(Written::DIGESTS)),
            ("secretEncoding", words(Written::ALL)),
            ("algorithm", words(Digest::ALL)),
            ("tolerance", duration()),
            ("claims", texts()),
            ("signatureHeaders", strings()),
            ("prefix", text()),
        ];
        let mut one = object(&keys, described, &required);
        if *name == "jwt" {
            let known = words(TokenAlgorithm::ALL);
            one["properties"]["algorithms"] =
                json!({ "anyOf": [known, { "type": "array", "items": known }] });
        }
        one
    });
    json!({ "oneOf": schemes.collect::<Vec<_>>() })
}

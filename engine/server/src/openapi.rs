//! The published description of the API, made from the list of routes.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Map, Value, json};

use crate::{
    routes::{self, Kind, May, Route},
    schemas,
};

/// The description (`OpenAPI` 3.1).
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in routes::all() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Flowright",
            "version": "v1",
            "description": "What a running service has done and is made of, and what can be done with it.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "flowright_session" },
            },
            "schemas": schemas::all(),
            "responses": {
                "Fault": { "description": "It was not done.", "content": content("Fault") },
            },
        },
    })
}

pub(crate) async fn show() -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    Json(&DOCUMENT)
}

fn content(schema: &str) -> Value {
    match schema {
        "text/plain" | "text/event-stream" => json!({ schema: { "schema": { "type": "string" } } }),
        name => json!({ "application/json": { "schema": reference(name) } }),
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// What every route that asks who somebody is may answer, and what each may.
const USUAL: [u16; 4] = [400, 401, 403, 429];

fn operation(route: &Route) -> Value {
    let mut answers = Map::new();
    for (status, schema) in route.gives {
        let about = if *status == 303 { "Go on there." } else { "It was done." };
        let mut answer = json!({ "description": about });
        if !schema.is_empty() {
            answer["content"] = content(schema);
        }
        answers.insert(status.to_string(), answer);
    }
    let mut faults: Vec<u16> = USUAL.iter().chain(route.faults).copied().collect();
    faults.extend([421, 503]);
    if route.body.is_some() {
        faults.extend([408, 413]);
    }
    faults.sort_unstable();
    for status in faults {
        let fault = json!({ "$ref": "#/components/responses/Fault" });
        answers.insert(status.to_string(), fault);
    }
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.part()],
        "summary": route.about,
        "parameters": parameters(route),
        "responses": answers,
    });
    match route.may {
        May::Anybody => operation["security"] = json!([]),
        May::Role(role) => operation["x-role"] = role.name().into(),
    }
    if let Some((schema, is_required)) = route.body {
        operation["requestBody"] = json!({ "required": is_required, "content": content(schema) });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let of_path = route.names().map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let of_query = route.query.iter().map(|it| {
        let schema = match it.kind {
            Kind::Text | Kind::Instant => json!({ "type": "string" }),
            Kind::Number => json!({ "type": "integer", "minimum": 0 }),
            Kind::Flag => json!({ "type": "boolean" }),
        };
        json!({
            "name": it.name,
            "in": "query",
            "required": it.is_required,
            "description": it.about,
            "schema": schema,
        })
    });
    of_path.chain(of_query).collect()
}

/// A route as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its `operationId`.
    pub id: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// The smallest role that may ask; none if everybody may.
    pub role: Option<&'static str>,
    /// The part of the API that it belongs to.
    pub part: &'static str,
}

/// Every route, in the order of the documentation.
pub fn listed() -> Vec<Listed> {
    let listed = routes::all().map(|it| {
        let role = match it.may {
            May::Anybody => None,
            May::Role(role) => Some(role.name()),
        };
        Listed { id: it.id, method: it.method, path: it.path, role, part: it.part() }
    });
    listed.collect()
}

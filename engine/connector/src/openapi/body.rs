//! Bodies of requests: their schema, and how they are written.

use serde_json::{Value, json};

use super::{Import, document::Found, params::Params, schema};
use crate::model::{Encoding, Operation, Place};

impl Import<'_> {
    /// Gives an operation its body.
    pub(super) fn body(
        &self,
        found: &Found<'_>,
        params: &Params,
        operation: &mut Operation,
    ) -> Result<(), String> {
        if self.document.is_three {
            return self.body_of_three(found, operation);
        }
        let listed = |value: &Value| value.get("consumes").and_then(Value::as_array).cloned();
        let media = listed(found.operation).or_else(|| listed(&self.document.root));
        let media: Vec<String> = media
            .into_iter()
            .flatten()
            .filter_map(|it| it.as_str().map(|it| it.trim().to_owned()))
            .filter(|it| !it.is_empty())
            .collect();
        if operation.params.iter().any(|it| it.place == Place::Form) {
            if params.body.is_some() {
                return Err("it has both a body and fields of a form".to_owned());
            }
            let is_url = media.iter().any(|it| is(it, "application/x-www-form-urlencoded"));
            let is_parts = media.iter().any(|it| it.to_lowercase().starts_with("multipart/"));
            operation.encoding = if params.has_file || (is_parts && !is_url) {
                Encoding::Multipart
            } else {
                Encoding::Form
            };
            return Ok(());
        }
        let Some(body) = &params.body else { return Ok(()) };
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() { "body" } else { name }.clone_into(&mut operation.body_param);
        let written = body.get("schema").cloned().unwrap_or_else(|| json!({}));
        let resolved = self.document.resolve(&written).unwrap_or(&written);
        let kind = Kind::of(resolved);
        operation.body = Some(schema::rewritten(&written));
        choose(operation, &media, kind);
        Ok(())
    }

    fn body_of_three(&self, found: &Found<'_>, operation: &mut Operation) -> Result<(), String> {
        let Some(body) = found.operation.get("requestBody") else { return Ok(()) };
        let body = self
            .document
            .resolve(body)
            .ok_or_else(|| "its body refers to what is not in the definition".to_owned())?;
        let Some(content) = body.get("content").and_then(Value::as_object) else { return Ok(()) };
        let media: Vec<String> = content.keys().map(|it| it.trim().to_owned()).collect();
        let schema_of = |media: &str| {
            let found = content.iter().find(|(name, _)| name.trim() == media);
            found.and_then(|(_, it)| it.get("schema")).cloned().unwrap_or_else(|| json!({}))
        };
        let Some(first) = media.iter().find(|it| is_json(it)).or_else(|| media.first()) else {
            return Ok(());
        };
        let written = schema_of(first);
        let kind = Kind::of(self.document.resolve(&written).unwrap_or(&written));
        operation.body = Some(schema::rewritten(&written));
        choose(operation, std::slice::from_ref(first), kind);
        Ok(())
    }
}

/// What a body's schema says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    Text,
    Tree,
}

impl Kind {
    fn of(schema: &Value) -> Self {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), text("format")) {
            ("file", _) | ("string", "binary") => Self::Bytes,
            ("string", _) => Self::Text,
            _ => Self::Tree,
        }
    }
}

/// How the body is written: as JSON if the service takes that.
fn choose(operation: &mut Operation, media: &[String], kind: Kind) {
    let plain = media.iter().find(|it| is(it, "application/json"));
    let json = plain.or_else(|| media.iter().find(|it| is_json(it)));
    let other = media.iter().find(|it| !it.starts_with('*'));
    let (encoding, media) = match (kind, json, other) {
        (Kind::Bytes, _, other) => (Encoding::Binary, other.cloned()),
        (Kind::Text, _, _) if media.iter().any(|it| is(it, "text/plain")) => {
            (Encoding::Text, Some("text/plain".to_owned()))
        }
        // The writer's own media type is as good as one that says no more.
        (_, Some(json), _) => {
            (Encoding::Json, (!is(json, "application/json")).then(|| json.clone()))
        }
        (_, None, None) => (Encoding::Json, None),
        (_, None, Some(media)) => of_media(media, kind),
    };
    operation.encoding = encoding;
    if let Some(media) = media.filter(|it| !it.contains('*')) {
        let is_given = operation
            .params
            .iter()
            .any(|it| it.place == Place::Header && it.name.eq_ignore_ascii_case("content-type"));
        if !is_given {
            operation.headers.push(("Content-Type".to_owned(), super::literal(&media)));
        }
    }
}

fn of_media(media: &str, kind: Kind) -> (Encoding, Option<String>) {
    let lower = media.to_lowercase();
    if lower.starts_with("application/x-www-form-urlencoded") {
        (Encoding::Form, None)
    } else if lower.starts_with("multipart/") {
        (Encoding::Multipart, None)
    } else if kind == Kind::Tree && !(lower.starts_with("text/") || lower.contains("xml")) {
        // Members that the definition names make no bytes of their own.
        (Encoding::Json, Some(media.to_owned()))
    } else if lower.starts_with("text/") || lower.contains("xml") {
        (Encoding::Text, Some(media.to_owned()))
    } else {
        (Encoding::Binary, Some(media.to_owned()))
    }
}

fn is(media: &str, wanted: &str) -> bool {
    media.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(wanted)
}

fn is_json(media: &str) -> bool {
    base::http::is_json_type(media) || is(media, "application/*+json")
}

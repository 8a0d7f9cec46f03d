//! `ParseJson`: a value checked against a JSON Schema.

use base::Failure;
use flow::actions::parse_json::ParseJson;
use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Value, json};

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

/// Findings that a message lists; the first few say what is wrong.
const FINDINGS_MAX: usize = 10;

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &ParseJson) -> Ended {
    let content = match exec.eval(key, &action.content) {
        Ok(content) => content,
        Err(ended) => return ended,
    };
    let inputs = json!({ "content": content, "schema": action.schema });
    match parse(content, &action.schema) {
        Ok(body) => Ended::succeeded(Some(inputs), json!({ "body": body })),
        Err(failure) => Ended::failed(failure).inputs(inputs),
    }
}

fn parse(content: Value, schema: &Value) -> Result<Value, Failure> {
    let body = match content {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| {
            Failure::new("InvalidJSON", format!("the content is not JSON: {error}"))
        })?,
        other => other,
    };
    let validator = jsonschema::validator_for(schema).map_err(|error| {
        Failure::new("InvalidSchema", format!("the schema is not a JSON Schema: {error}"))
    })?;
    let found: Vec<String> =
        validator.iter_errors(&body).take(FINDINGS_MAX).map(|it| text(&it)).collect();
    if found.is_empty() { Ok(body) } else { Err(Failure::new("ValidationFailed", found.join(" "))) }
}

/// One finding in the cloud's words where they are known.
fn text(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let place = if path.is_empty() { "#".to_owned() } else { path };
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(ty) => capitalized(&ty.to_string()),
                TypeKind::Multiple(types) => {
                    let names: Vec<String> =
                        types.iter().map(|ty| capitalized(&ty.to_string())).collect();
                    names.join(", ")
                }
            };
            let found = base::value::kind(error.instance());
            let found = if found == "Float" { "Number" } else { found };
            format!("Invalid type. Expected {expected} but got {found}. Path '{place}'.")
        }
        _ => format!("{error}. Path '{place}'."),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

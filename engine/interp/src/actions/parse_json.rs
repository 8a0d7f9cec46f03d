//! `ParseJson`: a value checked against a JSON Schema.

use base::{Failure, value::object};
use flow::{Finding, Schema, actions::parse_json::ParseJson};
use serde_json::Value;

use crate::{
    exec::{Ended, Exec},
    lenient,
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &ParseJson) -> Ended {
    let content = match exec.eval(key, &action.content) {
        Ok(content) => content,
        Err(ended) => return ended,
    };
    let mut ended = parse(&content, &action.schema);
    let schema = action.schema.source().clone();
    ended = ended.inputs(object([("content", content), ("schema", schema)]));
    // What is wrong is told with the value.
    if exec.action(key).secure_inputs
        && let Some(failure) = &mut ended.failure
    {
        "The schema validation failed.".clone_into(&mut failure.message);
    }
    ended
}

fn parse(content: &Value, schema: &Schema) -> Ended {
    let body = match content {
        Value::Null => return no_content(),
        Value::String(text) if text.is_empty() => return no_content(),
        Value::String(text) => match read(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            Ok(body) => body,
            Err(failure) => return Ended::failed(failure),
        },
        other => match bytes_of(other) {
            Some(content_type) => return not_json(content_type),
            None => other.clone(),
        },
    };
    match schema.check(&body) {
        Ok(found) if found.is_empty() => Ended::succeeded(None, object([("body", body)])),
        Ok(found) => refused(&found),
        Err(reason) => {
            let message = format!("the schema is not a JSON Schema: {reason}");
            Ended::failed(Failure::new("InvalidSchema", message))
        }
    }
}

fn no_content() -> Ended {
    let message = "Required property 'content' expects a value but got null. Path ''.";
    Ended::failed(Failure::new("InvalidTemplate", message))
}

/// The content type of bytes; the cloud does not look into them.
fn bytes_of(content: &Value) -> Option<&str> {
    content.get("$content").filter(|it| it.is_string())?;
    content.get("$content-type")?.as_str()
}

fn not_json(content_type: &str) -> Ended {
    let message = format!(
        "The property 'content' must be of type JSON in the 'ParseJson' action inputs, but was of \
         type '{content_type}'."
    );
    Ended::failed(Failure::new("BadRequest", message))
}

/// The findings are the outputs, so that an error path can tell them one by one.
fn refused(found: &[Finding]) -> Ended {
    let errors: Vec<Value> = found.iter().map(Finding::to_json).collect();
    Ended {
        outputs: Some(object([("errors", errors.into())]).into()),
        ..Ended::failed(Failure::new("ValidationFailed", Finding::summary(found)))
    }
}

/// JSON, or what the cloud takes for it.
fn read(text: &str) -> Result<Value, Failure> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    lenient::read(text).map_err(|reason| {
        let message = format!(
            "The 'content' property of actions of type 'ParseJson' must be valid JSON. The provided \
             value cannot be parsed: '{reason}'."
        );
        Failure::new("InvalidJSON", message)
    })
}

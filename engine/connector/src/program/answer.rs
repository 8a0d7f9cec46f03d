//! What a program says, as the outcome of a call.

use base::{Duration, ErrorClass, Failure, HttpResponse, Outcome, base64};
use serde_json::{Map, Value, json};

use super::{
    Speaks, mcp,
    question::{INVOKE, POLL},
};
use crate::{connection::Connection, model::Operation, request::Call, response};

/// The outcome of a result. Programs answer as services do, so the connector's rules about errors
/// hold for them too.
pub fn read(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    result: Value,
) -> Outcome {
    let speaks = connection.connector.program.as_ref().map_or(Speaks::Flowright, |it| it.speaks);
    let response = match speaks {
        Speaks::Mcp => mcp::response(connection, result),
        Speaks::Flowright if operation.method == INVOKE => reply(result),
        Speaks::Flowright => checked(operation, &result),
    };
    match response {
        Ok(response) => response::read(connection, operation, call, &response),
        Err(failure) => Outcome::failed(failure),
    }
}

/// The answer of any other method, which has a form of its own.
fn checked(operation: &Operation, result: &Value) -> Result<HttpResponse, Failure> {
    if operation.method == POLL {
        let items = result.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| broken("the answer of `poll` has no list `items`"))?;
        let is_item = |it: &Value| {
            let key = it.get("key").unwrap_or(&Value::Null);
            it.get("body").is_some() && (key.is_null() || key.is_string())
        };
        if !items.iter().all(is_item) {
            return Err(broken(
                "each of `items` is an object with `body` and perhaps a text `key`",
            ));
        }
    }
    Ok(json_response(200, Vec::new(), result))
}

/// `{status, headers, body}`, or `bodyBase64` in the place of a body that is not JSON.
fn reply(result: Value) -> Result<HttpResponse, Failure> {
    let Value::Object(mut reply) = result else {
        return Err(broken("the answer of `invoke` is not an object"));
    };
    let status = match reply.get("status") {
        None | Some(Value::Null) => 200,
        Some(status) => status
            .as_u64()
            .and_then(|it| u16::try_from(it).ok())
            .filter(|it| (200..=599).contains(it))
            .ok_or_else(|| broken("`status` is a number from 200 to 599"))?,
    };
    let headers = headers(reply.shift_remove("headers"))?;
    let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match reply.get("bodyBase64") {
        None | Some(Value::Null) => {}
        Some(bytes) => {
            let body = bytes
                .as_str()
                .and_then(base64::decode)
                .ok_or_else(|| broken("`bodyBase64` is not base64"))?;
            let mut headers = headers;
            if !has_type {
                let media = "application/octet-stream".to_owned();
                headers.push(("content-type".to_owned(), media));
            }
            return Ok(HttpResponse { status, headers, body });
        }
    }
    let body = reply.shift_remove("body").unwrap_or_default();
    match body {
        // With a media type of its own it is the text itself.
        Value::String(text) if has_type => {
            let is_json = headers.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("content-type") && base::http::is_json_type(value)
            });
            let body = if is_json { Value::String(text).to_string() } else { text };
            Ok(HttpResponse { status, headers, body: body.into_bytes() })
        }
        body => Ok(json_response(status, headers, &body)),
    }
}

fn headers(given: Option<Value>) -> Result<Vec<(String, String)>, Failure> {
    let given = match given {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(given)) => given,
        Some(_) => return Err(broken("`headers` is not an object")),
    };
    let text = |(name, value): (String, Value)| match value {
        Value::String(value) => Ok((name, value)),
        Value::Number(value) => Ok((name, value.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(broken("the values of `headers` are texts"))
        }
    };
    given.into_iter().map(text).collect()
}

/// A response whose body is JSON.
pub(super) fn json_response(
    status: u16,
    mut headers: Vec<(String, String)>,
    body: &Value,
) -> HttpResponse {
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    HttpResponse { status, headers, body }
}

/// The failure that an error of the protocol says: `{code, message, data: {class, code, retryAfterMs}}`.
/// An error without a class is one of the program, which asking again does not mend.
pub fn failure(connection: &Connection, error: &Value) -> Failure {
    let data = error.get("data").unwrap_or(&Value::Null);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let said = text(error.get("message")).filter(|it| !it.is_empty());
    let message = connection.redact(&said.unwrap_or_else(|| "the program gave no reason".into()));
    let class = data.get("class").and_then(Value::as_str).and_then(ErrorClass::parse);
    let code = text(data.get("code")).filter(|it| is_code(it)).unwrap_or_else(|| {
        match error.get("code").and_then(Value::as_i64) {
            Some(-32601) => "MethodNotFound".to_owned(),
            Some(-32602) => "InvalidParams".to_owned(),
            Some(_) | None => "ProgramError".to_owned(),
        }
    });
    let mut failure = Failure::of_class(class.unwrap_or(ErrorClass::Permanent), code, message);
    let pause = data.get("retryAfterMs").and_then(Value::as_i64).filter(|it| 0 <= *it);
    failure.retry_after = pause.map(|it| Duration::milliseconds(it.min(PAUSE_MS_MAX)));
    failure
}

/// No pause that is asked for is longer than a day.
const PAUSE_MS_MAX: i64 = 86_400_000;
/// Characters of a code.
const CODE_CHARS_MAX: usize = 100;

/// Codes are compared and counted, so they are words.
fn is_code(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    !text.is_empty() && text.len() <= CODE_CHARS_MAX && text.chars().all(fits)
}

/// The failure of an answer that is not what the protocol says.
pub fn broken(what: &str) -> Failure {
    let message = format!("the connector's program broke the protocol: {what}");
    Failure::of_class(ErrorClass::Permanent, "InvalidAnswer", message)
}

/// What a program says of a delivery: whether it is genuine.
///
/// # Errors
/// If it did not answer, or not with yes or no.
pub fn accepted(outcome: &Outcome) -> Result<bool, Failure> {
    if let Some(failure) = &outcome.failure {
        return Err(failure.clone());
    }
    let body = response::body(outcome);
    let accepted = body.get("accepted").and_then(Value::as_bool);
    accepted.ok_or_else(|| broken(&format!("`verify` answered `{}`", json!(body))))
}

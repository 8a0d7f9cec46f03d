//! What a flow answers its caller, as HTTP: at once, or at an address where it will be.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use base::{RunId, base64, http::is_framing};
use serde_json::Value;

use crate::{Shared, error::Problem};

/// Seconds after which a caller may look for an answer again.
const LATER_SECONDS: u64 = 5;

/// The answer of a run to whoever was given its address; 202 as long as there is none.
pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(run): Path<String>,
    Query(queries): Query<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let run = RunId::new(run);
    let signature = queries.get("sig").map_or("", String::as_str);
    if !shared.hooks.may_read_answer(&run, signature) {
        let message = "the address is not signed, or its signature is not valid";
        return Err(Problem::new(401, "DirectApiAuthorizationRequired", message));
    }
    let (row, _, state) = shared.engine.show(&run).await?;
    match state.response() {
        Some(response) => Ok(respond(response)),
        None if row.status.is_some() => Err(none()),
        None => Ok(later(&shared, &run)),
    }
}

/// Where the answer will be.
pub(crate) fn later(shared: &Shared, run: &RunId) -> Response {
    let mut response = StatusCode::ACCEPTED.into_response();
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(LATER_SECONDS));
    let origin = shared.engine.public_url().unwrap_or_default().trim_end_matches('/');
    let address = format!("{origin}{}", shared.hooks.answer_address(run));
    if let Ok(address) = HeaderValue::try_from(address) {
        headers.insert(LOCATION, address);
    }
    response
}

/// There will be no answer any more.
pub(crate) fn none() -> Problem {
    Problem::new(502, "NoResponse", "the run ended without an answer")
}

/// An answer `{statusCode, headers, body}` as HTTP: text as it is, an envelope as its bytes, anything
/// else as JSON.
pub(crate) fn respond(outputs: &Value) -> Response {
    let status = outputs.get("statusCode").and_then(Value::as_u64).unwrap_or(200);
    let status = u16::try_from(status).ok().and_then(|it| StatusCode::from_u16(it).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let body = outputs.get("body").unwrap_or(&Value::Null);
    let mut response = match body {
        Value::Null => status.into_response(),
        Value::String(text) => (status, text.clone()).into_response(),
        other => match bytes(other) {
            Some((media, bytes)) => (status, [(CONTENT_TYPE, media)], bytes).into_response(),
            None => (status, Json(other)).into_response(),
        },
    };
    let headers = outputs.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten().filter(|(name, _)| !is_framing(name)) {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let (Ok(header), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(text))
        else {
            let message =
                format!("the flow answered with the header `{name}`, which HTTP does not admit");
            return Problem::new(502, "InvalidResponseHeader", message).into_response();
        };
        response.headers_mut().insert(header, value);
    }
    response
}

/// The bytes of an envelope with their media type.
fn bytes(body: &Value) -> Option<(HeaderValue, Vec<u8>)> {
    let bytes = base64::decode(body.get("$content")?.as_str()?)?;
    let media = body.get("$content-type").and_then(Value::as_str);
    let media = HeaderValue::try_from(media.unwrap_or("application/octet-stream")).ok()?;
    Some((media, bytes))
}

//! Requests to triggers: genuine or not, durable before they are answered.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use base::{http::is_framing, limits::REQUEST_BYTES_MAX};
use journal::Admitted;
use serde_json::Value;
use worker::{Call, Receipt};

use crate::{Shared, error::Problem};

/// How long a caller waits for the flow's own answer (as in the cloud).
const ANSWER_WAIT: Duration = Duration::from_mins(2);

/// The header that names the run which an event started.
const RUN_ID: HeaderName = HeaderName::from_static("x-flowright-run-id");

pub(crate) async fn receive(
    State(shared): State<Shared>,
    Path(path): Path<String>,
    Query(queries): Query<BTreeMap<String, String>>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let headers = read_headers(&parts.headers)?;
    let call = Call {
        path: &path,
        method: parts.method.as_str(),
        queries: &queries,
        headers: &headers,
        body: &body,
    };
    let incoming = shared.hooks.accept(&shared.engine, &call).await?;
    let receipt = shared.engine.fire(incoming).await?;
    answer(receipt).await
}

fn unread(rejection: &BytesRejection) -> Problem {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("a request has at most {REQUEST_BYTES_MAX} bytes");
        return Problem::new(status.as_u16(), "RequestEntityTooLarge", message);
    }
    Problem::new(status.as_u16(), "InvalidRequestContent", rejection.body_text())
}

fn read_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let read = headers.iter().map(|(name, value)| {
        let value = value.to_str().map_err(|_| {
            Problem::new(400, "InvalidHeader", format!("the header `{name}` is not text"))
        })?;
        Ok((name.as_str().to_owned(), value.to_owned()))
    });
    read.collect()
}

/// The event is durable: the trigger's own answer, the flow's, or a plain 202.
async fn answer(receipt: Receipt) -> Result<Response, Problem> {
    let run = receipt.runs.first().map(|admitted| match admitted {
        Admitted::New(run) | Admitted::Duplicate(run) => run.clone(),
    });
    let mut response = match (receipt.response, receipt.answer) {
        (Some(response), _) => respond(&response),
        (None, Some(answer)) => match tokio::time::timeout(ANSWER_WAIT, answer).await {
            Ok(Ok(response)) => respond(&response),
            Ok(Err(_)) => {
                let message = "the run ended without an answer";
                return Err(Problem::new(502, "NoResponse", message));
            }
            Err(_) => {
                let message = "the flow has not answered yet; its run goes on";
                return Err(Problem::new(504, "GatewayTimeout", message));
            }
        },
        (None, None) => StatusCode::ACCEPTED.into_response(),
    };
    if let Some(run) = run
        && let Ok(value) = HeaderValue::from_str(run.as_str())
    {
        response.headers_mut().insert(RUN_ID, value);
    }
    Ok(response)
}

/// An answer `{statusCode, headers, body}` as HTTP: text as it is, anything else as JSON.
fn respond(outputs: &Value) -> Response {
    let status = outputs.get("statusCode").and_then(Value::as_u64).unwrap_or(200);
    let status = u16::try_from(status).ok().and_then(|it| StatusCode::from_u16(it).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let mut response = match outputs.get("body") {
        None | Some(Value::Null) => status.into_response(),
        Some(Value::String(text)) => (status, text.clone()).into_response(),
        Some(other) => (status, Json(other.clone())).into_response(),
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

//! Requests to triggers: genuine or not, durable before they are answered.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Query, Request, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::limits::REQUEST_BYTES_MAX;
use journal::Admitted;
use worker::{Accepted, Call, Delivery, Receipt};

use crate::{Shared, access::sender, answers, error::Problem};

/// The header that names the run which an event started.
const RUN_ID: HeaderName = HeaderName::from_static("x-flowright-run-id");
/// The same as the cloud calls it.
const CLOUDS_RUN_ID: HeaderName = HeaderName::from_static("x-ms-workflow-run-id");
const FLOW_NAME: HeaderName = HeaderName::from_static("x-ms-workflow-name");
const FLOW_VERSION: HeaderName = HeaderName::from_static("x-ms-workflow-version");
/// What stands before the path of a trigger.
const PREFIX: &str = "/hooks/";

/// Lets no address ask more often than it may.
pub(crate) async fn limited(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let source = sender(&shared, request.headers(), request.extensions());
    match shared.gate.take_hook(source) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn receive(
    State(shared): State<Shared>,
    Query(queries): Query<BTreeMap<String, String>>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let headers = read_headers(&parts.headers)?;
    let call = Call {
        path: parts.uri.path().strip_prefix(PREFIX).unwrap_or_default(),
        method: parts.method.as_str(),
        queries: &queries,
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    match shared.hooks.accept(&shared.engine, &call).await? {
        Accepted::Request(incoming) => {
            let receipt = shared.engine.fire(incoming).await?;
            answer(&shared, receipt).await
        }
        Accepted::Handshake(answer) => Ok(answers::respond(&answer)),
        // Services are answered as their connector says, and not told what it led to.
        Accepted::Delivery(Delivery { status, events }) => {
            shared.engine.take_in(events).await?;
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED);
            Ok(status.into_response())
        }
    }
}

pub(crate) fn unread(rejection: &BytesRejection) -> Problem {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("a request has at most {REQUEST_BYTES_MAX} bytes");
        return Problem::new(status.as_u16(), "RequestEntityTooLarge", message);
    }
    Problem::new(status.as_u16(), "InvalidRequestContent", rejection.body_text())
}

pub(crate) fn read_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let read = headers.iter().map(|(name, value)| {
        let value = value.to_str().map_err(|_| {
            Problem::new(400, "InvalidHeader", format!("the header `{name}` is not text"))
        })?;
        Ok((name.as_str().to_owned(), value.to_owned()))
    });
    read.collect()
}

/// The event is durable: the trigger's own answer, the flow's, where that will be, or a plain 202.
async fn answer(shared: &Shared, receipt: Receipt) -> Result<Response, Problem> {
    let run = receipt.runs.first().map(|admitted| match admitted {
        Admitted::New(run) | Admitted::Duplicate(run) => run.clone(),
    });
    let mut response = match (receipt.response, receipt.answer, &run) {
        (Some(response), _, _) => answers::respond(&response),
        (None, _, Some(run)) if receipt.is_later => answers::later(shared, run),
        (None, Some(answer), _) => match tokio::time::timeout(shared.answer_wait, answer).await {
            Ok(Ok(response)) => answers::respond(&response),
            Ok(Err(_)) => return Err(answers::none()),
            Err(_) => {
                let message = "the flow has not answered yet; its run goes on";
                return Err(Problem::new(504, "GatewayTimeout", message));
            }
        },
        (None, None, _) => StatusCode::ACCEPTED.into_response(),
    };
    if receipt.is_terse {
        return Ok(response);
    }
    let about = [
        (RUN_ID, run.as_ref().map(ToString::to_string)),
        (CLOUDS_RUN_ID, run.as_ref().map(ToString::to_string)),
        (FLOW_NAME, Some(receipt.flow.name.clone())),
        (FLOW_VERSION, Some(receipt.flow.sha.clone())),
    ];
    for (name, value) in about {
        // A name that HTTP does not admit in a header is left out.
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

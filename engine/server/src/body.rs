//! Reads the bodies of requests: in time, and no more of them at once than memory is set aside for.

use std::{future::poll_fn, pin::Pin};

use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::limits::REQUEST_BYTES_MAX;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    Shared,
    error::{Problem, Refusal},
};

/// Hands the request on with its whole body, which counts until it has been answered.
pub(crate) async fn read(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let reading = collect(body, &shared);
    let read = timeout(shared.bounds.read_timeout, reading).await.unwrap_or_else(|_| {
        let message = "the body of the request did not come in time";
        Err(Problem::new(408, "RequestTimeout", message))
    });
    let response = match read {
        Ok((bytes, held)) => {
            let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
            drop(held);
            response
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(Refusal(reason)) = response.extensions().get() {
        shared.engine.metrics().refused(reason);
    }
    response
}

/// The bytes, and the memory that was set aside for them.
async fn collect(
    mut body: Body,
    shared: &Shared,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Problem> {
    let most = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    if most < body.size_hint().lower() {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| {
            let message = format!("the body of the request cannot be read: {error}");
            Problem::new(400, "InvalidRequestContent", message)
        })?;
        // Trailers are not for us.
        let Ok(data) = frame.into_data() else { continue };
        if REQUEST_BYTES_MAX < bytes.len() + data.len() {
            return Err(too_large());
        }
        let more = set_aside(shared, data.len())?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

fn set_aside(shared: &Shared, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let count = u32::try_from(bytes).unwrap_or(u32::MAX);
    Semaphore::try_acquire_many_owned(shared.bodies.clone(), count).map_err(|_| {
        Problem::later(503, "TooBusy", "too many requests are being read at present", 2)
    })
}

fn too_large() -> Problem {
    let message = format!("a request has at most {REQUEST_BYTES_MAX} bytes");
    Problem::new(413, "RequestEntityTooLarge", message)
}

//! Whether the process lives, whether it can take in events, and what it counts.

use axum::{
    Json,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{Shared, error::Problem};

/// The process answers. Who finds that it does not may start it anew.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Events can be taken in. Who finds that they cannot should send them elsewhere, or later.
pub(crate) async fn ready(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    match shared.engine.ready().await {
        Ok(()) => Ok(Json(json!({ "status": "ok" }))),
        Err((code, message)) => Err(Problem::later(503, code, message, 5)),
    }
}

/// What Prometheus reads.
pub(crate) async fn metrics(State(shared): State<Shared>) -> Response {
    let text = shared.engine.metrics_text().await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

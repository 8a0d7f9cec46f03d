//! What only the pages ask: flows as cards, runs without bodies, counts, mappings as tables.

mod cards;
mod counts;
pub(crate) mod mappings;
mod outline;
mod run;

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use serde::de::DeserializeOwned;

use crate::{Shared, approvals, error::Problem};

/// The routes; all of them only read, but for answers to approvals.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/approvals", get(approvals::list))
        .route("/api/v1/approvals/{run}/{action}", post(approvals::answer))
        .route("/api/v1/flows/{flow}/outline", get(outline::of_deployed))
        .route("/api/v1/outline", post(outline::of_text))
        .route("/api/v1/runs/counts", get(counts::show))
        .route("/api/v1/runs/{id}/tree", get(run::tree))
        .route("/api/v1/runs/{id}/passes", get(run::pass))
        .route("/api/v1/runs/{id}/action", get(run::action))
        .route("/api/v1/mappings/table", post(mappings::table))
        .route("/api/v1/mappings/edit", post(mappings::edit))
}

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body cannot be read: {error}");
        Problem::new(400, "InvalidRequestContent", message)
    })
}

//! What only the pages ask: flows as cards, runs without bodies, counts, mappings as tables.

mod cards;
pub(crate) mod counts;
pub(crate) mod mappings;
pub(crate) mod outline;
pub(crate) mod recent;
pub(crate) mod request;
pub(crate) mod run;

use axum::body::Bytes;
use serde::de::DeserializeOwned;

use crate::error::Problem;

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body cannot be read: {error}");
        Problem::new(400, "InvalidRequestContent", message)
    })
}

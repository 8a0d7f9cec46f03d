//! The processes that share the database.

use axum::{Json, extract::State};
use journal::NodeRow;
use serde_json::{Value, json};

use crate::{Shared, error::Problem};

pub(crate) async fn list(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let all = shared.engine.nodes().await?;
    Ok(Json(json!({ "value": all.iter().map(show).collect::<Vec<_>>() })))
}

/// One process as programs see it.
pub fn show(node: &NodeRow) -> Value {
    json!({
        "name": node.name,
        "address": node.address,
        "shards": node.shards,
        "joinedTime": node.joined.to_string(),
        "heardTime": node.heard.to_string(),
        "state": node.state.name(),
    })
}

//! The deployed flows as JSON, and turning them on and off.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Deployed, SwitchError};

use crate::{Shared, error::Problem};

/// Every deployed flow with its triggers.
pub(crate) async fn list(State(shared): State<Shared>) -> Json<Value> {
    let flows = shared.engine.flows();
    let shown: Vec<Value> = flows.values().map(|it| flow_json(&shared, it)).collect();
    Json(json!({ "value": shown }))
}

fn flow_json(shared: &Shared, flow: &Deployed) -> Value {
    let triggers = flow.plan.flow.triggers.iter().map(|it| it.display.clone());
    json!({
        "flow": flow.name,
        "name": flow.plan.flow.name,
        "version": flow.sha,
        "on": !shared.engine.is_off(&flow.name),
        "triggers": triggers.collect::<Vec<_>>(),
    })
}

/// What can be changed of a flow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    on: bool,
}

pub(crate) async fn change(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Change { on } = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("the body cannot be read: {error}");
        Problem::new(400, "InvalidRequestContent", message)
    })?;
    shared.engine.switch(&name, on).await.map_err(|error| match error {
        SwitchError::UnknownFlow(_) => Problem::new(404, "FlowNotFound", error.to_string()),
        SwitchError::Store(error) => error.into(),
    })?;
    let flows = shared.engine.flows();
    // It may have been removed in the meantime.
    Ok(Json(flows.get(&name).map_or(Value::Null, |flow| flow_json(&shared, flow))))
}

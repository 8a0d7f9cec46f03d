//! Triggers that people fire: their addresses, one event by hand, new keys for all.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use journal::Admitted;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use worker::{Deployed, Incoming};

use crate::{
    Shared,
    access::User,
    error::Problem,
    flows::{method, no_flow},
    operate::read,
};

fn find(shared: &Shared, name: &str) -> Result<Arc<Deployed>, Problem> {
    shared.engine.flows().get(name).map(Arc::clone).ok_or_else(|| no_flow(name))
}

fn no_trigger(flow: &str, trigger: &str) -> Problem {
    let message = format!("the flow `{flow}` has no trigger `{trigger}`");
    Problem::new(404, "TriggerNotFound", message)
}

pub(crate) async fn url(
    State(shared): State<Shared>,
    Path((flow, trigger)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let deployed = find(&shared, &flow)?;
    let found = deployed.plan.flow.trigger(&trigger);
    let found = found.ok_or_else(|| no_trigger(&flow, &trigger))?;
    let path = shared.hooks.address(&deployed, found).ok_or_else(|| {
        let message = format!("nobody can send to the trigger `{trigger}`");
        Problem::new(409, "NoAddress", message)
    })?;
    let origin = shared.hooks.addresses.public_url.trim_end_matches('/');
    Ok(Json(json!({
        "url": format!("{origin}{path}"),
        "method": method(found),
        "signed": path.contains("?sig="),
    })))
}

/// An event that somebody makes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Event {
    body: Value,
    headers: BTreeMap<String, String>,
    queries: BTreeMap<String, String>,
}

pub(crate) async fn run(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    Path((flow, trigger)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Event { body, headers, queries } = read(&body)?;
    let deployed = find(&shared, &flow)?;
    let found = deployed.plan.flow.trigger(&trigger);
    let trigger = found.ok_or_else(|| no_trigger(&flow, &trigger))?.name.as_str().to_owned();
    let mut outputs = Map::new();
    outputs.insert("headers".to_owned(), json!(headers));
    if !queries.is_empty() {
        outputs.insert("queries".to_owned(), json!(queries));
    }
    outputs.insert("body".to_owned(), body);
    let outputs = Arc::new(Value::Object(outputs));
    let incoming = Incoming { flow, trigger, outputs, by: Some(user.name.clone()) };
    let receipt = shared.engine.fire(incoming).await?;
    let runs = receipt.runs.iter().map(|it| match it {
        Admitted::New(run) => json!({ "id": run.as_str(), "new": true }),
        Admitted::Duplicate(run) => json!({ "id": run.as_str(), "new": false }),
    });
    let body = json!({ "runs": runs.collect::<Vec<_>>(), "response": receipt.response });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rotate {
    revoke: bool,
}

pub(crate) async fn rotate(
    State(shared): State<Shared>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Rotate { revoke } = read(&body)?;
    let keys = shared.host.rotate_key(revoke).map_err(|message| {
        tracing::error!(message, "The key of addresses could not be changed.");
        Problem::later(503, "KeyUnavailable", "the key cannot be changed", 10)
    })?;
    let count = keys.len();
    shared.hooks.addresses.change_keys(keys);
    Ok(Json(json!({ "keys": count })))
}

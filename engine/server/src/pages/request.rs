//! The HTTP request behind a call of a connector, for people to look at: without anything that proves who asks.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base::{Failure, HttpRequest, RunId, Timestamp};
use connector::{Call, Connection, request, route};
use flow::{
    ActionKind,
    actions::api_connection::{ApiConnection, Target},
};
use interp::overview;
use journal::Path as Place;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Shared,
    error::Problem,
    pages::recent::Seen,
    runs::{invalid_query, no_action},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestQuery {
    /// The action.
    path: String,
}

fn no_request(message: impl Into<String>) -> Problem {
    Problem::new(409, "NoRequest", message)
}

/// `{method, uri, headers, body}` as the connector would make it now of what went in then.
pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<RequestQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(RequestQuery { path }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let seen = shared.recent.show(&shared.engine, &RunId::new(id)).await?;
    let Seen { row, plan, run, .. } = seen.as_ref();
    let place = Place::from_address(path);
    let found = overview::action(plan, run, &place).zip(plan.locate(&place));
    let (node, (id, _)) = found.ok_or_else(|| no_action(&place))?;
    let about = plan.flow.action(id);
    let ActionKind::ApiConnection(call) = &about.kind else {
        return Err(no_request("only calls of connectors have one that their inputs do not show"));
    };
    let inputs = node.inputs.filter(|_| !about.secure_inputs);
    let inputs = inputs.ok_or_else(|| no_request("what went in is not known"))?;
    let connection = shared.hooks.connections.of_flow(&plan.flow, &call.connection);
    let connection = connection.map_err(|failure| no_request(failure.message))?;
    if connection.connector.program.is_some() {
        return Err(no_request("a program is asked, not a service over HTTP"));
    }
    let key = format!("{}:{place}", row.run);
    let now = node.start.unwrap_or_else(|| shared.engine.now());
    let made = made(connection, call, &inputs, (&key, now));
    let made = made.map_err(|failure| no_request(failure.message))?;
    Ok(Json(to_json(&made)))
}

fn made(
    connection: &Connection,
    call: &ApiConnection,
    inputs: &Value,
    (idempotency_key, now): (&str, Timestamp),
) -> Result<HttpRequest, Failure> {
    let connector = &connection.connector;
    let routed;
    let (operation, inputs) = match &call.target {
        Target::Operation(id) => {
            let operation = connector.operation(id).ok_or_else(|| {
                let message = format!("`{}` has no operation `{id}`", connector.name);
                Failure::new("OperationNotFound", message)
            })?;
            (operation, inputs)
        }
        Target::Path { .. } => {
            routed = route::find(connector, inputs)?;
            (routed.0, &routed.1)
        }
    };
    let call = Call { inputs, idempotency_key, now, seed: 0, link: None, callback_url: None };
    request::shown(connection, operation, &call)
}

fn to_json(request: &HttpRequest) -> Value {
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    let headers: Map<String, Value> = headers.collect();
    let body = request.body.as_ref().map(|it| String::from_utf8_lossy(it));
    json!({ "method": request.method, "uri": request.url, "headers": headers, "body": body })
}

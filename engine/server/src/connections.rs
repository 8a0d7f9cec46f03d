//! The connections of the environment and the connectors of the project as JSON; never a secret.

use std::time::Instant;

use axum::{
    Json,
    extract::{Path, State},
};
use connector::{Connector, describe};
use serde_json::{Value, json};
use worker::{Flows, standing};

use crate::{Shared, error::Problem};

pub(crate) async fn list(State(shared): State<Shared>) -> Json<Value> {
    let flows = shared.engine.flows();
    let mut all = Vec::new();
    for (name, entry) in &shared.hooks.connections.0 {
        let mut shown = standing::describe(&shared.hooks.client, name, entry).await;
        shown["flows"] = users(&shared, &flows, name).into();
        all.push(shown);
    }
    Json(json!({ "value": all }))
}

/// The flows that use a connection of the environment.
fn users(shared: &Shared, flows: &Flows, name: &str) -> Vec<String> {
    let uses = |flow: &flow::Flow| {
        let names = flow.connections.iter().map(|it| it.name.as_str());
        let mut found = names.filter_map(|it| shared.hooks.connections.name_of(flow, it));
        found.any(|it| it == name)
    };
    let users = flows.iter().filter(|(_, it)| uses(&it.plan.flow));
    users.map(|(name, _)| name.clone()).collect()
}

pub(crate) async fn test(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let entry = shared.hooks.connections.0.get(&name).ok_or_else(|| {
        let message = format!("the environment has no connection `{name}`");
        Problem::new(404, "ConnectionNotFound", message)
    })?;
    let began = Instant::now();
    let found = match &entry.connection {
        Ok(connection) => {
            standing::test(&shared.hooks.client, connection, shared.engine.now()).await
        }
        Err(failure) => Err(failure.clone()),
    };
    let failure = found.as_ref().err();
    Ok(Json(json!({
        "name": name,
        "works": found.is_ok(),
        "what": found.as_ref().ok(),
        "code": failure.map(|it| it.code.as_str()),
        "message": failure.map(|it| it.message.as_str()),
        "tookMs": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })))
}

fn no_project() -> Problem {
    Problem::new(404, "ProjectNotFound", "this service was started without a project")
}

pub(crate) async fn connectors(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let project = shared.workshop.as_ref().ok_or_else(no_project)?.project();
    let all = project.catalog.listings().map(|it| {
        json!({
            "name": it.name,
            "title": it.title,
            "version": it.version,
            "aliases": it.aliases,
            "operations": it.operations,
            "triggers": it.triggers,
        })
    });
    Ok(Json(json!({ "value": all.collect::<Vec<_>>() })))
}

/// One connector of the project, which may have to be read first.
async fn with_connector(
    shared: &Shared,
    name: String,
    show: impl FnOnce(&Connector) -> Result<Value, Problem> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    let project = shared.workshop.as_ref().ok_or_else(no_project)?.project();
    let found = tokio::task::spawn_blocking(move || {
        let connector = project.catalog.find(&name).ok_or_else(|| {
            let message = format!("the project has no connector `{name}`");
            Problem::new(404, "ConnectorNotFound", message)
        })?;
        show(connector)
    });
    let found = found.await.map_err(|error| {
        Problem::new(500, "InternalError", format!("the connector cannot be shown: {error}"))
    })?;
    found.map(Json)
}

pub(crate) async fn connector(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    with_connector(&shared, name, |it| Ok(describe::connector(it))).await
}

pub(crate) async fn part(
    State(shared): State<Shared>,
    Path((name, part)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    with_connector(&shared, name, move |it| match (it.operation(&part), it.trigger(&part)) {
        (Some(operation), _) => Ok(describe::operation(it, operation)),
        (None, Some(trigger)) => Ok(describe::trigger(it, trigger)),
        (None, None) => {
            let message = format!("`{}` has neither operation nor trigger `{part}`", it.name);
            Err(Problem::new(404, "OperationNotFound", message))
        }
    })
    .await
}

//! Run history as JSON: the list, and one run with its actions as the file has them.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base::{RunId, Status};
use interp::view::{Node, tree};
use journal::{RunFilter, RunRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Shared, error::Problem};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 500;

/// What a list of runs is narrowed by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    flow: Option<String>,
    status: Option<String>,
    key: Option<String>,
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) =
        query.map_err(|rejection| Problem::new(400, "InvalidQuery", rejection.body_text()))?;
    let (status, open) = match query.status.as_deref() {
        None => (None, false),
        Some("Running") => (None, true),
        Some(name) => {
            let status = Status::parse(name).ok_or_else(|| {
                Problem::new(400, "InvalidStatus", format!("there is no status `{name}`"))
            })?;
            (Some(status), false)
        }
    };
    let filter = RunFilter {
        flow: query.flow,
        statuses: status.into_iter().collect(),
        open,
        key: query.key,
        ..RunFilter::default()
    };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let rows = shared.engine.runs(&filter, limit).await?;
    Ok(Json(json!({ "value": rows.iter().map(row_json).collect::<Vec<_>>() })))
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (row, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    let mut shown = row_json(&row);
    shown["actions"] = tree(&plan, &run).iter().map(Node::to_json).collect();
    Ok(Json(shown))
}

fn row_json(row: &RunRow) -> Value {
    json!({
        "id": row.run.as_str(),
        "flow": row.flow,
        "version": row.sha,
        "trigger": row.trigger,
        "key": row.key,
        "status": row.status.map_or("Running", Status::name),
        "error": row.error,
        "startTime": row.created.to_string(),
        "endTime": row.finished.map(|it| it.to_string()),
    })
}

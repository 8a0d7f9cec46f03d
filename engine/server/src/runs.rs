//! Run history as JSON: the list, one run with its actions as the file has them, its journal.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base::{RunId, Status, http::percent_path};
use interp::view::{self, Node, tree};
use journal::{Page, RunRow, status::error_code};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    error::Problem,
    filter::{Narrowing, RUNNING},
};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 500;
/// Runs that are counted at most, so that a question takes no longer than people wait.
pub(crate) const COUNT_MAX: usize = 10_000;
/// Events of a journal that are shown at a time.
const EVENTS_MAX: usize = 500;

/// Which part of a list is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    flow: Option<String>,
    trigger: Option<String>,
    status: Option<String>,
    key: Option<String>,
    error: Option<String>,
    parent: Option<String>,
    #[serde(rename = "resubmitOf")]
    resubmit_of: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    before: Option<u64>,
    after: Option<u64>,
    #[serde(default)]
    count: bool,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| invalid_query(&rejection))?;
    let ListQuery { flow, trigger, status, key, error, parent, resubmit_of, since, until, .. } =
        query;
    let narrowing =
        Narrowing { flow, trigger, status, key, error, parent, resubmit_of, since, until };
    let filter = narrowing.filter(shared.engine.now())?;
    let page = match (query.before, query.after) {
        (None, None) => Page::Newest,
        (Some(position), None) => Page::Before(position),
        (None, Some(position)) => Page::After(position),
        (Some(_), Some(_)) => {
            let message = "`before` and `after` exclude each other";
            return Err(Problem::new(400, "InvalidQuery", message));
        }
    };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let rows = shared.engine.page_of_runs(&filter, page, limit).await?;
    let mut shown = json!({ "value": rows.iter().map(row_json).collect::<Vec<_>>() });
    let link = |name: &str, row: &RunRow| link(&narrowing, limit, (name, row.position));
    let is_full = rows.len() == limit;
    // Behind a page that was reached from behind there is what was left.
    if let Some(last) = rows.last().filter(|_| is_full || matches!(page, Page::After(_))) {
        shown["nextLink"] = link("before", last).into();
    }
    let is_behind = matches!(page, Page::Before(_)) || (is_full && matches!(page, Page::After(_)));
    if let Some(first) = rows.first().filter(|_| is_behind) {
        shown["previousLink"] = link("after", first).into();
    }
    if query.count {
        count(&shared, &filter, &mut shown).await?;
    }
    Ok(Json(shown))
}

pub(crate) fn invalid_query(rejection: &QueryRejection) -> Problem {
    Problem::new(400, "InvalidQuery", rejection.body_text())
}

/// Tells how many runs there are, or that there are more than are counted.
pub(crate) async fn count(
    shared: &Shared,
    filter: &journal::RunFilter,
    shown: &mut Value,
) -> Result<(), Problem> {
    let count = shared.engine.count_runs(filter, COUNT_MAX + 1).await?;
    shown["count"] = count.min(COUNT_MAX).into();
    shown["hasMore"] = (COUNT_MAX < count).into();
    Ok(())
}

fn link(narrowing: &Narrowing, limit: usize, (name, position): (&str, u64)) -> String {
    let mut parts = vec![format!("limit={limit}"), format!("{name}={position}")];
    for (name, value) in narrowing.query() {
        let value = percent_path(value).replace('/', "%2F");
        parts.push(format!("{name}={value}"));
    }
    format!("/api/v1/runs?{}", parts.join("&"))
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (row, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    let mut shown = row_json(&row);
    shown["correlation"] = run.correlation();
    shown["actions"] = tree(&plan, &run).iter().map(Node::to_json).collect();
    Ok(Json(shown))
}

/// Which part of a journal is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalQuery {
    /// Number of the last event that is known.
    after: Option<usize>,
}

/// The events of a run, numbered from 1, as far as they are for everybody's eyes.
pub(crate) async fn journal(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<JournalQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(JournalQuery { after }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let after = after.unwrap_or(0);
    let (row, plan, events) = shared.engine.history(&RunId::new(id.clone())).await?;
    let page = events.iter().enumerate().skip(after).take(EVENTS_MAX);
    let shown = page.map(|(index, event)| {
        let mut shown = view::event(&plan, event);
        shown["number"] = (index + 1).into();
        shown["time"] = event.at.to_string().into();
        shown
    });
    let shown: Vec<Value> = shown.collect();
    let last = after.saturating_add(shown.len());
    let mut answer = json!({ "status": status(&row), "value": shown });
    if last < events.len() {
        let id = percent_path(&id).replace('/', "%2F");
        answer["nextLink"] = format!("/api/v1/runs/{id}/journal?after={last}").into();
    }
    Ok(Json(answer))
}

fn status(row: &RunRow) -> &'static str {
    row.status.map_or(RUNNING, Status::name)
}

pub(crate) fn row_json(row: &RunRow) -> Value {
    let parent = row.parent.as_ref();
    json!({
        "id": row.run.as_str(),
        "flow": row.flow,
        "version": row.sha,
        "trigger": row.trigger,
        "key": row.key,
        "status": status(row),
        "error": row.error,
        "errorCode": row.error.as_ref().and_then(error_code),
        "parent": parent.map(|it| json!({ "id": it.run.as_str(), "action": it.path.as_str() })),
        "resubmitOf": row.again_of.as_ref().map(RunId::as_str),
        "startTime": row.created.to_string(),
        "endTime": row.finished.map(|it| it.to_string()),
    })
}

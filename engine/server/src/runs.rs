//! Run history as JSON: the list, one run with its actions as the file has them, its journal.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base::{RunId, Status, http::percent_path};
use interp::{
    Plan, Run, outline,
    view::{self, Node, tree},
};
use journal::{Event, Page, RunRow, status::error_code};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    error::Problem,
    filter::{Narrowing, PAUSED, RUNNING, no_status},
    marks::Mark,
    pages::recent::Seen,
    search::{Wanted, count, search},
};

pub(crate) const LIMIT_DEFAULT: usize = 50;
pub(crate) const LIMIT_MAX: usize = 500;
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
    text: Option<String>,
    handled: Option<String>,
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
    let (limit, is_counted, page) = (query.limit, query.count, page(&query)?);
    let narrowing = query.narrowing();
    let wanted = Wanted::of(&narrowing, shared.engine.now())?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let found = search(&shared, &wanted, page, limit).await?;
    let mut shown = json!({ "value": found.rows.iter().map(|(row, mark)| listed(row, mark.as_ref())).collect::<Vec<_>>() });
    let link = |name: &str, position: u64| link(&narrowing, limit, (name, position));
    let is_back = matches!(page, Page::After(_));
    let (first, last) = (found.rows.first(), found.rows.last());
    // Behind a page that was reached from behind there is what was left.
    let next = if is_back { last.map(|(it, _)| it.position) } else { found.rest };
    if let Some(position) = next {
        shown["nextLink"] = link("before", position).into();
    }
    let previous = match page {
        Page::Newest => None,
        Page::Before(_) => first.map(|(it, _)| it.position),
        Page::After(_) => found.rest,
    };
    if let Some(position) = previous {
        shown["previousLink"] = link("after", position).into();
    }
    if is_counted {
        count(&shared, &wanted, &mut shown).await?;
    }
    Ok(Json(shown))
}

/// A run of a list, with the mark that somebody has given it.
pub(crate) fn listed(row: &RunRow, mark: Option<&Mark>) -> Value {
    let mut shown = row_json(row);
    shown["handled"] = mark.map(Mark::to_json).into();
    shown
}

fn page(query: &ListQuery) -> Result<Page, Problem> {
    match (query.before, query.after) {
        (None, None) => Ok(Page::Newest),
        (Some(position), None) => Ok(Page::Before(position)),
        (None, Some(position)) => Ok(Page::After(position)),
        (Some(_), Some(_)) => {
            let message = "`before` and `after` exclude each other";
            Err(Problem::new(400, "InvalidQuery", message))
        }
    }
}

impl ListQuery {
    fn narrowing(self) -> Narrowing {
        let Self { flow, trigger, status, key, error, parent, resubmit_of, .. } = self;
        let Self { text, handled, since, until, .. } = self;
        Narrowing {
            flow,
            trigger,
            status,
            key,
            error,
            parent,
            resubmit_of,
            text,
            handled,
            since,
            until,
        }
    }
}

pub(crate) fn invalid_query(rejection: &QueryRejection) -> Problem {
    Problem::new(400, "InvalidQuery", rejection.body_text())
}

fn link(narrowing: &Narrowing, limit: usize, (name, position): (&str, u64)) -> String {
    let mut parts = vec![format!("limit={limit}"), format!("{name}={position}")];
    for (name, value) in narrowing.query() {
        let value = percent_path(value).replace('/', "%2F");
        parts.push(format!("{name}={value}"));
    }
    format!("/api/v1/runs?{}", parts.join("&"))
}

/// How much of a run is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowQuery {
    bodies: Option<bool>,
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(ShowQuery { bodies }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let (row, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    if bodies.unwrap_or(true) {
        return Ok(Json(whole(&row, &plan, &run)));
    }
    let mut shown = row_json(&row);
    shown["correlation"] = run.correlation();
    shown["startedBy"] = run.started_by().into();
    shown["paused"] = paused_json(&run);
    shown["actions"] = outline::outline(&plan, &run).into();
    Ok(Json(shown))
}

/// A run with every action and its bodies.
fn whole(row: &RunRow, plan: &Plan, run: &Run) -> Value {
    let mut shown = row_json(row);
    shown["correlation"] = run.correlation();
    shown["startedBy"] = run.started_by().into();
    shown["paused"] = paused_json(run);
    shown["actions"] = tree(plan, run).iter().map(Node::to_json).collect();
    shown
}

/// The text of a file with a test that does as the run did.
pub(crate) async fn test(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let seen = shared.recent.show(&shared.engine, &RunId::new(id)).await?;
    let Seen { row, plan, events, run } = seen.as_ref();
    let journal = events.iter().zip(1..).map(|(event, number)| event_json(plan, event, number));
    let text = shared
        .host
        .test_of(&whole(row, plan, run), &journal.collect::<Vec<_>>())
        .map_err(|message| Problem::new(409, "NoTest", message))?;
    Ok(Json(json!({ "flow": row.flow, "text": text })))
}

/// What the run was started with.
pub(crate) async fn trigger(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (row, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    Ok(Json(json!({
        "trigger": row.trigger,
        "startTime": row.created.to_string(),
        "outputs": outline::trigger_outputs(&plan, &run),
    })))
}

pub(crate) fn no_action(path: &journal::Path) -> Problem {
    let message = format!("the run has no action at `{path}`");
    Problem::new(404, "ActionNotFound", message)
}

/// One action with its bodies.
pub(crate) async fn action(
    State(shared): State<Shared>,
    Path((id, path)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (_, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    let path = journal::Path::from_address(path);
    outline::action(&plan, &run, &path).map(Json).ok_or_else(|| no_action(&path))
}

/// Which passes of a loop are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassQuery {
    from: Option<u32>,
    limit: Option<usize>,
    status: Option<String>,
}

fn no_loop(path: &journal::Path) -> Problem {
    Problem::new(404, "LoopNotFound", format!("the run has no loop at `{path}`"))
}

/// The passes of a loop.
pub(crate) async fn iterations(
    State(shared): State<Shared>,
    Path((id, path)): Path<(String, String)>,
    query: Result<Query<PassQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(PassQuery { from, limit, status }) =
        query.map_err(|rejection| invalid_query(&rejection))?;
    let (_, plan, run) = shared.engine.show(&RunId::new(id.clone())).await?;
    let path = journal::Path::from_address(path);
    if let Some(name) = &status
        && !name.eq_ignore_ascii_case(RUNNING)
        && Status::parse(name).is_none()
    {
        return Err(no_status(name));
    }
    let passes = outline::passes(&plan, &run, &path).ok_or_else(|| no_loop(&path))?;
    let (from, limit) = (from.unwrap_or(0), limit.unwrap_or(100).clamp(1, LIMIT_MAX));
    let has = |it: &str| status.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(it));
    let wanted = passes.iter().filter(|it| from <= it.index && has(it.status_name()));
    let shown: Vec<_> = wanted.take(limit + 1).collect();
    let mut answer = outline::counted(passes.iter().cloned());
    answer["value"] = shown.iter().take(limit).map(|it| it.to_json()).collect();
    if let Some(next) = shown.get(limit) {
        let segment = |it: &str| percent_path(it).replace('/', "%2F");
        let (id, path, index) = (segment(&id), segment(path.as_str()), next.index);
        let mut link = format!("/api/v1/runs/{id}/iterations/{path}?from={index}&limit={limit}");
        if let Some(status) = &status {
            let kept = format!("&status={}", segment(status));
            link.push_str(&kept);
        }
        answer["nextLink"] = link.into();
    }
    Ok(Json(answer))
}

/// The actions of one pass of a loop.
pub(crate) async fn iteration(
    State(shared): State<Shared>,
    Path((id, path, index)): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let (_, plan, run) = shared.engine.show(&RunId::new(id)).await?;
    let path = journal::Path::from_address(path);
    let found = index.parse().ok().and_then(|index| outline::pass(&plan, &run, &path, index));
    let (pass, actions) = found.ok_or_else(|| {
        let message = format!("the run has no pass `{index}` of a loop at `{path}`");
        Problem::new(404, "PassNotFound", message)
    })?;
    let mut shown = pass.to_json();
    shown["actions"] = actions.into();
    Ok(Json(shown))
}

/// Which part of a journal is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalQuery {
    /// Number of the last event that is known.
    pub(crate) after: Option<usize>,
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
    let shown = page.map(|(index, event)| event_json(&plan, event, index + 1));
    let shown: Vec<Value> = shown.collect();
    let last = after.saturating_add(shown.len());
    let mut answer = json!({ "status": status(&row), "value": shown });
    if last < events.len() {
        let id = percent_path(&id).replace('/', "%2F");
        answer["nextLink"] = format!("/api/v1/runs/{id}/journal?after={last}").into();
    }
    Ok(Json(answer))
}

/// An event as far as it is for everybody's eyes, with its number from 1 on.
pub(crate) fn event_json(plan: &Plan, event: &Event, number: usize) -> Value {
    let mut shown = view::event(plan, event);
    shown["number"] = number.into();
    shown["time"] = event.at.to_string().into();
    shown
}

fn status(row: &RunRow) -> &'static str {
    row.status.map_or(if row.paused { PAUSED } else { RUNNING }, Status::name)
}

/// Since when a run is paused and why; null if it is not.
pub(crate) fn paused_json(run: &Run) -> Value {
    run.paused().map_or(
        Value::Null,
        |(since, reason)| json!({ "startTime": since.to_string(), "reason": reason }),
    )
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

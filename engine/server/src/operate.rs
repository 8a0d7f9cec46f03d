//! What operators do with runs: stop them, have them pause, and do them again.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use base::{RunId, Status};
use interp::HIDDEN;
use journal::{Page, RunFilter, RunRow};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worker::{Repeat, RepeatError, Repeated, Since};

use crate::{
    Shared,
    access::{Source, User},
    error::Problem,
    filter::Narrowing,
    marks,
    runs::{COUNT_MAX, listed, row_json},
    search::{Wanted, count, search},
};

/// How long an answer waits until a run has done what it was told.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
/// Runs that one call does something with.
const BULK_MAX: usize = 200;
/// Runs that a preview shows.
const SHOWN_MAX: usize = 20;
/// What is said of an action with a lasting effect.
const TWICE: &str = "it did something that will be done a second time";

/// A body, which may be left out.
pub(crate) fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() { Ok(T::default()) } else { required(body) }
}

pub(crate) fn required<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body cannot be read: {error}");
        Problem::new(400, "InvalidRequestContent", message)
    })
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelBody {
    /// Why, for people.
    reason: Option<String>,
}

pub(crate) async fn cancel(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let CancelBody { reason } = read(&body)?;
    let run = RunId::new(id);
    let (row, _) = shared.engine.load(&run).await?;
    stop(&shared, &row, reason.as_deref())?;
    let ended = tokio::time::timeout(CANCEL_WAIT, shared.engine.wait(&run)).await;
    let (status, row) = match ended {
        Ok(row) => (StatusCode::OK, row?),
        Err(_) => (StatusCode::ACCEPTED, shared.engine.load(&run).await?.0),
    };
    Ok((status, Json(row_json(&row))).into_response())
}

/// Has a run pause: what it has begun is finished, and no further action begins.
pub(crate) async fn pause(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let CancelBody { reason } = read(&body)?;
    set_paused(&shared, RunId::new(id), true, reason.as_deref()).await
}

/// Lets a paused run go on.
pub(crate) async fn resume(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let CancelBody { reason } = read(&body)?;
    set_paused(&shared, RunId::new(id), false, reason.as_deref()).await
}

async fn set_paused(
    shared: &Shared,
    run: RunId,
    paused: bool,
    reason: Option<&str>,
) -> Result<Response, Problem> {
    let (row, _) = shared.engine.load(&run).await?;
    tell_paused(shared, &row, paused, reason)?;
    let told = shared.engine.wait_for_pause(&run, paused);
    let (status, row) = match tokio::time::timeout(CANCEL_WAIT, told).await {
        Ok(row) => (StatusCode::OK, row?),
        Err(_) => (StatusCode::ACCEPTED, shared.engine.load(&run).await?.0),
    };
    // It may have ended in between, which is what was wanted of one that goes on.
    if paused {
        must_be_open(&row)?;
    }
    Ok((status, Json(row_json(&row))).into_response())
}

/// One that is as it is wanted is left alone.
fn tell_paused(
    shared: &Shared,
    row: &RunRow,
    paused: bool,
    reason: Option<&str>,
) -> Result<(), Problem> {
    must_be_open(row)?;
    match (row.paused, paused) {
        (false, true) => shared.engine.pause(&row.run, reason.unwrap_or("paused by an operator")),
        (true, false) => shared.engine.resume(&row.run, reason.unwrap_or("resumed by an operator")),
        (true, true) | (false, false) => {}
    }
    Ok(())
}

fn must_be_open(row: &RunRow) -> Result<(), Problem> {
    let Some(status) = row.status else { return Ok(()) };
    let message = format!("run `{}` has ended already, as {}", row.run, status.name());
    Err(Problem::new(409, "RunHasEnded", message))
}

fn stop(shared: &Shared, row: &RunRow, reason: Option<&str>) -> Result<(), Problem> {
    must_be_open(row)?;
    shared.engine.cancel(&row.run, reason.unwrap_or("cancelled by an operator"));
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResubmitBody {
    latest: bool,
    preview: bool,
    /// The body of the event, if it is to be another one.
    #[serde(deserialize_with = "given")]
    body: Option<Value>,
}

/// What is there, even if it is null.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

pub(crate) async fn resubmit(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let ResubmitBody { latest, preview, body } = read(&body)?;
    if body.as_ref().is_some_and(has_hidden) {
        let message =
            format!("the body has `{HIDDEN}`, which stands for a secret: write the value itself");
        return Err(Problem::new(400, "HiddenValue", message));
    }
    let by = Some(user.name.clone());
    let how = Repeat { since: Since::Beginning, latest, preview, body, by };
    repeat(&shared, &RunId::new(id), &how).await
}

/// Whether something in it is only what people are shown in the place of a secret.
fn has_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(HIDDEN),
        Value::Array(items) => items.iter().any(has_hidden),
        Value::Object(members) => members.values().any(has_hidden),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryBody {
    /// The action to begin with; those that failed if it is left out.
    from: Option<String>,
    latest: bool,
    preview: bool,
}

pub(crate) async fn retry(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let RetryBody { from, latest, preview } = read(&body)?;
    let since = from.map_or(Since::Failure, Since::Action);
    let how = Repeat { since, latest, preview, body: None, by: Some(user.name.clone()) };
    repeat(&shared, &RunId::new(id), &how).await
}

async fn repeat(shared: &Shared, run: &RunId, how: &Repeat) -> Result<Response, Problem> {
    let repeated = shared.engine.repeat(run, how).await?;
    let status = if how.preview { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(repeated_json(&repeated))).into_response())
}

fn repeated_json(it: &Repeated) -> Value {
    let warnings = it.twice.iter().map(|name| json!({ "action": name, "message": TWICE }));
    json!({
        "id": it.run.as_ref().map(RunId::as_str),
        "resubmitOf": it.of.as_str(),
        "version": it.version,
        "from": it.from,
        "takenOver": it.kept,
        "warnings": warnings.collect::<Vec<_>>(),
    })
}

/// What is done with many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Cancel,
    Handle,
    Pause,
    Resume,
    Resubmit,
    Retry,
}

impl Action {
    /// Whether it makes a run that does another one again.
    const fn repeats(self) -> bool {
        matches!(self, Self::Resubmit | Self::Retry)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BulkBody {
    action: Action,
    #[serde(default)]
    filter: Narrowing,
    /// Has to be said if the filter lets all runs through.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    preview: bool,
    #[serde(default)]
    latest: bool,
    from: Option<String>,
    reason: Option<String>,
    /// Goes on where an earlier call has stopped.
    before: Option<u64>,
}

impl BulkBody {
    /// The runs that the action can be done with, if the filter does not say.
    fn wanted(&self, shared: &Shared) -> Result<Wanted, Problem> {
        if self.filter.is_empty() && !self.all {
            let message = "the filter lets all runs through: narrow it, or say `\"all\": true`";
            return Err(Problem::new(400, "FilterRequired", message));
        }
        let mut wanted = Wanted::of(&self.filter, shared.engine.now())?;
        let filter = &mut wanted.filter;
        if filter.statuses.is_empty() && !filter.open {
            match self.action {
                Action::Cancel => filter.open = true,
                Action::Pause => (filter.open, filter.paused) = (true, Some(false)),
                Action::Resume => (filter.open, filter.paused) = (true, Some(true)),
                Action::Resubmit => filter.statuses = Status::ALL.to_vec(),
                Action::Retry | Action::Handle => {
                    filter.statuses = vec![Status::Failed, Status::TimedOut];
                }
            }
        }
        Ok(wanted)
    }

    fn how(&self, user: &User) -> Repeat {
        let since = match (self.action, &self.from) {
            (Action::Retry, None) => Since::Failure,
            (Action::Retry, Some(name)) => Since::Action(name.clone()),
            (
                Action::Resubmit | Action::Cancel | Action::Handle | Action::Pause | Action::Resume,
                _,
            ) => Since::Beginning,
        };
        let by = Some(user.name.clone());
        Repeat { since, latest: self.latest, preview: self.preview, body: None, by }
    }
}

pub(crate) async fn bulk(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    Extension(Source(source)): Extension<Source>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let bulk: BulkBody = required(&body)?;
    marks::check_note(bulk.reason.as_deref().filter(|_| bulk.action == Action::Handle))?;
    let wanted = bulk.wanted(&shared)?;
    if bulk.preview {
        preview(&shared, &user, &bulk, &wanted).await
    } else {
        carry_out(&shared, (&user, source), &bulk, &wanted).await
    }
    .map(Json)
}

async fn preview(
    shared: &Shared,
    user: &User,
    bulk: &BulkBody,
    wanted: &Wanted,
) -> Result<Value, Problem> {
    let rows = search(shared, wanted, Page::Newest, SHOWN_MAX).await?.rows;
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for (row, mark) in &rows {
        let mut one = listed(row, mark.as_ref());
        if bulk.action.repeats() {
            match shared.engine.repeat(&row.run, &bulk.how(user)).await {
                Ok(repeated) => {
                    for name in &repeated.twice {
                        *warnings.entry(name.clone()).or_default() += 1;
                    }
                    one["from"] = repeated.from.into();
                }
                Err(error) => one["refused"] = refusal(error),
            }
        }
        shown.push(one);
    }
    let warnings = warnings
        .into_iter()
        .map(|(action, runs)| json!({ "action": action, "runs": runs, "message": TWICE }));
    let warnings: Vec<Value> = warnings.collect();
    let mut answer = json!({ "preview": true, "value": shown, "warnings": warnings });
    count(shared, wanted, &mut answer).await?;
    // What would be done, again: without an end it would take in what it has caused.
    answer["before"] = rows.first().map(|(it, _)| it.position + 1).into();
    Ok(answer)
}

async fn carry_out(
    shared: &Shared,
    by: (&Arc<User>, IpAddr),
    bulk: &BulkBody,
    wanted: &Wanted,
) -> Result<Value, Problem> {
    let page = bulk.before.map_or(Page::Newest, Page::Before);
    let found = search(shared, wanted, page, BULK_MAX).await?;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let reason = bulk.reason.as_deref();
    for (row, _) in &found.rows {
        let result = match bulk.action {
            Action::Handle => marks::mark(shared, by, row, reason).await.map(|()| None),
            Action::Cancel => stop(shared, row, reason).map(|()| None),
            Action::Pause => tell_paused(shared, row, true, reason).map(|()| None),
            Action::Resume => tell_paused(shared, row, false, reason).map(|()| None),
            Action::Resubmit | Action::Retry => shared
                .engine
                .repeat(&row.run, &bulk.how(by.0))
                .await
                .map(|it| it.run)
                .map_err(Into::into),
        };
        match result {
            Ok(new) => {
                let new = new.as_ref().map(RunId::as_str);
                done.push(json!({ "id": row.run.as_str(), "newId": new }));
            }
            Err(problem) => {
                refused.push(json!({ "id": row.run.as_str(), "error": problem.to_json() }));
            }
        }
    }
    let mut answer = json!({ "done": done, "refused": refused });
    if let Some(position) = found.rest {
        answer["before"] = position.into();
    }
    Ok(answer)
}

fn refusal(error: RepeatError) -> Value {
    Problem::from(error).to_json()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeBody {
    key: String,
    #[serde(default)]
    preview: bool,
}

/// Deletes everything that is there of a key. Which one that was is not written down anywhere.
pub(crate) async fn purge(
    State(shared): State<Shared>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let PurgeBody { key, preview } = required(&body)?;
    let narrowing = Narrowing { key: Some(key.clone()), ..Narrowing::default() };
    let filter = narrowing.filter(shared.engine.now())?;
    let open = RunFilter { open: true, ..filter.clone() };
    let open = shared.engine.count_runs(&open, COUNT_MAX).await?;
    if preview {
        let ended = RunFilter { statuses: Status::ALL.to_vec(), ..filter };
        let ended = shared.engine.count_runs(&ended, COUNT_MAX).await?;
        return Ok(Json(json!({ "preview": true, "runs": ended, "events": null, "open": open })));
    }
    let purged = shared.engine.purge(&key).await?;
    Ok(Json(json!({
        "preview": false, "runs": purged.runs, "events": purged.known, "open": open,
    })))
}

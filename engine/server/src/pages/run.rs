//! A run as its page shows it: small however large the run is, the rest when it is looked at.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base::{Failure, RunId, Timestamp};
use flow::ActionKind;
use interp::{HIDDEN, Plan, Run, explain, overview};
use journal::{Event, EventKind, Path as Place, RunRow};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Shared,
    error::Problem,
    marks,
    pages::{cards::summaries, recent::Seen},
    runs::{invalid_query, listed, paused_json},
};

/// Bytes of a body that are shown; who wants more asks for it with `full`.
const BODY_BYTES_MAX: usize = 64 << 10;
const PREVIEW_CHARS: usize = 8_000;

/// The run with its actions without bodies, loops as one letter for each pass, and where it failed first.
pub(crate) async fn tree(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let seen = shared.recent.show(&shared.engine, &RunId::new(id)).await?;
    let Seen { row, plan, events, run } = seen.as_ref();
    let mark = marks::of(&shared, row).await?;
    let mut shown = listed(row, mark.as_ref());
    shown["correlation"] = run.correlation();
    shown["startedBy"] = run.started_by().into();
    shown["traceId"] = worker::trace_id(&row.run, run.trigger_outputs()).into();
    shown["beganTime"] = events.get(1).and_then(began).map(|it| it.to_string()).into();
    shown["eventCount"] = events.len().into();
    shown["isEdited"] = events.first().is_some_and(is_edited).into();
    shown["paused"] = paused_json(run);
    shown["flowName"] = plan.flow.name.as_str().into();
    let trigger = plan.flow.trigger(run.trigger());
    shown["triggerName"] = trigger.map(|it| it.display.as_str()).into();
    shown["triggerKind"] = trigger.map(|it| it.kind.key()).into();
    let failed = overview::first_failure(plan, run);
    let failure = failed.as_ref().and_then(|it| overview::action(plan, run, it));
    shown["failure"] = failure
        .map(|it| json!({ "name": it.name, "error": it.failure.as_ref().map(Failure::to_json) }))
        .into();
    shown["failedAt"] = failed.map(|it| it.as_str().to_owned()).into();
    shown["summaries"] = summaries(plan).into();
    shown["actions"] = overview::overview(plan, run).into();
    Ok(Json(shown))
}

/// When a run began that had to wait for its turn.
fn began(event: &Event) -> Option<Timestamp> {
    matches!(event.kind, EventKind::Began).then_some(event.at)
}

fn is_edited(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Started { again: Some(again), .. } if again.edited)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassQuery {
    /// The loop.
    path: String,
    /// Which pass, from 0.
    pass: u32,
}

pub(crate) async fn pass(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<PassQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(PassQuery { path, pass }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let seen = shared.recent.show(&shared.engine, &RunId::new(id)).await?;
    let place = Place::from_address(path);
    let actions = overview::pass(&seen.plan, &seen.run, &place, pass).ok_or_else(|| {
        let message = format!("the flow has no loop at `{}`", place.as_str());
        Problem::new(404, "ActionNotFound", message)
    })?;
    Ok(Json(json!({ "pass": pass, "actions": actions })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionQuery {
    /// The action; the trigger if it is left out.
    path: Option<String>,
    /// Bodies however large.
    #[serde(default)]
    full: bool,
}

pub(crate) async fn action(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(ActionQuery { path, full }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let seen = shared.recent.show(&shared.engine, &RunId::new(id)).await?;
    let Seen { row, plan, events, run } = seen.as_ref();
    let Some(path) = path else { return Ok(Json(trigger(row, plan, run, full))) };
    let place = Place::from_address(path);
    let (_, explained) = explain::explain(plan, events, &place);
    let found = overview::action(plan, run, &place).zip(plan.locate(&place));
    let (node, (id, _)) = found.ok_or_else(|| {
        let message = format!("the flow has no action at `{}`", place.as_str());
        Problem::new(404, "ActionNotFound", message)
    })?;
    let mut shown = node.to_json();
    let about = plan.flow.action(id);
    shown["statusCode"] = shown.pointer("/outputs/statusCode").cloned().into();
    for name in ["inputs", "outputs"] {
        if let Some(value) = shown.get(name).filter(|it| !it.is_null()) {
            shown[name] = body(value, full);
        }
    }
    shown["kind"] = about.kind.key().into();
    shown["description"] = about.description.as_deref().into();
    if let ActionKind::ApiConnection(call) = &about.kind {
        shown["connection"] = call.connection.as_str().into();
    }
    shown["explain"] = explained.into();
    shown["path"] = place.as_str().into();
    if let ActionKind::Map(map) = &about.kind {
        let targets = shown.pointer("/explain/mapping/fields").and_then(Value::as_array);
        let targets = targets.into_iter().flatten().filter_map(|it| it.get("target")?.as_str());
        shown["compared"] = compared(plan, run, &map.mapping, targets.collect()).into();
    }
    if asks(&about.kind) {
        shown["idempotencyKey"] = format!("{}:{}", row.run, place.as_str()).into();
    }
    Ok(Json(shown))
}

/// What a run was started with.
fn trigger(row: &RunRow, plan: &Plan, run: &Run, full: bool) -> Value {
    let trigger = plan.flow.trigger(run.trigger());
    let is_secure = trigger.is_some_and(|it| it.secure_outputs);
    let mut outputs = if is_secure { HIDDEN.into() } else { run.trigger_outputs().clone() };
    interp::Secrets::of(plan).redact(&mut outputs);
    let started = row.created.to_string();
    json!({
        "name": trigger.map(|it| it.display.as_str()),
        "kind": trigger.map(|it| it.kind.key()),
        "status": "Succeeded",
        "startTime": started,
        "endTime": started,
        "outputs": body(&outputs, full),
    })
}

/// Whether it asks a service that may know a repeated question by its key.
const fn asks(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::ApiConnection(_) | ActionKind::Http(_) | ActionKind::HttpWebhook(_))
}

/// What the fields of a mapping were before, and which have changed, if an action of the run has compared
/// what it made with what was there.
fn compared(plan: &Plan, run: &Run, mapping: &str, targets: Vec<&str>) -> Option<Value> {
    let uses = |kind: &ActionKind| {
        let ActionKind::Compare(compare) = kind else { return false };
        compare.using.as_ref().is_some_and(|(name, _)| name == mapping)
    };
    let mut all = plan.flow.actions.iter().enumerate();
    let (id, action) =
        all.find(|(_, it)| uses(&it.kind) && !it.secure_inputs && !it.secure_outputs)?;
    let (passes, record) = run.records(id).next_back()?;
    let with = record.inputs.as_deref()?.get("with")?;
    let fields = record.outputs.as_deref()?.pointer("/body/fields")?.as_array()?;
    let changed: Vec<&str> = fields.iter().filter_map(|it| it.get("field")?.as_str()).collect();
    let mut before: Map<String, Value> = targets
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), with.get(name)?.clone())))
        .collect();
    for value in before.values_mut() {
        interp::Secrets::of(plan).redact(value);
    }
    let path = plan.path(id, passes);
    Some(
        json!({ "action": action.display, "path": path.as_str(), "before": before, "changed": changed }),
    )
}

/// A value with its size, and only the beginning of one that is large.
fn body(value: &Value, full: bool) -> Value {
    let text = value.to_string();
    let bytes = text.len();
    if full || bytes <= BODY_BYTES_MAX {
        return json!({ "value": value, "bytes": bytes });
    }
    let preview: String = text.chars().take(PREVIEW_CHARS).collect();
    json!({ "preview": preview, "bytes": bytes })
}

//! Runs that somebody has marked as handled. The audit log is where that is kept: who, when and why.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use base::{RunId, Status, Timestamp};
use journal::{AuditFilter, RunRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Shared, access::User, audit, error::Problem, operate::read};

/// What the audit log calls it.
const ACTION: &str = "runs.handle";
/// Characters of a note: the audit log keeps all of it.
const NOTE_CHARS_MAX: usize = 300;
/// Entries of one run that are looked at: those behind the last one that was carried out do not count.
const ENTRIES_MAX: usize = 50;

/// That a run is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    at: Timestamp,
    who: String,
    note: Option<String>,
}

impl Mark {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "time": self.at.to_string(), "who": self.who, "note": self.note })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HandleBody {
    handled: bool,
    note: Option<String>,
}

impl Default for HandleBody {
    fn default() -> Self {
        Self { handled: true, note: None }
    }
}

/// Whether the run went wrong, so that somebody may have to do something.
pub(crate) const fn may_need_care(row: &RunRow) -> bool {
    matches!(row.status, Some(Status::Failed | Status::TimedOut | Status::Cancelled))
}

/// The mark of a run, if there is one.
pub(crate) async fn of(shared: &Shared, row: &RunRow) -> Result<Option<Mark>, Problem> {
    if !may_need_care(row) {
        return Ok(None);
    }
    let (action, target) = (Some(ACTION.to_owned()), Some(row.run.to_string()));
    let filter = AuditFilter { action, target, ..AuditFilter::default() };
    let entries = shared.engine.audit_log(&filter, None, ENTRIES_MAX).await?;
    // One that was refused has changed nothing.
    let last = entries.into_iter().find(|it| it.status.is_some_and(|it| it < 300));
    Ok(last.and_then(|entry| {
        let said = |name: &str| entry.about.details.get(name);
        let is_handled = said("handled").and_then(Value::as_bool).unwrap_or(true);
        let note = said("note").and_then(Value::as_str).map(str::to_owned);
        is_handled.then_some(Mark { at: entry.at, who: entry.who, note })
    }))
}

/// Marks a run as handled, or takes the mark away: the guard has noted it, if this agrees.
pub(crate) async fn handle(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let HandleBody { handled, note } = read(&body)?;
    check_note(note.as_deref())?;
    let (row, _) = shared.engine.load(&RunId::new(id)).await?;
    check(&row)?;
    Ok(Json(json!({ "id": row.run.as_str(), "handled": handled, "note": note })))
}

pub(crate) fn check_note(note: Option<&str>) -> Result<(), Problem> {
    if note.is_some_and(|it| NOTE_CHARS_MAX < it.chars().count()) {
        let message = format!("a note has at most {NOTE_CHARS_MAX} characters");
        return Err(Problem::new(400, "NoteTooLong", message));
    }
    Ok(())
}

fn check(row: &RunRow) -> Result<(), Problem> {
    if may_need_care(row) {
        return Ok(());
    }
    let status = row.status.map_or("under way", Status::name);
    let message = format!("run `{}` is {status}: only runs that went wrong are handled", row.run);
    Err(Problem::new(409, "NothingToHandle", message))
}

/// Marks one of many runs, in somebody's name.
pub(crate) async fn mark(
    shared: &Shared,
    (user, source): (&Arc<User>, IpAddr),
    row: &RunRow,
    note: Option<&str>,
) -> Result<(), Problem> {
    check(row)?;
    let details = json!({ "handled": true, "note": note });
    let what = (ACTION, row.run.to_string(), details);
    let entry = audit::entry(shared.engine.now(), (user.as_ref(), source), what);
    let number = shared.engine.note(entry).await?;
    Ok(shared.engine.note_status(number, 200).await?)
}

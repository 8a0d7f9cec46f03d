//! Which events a run may have, checked by every store when it writes and again when it reads.

use base::{Status, Timestamp};
use serde_json::Value;

use crate::{
    body::Packed,
    codec,
    event::{Event, EventKind},
    path::Path,
    store::{Admission, Append, StoreError, TriggerState},
};

/// How a run ended, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// How.
    pub status: Status,
    /// The error of a failed run.
    pub error: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// Refuses an admission whose first event starts nothing. Gives the text of the event.
pub fn check_admission(admission: &Admission) -> Result<String, StoreError> {
    check_first(admission)?;
    codec::encode(&admission.started).map_err(|error| illegal(admission, &error.to_string()))
}

/// Refuses an admission whose first event starts nothing. Gives the event as it is kept, if that was
/// made before.
pub fn take_packed(admission: &mut Admission) -> Result<Option<Packed>, StoreError> {
    check_first(admission)?;
    Ok(admission.packed.take())
}

fn check_first(admission: &Admission) -> Result<(), StoreError> {
    let started = &admission.started;
    if !matches!(started.kind, EventKind::Started { .. }) {
        return Err(illegal(admission, "its first event is not `started`"));
    }
    if started.path != Path::run() {
        return Err(illegal(admission, "`started` has the path of an action"));
    }
    Ok(())
}

/// Refuses an admission of a run that exists.
pub fn already_begun(admission: &Admission) -> StoreError {
    illegal(admission, "it has begun already")
}

/// Refuses an admission whose flow version was not stored before.
pub fn unknown_version(admission: &Admission) -> StoreError {
    illegal(admission, &format!("its flow version `{}` is not stored", admission.sha))
}

/// The text of the state of a trigger, or why it cannot be stored.
pub fn check_trigger(new: &TriggerState) -> Result<String, StoreError> {
    codec::encode_value(&new.state).map_err(|_| unreadable_trigger(&new.flow, &new.trigger))
}

/// Tells that the state of a trigger is damaged.
pub fn unreadable_trigger(flow: &str, trigger: &str) -> StoreError {
    StoreError::Corrupt(format!("the state of the trigger `{trigger}` of the flow `{flow}`"))
}

/// Refuses a step of a run that has ended.
pub fn already_ended(append: &Append) -> StoreError {
    StoreError::IllegalEvent { run: append.run.clone(), reason: "it has ended".to_owned() }
}

/// Refuses a step that no run can take. Gives the texts of its events.
pub fn check_append(append: &Append) -> Result<Vec<String>, StoreError> {
    let refuse = |reason: &str| {
        Err(StoreError::IllegalEvent { run: append.run.clone(), reason: reason.to_owned() })
    };
    for (index, event) in append.events.iter().enumerate() {
        match event.kind {
            EventKind::Started { .. } => return refuse("it has begun already"),
            EventKind::Finished { .. } if index + 1 < append.events.len() => {
                return refuse("an event follows its end");
            }
            EventKind::Finished { .. } if event.path != Path::run() => {
                return refuse("`finished` has the path of an action");
            }
            EventKind::Finished { .. }
            | EventKind::Intended { .. }
            | EventKind::Answered { .. }
            | EventKind::Unknown { .. }
            | EventKind::Woken
            | EventKind::Expired
            | EventKind::Called { .. }
            | EventKind::Paused { .. }
            | EventKind::Continued { .. }
            | EventKind::Cancelled { .. }
            | EventKind::Began
            | EventKind::Resumed => {}
        }
    }
    if append.arm.iter().any(|timer| timer.run != append.run) {
        return refuse("a timer of its step belongs to another run");
    }
    let texts: Result<_, _> = append.events.iter().map(codec::encode).collect();
    texts.or_else(|error| refuse(&error.to_string()))
}

/// Refuses a history that could not have been written. Gives how it ended, if it did.
pub fn check_history(events: &[Event]) -> Result<Option<End>, &'static str> {
    let Some((first, rest)) = events.split_first() else { return Err("it has no events") };
    if !matches!(first.kind, EventKind::Started { .. }) {
        return Err("its first event is not `started`");
    }
    if rest.iter().any(|event| matches!(event.kind, EventKind::Started { .. })) {
        return Err("it begins twice");
    }
    let before_last = events.len() - 1;
    if events.iter().take(before_last).any(|event| end(event).is_some()) {
        return Err("an event follows its end");
    }
    Ok(events.last().and_then(end))
}

/// The end of a run, if the event is one.
pub fn end(event: &Event) -> Option<End> {
    match &event.kind {
        EventKind::Finished { status, error, response: _ } => {
            Some(End { status: *status, error: error.clone(), at: event.at })
        }
        EventKind::Started { .. }
        | EventKind::Intended { .. }
        | EventKind::Answered { .. }
        | EventKind::Unknown { .. }
        | EventKind::Woken
        | EventKind::Expired
        | EventKind::Called { .. }
        | EventKind::Paused { .. }
        | EventKind::Continued { .. }
        | EventKind::Cancelled { .. }
        | EventKind::Began
        | EventKind::Resumed => None,
    }
}

/// Characters of the code by which failed runs are found; an index has a limit.
const CODE_CHARS_MAX: usize = 100;

/// What a failed run is found by: the code of the action that failed, else its own.
pub fn error_code(error: &Value) -> Option<String> {
    let inner = error.get("details").and_then(|it| it.get(0)).and_then(|it| it.get("code"));
    let code = inner.or_else(|| error.get("code"))?.as_str()?;
    Some(code.chars().filter(|it| !it.is_control()).take(CODE_CHARS_MAX).collect())
}

/// The timer that an event puts an end to: path and `deadline`.
pub fn ended_timer(event: &Event) -> Option<(&Path, bool)> {
    match event.kind {
        EventKind::Woken => Some((&event.path, false)),
        EventKind::Expired => Some((&event.path, true)),
        EventKind::Started { .. }
        | EventKind::Intended { .. }
        | EventKind::Answered { .. }
        | EventKind::Unknown { .. }
        | EventKind::Called { .. }
        | EventKind::Paused { .. }
        | EventKind::Continued { .. }
        | EventKind::Cancelled { .. }
        | EventKind::Began
        | EventKind::Resumed
        | EventKind::Finished { .. } => None,
    }
}

fn illegal(admission: &Admission, reason: &str) -> StoreError {
    StoreError::IllegalEvent { run: admission.run.clone(), reason: reason.to_owned() }
}

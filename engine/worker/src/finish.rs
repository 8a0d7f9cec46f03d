//! The last event of a run.

use std::sync::Arc;

use base::{Failure, Status, Timestamp};
use interp::{Plan, Run, Secrets, again};
use journal::{Event, EventKind, Path};
use serde_json::{Value, json};

/// Actions that an error names.
const DETAILS_MAX: usize = 10;

/// The end of a run. An error that says no more than that an action failed names those that did.
pub(crate) fn finished(
    plan: &Plan,
    run: &Run,
    at: Timestamp,
    end: (Status, Option<Value>, Option<Arc<Value>>),
) -> Event {
    let (status, mut error, response) = end;
    if let Some(Value::Object(error)) = &mut error
        && ["ActionFailed", "ActionTimedOut"].iter().any(|it| error.get("code") == Some(&json!(it)))
    {
        let details = details(plan, run);
        if !details.is_empty() {
            error.insert("details".to_owned(), details.into());
        }
    }
    let kind = EventKind::Finished { status, error, response };
    Event { at, path: Path::run(), kind }
}

/// The end of a run that met a fault of the engine.
pub(crate) fn failed(failure: &Failure, at: Timestamp) -> Event {
    let error = Some(failure.to_json());
    let kind = EventKind::Finished { status: Status::Failed, error, response: None };
    Event { at, path: Path::run(), kind }
}

fn details(plan: &Plan, run: &Run) -> Vec<Value> {
    let secrets = Secrets::of(plan);
    let causes = again::causes(plan, run).into_iter();
    let details = causes.filter_map(|id| {
        let mut failed = run.records(id).filter_map(|(_, record)| record.failure.as_deref());
        let failure = failed.next()?;
        let mut message = failure.message.clone();
        secrets.redact_text(&mut message);
        let target = &plan.flow.action(id).display;
        Some(json!({ "code": failure.code, "message": message, "target": target }))
    });
    details.take(DETAILS_MAX).collect()
}

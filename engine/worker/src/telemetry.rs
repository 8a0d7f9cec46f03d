//! What is told of runs as they come and go: counted, logged, followed.

use std::sync::atomic::Ordering;

use base::{RunId, Status};
use interp::{HIDDEN, Plan, Run, Secrets};
use serde_json::Value;

use crate::{admit::Origin, engine::Inner};

/// An event was taken in.
pub(crate) fn admitted(inner: &Inner, flow: &str, is_new: bool) {
    inner.metrics.admitted(flow, is_new);
    if is_new {
        inner.open.fetch_add(1, Ordering::Relaxed);
    }
}

/// A run was found open when the engine started.
pub(crate) fn found(inner: &Inner) {
    inner.open.fetch_add(1, Ordering::Relaxed);
}

/// The end of a run is durable.
pub(crate) fn ended(inner: &Inner, origin: &Origin, plan: &Plan, run: &Run) {
    let Some(end) = run.end() else { return };
    count_end(inner, &origin.flow, end.status);
    inner.metrics.made_of(&origin.flow, plan, run);
    if let Some(traces) = inner.performer.traces() {
        traces.ended(origin, plan, run);
    }
    let text = |name: &str| end.error.as_ref().and_then(|it| it.get(name)).and_then(Value::as_str);
    let (code, message) = (text("code").unwrap_or_default(), text("message").unwrap_or_default());
    let (id, flow, status) = (&origin.run, &origin.flow, end.status.name());
    match end.status {
        Status::Failed | Status::TimedOut => {
            let reason = sayable(plan, message);
            tracing::warn!(run = %id, flow, status, code, reason, "A run has failed.");
        }
        Status::Succeeded | Status::Skipped | Status::Cancelled => {
            tracing::debug!(run = %id, flow, status, "A run has ended.");
        }
    }
}

/// A run was ended because of a fault of the engine.
pub(crate) fn broken(inner: &Inner, run: &RunId, flow: Option<&str>) {
    let flow = flow.unwrap_or_default();
    count_end(inner, flow, Status::Failed);
    tracing::warn!(%run, flow, code = "InternalError", "A run has failed.");
}

fn count_end(inner: &Inner, flow: &str, status: Status) {
    inner.metrics.ended(flow, status);
    // Nobody waits for this number; it may be one too low for a moment.
    inner.open.fetch_sub(1, Ordering::Relaxed);
}

/// A message without what the flow keeps secret. What secure actions were told and have said cannot
/// be recognised in a text, so the message of such a flow stays in its history.
fn sayable(plan: &Plan, message: &str) -> String {
    if plan.flow.actions.iter().any(|it| it.secure_inputs || it.secure_outputs) {
        return HIDDEN.to_owned();
    }
    let mut message = message.to_owned();
    Secrets::of(plan).redact_text(&mut message);
    message
}

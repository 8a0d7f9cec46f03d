//! What is told of runs as they come and go: counted, logged, followed.

use std::sync::atomic::{AtomicI64, Ordering};

use base::{RunId, Status};
use interp::{HIDDEN, Plan, Run, Secrets};
use journal::{Shard, Shards};
use serde_json::Value;

use crate::{admit::Origin, engine::Inner, notify::FailedRun};

/// How many runs of each shard are neither over nor asleep.
pub(crate) struct OpenRuns([AtomicI64; Shard::COUNT as usize]);

impl OpenRuns {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicI64::new(0)))
    }

    fn add(&self, run: &RunId, count: i64) {
        if let Some(of_shard) = self.0.get(usize::from(Shard::of_run(run).number())) {
            of_shard.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Somebody else has these.
    pub(crate) fn forget(&self, shards: Shards) {
        for shard in shards.iter() {
            if let Some(of_shard) = self.0.get(usize::from(shard.number())) {
                of_shard.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Nobody waits for this number; it may be wrong by a few for a moment.
    pub(crate) fn total(&self) -> usize {
        let total: i64 = self.0.iter().map(|it| it.load(Ordering::Relaxed)).sum();
        usize::try_from(total).unwrap_or(0)
    }
}

/// An event was taken in.
pub(crate) fn admitted(inner: &Inner, origin: &Origin, is_new: bool) {
    inner.metrics.admitted(&origin.flow, is_new);
    if is_new && inner.is_own(&origin.run) {
        inner.open.add(&origin.run, 1);
    }
}

/// A run was found open that does not sleep, or it has woken.
pub(crate) fn found(inner: &Inner, run: &RunId) {
    inner.open.add(run, 1);
}

/// Whether a run slept before its last step, and whether it sleeps after it.
pub(crate) fn turned(inner: &Inner, run: &RunId, (before, after): (bool, bool)) {
    inner.open.add(run, i64::from(before) - i64::from(after));
}

/// The end of a run is durable.
pub(crate) fn ended(inner: &Inner, origin: &Origin, plan: &Plan, run: &Run) {
    let Some(end) = run.end() else { return };
    count_end(inner, (&origin.run, &origin.flow), end.status);
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
            // Nobody may want to know.
            drop(inner.failed.send(FailedRun {
                run: id.clone(),
                flow: flow.clone(),
                status: end.status,
                code: code.to_owned(),
                message: reason.clone(),
                at: end.at,
            }));
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
    count_end(inner, (run, flow), Status::Failed);
    drop(inner.failed.send(FailedRun {
        run: run.clone(),
        flow: flow.to_owned(),
        status: Status::Failed,
        code: "InternalError".to_owned(),
        message: "the engine could not go on with it".to_owned(),
        at: inner.now(),
    }));
    tracing::warn!(%run, flow, code = "InternalError", "A run has failed.");
}

fn count_end(inner: &Inner, (run, flow): (&RunId, &str), status: Status) {
    inner.metrics.ended(flow, status);
    if inner.is_own(run) {
        inner.open.add(run, -1);
    }
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

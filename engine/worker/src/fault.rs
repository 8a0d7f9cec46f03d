//! What becomes of a run in which the engine has met a fault of its own.

use std::sync::Arc;

use base::{Failure, Outcome, RunId};
use journal::{Append, StoreError};

use crate::{
    engine::{Inner, lock},
    family::{answer_parent, post_to_parent},
    finish,
    patient::{append, load},
    pump::leave,
    telemetry,
};

/// A fault in one run ends that run only.
pub(crate) async fn end(inner: &Arc<Inner>, run: &RunId) {
    let failure = Failure::new("InternalError", "the engine met a fault of its own in this run");
    let event = finish::failed(&failure, inner.now());
    let row = match load(inner, run).await {
        Ok(found) => found.map(|(row, _)| row),
        // What cannot be read has no parent that is known.
        Err(error) => {
            log(run, &error);
            None
        }
    };
    let (flow, parent) = row.map_or((None, None), |it| (Some(it.flow), it.parent));
    let outcome = Outcome::failed(failure);
    let posts = parent.iter().filter_map(|it| post_to_parent(inner, run, it, &outcome));
    let posts = posts.collect();
    let batch = Append { events: vec![event], posts, ..Append::new(run.clone()) };
    match append(inner, batch).await {
        Ok(_) => {
            telemetry::broken(inner, run, flow.as_deref());
            if let Some(parent) = &parent {
                answer_parent(inner, run, parent, outcome);
            }
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(%run, error, "The end of a run could not be stored.");
        }
    }
    lock(&inner.waiters).remove(run);
    lock(&inner.fired).retain(|(fired, ..)| fired != run);
    leave(inner, run);
}

pub(crate) fn log(run: &RunId, error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(%run, error, "A run cannot go on.");
}

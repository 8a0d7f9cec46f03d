//! What the task of a run asks of others: services, other parts of the engine, and the store.

use std::{sync::Arc, time::Duration};

use base::{Failure, Outcome, RunId};
use interp::{
    Plan,
    effect::{Ask, Request},
};
use journal::{Admitted, Append, Event, EventKind, Path, RunRow, StoreError};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    engine::{Inner, Message},
    pump::Task,
};

impl Task {
    pub(crate) fn perform(&mut self, ask: Ask) {
        self.asking.insert(ask.path.clone());
        let inner = Arc::clone(&self.inner);
        let plan = Arc::clone(&self.plan);
        let run = self.origin.run.clone();
        let tenure = Arc::clone(&self.tenure);
        let mut stop = inner.stop.subscribe();
        tokio::spawn(async move {
            let (asked, question) = (Arc::clone(&inner), ask.clone());
            let mut answer =
                tokio::spawn(async move { outcome_of(&asked, &plan, &question).await });
            let answered = tokio::select! {
                answered = &mut answer => answered,
                _ = stop.wait_for(|stop| *stop) => return answer.abort(),
                () = tenure.lost() => return answer.abort(),
            };
            let outcome = answered.unwrap_or_else(|panic| {
                tracing::error!(%run, path = %ask.path, %panic, "Asking met a fault of the engine.");
                let message = "the engine met a fault of its own when it asked";
                Outcome::failed(Failure::new("InternalError", message))
            });
            let kind = EventKind::Answered { attempt: ask.attempt, outcome };
            inner.deliver(&run, Message::event(ask.path, kind));
        });
    }

    /// Tells a service once that nobody waits for its call any more.
    pub(crate) fn unsubscribe(&self, path: Path, inputs: Arc<Value>) {
        let (inner, plan, run) =
            (Arc::clone(&self.inner), Arc::clone(&self.plan), self.origin.run.clone());
        let ask = Ask::unsubscribing(&run, path, inputs);
        tokio::spawn(async move {
            let outcome = inner.performer.perform(&plan, &ask, inner.now()).await;
            if let Some(failure) = outcome.failure {
                let (code, reason) = (failure.code, failure.message);
                tracing::warn!(%run, path = %ask.path, code, reason, "A service was not told that a wait is over.");
            }
        });
    }
}

/// Tells a service that called back.
pub(crate) fn answer_call(done: oneshot::Sender<bool>, awaited: bool) {
    if done.send(awaited).is_err() {
        tracing::debug!(awaited, "A service called back and went away before it was answered.");
    }
}

/// Asks a service, or a part of the engine that does what a service would.
async fn outcome_of(inner: &Inner, plan: &Plan, ask: &Ask) -> Outcome {
    match &ask.request {
        Request::Batch { flow, trigger, inputs } => {
            let of = (flow.as_str(), trigger.as_deref());
            inner.batches.send(inner, of, &ask.idempotency_key, inputs).await
        }
        Request::Operation { .. }
        | Request::Route { .. }
        | Request::Http { .. }
        | Request::Flow { .. } => inner.performer.perform(plan, ask, inner.now()).await,
    }
}

pub(crate) async fn load(
    inner: &Arc<Inner>,
    id: &RunId,
) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
    let mut pause = PAUSE_MIN;
    loop {
        match inner.store.load(id).await {
            Err(error @ StoreError::Io(_)) if !inner.stopped() => {
                back_off(&error, &mut pause).await;
            }
            other => return other,
        }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Appends; while the disk or the database fails, the run waits and nothing is lost.
pub(crate) async fn append(inner: &Arc<Inner>, batch: Append) -> Result<Vec<Admitted>, StoreError> {
    let mut pause = PAUSE_MIN;
    loop {
        match inner.store.append(vec![batch.clone()]).await {
            Err(error @ StoreError::Io(_)) if !inner.stopped() => {
                back_off(&error, &mut pause).await;
            }
            other => return other,
        }
    }
}

pub(crate) async fn back_off(error: &StoreError, pause: &mut Duration) {
    log_store(error, *pause);
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

fn log_store(error: &StoreError, pause: Duration) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, pause_ms = pause.as_millis(), "The store failed; trying again.");
}

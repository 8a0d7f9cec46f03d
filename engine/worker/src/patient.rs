//! Calls of the store that wait while the disk or the database fails: a run loses nothing by it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::RunId;
use interp::Plan;
use journal::{Admitted, Append, Event, RunRow, StoreError};

use crate::{engine::Inner, mail};

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The pause before a call is made again.
struct Pause(Duration);

impl Pause {
    const fn new() -> Self {
        Self(PAUSE_MIN)
    }

    /// Lets time pass if the call may succeed later; otherwise its result stands.
    async fn over<T>(
        &mut self,
        inner: &Inner,
        result: Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let error = match result {
            Err(error @ StoreError::Io(_)) if !inner.stopped() => error,
            other => return Some(other),
        };
        tell(&error, self.0);
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
        None
    }
}

fn tell(error: &StoreError, pause: Duration) {
    let error: &dyn std::error::Error = error;
    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    tracing::error!(error, pause_ms, "The store failed; trying again.");
}

/// A run with its events.
pub(crate) async fn load(
    inner: &Inner,
    id: &RunId,
) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
    let mut pause = Pause::new();
    loop {
        let found = inner.store.load(id).await;
        if let Some(found) = pause.over(inner, found).await {
            return found;
        }
    }
}

/// The plan that a run is pinned to.
pub(crate) async fn plan(inner: &Inner, flow: &str, sha: &str) -> Result<Arc<Plan>, StoreError> {
    let mut pause = Pause::new();
    loop {
        let found = inner.plan(flow, sha).await;
        if let Some(found) = pause.over(inner, found).await {
            return found;
        }
    }
}

/// Delivers what other processes have left.
pub(crate) async fn drain(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let mut pause = Pause::new();
    loop {
        let drained = mail::drain(inner).await;
        if let Some(drained) = pause.over(inner, drained).await {
            return drained;
        }
    }
}

/// Appends to runs.
pub(crate) async fn append(inner: &Inner, batch: Append) -> Result<Vec<Admitted>, StoreError> {
    let mut pause = Pause::new();
    loop {
        let began = Instant::now();
        let stored = inner.store.append(vec![batch.clone()]).await;
        inner.metrics.wrote("append", began.elapsed());
        if let Some(stored) = pause.over(inner, stored).await {
            return stored;
        }
    }
}

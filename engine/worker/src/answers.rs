//! The answers of runs that another process works on, for callers who wait in this one.

use std::{sync::Arc, time::Duration};

use base::RunId;
use tokio::time::sleep;

use crate::engine::{Engine, Inner, lock};

/// Between two looks at a run; each pause is half as long again as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Looks at a run until it has answered, has ended without, or nobody waits any more.
pub(crate) async fn follow(inner: Arc<Inner>, run: RunId) {
    let mut pause = PAUSE_MIN;
    while !inner.stopped() && is_waited_for(&inner, &run) {
        sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
        match Engine(Arc::clone(&inner)).show(&run).await {
            Ok((row, _, state)) => {
                if let Some(response) = state.response() {
                    inner.respond(&run, response);
                } else if row.status.is_some() {
                    lock(&inner.waiters).remove(&run);
                }
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(%run, error, "A run whose answer is waited for cannot be read.");
            }
        }
    }
}

/// Forgets those who have gone.
fn is_waited_for(inner: &Inner, run: &RunId) -> bool {
    let mut all = lock(&inner.waiters);
    let Some(waiters) = all.get_mut(run) else { return false };
    waiters.retain(|it| !it.is_closed());
    let waited = !waiters.is_empty();
    if !waited {
        all.remove(run);
    }
    waited
}

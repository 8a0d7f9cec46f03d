//! Deleting runs that ended long ago, a few at a time, as long as the engine runs.

use std::sync::Arc;

use base::Duration;
use journal::{Expired, Expiry, StoreError};
use tokio::time::sleep;

use crate::engine::{Engine, Inner};

/// How long ended runs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// After their end; none for ever.
    pub age: Option<Duration>,
    /// Bytes that the store may take; the oldest runs go first. None for as many as there are.
    pub bytes: Option<u64>,
}

/// Runs that are deleted in one transaction.
const BATCH: usize = 500;
/// Between two transactions, so that others get their turn.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);
/// Between two looks.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_mins(1);
/// How long an event is known at least, so that one that is delivered again starts nothing.
const KNOWN_FOR: Duration = Duration::seconds(35 * 86_400);

impl Engine {
    /// Deletes what is not kept any longer, from now on until the engine stops.
    pub fn keep(&self, retention: Retention) {
        if retention.age.is_some() || retention.bytes.is_some() {
            tokio::spawn(run(Arc::clone(&self.0), retention));
        }
    }

    /// Deletes all ended runs of a key, those that they called, and by what their events are known: what
    /// is there of a person or a deal. Gives how much that was.
    ///
    /// # Errors
    /// If the store fails; what was deleted before is gone.
    pub async fn purge(&self, key: &str) -> Result<Expired, StoreError> {
        let store = &self.0.store;
        let mut total = Expired::default();
        // Another write of the same moment may have been preferred once.
        let mut nothing = 0;
        while nothing < 2 {
            let (ended, known) = (base::Timestamp::from_ticks(i64::MAX), self.now());
            let expiry = Expiry { key: Some(key.to_owned()), ended, known, limit: BATCH };
            let expired = store.expire(expiry).await?;
            nothing = if expired.runs == 0 { nothing + 1 } else { 0 };
            add(&mut total, expired);
        }
        Ok(total)
    }

    /// Deletes what is not kept any longer. Gives how much that was.
    ///
    /// # Errors
    /// If the store fails; what was deleted before is gone.
    pub async fn expire(&self, retention: Retention) -> Result<Expired, StoreError> {
        sweep(&self.0, retention).await
    }
}

async fn run(inner: Arc<Inner>, retention: Retention) {
    let mut stop = inner.stop.subscribe();
    loop {
        let swept = tokio::select! {
            swept = sweep(&inner, retention) => swept,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match swept {
            Ok(Expired { runs: 0, .. }) => {}
            Ok(Expired { runs, .. }) => tracing::info!(runs, "Old runs were deleted."),
            Err(StoreError::Fenced) => return,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "Old runs could not be deleted.");
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn sweep(inner: &Inner, retention: Retention) -> Result<Expired, StoreError> {
    let now = inner.now();
    let ago = |it: Duration| now.after(Duration::from_ticks(it.ticks().saturating_neg()));
    let known = ago(retention.age.map_or(KNOWN_FOR, |age| age.max(KNOWN_FOR)));
    let mut total = Expired::default();
    // Without an age nothing is too old.
    let by_age = retention.age.map_or(base::Timestamp::from_ticks(i64::MIN), ago);
    loop {
        let expiry = Expiry { key: None, ended: by_age, known, limit: BATCH };
        let expired = inner.store.expire(expiry).await?;
        add(&mut total, expired);
        if expired.runs < BATCH && expired.known < BATCH {
            break;
        }
        sleep(PAUSE).await;
    }
    let Some(most) = retention.bytes else { return Ok(total) };
    while inner.store.size().await?.is_some_and(|size| most < size) {
        let expiry = Expiry { key: None, ended: now, known, limit: BATCH };
        let expired = inner.store.expire(expiry).await?;
        add(&mut total, expired);
        if expired.runs == 0 {
            tracing::warn!(most, "Open runs take more room than all runs may.");
            break;
        }
        sleep(PAUSE).await;
    }
    Ok(total)
}

const fn add(total: &mut Expired, more: Expired) {
    total.runs += more.runs;
    total.known += more.known;
}

//! What operators tell runs that are under way, and how they see it done.

use std::{sync::Arc, time::Duration};

use base::RunId;
use journal::{EventKind, Path, Post, RunRow, StoreError};

use crate::engine::{Engine, Message};

/// Between two looks at a run that is waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Stops a run.
    pub fn cancel(&self, run: &RunId, reason: &str) {
        self.tell(run, EventKind::Cancelled { reason: reason.to_owned() });
    }

    /// Has a run pause: what it has begun is finished, and no further action begins.
    pub fn pause(&self, run: &RunId, reason: &str) {
        self.tell(run, EventKind::Paused { reason: reason.to_owned(), unbegun: false });
    }

    /// Lets a paused run go on where it is.
    pub fn resume(&self, run: &RunId, reason: &str) {
        self.tell(run, EventKind::Continued { reason: reason.to_owned() });
    }

    /// Tells a run what somebody wants of it, whichever process has it.
    fn tell(&self, run: &RunId, kind: EventKind) {
        if self.0.store.shared().is_none() || self.0.tenures.has(run) {
            self.0.deliver(run, Message::event(Path::run(), kind));
            return;
        }
        let (inner, post) = (Arc::clone(&self.0), Post::event(run, Path::run(), kind));
        tokio::spawn(async move {
            let Some(shared) = inner.store.shared() else { return };
            if let Err(error) = shared.post(vec![post]).await {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "A run could not be told what it is to do.");
            }
        });
    }

    /// Waits for a run's end.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn wait(&self, run: &RunId) -> Result<RunRow, StoreError> {
        self.wait_until(run, |row| row.status.is_some()).await
    }

    /// Waits until a run is paused, or is not, or has ended.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn wait_for_pause(&self, run: &RunId, paused: bool) -> Result<RunRow, StoreError> {
        self.wait_until(run, |row| row.paused == paused || row.status.is_some()).await
    }

    async fn wait_until(
        &self,
        run: &RunId,
        is_there: impl Fn(&RunRow) -> bool + Send,
    ) -> Result<RunRow, StoreError> {
        let mut changed = self.0.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let (row, _) = self.load(run).await?;
            if is_there(&row) {
                return Ok(row);
            }
            // What happens in another process is not told here.
            let pause = self.0.store.shared().map_or(Duration::MAX, |_| LOOK_AGAIN);
            let told = tokio::time::timeout(pause, changed.changed()).await;
            if matches!(told, Ok(Err(_))) {
                return Ok(row);
            }
        }
    }
}

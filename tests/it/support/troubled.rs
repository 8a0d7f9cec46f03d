//! A store that is slow or fails when it is told to, and keeps count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{RunId, Timestamp};
use journal::{
    Admission, Admitted, Append, Event, Expired, Expiry, FlowVersion, MemoryStore, Page, RunFilter,
    RunRow, Shards, Store, StoreError, Timer, TriggerState,
};

/// The store.
#[derive(Default)]
pub(crate) struct Troubled {
    store: MemoryStore,
    /// How long a write takes.
    pub(crate) pause: Mutex<Duration>,
    /// Whether nothing can be read or written.
    pub(crate) failing: AtomicBool,
    /// How many of the next looks for a flow version fail.
    pub(crate) flows_failing: AtomicUsize,
    /// Events and states that were to be written.
    pub(crate) advances: AtomicUsize,
}

impl Troubled {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    async fn write(&self) -> Result<(), StoreError> {
        let pause = *self.pause.lock().unwrap();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        self.read()
    }

    fn read(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) { Err(trouble()) } else { Ok(()) }
    }
}

fn trouble() -> StoreError {
    StoreError::Io("the disk of the test is in trouble".into())
}

#[async_trait]
impl Store for Troubled {
    async fn put_flow(&self, version: FlowVersion) -> Result<(), StoreError> {
        self.write().await?;
        self.store.put_flow(version).await
    }

    async fn flow(&self, sha: &str) -> Result<Option<FlowVersion>, StoreError> {
        let less = |count: usize| count.checked_sub(1);
        if self.flows_failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Err(trouble());
        }
        self.store.flow(sha).await
    }

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError> {
        self.advances.fetch_add(1, Ordering::SeqCst);
        self.write().await?;
        self.store.advance(admissions, states).await
    }

    async fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        self.read()?;
        self.store.triggers().await
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        self.write().await?;
        self.store.append(batch).await
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
        self.read()?;
        self.store.load(run).await
    }

    async fn awake_runs(
        &self,
        shards: Shards,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.read()?;
        self.store.awake_runs(shards, after, limit).await
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        page: Page,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.read()?;
        self.store.runs(filter, page, limit).await
    }

    async fn count(&self, filter: &RunFilter, most: usize) -> Result<usize, StoreError> {
        self.store.count(filter, most).await
    }

    async fn expire(&self, expiry: Expiry) -> Result<Expired, StoreError> {
        self.store.expire(expiry).await
    }

    async fn size(&self) -> Result<Option<u64>, StoreError> {
        self.store.size().await
    }

    async fn due(
        &self,
        shards: Shards,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        self.read()?;
        self.store.due(shards, until, limit).await
    }

    async fn next_due(&self, shards: Shards) -> Result<Option<Timestamp>, StoreError> {
        self.read()?;
        self.store.next_due(shards).await
    }
}

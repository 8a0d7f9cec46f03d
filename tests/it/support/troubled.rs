//! A store that is slow or fails when it is told to, and keeps count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use journal::{Admission, Admitted, Append, MemoryStore, Store, StoreError, TriggerState};

use super::through::{Call, Through, Way};

/// The store.
pub(crate) type Troubled = Way<Trouble>;

/// What troubles it.
#[derive(Default)]
pub(crate) struct Trouble {
    store: MemoryStore,
    /// How long a write takes.
    pub(crate) pause: Mutex<Duration>,
    /// Whether nothing can be read or written.
    pub(crate) failing: AtomicBool,
    /// Whether nothing can be written, though what is there can be read.
    pub(crate) stopped: AtomicBool,
    /// How many of the next looks for a flow version fail.
    pub(crate) flows_failing: AtomicUsize,
    /// Events and states that were to be written.
    pub(crate) advances: AtomicUsize,
}

impl Troubled {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }
}

impl Trouble {
    async fn write(&self) -> Result<(), StoreError> {
        let pause = *self.pause.lock().unwrap();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        if self.stopped.load(Ordering::SeqCst) { Err(trouble()) } else { self.read() }
    }

    fn read(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) { Err(trouble()) } else { Ok(()) }
    }
}

fn trouble() -> StoreError {
    StoreError::Io("the disk of the test is in trouble".into())
}

#[async_trait]
impl Through for Trouble {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let less = |count: usize| count.checked_sub(1);
        let fails = || self.flows_failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        match call {
            Call::PutFlow | Call::Audit => self.write().await,
            Call::Flow if fails().is_ok() => Err(trouble()),
            Call::Flow | Call::Count | Call::Expire | Call::Size => Ok(()),
            Call::Triggers
            | Call::Load
            | Call::AwakeRuns
            | Call::Runs
            | Call::Versions
            | Call::Due
            | Call::NextDue => self.read(),
        }
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

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        self.write().await?;
        self.store.append(batch).await
    }
}

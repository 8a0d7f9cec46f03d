//! A store that passes everything on to another one, but for what a test wants otherwise.

use std::ops::Deref;

use async_trait::async_trait;
use base::{RunId, Timestamp};
use journal::{
    Admission, Admitted, Append, AuditEntry, AuditFilter, Event, Expired, Expiry, FlowVersion,
    Page, RunFilter, RunRow, Shards, Store, StoreError, Timer, TriggerState, VersionRow,
};

/// What is asked of a store, besides admissions and steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    PutFlow,
    Flow,
    Triggers,
    Load,
    AwakeRuns,
    Runs,
    Count,
    Expire,
    Size,
    Due,
    NextDue,
    Versions,
    Audit,
}

/// What happens on the way to a store.
#[async_trait]
pub(crate) trait Through: Send + Sync {
    /// Where everything goes.
    fn store(&self) -> &dyn Store;

    /// Before anything else is passed on; an error is answered in its place.
    async fn before(&self, _call: Call) -> Result<(), StoreError> {
        Ok(())
    }

    /// After the answer is there.
    async fn after(&self, _call: Call) {}

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError>;

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError>;
}

/// The way to a store, as a store.
#[derive(Default)]
pub(crate) struct Way<T>(pub(crate) T);

impl<T> Deref for Way<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Through> Way<T> {
    async fn pass<R>(
        &self,
        call: Call,
        asked: impl Future<Output = Result<R, StoreError>> + Send,
    ) -> Result<R, StoreError> {
        self.before(call).await?;
        let answer = asked.await;
        self.after(call).await;
        answer
    }
}

#[async_trait]
impl<T: Through> Store for Way<T> {
    async fn put_flow(&self, version: FlowVersion) -> Result<(), StoreError> {
        self.pass(Call::PutFlow, self.store().put_flow(version)).await
    }

    async fn flow(&self, sha: &str) -> Result<Option<FlowVersion>, StoreError> {
        self.pass(Call::Flow, self.store().flow(sha)).await
    }

    async fn versions(&self, flow: &str, limit: usize) -> Result<Vec<VersionRow>, StoreError> {
        self.pass(Call::Versions, self.store().versions(flow, limit)).await
    }

    async fn audit(&self, entry: AuditEntry) -> Result<u64, StoreError> {
        self.pass(Call::Audit, self.store().audit(entry)).await
    }

    async fn audited(&self, number: u64, status: u16) -> Result<(), StoreError> {
        self.pass(Call::Audit, self.store().audited(number, status)).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.pass(Call::Audit, self.store().audit_log(filter, before, limit)).await
    }

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError> {
        self.0.advance(admissions, states).await
    }

    async fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        self.pass(Call::Triggers, self.store().triggers()).await
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        self.0.append(batch).await
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
        self.pass(Call::Load, self.store().load(run)).await
    }

    async fn awake_runs(
        &self,
        shards: Shards,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.pass(Call::AwakeRuns, self.store().awake_runs(shards, after, limit)).await
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        page: Page,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.pass(Call::Runs, self.store().runs(filter, page, limit)).await
    }

    async fn count(&self, filter: &RunFilter, most: usize) -> Result<usize, StoreError> {
        self.pass(Call::Count, self.store().count(filter, most)).await
    }

    async fn expire(&self, expiry: Expiry) -> Result<Expired, StoreError> {
        self.pass(Call::Expire, self.store().expire(expiry)).await
    }

    async fn size(&self) -> Result<Option<u64>, StoreError> {
        self.pass(Call::Size, self.store().size()).await
    }

    async fn due(
        &self,
        shards: Shards,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        self.pass(Call::Due, self.store().due(shards, until, limit)).await
    }

    async fn next_due(&self, shards: Shards) -> Result<Option<Timestamp>, StoreError> {
        self.pass(Call::NextDue, self.store().next_due(shards)).await
    }
}

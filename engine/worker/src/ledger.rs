//! What the store knows besides runs: versions of flows, and who has changed what.

use journal::{AuditEntry, AuditFilter, FlowVersion, StoreError, VersionRow};

use crate::engine::Engine;

impl Engine {
    /// A version of a flow as it was stored.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn version(&self, sha: &str) -> Result<Option<FlowVersion>, StoreError> {
        self.0.store.flow(sha).await
    }

    /// The versions of a flow, the newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn versions(&self, flow: &str, limit: usize) -> Result<Vec<VersionRow>, StoreError> {
        self.0.store.versions(flow, limit).await
    }

    /// Notes that somebody wants a change. When this returns, that is durable.
    ///
    /// # Errors
    /// If the store fails; then the change must not be made.
    pub async fn note(&self, entry: AuditEntry) -> Result<u64, StoreError> {
        self.0.store.audit(entry).await
    }

    /// Notes what a change was answered with.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn note_status(&self, number: u64, status: u16) -> Result<(), StoreError> {
        self.0.store.audited(number, status).await
    }

    /// What was changed, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.0.store.audit_log(filter, before, limit).await
    }

    /// Whether several processes share the store.
    pub fn is_shared(&self) -> bool {
        self.0.store.shared().is_some()
    }
}

//! The door to whoever stores runs, and what is true after each call returns.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use base::{RunId, Status, Timestamp};
use serde_json::Value;

use crate::{
    audit::{AuditEntry, AuditFilter, VersionRow},
    body::Packed,
    event::{Event, EventKind},
    nodes::{Nodes, Post},
    path::Path,
    shard::Shards,
};

/// A flow version as it was when runs were pinned to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowVersion {
    /// SHA-256 of the files, in hexadecimal.
    pub sha: String,
    /// Name of the flow: its folder below the project's flows.
    pub flow: String,
    /// Names and texts of the files: the flow, its mappings.
    pub files: Vec<(String, String)>,
}

/// An event that may start a run.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Identity of the run, if it becomes one.
    pub run: RunId,
    /// Name of the flow.
    pub flow: String,
    /// Version of the flow, stored before.
    pub sha: String,
    /// Name of the trigger.
    pub trigger: String,
    /// Two admissions of one flow and trigger with the same key are one event.
    pub dedupe: Option<String>,
    /// Runs of one flow with the same key are ordered.
    pub key: Option<String>,
    /// The run and action that wait for this one.
    pub parent: Option<Parent>,
    /// The run's first event, `Started`.
    pub started: Event,
    /// The same as a store keeps it, if it is long and somebody has had the time.
    pub packed: Option<Packed>,
    /// What followed at once, stored with it. A `Finished` among them ends the run.
    pub then: Vec<Event>,
}

impl Admission {
    /// When it was admitted. A run that takes over the past of another one begins after that past.
    pub fn created(&self) -> Timestamp {
        let resumed = self.then.iter().rfind(|it| matches!(it.kind, EventKind::Resumed));
        resumed.map_or(self.started.at, |it| it.at)
    }

    /// Notes who starts the run by hand, if anybody does.
    pub fn set_by(&mut self, who: Option<&str>) {
        if let EventKind::Started { by, .. } = &mut self.started.kind {
            *by = who.map(str::to_owned);
        }
    }

    /// The run that it does once more.
    pub fn again_of(&self) -> Option<RunId> {
        match &self.started.kind {
            EventKind::Started { again, .. } => again.as_ref().map(|it| RunId::new(it.of.clone())),
            _ => None,
        }
    }

    /// The step that it is stored with; none if nothing followed at once.
    pub fn first_step(&mut self) -> Option<Append> {
        let events = std::mem::take(&mut self.then);
        (!events.is_empty()).then(|| Append { events, ..Append::new(self.run.clone()) })
    }
}

/// Who called a child run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The run that waits.
    pub run: RunId,
    /// The action that waits.
    pub path: Path,
}

/// What became of an admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The run exists now and will be carried out, whatever happens to this process.
    New(RunId),
    /// The event was known; this run was started for it.
    Duplicate(RunId),
}

/// Where a trigger that fires by itself has got to.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerState {
    /// Name of the flow.
    pub flow: String,
    /// Name of the trigger.
    pub trigger: String,
    /// What the next firing goes on from. The store does not look into it.
    pub state: Value,
    /// When to look at it next; none if it does not fire any more.
    pub due: Option<Timestamp>,
}

/// A pause of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whose.
    pub run: RunId,
    /// Which action's.
    pub path: Path,
    /// Whether it ends a pause (`Woken`) or the time an action may take (`Expired`).
    pub deadline: bool,
    /// When it is over.
    pub due: Timestamp,
}

/// What one step adds to one run. All of it becomes durable, or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// The run.
    pub run: RunId,
    /// What happened, in order. A `Finished` ends the run and removes its timers.
    pub events: Vec<Event>,
    /// Timers to set; one of the same path and kind is replaced.
    pub arm: Vec<Timer>,
    /// Timers to remove: path and `deadline`.
    pub disarm: Vec<(Path, bool)>,
    /// Runs to start together with this step.
    pub children: Vec<Admission>,
    /// Whether the run waits for nothing but timers and calls from now on: nobody who takes it up
    /// has anything to do with it before one of them comes.
    pub asleep: bool,
    /// Whether it has its turn among ordered runs.
    pub turn: bool,
    /// Whether somebody has it pause.
    pub paused: bool,
    /// Notes for the owners of other shards; none where one process has them all.
    pub posts: Vec<Post>,
}

impl Append {
    /// A step that adds nothing, of a run that is awake and not ordered.
    pub fn new(run: RunId) -> Self {
        let (events, arm, disarm) = (Vec::new(), Vec::new(), Vec::new());
        let (children, posts) = (Vec::new(), Vec::new());
        let (asleep, turn, paused) = (false, false, false);
        Self { run, events, arm, disarm, children, asleep, turn, paused, posts }
    }
}

/// One run as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Position in the order of admission; grows, may have gaps.
    pub position: u64,
    /// Identity.
    pub run: RunId,
    /// Name of the flow.
    pub flow: String,
    /// Version of the flow.
    pub sha: String,
    /// Name of the trigger.
    pub trigger: String,
    /// Ordering key.
    pub key: Option<String>,
    /// Who waits for it.
    pub parent: Option<Parent>,
    /// The run that it does once more.
    pub again_of: Option<RunId>,
    /// How it ended; none while it is open.
    pub status: Option<Status>,
    /// The error of a failed run.
    pub error: Option<Value>,
    /// When it was admitted.
    pub created: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Whether it waits for nothing but timers and calls; says nothing of one that has ended.
    pub asleep: bool,
    /// Whether it has its turn among ordered runs, which is known after its first step; says nothing
    /// of one that has ended.
    pub turn: bool,
    /// Whether somebody has it pause; says nothing of one that has ended.
    pub paused: bool,
}

/// Which runs a list shows; empty members let all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only runs of this flow.
    pub flow: Option<String>,
    /// Only runs of triggers with this name.
    pub trigger: Option<String>,
    /// Only runs that ended in one of these ways or, with `open`, have not ended.
    pub statuses: Vec<Status>,
    /// Only open runs, and those that ended in one of `statuses`.
    pub open: bool,
    /// Of the open runs only those that are paused, or only those that are not.
    pub paused: Option<bool>,
    /// Only runs of this key.
    pub key: Option<String>,
    /// Only runs that failed with this code: see [`crate::status::error_code`].
    pub code: Option<String>,
    /// Only runs that were called by this one.
    pub parent: Option<RunId>,
    /// Only runs that do this one once more.
    pub again_of: Option<RunId>,
    /// Only runs that were admitted then or later.
    pub from: Option<Timestamp>,
    /// Only runs that were admitted earlier.
    pub until: Option<Timestamp>,
}

/// Which part of a list of runs, by their positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The newest runs.
    #[default]
    Newest,
    /// Those that come behind this one: the newest of the older ones.
    Before(u64),
    /// Those that come in front of it: the oldest of the newer ones.
    After(u64),
}

/// What is not kept any longer.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// Only runs of this key and those that they called, and by what their events are known; `known`
    /// says nothing then.
    pub key: Option<String>,
    /// Runs that ended before this.
    pub ended: Timestamp,
    /// Events that were known since before this and whose run is gone: they may come again.
    pub known: Timestamp,
    /// Runs, and known events, that one call deletes at most.
    pub limit: usize,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Runs.
    pub runs: usize,
    /// Known events.
    pub known: usize,
}

/// What became of a request to write.
#[derive(Debug)]
pub enum Done {
    /// The admissions, in order; none if nothing was to be admitted.
    Admitted(Vec<Admitted>),
    /// What was deleted.
    Expired(Expired),
    /// The number of an entry of the audit log.
    Noted(u64),
}

impl Done {
    /// The admissions, in order.
    pub fn admitted(self) -> Vec<Admitted> {
        match self {
            Self::Admitted(admitted) => admitted,
            Self::Expired(_) | Self::Noted(_) => Vec::new(),
        }
    }
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has taken over what this would have changed: of a store with one owner
    /// everything, else the shard.
    #[error("this process no longer owns what it would write to")]
    Fenced,
    /// Something was asked of a run that the store does not have.
    #[error("no run `{0}`")]
    UnknownRun(RunId),
    /// An event came after the run's end, or before its beginning.
    #[error("run `{run}`: {reason}")]
    IllegalEvent {
        /// The run.
        run: RunId,
        /// What is wrong.
        reason: String,
    },
    /// What is stored cannot be read.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The disk, the database or the connection to it failed. Nothing of the call is stored.
    #[error("the store failed")]
    Io(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How often a store has committed since it was opened, and for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Transactions.
    pub count: u64,
    /// Writes that shared them.
    pub requests: u64,
    /// How long they took together, the syncs included.
    pub took: Duration,
}

/// Counts commits; a store shares it with whoever writes.
#[derive(Debug, Default)]
pub struct CommitCounter {
    commits: AtomicU64,
    requests: AtomicU64,
    nanoseconds: AtomicU64,
}

impl CommitCounter {
    /// Another transaction for so many writes.
    pub fn add(&self, requests: usize, took: Duration) {
        let number = |it| u64::try_from(it).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(number(requests as u128), Ordering::Relaxed);
        self.nanoseconds.fetch_add(number(took.as_nanos()), Ordering::Relaxed);
    }

    /// All so far.
    pub fn so_far(&self) -> Commits {
        Commits {
            count: self.commits.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            took: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

/// Where runs live. Every method that writes returns after its writes are durable; concurrent calls
/// may share one commit. A call that returns an error has stored nothing.
#[async_trait]
pub trait Store: Send + Sync {
    /// Keeps a flow version; one that is known is left as it is.
    async fn put_flow(&self, version: FlowVersion) -> Result<(), StoreError>;

    /// A flow version by its sha.
    async fn flow(&self, sha: &str) -> Result<Option<FlowVersion>, StoreError>;

    /// The versions of a flow that were put, the newest first.
    async fn versions(&self, flow: &str, limit: usize) -> Result<Vec<VersionRow>, StoreError>;

    /// Notes that somebody wants a change, and forgets what is older than it has to be known. Gives the
    /// entry's number.
    async fn audit(&self, entry: AuditEntry) -> Result<u64, StoreError>;

    /// Notes what a change was answered with; one that is not known any more is left so.
    async fn audited(&self, number: u64, status: u16) -> Result<(), StoreError>;

    /// The changes that pass a filter, newest first, those before a number.
    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Admits events and puts the states of the triggers that they came from, all or none. The order
    /// of the list is the order of admission; a state replaces the one of its flow and trigger.
    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError>;

    /// Admits events whose triggers have no state.
    async fn admit(&self, admissions: Vec<Admission>) -> Result<Vec<Admitted>, StoreError> {
        self.advance(admissions, Vec::new()).await
    }

    /// The states of all triggers, the next one due first, those that do not fire any more last.
    async fn triggers(&self) -> Result<Vec<TriggerState>, StoreError>;

    /// Adds to runs, all or none. Gives what became of each step's children, flattened in order.
    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError>;

    /// A run with all its events in order.
    async fn load(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Event>)>, StoreError>;

    /// Open runs that somebody who takes them up has to know of, in the order of admission, from
    /// after a position: all but those that sleep without having a turn. A store of one process
    /// need not look at the shards, here and below.
    async fn awake_runs(
        &self,
        shards: Shards,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// A part of the runs that pass a filter, newest first.
    async fn runs(
        &self,
        filter: &RunFilter,
        page: Page,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// How many runs pass a filter; no more than `most` are counted.
    async fn count(&self, filter: &RunFilter, most: usize) -> Result<usize, StoreError>;

    /// Deletes ended runs with everything that only they have, oldest end first, and known events.
    /// A run whose caller, or one that it called, is open stays; so does what is known of a run that
    /// is there.
    async fn expire(&self, expiry: Expiry) -> Result<Expired, StoreError>;

    /// Bytes that it takes, without the room that was given free; none if it cannot tell.
    async fn size(&self) -> Result<Option<u64>, StoreError>;

    /// Timers that are due, earliest first. They stay until their event is appended.
    async fn due(
        &self,
        shards: Shards,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError>;

    /// When the next timer is due.
    async fn next_due(&self, shards: Shards) -> Result<Option<Timestamp>, StoreError>;

    /// What several processes have in common; none if the store has one owner.
    fn shared(&self) -> Option<&dyn Nodes> {
        None
    }

    /// How often it has committed; zeros if it does not count.
    fn commits(&self) -> Commits {
        Commits::default()
    }
}

//! What a store adds that several processes share: who takes care of what, and what they leave for
//! each other.

use async_trait::async_trait;
use base::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    event::EventKind,
    path::Path,
    shard::{Shard, Shards},
    store::{Admission, StoreError},
};

/// What a process takes care of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Nobody else writes to these.
    pub owned: Shards,
    /// Somebody else may have had these since. Nothing is written to them, and they are not taken
    /// again, before they are released: until then something of them may be under way here.
    pub lost: Shards,
    /// How many of its own are more than its share.
    pub surplus: usize,
}

/// Something for whoever takes care of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Whose.
    pub shard: Shard,
    /// What.
    pub note: Note,
}

/// What is left for another process. Notes are taken at least once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Note {
    /// A run was admitted. The store leaves it for runs of others' shards.
    Begin {
        /// The run.
        run: String,
        /// Name of its flow.
        flow: String,
        /// Name of its trigger.
        trigger: String,
        /// Its ordering key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Something has happened to a run.
    Event {
        /// The run.
        run: String,
        /// Where.
        path: Path,
        /// What.
        event: EventKind,
    },
    /// Something for a trigger that keeps what it gets.
    Message {
        /// Name of the flow.
        flow: String,
        /// Name of the trigger.
        trigger: String,
        /// By what it is known if it comes twice.
        key: String,
        /// What it is. The store does not look into it.
        inputs: Value,
    },
}

impl Post {
    /// Tells the owner of a run's shard that there is a run.
    pub fn begin(admission: &Admission) -> Self {
        let note = Note::Begin {
            run: admission.run.to_string(),
            flow: admission.flow.clone(),
            trigger: admission.trigger.clone(),
            key: admission.key.clone(),
        };
        Self { shard: Shard::of_run(&admission.run), note }
    }

    /// Tells a run what has happened.
    pub fn event(run: &RunId, path: Path, event: EventKind) -> Self {
        let shard = Shard::of_run(run);
        Self { shard, note: Note::Event { run: run.to_string(), path, event } }
    }
}

/// A note that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// By what it is discarded.
    pub id: u64,
    /// Whose it is.
    pub shard: Shard,
    /// What it says.
    pub note: Note,
}

/// One process of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its name, for people.
    pub name: String,
    /// Where it listens, for people.
    pub address: String,
    /// How many shards it takes care of.
    pub shards: usize,
    /// When it was there for the first time.
    pub joined: Timestamp,
    /// When it was last heard of.
    pub heard: Timestamp,
    /// What it is doing.
    pub state: NodeState,
}

/// What a process is doing, as far as the others know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It is there.
    Alive,
    /// It was not heard of for the time of its lease.
    Lost,
    /// It has given everything back.
    Left,
    /// Another one of its name has come.
    Replaced,
}

impl NodeState {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Lost => "lost",
            Self::Left => "left",
            Self::Replaced => "replaced",
        }
    }
}

/// The part of a store that its processes have in common.
///
/// A process writes steps of runs, and states of triggers, of its own shards only: all others are
/// refused with [`StoreError::Fenced`]. A state without the name of a trigger is anybody's. Anybody may
/// admit; a run of a shard that is not one's own leaves a [`Note::Begin`] for its owner in the same
/// commit.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Shows that this process is there, takes what is free up to its share, and tells what it has.
    /// To be called several times within the time of a lease.
    async fn lease(&self) -> Result<Lease, StoreError>;

    /// Gives shards back, or lets go of lost ones: nothing of them is under way here any more.
    async fn release(&self, shards: Shards) -> Result<(), StoreError>;

    /// Gives everything back, for good. Later writes are refused.
    async fn leave(&self) -> Result<(), StoreError>;

    /// Whether a shard was this process's own when it last wrote.
    fn owns(&self, shard: Shard) -> bool;

    /// Leaves notes, durably.
    async fn post(&self, posts: Vec<Post>) -> Result<(), StoreError>;

    /// What was left for the owner of shards, oldest first. It stays until it is discarded.
    async fn mail(&self, shards: Shards, limit: usize) -> Result<Vec<Mail>, StoreError>;

    /// Removes notes whose effects are durable. Those for shards of others stay: who was given up may
    /// have taken in what its follower has to see.
    async fn discard(&self, ids: Vec<u64>) -> Result<(), StoreError>;

    /// All processes that were here lately: those that are there first, by name.
    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError>;
}

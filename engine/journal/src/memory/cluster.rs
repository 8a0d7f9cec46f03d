//! Several processes over one store in memory, each a handle of its own.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use base::Timestamp;

use super::MemoryStore;
use crate::{
    nodes::{Lease, Mail, NodeRow, NodeState, Nodes, Post},
    shard::{Shard, Shards},
    store::StoreError,
};

/// How long a process counts as there after it was heard of.
const LEASE_MILLISECONDS: u64 = 5_000;

/// What all processes know.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Milliseconds.
    pub(super) now: u64,
    nodes: Vec<Node>,
    /// The number of the node that has a shard.
    holders: BTreeMap<Shard, usize>,
    mail: BTreeMap<u64, Post>,
    n_posted: u64,
}

#[derive(Debug)]
struct Node {
    name: String,
    joined: u64,
    heard: u64,
    state: NodeState,
}

impl Cluster {
    pub(super) fn post(&mut self, post: Post) {
        self.n_posted += 1;
        self.mail.insert(self.n_posted, post);
    }

    fn join(&mut self, name: &str) -> usize {
        let (joined, heard, state) = (self.now, self.now, NodeState::Alive);
        self.nodes.push(Node { name: name.to_owned(), joined, heard, state });
        self.nodes.len() - 1
    }

    pub(super) fn lose(&mut self, name: &str) {
        let present = |it: &&mut Node| it.name == name && it.state == NodeState::Alive;
        self.nodes.iter_mut().filter(present).for_each(|it| it.state = NodeState::Lost);
    }

    fn state(&self, node: usize) -> NodeState {
        self.nodes.get(node).map_or(NodeState::Lost, |it| it.state)
    }

    fn alive(&self) -> usize {
        self.nodes.iter().filter(|it| it.state == NodeState::Alive).count()
    }

    /// The largest share that a node may have.
    fn fair(&self) -> usize {
        Shards::ALL.len().div_ceil(self.alive().max(1))
    }

    fn held_by(&self, node: usize) -> Shards {
        self.holders
            .iter()
            .filter(|(_, holder)| **holder == node)
            .map(|(shard, _)| *shard)
            .collect()
    }

    /// Shows that a node is there, and finds out who is not.
    fn hear(&mut self, node: usize) {
        let now = self.now;
        if let Some(mine) = self.nodes.get_mut(node) {
            mine.heard = now;
        }
        for other in self.nodes.iter_mut().filter(|it| it.state == NodeState::Alive) {
            if other.heard + LEASE_MILLISECONDS < now {
                other.state = NodeState::Lost;
            }
        }
        let nodes = &self.nodes;
        self.holders
            .retain(|_, holder| nodes.get(*holder).is_some_and(|it| it.state == NodeState::Alive));
    }

    fn take(&mut self, node: usize) {
        let free: Shards = Shards::ALL.iter().filter(|it| !self.holders.contains_key(it)).collect();
        let wanted = self.fair().saturating_sub(self.held_by(node).len());
        for shard in free.iter().take(wanted) {
            self.holders.insert(shard, node);
        }
    }
}

/// What one process knows of itself.
#[derive(Debug)]
pub(super) struct Member(Mutex<Holdings>);

#[derive(Debug, Default)]
struct Holdings {
    name: String,
    node: usize,
    owned: Shards,
    lost: Shards,
}

impl Member {
    pub(super) fn join(cluster: &mut Cluster, name: &str) -> Self {
        let node = cluster.join(name);
        cluster.hear(node);
        cluster.take(node);
        let (owned, lost) = (cluster.held_by(node), Shards::NONE);
        Self(Mutex::new(Holdings { name: name.to_owned(), node, owned, lost }))
    }

    fn holdings(&self) -> MutexGuard<'_, Holdings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this process may write to. One that was given up for lost comes back as a new one.
    pub(super) fn owned(&self, cluster: &mut Cluster) -> Result<Shards, StoreError> {
        let mut mine = self.holdings();
        match cluster.state(mine.node) {
            NodeState::Alive => {}
            NodeState::Lost => {
                mine.node = cluster.join(&mine.name);
                mine.lost = mine.lost.with(mine.owned);
                mine.owned = Shards::NONE;
            }
            NodeState::Left | NodeState::Replaced => return Err(StoreError::Fenced),
        }
        Ok(mine.owned)
    }
}

impl MemoryStore {
    fn member(&self) -> Result<&Member, StoreError> {
        self.member.as_ref().ok_or(StoreError::Fenced)
    }
}

#[async_trait]
impl Nodes for MemoryStore {
    async fn lease(&self) -> Result<Lease, StoreError> {
        let (member, mut state) = (self.member()?, self.read());
        let cluster = &mut state.cluster;
        member.owned(cluster)?;
        let mut mine = member.holdings();
        cluster.hear(mine.node);
        if mine.lost.is_empty() {
            cluster.take(mine.node);
        }
        mine.owned = cluster.held_by(mine.node);
        let surplus = mine.owned.len().saturating_sub(cluster.fair());
        Ok(Lease { owned: mine.owned, lost: mine.lost, surplus })
    }

    async fn release(&self, shards: Shards) -> Result<(), StoreError> {
        let (member, mut state) = (self.member()?, self.read());
        member.owned(&mut state.cluster)?;
        let mut mine = member.holdings();
        state
            .cluster
            .holders
            .retain(|shard, holder| *holder != mine.node || !shards.contains(*shard));
        mine.owned = mine.owned.without(shards);
        mine.lost = mine.lost.without(shards);
        Ok(())
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let (member, mut state) = (self.member()?, self.read());
        let mut mine = member.holdings();
        state.cluster.holders.retain(|_, holder| *holder != mine.node);
        if let Some(node) = state.cluster.nodes.get_mut(mine.node) {
            node.state = NodeState::Left;
        }
        mine.owned = Shards::NONE;
        Ok(())
    }

    fn owns(&self, shard: Shard) -> bool {
        self.member.as_ref().is_none_or(|it| it.holdings().owned.contains(shard))
    }

    async fn post(&self, posts: Vec<Post>) -> Result<(), StoreError> {
        let (mut state, _) = self.write()?;
        for post in posts {
            state.cluster.post(post);
        }
        Ok(())
    }

    async fn mail(&self, shards: Shards, limit: usize) -> Result<Vec<Mail>, StoreError> {
        let state = self.read();
        let wanted = state.cluster.mail.iter().filter(|(_, post)| shards.contains(post.shard));
        let mail = |(id, post): (&u64, &Post)| {
            let Post { shard, note } = post.clone();
            Mail { id: *id, shard, note }
        };
        Ok(wanted.take(limit).map(mail).collect())
    }

    async fn discard(&self, ids: Vec<u64>) -> Result<(), StoreError> {
        let (mut state, owned) = self.write()?;
        let mail = &mut state.cluster.mail;
        mail.retain(|id, post| !(ids.contains(id) && owned.contains(post.shard)));
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        let state = self.read();
        let at = |milliseconds: u64| {
            Timestamp::from_ticks(i64::try_from(milliseconds).unwrap_or(i64::MAX) * 10_000)
        };
        let row = |(number, node): (usize, &Node)| NodeRow {
            name: node.name.clone(),
            address: String::new(),
            shards: state.cluster.held_by(number).len(),
            joined: at(node.joined),
            heard: at(node.heard),
            state: node.state,
        };
        let mut rows: Vec<_> = state.cluster.nodes.iter().enumerate().map(row).collect();
        rows.sort_by_key(|it| (it.state != NodeState::Alive, it.name.clone()));
        Ok(rows)
    }
}

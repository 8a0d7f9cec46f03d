//! Which runs may be worked on now: order and parallelism per key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::RunId;
use journal::{Shard, Shards};

/// A run in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub run: RunId,
    /// Lane and how many of its runs may be active; none if the run is not ordered.
    pub lane: Option<(Lane, usize)>,
}

/// Runs of the same lane start in the order of their admission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub of: Whose,
    pub key: String,
}

/// Who shares the keys of lanes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// The runs of one trigger of a flow.
    Trigger { flow: String, trigger: String },
    /// The runs of every trigger that names this group.
    Group(String),
}

/// The queues of ordered runs. Only names of runs are here; the runs are in the store.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// The lane of each run that has its turn.
    active: BTreeMap<RunId, Lane>,
    waiting: BTreeSet<RunId>,
    states: BTreeMap<Lane, LaneState>,
    /// Shards whose runs are being read: before all are known, none of them has its turn.
    reading: Shards,
    found: Vec<Found>,
    /// Runs of them that have ended meanwhile: a timer may wake one that is only read.
    gone: BTreeSet<RunId>,
}

#[derive(Debug, Default)]
struct LaneState {
    active: BTreeSet<RunId>,
    waiting: VecDeque<RunId>,
}

/// A run of a shard that is being taken up.
#[derive(Debug)]
struct Found {
    entry: Entry,
    /// How it is taken up: those that have had their turn keep it, and what comes meanwhile is last.
    rank: Rank,
    asleep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    HadItsTurn,
    Waited,
    New,
}

impl Lanes {
    /// Takes in a run, in the order of admission; whether it may start now. One that is there already
    /// changes nothing.
    pub(crate) fn enter(&mut self, entry: Entry) -> bool {
        let Some((lane, width)) = &entry.lane else { return true };
        if self.reading.contains(Shard::of_run(&entry.run)) {
            self.found.push(Found { entry, rank: Rank::New, asleep: false });
            return false;
        }
        if self.active.contains_key(&entry.run) || self.waiting.contains(&entry.run) {
            return false;
        }
        let state = self.states.entry(lane.clone()).or_default();
        if *width <= state.active.len() || !state.waiting.is_empty() {
            self.waiting.insert(entry.run.clone());
            state.waiting.push_back(entry.run);
            return false;
        }
        state.active.insert(entry.run.clone());
        self.active.insert(entry.run, lane.clone());
        true
    }

    /// From now on the runs of these shards are read.
    pub(crate) fn begin_taking_up(&mut self, shards: Shards) {
        self.forget(shards);
        self.reading = self.reading.with(shards);
    }

    /// A run of the store, in the order of admission; whether it has had its turn, and whether it
    /// sleeps.
    pub(crate) fn find(&mut self, entry: Entry, had_turn: bool, asleep: bool) {
        let rank = if had_turn { Rank::HadItsTurn } else { Rank::Waited };
        self.found.push(Found { entry, rank, asleep });
    }

    /// All runs of these shards were read. Gives those that have their turn and do not sleep.
    pub(crate) fn taken_up(&mut self, shards: Shards) -> Vec<RunId> {
        self.reading = self.reading.without(shards);
        let is_theirs = |it: &Found| shards.contains(Shard::of_run(&it.entry.run));
        let (mut found, rest): (Vec<_>, Vec<_>) = self.found.drain(..).partition(is_theirs);
        self.found = rest;
        found.retain(|it| !self.gone.contains(&it.entry.run));
        self.gone.retain(|run| !shards.contains(Shard::of_run(run)));
        found.sort_by_key(|it| it.rank);
        let mut started = Vec::new();
        for Found { entry, asleep, .. } in found {
            let run = entry.run.clone();
            if self.enter(entry) && !asleep {
                started.push(run);
            }
        }
        started
    }

    /// Somebody else has these shards.
    pub(crate) fn forget(&mut self, shards: Shards) {
        let stays = |run: &RunId| !shards.contains(Shard::of_run(run));
        self.reading = self.reading.without(shards);
        self.found.retain(|it| stays(&it.entry.run));
        self.gone.retain(stays);
        self.active.retain(|run, _| stays(run));
        self.waiting.retain(stays);
        self.states.retain(|_, state| {
            state.active.retain(stays);
            state.waiting.retain(stays);
            !state.active.is_empty() || !state.waiting.is_empty()
        });
    }

    /// Whether a run that is worked on is ordered and has its turn. While its shard is read it keeps
    /// what it had.
    pub(crate) fn has_turn(&self, run: &RunId, had_turn: bool) -> bool {
        self.active.contains_key(run) || (had_turn && self.reading.contains(Shard::of_run(run)))
    }

    /// Whether a run is ordered and its turn has not come.
    pub(crate) fn has_to_wait(&self, run: &RunId) -> bool {
        let waits = |it: &Found| it.entry.run == *run && it.rank != Rank::HadItsTurn;
        self.waiting.contains(run) || self.found.iter().any(waits)
    }

    /// A run has ended. Gives the run that may start in its place.
    pub(crate) fn leave(&mut self, run: &RunId) -> Option<RunId> {
        if self.reading.contains(Shard::of_run(run)) {
            self.gone.insert(run.clone());
        }
        let lane = self.active.remove(run)?;
        let state = self.states.get_mut(&lane)?;
        state.active.remove(run);
        let Some(next) = state.waiting.pop_front() else {
            if state.active.is_empty() {
                self.states.remove(&lane);
            }
            return None;
        };
        state.active.insert(next.clone());
        self.waiting.remove(&next);
        self.active.insert(next.clone(), lane);
        Some(next)
    }

    /// How many runs wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many runs of a lane are active or wait.
    pub(crate) fn load(&self, lane: &Lane) -> usize {
        self.states.get(lane).map_or(0, |state| state.active.len() + state.waiting.len())
    }
}

//! The shards that this process takes care of, and how it lets go of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use base::RunId;
use journal::{Shard, Shards};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::engine::lock;

/// Between two looks at who still works on a shard.
const PAUSE: Duration = Duration::from_millis(5);

/// How far this process is with a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Ours,
    /// What is being asked is answered; nothing new is begun.
    Leaving,
    /// Whatever is under way is given up.
    Lost,
}

/// The time for which this process has a shard. Whoever works on a run of it holds this, so that it
/// is known when nobody does any more.
#[derive(Debug)]
pub(crate) struct Tenure {
    phase: watch::Sender<Phase>,
}

impl Tenure {
    /// Whether nothing new is to be begun.
    pub(crate) fn is_ending(&self) -> bool {
        *self.phase.borrow() != Phase::Ours
    }

    /// Returns when nothing new is to be begun.
    pub(crate) async fn ending(&self) {
        self.reached(Phase::Leaving).await;
    }

    /// Returns when whatever is under way is to be given up.
    pub(crate) async fn lost(&self) {
        self.reached(Phase::Lost).await;
    }

    async fn reached(&self, phase: Phase) {
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(self.phase.subscribe().wait_for(|it| phase <= *it).await);
    }
}

/// All that this process has.
#[derive(Debug)]
pub(crate) struct Tenures {
    all: Mutex<BTreeMap<Shard, Arc<Tenure>>>,
    /// What is its own and stays so, for whoever follows that.
    pub(crate) changed: watch::Sender<Shards>,
}

impl Tenures {
    pub(crate) fn new() -> Self {
        Self { all: Mutex::default(), changed: watch::Sender::new(Shards::NONE) }
    }

    /// Takes shards up that this process has not had.
    pub(crate) fn begin(&self, shards: Shards) {
        let mut all = lock(&self.all);
        for shard in shards.iter() {
            let phase = watch::Sender::new(Phase::Ours);
            all.entry(shard).or_insert_with(|| Arc::new(Tenure { phase }));
        }
        drop(all);
        self.tell();
    }

    /// The shards that it has, also those that it is about to give away.
    pub(crate) fn held(&self) -> Shards {
        lock(&self.all).keys().copied().collect()
    }

    /// The shards that are its own and stay so.
    pub(crate) fn ours(&self) -> Shards {
        *self.changed.borrow()
    }

    /// Whether a run is its own and stays so.
    pub(crate) fn has(&self, run: &RunId) -> bool {
        self.ours().contains(Shard::of_run(run))
    }

    /// What whoever works on a run has to hold; none if somebody else does.
    pub(crate) fn of_run(&self, run: &RunId) -> Option<Arc<Tenure>> {
        let all = lock(&self.all);
        all.get(&Shard::of_run(run)).filter(|it| !it.is_ending()).map(Arc::clone)
    }

    /// From now on nothing new is begun in these.
    pub(crate) fn leave(&self, shards: Shards) {
        self.advance(shards, Phase::Leaving);
    }

    /// Whatever is under way in these is given up.
    pub(crate) fn lose(&self, shards: Shards) {
        self.advance(shards, Phase::Lost);
    }

    fn advance(&self, shards: Shards, phase: Phase) {
        let all = lock(&self.all);
        for (_, tenure) in all.iter().filter(|(shard, _)| shards.contains(**shard)) {
            tenure.phase.send_if_modified(|it| {
                let before = std::mem::replace(it, phase.max(*it));
                before != *it
            });
        }
        drop(all);
        self.tell();
    }

    /// Returns whether nobody works on these any more, at the latest after a time.
    pub(crate) async fn drained(&self, shards: Shards, within: Duration) -> bool {
        let until = Instant::now() + within;
        loop {
            let busy = {
                let all = lock(&self.all);
                let mut wanted = all.iter().filter(|(shard, _)| shards.contains(**shard));
                wanted.any(|(_, tenure)| 1 < Arc::strong_count(tenure))
            };
            if !busy || until <= Instant::now() {
                return !busy;
            }
            sleep(PAUSE).await;
        }
    }

    /// Forgets shards on which nobody works any more.
    pub(crate) fn end(&self, shards: Shards) {
        lock(&self.all).retain(|shard, _| !shards.contains(*shard));
        self.tell();
    }

    fn tell(&self) {
        let all = lock(&self.all);
        let ours = all.iter().filter(|(_, it)| !it.is_ending()).map(|(shard, _)| *shard).collect();
        // Under the lock, so that the latest is told last.
        self.changed.send_if_modified(|it| std::mem::replace(it, ours) != ours);
        drop(all);
    }
}

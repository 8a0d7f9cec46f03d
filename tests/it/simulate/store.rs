//! A store in a bad world: it is slow, it fails, its process dies, another takes it over.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base::{RunId, Timestamp};
use journal::{
    Admission, Admitted, Append, MemoryStore, Shards, Store, StoreError, Timer, TriggerState,
};
use tokio::sync::watch;

use super::{random::Random, shadow::Shadow};
use crate::support::through::{Call, Through};

/// What ends the life of a process, at one of its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It dies before the write.
    Before,
    /// It dies when the write is durable and before it hears of that.
    After,
    /// It lives on, but another process takes over.
    Replaced,
}

/// What may go wrong during the life of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// Which write ends it, counted from 1.
    pub(crate) death: Option<(usize, Death)>,
    /// How many of a hundred calls fail.
    pub(crate) failing: u64,
    /// The longest a call takes, before and after its work.
    pub(crate) slow: Duration,
}

/// Ways to lose something, to see that it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing is lost.
    Nothing,
    /// The third step is said to be durable and is not.
    Step,
    /// Timers are not kept.
    Timers,
    /// Events go on after the end of a run.
    AfterEnd,
}

/// The store of one process.
pub(crate) struct Faulty {
    store: Arc<MemoryStore>,
    shadow: Arc<Shadow>,
    loss: Loss,
    life: Life,
    chance: Mutex<Random>,
    writes: Mutex<usize>,
    over: watch::Sender<Option<Death>>,
}

impl Faulty {
    pub(crate) fn new(
        store: Arc<MemoryStore>,
        shadow: &Arc<Shadow>,
        loss: Loss,
        life: Life,
        chance: Random,
    ) -> Self {
        Self {
            store,
            shadow: Arc::clone(shadow),
            loss,
            life,
            chance: Mutex::new(chance),
            writes: Mutex::default(),
            over: watch::Sender::new(None),
        }
    }

    /// Returns when this life is over.
    pub(crate) async fn over(&self) -> Death {
        let mut over = self.over.subscribe();
        let death = *over.wait_for(Option::is_some).await.unwrap();
        death.unwrap()
    }

    fn is_dead(&self) -> bool {
        matches!(*self.over.borrow(), Some(Death::Before | Death::After))
    }

    async fn pause(&self) {
        let most = u64::try_from(self.life.slow.as_millis()).unwrap();
        if most > 0 {
            let pause = self.chance.lock().unwrap().below(most);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    fn fails(&self) -> Result<(), StoreError> {
        if self.chance.lock().unwrap().chance(self.life.failing) {
            return Err(StoreError::Io("the disk has a bad moment".into()));
        }
        Ok(())
    }

    /// The turn of a write: whether and how this life ends with it.
    fn turn(&self) -> Result<Option<Death>, StoreError> {
        if self.is_dead() {
            return Err(StoreError::Fenced);
        }
        let mut writes = self.writes.lock().unwrap();
        *writes += 1;
        let death = self.life.death.filter(|(at, _)| *at == *writes).map(|(_, death)| death);
        drop(writes);
        if death == Some(Death::Before) {
            self.over.send_replace(death);
            return Err(StoreError::Fenced);
        }
        self.fails()?;
        Ok(death)
    }

    fn outlive(&self, death: Option<Death>) -> Result<(), StoreError> {
        if death.is_some() {
            self.over.send_replace(death);
        }
        if death == Some(Death::After) { Err(StoreError::Fenced) } else { Ok(()) }
    }

    async fn timers_of(&self, run: &RunId) -> Vec<Timer> {
        let all =
            self.store.due(Shards::ALL, Timestamp::from_ticks(i64::MAX), usize::MAX).await.unwrap();
        all.into_iter().filter(|timer| timer.run == *run).collect()
    }

    /// Tells the shadow what has become durable.
    async fn note(&self, batch: &[Append], admitted: &[Admitted]) {
        let mut admitted = admitted.iter();
        for append in batch {
            for (child, admitted) in append.children.iter().zip(admitted.by_ref()) {
                if matches!(admitted, Admitted::New(_)) {
                    let parent = child.parent.clone();
                    self.shadow.begun(&child.run, &child.flow, parent, &child.started);
                }
            }
            let timers = self.timers_of(&append.run).await;
            self.shadow.appended(append, &timers);
        }
    }

    fn lose(&self, batch: &mut [Append]) -> bool {
        for append in batch {
            match self.loss {
                Loss::Step if *self.writes.lock().unwrap() == 3 => return true,
                Loss::Timers => append.arm.clear(),
                Loss::AfterEnd | Loss::Nothing | Loss::Step => {}
            }
        }
        false
    }
}

#[async_trait]
impl Through for Faulty {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        if matches!(call, Call::Flow | Call::Load) {
            self.pause().await;
        }
        match call {
            Call::Flow | Call::Load | Call::AwakeRuns | Call::Due | Call::NextDue => self.fails(),
            Call::PutFlow
            | Call::Triggers
            | Call::Runs
            | Call::Count
            | Call::Expire
            | Call::Size
            | Call::Versions
            | Call::Audit => Ok(()),
        }
    }

    /// What is due when it is asked for may be over when the answer is there.
    async fn after(&self, call: Call) {
        if call == Call::Due {
            self.pause().await;
        }
    }

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError> {
        let death = self.turn()?;
        let admitted = self.store.advance(admissions, states).await?;
        self.outlive(death)?;
        Ok(admitted)
    }

    async fn append(&self, mut batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        self.pause().await;
        let death = self.turn()?;
        let asked = batch.clone();
        if self.lose(&mut batch) {
            return Ok(Vec::new());
        }
        let admitted = self.store.append(batch).await?;
        self.note(&asked, &admitted).await;
        self.outlive(death)?;
        self.pause().await;
        Ok(admitted)
    }
}

/// What a world of faults has in store for one process after the other.
pub(crate) fn lives(random: &mut Random) -> Vec<Life> {
    let mut lives = Vec::new();
    for _ in 0..random.below(6) {
        let death = *random.pick(&[Death::Before, Death::After, Death::Replaced]);
        let writes = 1 + random.index(12);
        let failing = *random.pick(&[0, 0, 5, 30]);
        let slow = Duration::from_millis(*random.pick(&[0, 0, 3, 40, 900]));
        lives.push(Life { death: Some((writes, death)), failing, slow });
    }
    let slow = Duration::from_millis(*random.pick(&[0, 3, 200]));
    lives.push(Life { death: None, failing: *random.pick(&[0, 10]), slow });
    lives
}

/// How many timers each run has, for messages.
pub(crate) async fn timers(store: &MemoryStore) -> BTreeMap<RunId, usize> {
    let mut counts = BTreeMap::new();
    for timer in store.due(Shards::ALL, Timestamp::from_ticks(i64::MAX), usize::MAX).await.unwrap()
    {
        *counts.entry(timer.run).or_default() += 1;
    }
    counts
}

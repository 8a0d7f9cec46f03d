//! The store in memory: what the promises of a store mean, and what tests run on.

mod cluster;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use base::{RunId, Timestamp};

use self::cluster::{Cluster, Member};
use crate::{
    audit::{AUDIT_KEPT, AuditEntry, AuditFilter, VersionRow},
    codec,
    event::Event,
    nodes::{Nodes, Post},
    path::Path,
    shard::{Shard, Shards},
    status,
    store::{
        Admission, Admitted, Append, Expired, Expiry, FlowVersion, Page, RunFilter, RunRow, Store,
        StoreError, Timer, TriggerState,
    },
};

/// A store that lives as long as its last handle. It keeps events as text, as every store does, so
/// that what is lost on the way to a disk is lost here too.
#[derive(Debug)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    epoch: u64,
    /// None of a store with one owner.
    member: Option<Member>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self { state: Arc::default(), epoch: 0, member: None }
    }

    /// The same data for one of several processes, which is known by a name. Leases are measured by
    /// a clock that [`Self::pass`] puts forward.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut state = self.read();
        let member = Some(Member::join(&mut state.cluster, name));
        Self { state: Arc::clone(&self.state), epoch: state.epoch, member }
    }

    /// Gives all processes of a name up for lost, whether they are there or not.
    pub fn lose(&self, name: &str) {
        self.read().cluster.lose(name);
    }

    /// Puts the clock of the leases forward.
    pub fn pass(&self, milliseconds: u64) {
        self.read().cluster.now += milliseconds;
    }

    /// Takes the data over, as a restarted process does: writes of the earlier handle are fenced.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let mut state = self.read();
        state.epoch += 1;
        Self { state: Arc::clone(&self.state), epoch: state.epoch, member: None }
    }

    fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data with what this process may write to.
    fn write(&self) -> Result<(MutexGuard<'_, State>, Shards), StoreError> {
        let mut state = self.read();
        if state.epoch != self.epoch {
            return Err(StoreError::Fenced);
        }
        let owned = match &self.member {
            Some(member) => member.owned(&mut state.cluster)?,
            None => Shards::ALL,
        };
        Ok((state, owned))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_flow(&self, version: FlowVersion) -> Result<(), StoreError> {
        let (mut state, _) = self.write()?;
        if !state.flows.contains_key(&version.sha) {
            state.versions.push((version.flow.clone(), version.sha.clone()));
            state.flows.insert(version.sha.clone(), version);
        }
        Ok(())
    }

    async fn flow(&self, sha: &str) -> Result<Option<FlowVersion>, StoreError> {
        Ok(self.read().flows.get(sha).cloned())
    }

    async fn versions(&self, flow: &str, limit: usize) -> Result<Vec<VersionRow>, StoreError> {
        let state = self.read();
        let found = state.versions.iter().rev().filter(|(of, _)| of == flow);
        let found = found.map(|(_, sha)| VersionRow { sha: sha.clone(), stored: None });
        Ok(found.take(limit).collect())
    }

    async fn audit(&self, entry: AuditEntry) -> Result<u64, StoreError> {
        let (mut state, _) = self.write()?;
        state.audit.retain(|it| entry.at.since(it.at) < AUDIT_KEPT);
        state.audits += 1;
        let number = state.audits;
        state.audit.push(AuditEntry { number, ..entry });
        Ok(number)
    }

    async fn audited(&self, number: u64, status: u16) -> Result<(), StoreError> {
        let (mut state, _) = self.write()?;
        if let Some(entry) = state.audit.iter_mut().find(|it| it.number == number) {
            entry.status = Some(status);
        }
        Ok(())
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.read();
        let older = state.audit.iter().rev().filter(|it| before.is_none_or(|at| it.number < at));
        Ok(older.filter(|it| filter.passes(it)).take(limit).cloned().collect())
    }

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError> {
        let (mut state, owned) = self.write()?;
        // What has no name is said of the flow itself, by whoever it is told to.
        let mut named = states.iter().filter(|it| !it.trigger.is_empty());
        if named.any(|it| !owned.contains(Shard::of_flow(&it.flow))) {
            return Err(StoreError::Fenced);
        }
        let texts: Result<Vec<_>, _> = states.iter().map(status::check_trigger).collect();
        let texts = texts?;
        let mut plan = Plan::new(&state, owned);
        for admission in admissions {
            plan.admit(admission)?;
        }
        let (changes, admitted) = (plan.changes, plan.admitted);
        state.apply(changes);
        for (new, text) in states.into_iter().zip(texts) {
            state.triggers.insert((new.flow, new.trigger), (text, new.due));
        }
        Ok(admitted)
    }

    async fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        let state = self.read();
        let read = |((flow, trigger), (text, due)): (&(String, String), &(String, _))| {
            let (flow, trigger, due) = (flow.clone(), trigger.clone(), *due);
            let state = codec::decode_value(text);
            let state = state.map_err(|_| status::unreadable_trigger(&flow, &trigger))?;
            Ok(TriggerState { flow, trigger, state, due })
        };
        let mut all = state.triggers.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        all.sort_by_key(|it| (it.due.is_none(), it.due));
        Ok(all)
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        let (mut state, owned) = self.write()?;
        let mut plan = Plan::new(&state, owned);
        for step in batch {
            if !owned.contains(Shard::of_run(&step.run)) {
                return Err(StoreError::Fenced);
            }
            plan.step(step)?;
        }
        let (changes, admitted) = (plan.changes, plan.admitted);
        state.apply(changes);
        Ok(admitted)
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
        let state = self.read();
        let Some(run) = state.positions.get(run).and_then(|it| state.runs.get(it)) else {
            return Ok(None);
        };
        let corrupt = |reason: String| {
            StoreError::Corrupt(format!("events of run `{}`: {reason}", run.row.run))
        };
        let events: Result<Vec<_>, _> = run.events.iter().map(|it| codec::decode(it)).collect();
        let events = events.map_err(|error| corrupt(error.to_string()))?;
        status::check_history(&events).map_err(|reason| corrupt(reason.to_owned()))?;
        Ok(Some((run.row.clone(), events)))
    }

    async fn awake_runs(
        &self,
        shards: Shards,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let state = self.read();
        let rows = state.open.iter().filter(|position| after < **position);
        let rows = rows.filter_map(|position| state.runs.get(position)).map(|run| &run.row);
        let rows = rows.filter(|row| shards.contains(Shard::of_run(&row.run)));
        Ok(rows.filter(|row| row.turn || !row.asleep).take(limit).cloned().collect())
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        page: Page,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let state = self.read();
        let passing = |(_, run): (&u64, &Run)| passes(filter, &run.row).then(|| run.row.clone());
        let before = match page {
            Page::Newest => u64::MAX,
            Page::Before(position) => position,
            Page::After(position) => {
                let newer = (Bound::Excluded(position), Bound::Unbounded);
                let rows = state.runs.range(newer).filter_map(passing).take(limit);
                return Ok(rows.collect::<Vec<_>>().into_iter().rev().collect());
            }
        };
        Ok(state.runs.range(..before).rev().filter_map(passing).take(limit).collect())
    }

    async fn count(&self, filter: &RunFilter, most: usize) -> Result<usize, StoreError> {
        let state = self.read();
        Ok(state.runs.values().filter(|run| passes(filter, &run.row)).take(most).count())
    }

    async fn expire(&self, expiry: Expiry) -> Result<Expired, StoreError> {
        Ok(self.write()?.0.expire(&expiry))
    }

    async fn size(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn due(
        &self,
        shards: Shards,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        let state = self.read();
        let due = state.due.iter().take_while(|(due, _)| *due <= until);
        let timers = due.filter_map(|(due, (position, path, deadline))| {
            let run = state.runs.get(position)?.row.run.clone();
            Some(Timer { run, path: path.clone(), deadline: *deadline, due: *due })
        });
        let timers = timers.filter(|it| shards.contains(Shard::of_run(&it.run)));
        Ok(timers.take(limit).collect())
    }

    async fn next_due(&self, shards: Shards) -> Result<Option<Timestamp>, StoreError> {
        let state = self.read();
        let mut wanted = state.due.iter().filter(|(_, (position, ..))| {
            let run = state.runs.get(position);
            run.is_some_and(|it| shards.contains(Shard::of_run(&it.row.run)))
        });
        Ok(wanted.next().map(|(due, _)| *due))
    }

    fn shared(&self) -> Option<&dyn Nodes> {
        self.member.as_ref().map(|_| self as &dyn Nodes)
    }
}

fn passes(filter: &RunFilter, row: &RunRow) -> bool {
    let is = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == is)
    };
    let any_end = filter.statuses.is_empty() && !filter.open;
    let ended = match row.status {
        Some(status) => filter.statuses.contains(&status),
        None => filter.open && filter.paused.is_none_or(|it| it == row.paused),
    };
    let code = || row.error.as_ref().and_then(status::error_code);
    is(&filter.flow, Some(&row.flow))
        && is(&filter.trigger, Some(&row.trigger))
        && (any_end || ended)
        && is(&filter.key, row.key.as_deref())
        && (filter.code.is_none() || filter.code == code())
        && filter
            .parent
            .as_ref()
            .is_none_or(|run| row.parent.as_ref().map(|it| &it.run) == Some(run))
        && filter.again_of.as_ref().is_none_or(|run| row.again_of.as_ref() == Some(run))
        && filter.from.is_none_or(|from| from <= row.created)
        && filter.until.is_none_or(|until| row.created < until)
}

/// Flow, trigger and dedupe key.
type InboxKey = (String, String, String);
/// Position of the run, action, whether a deadline.
type TimerKey = (u64, Path, bool);

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    /// Position of the newest run.
    last: u64,
    flows: BTreeMap<String, FlowVersion>,
    /// Names of flows and their versions, in the order in which they came.
    versions: Vec<(String, String)>,
    audit: Vec<AuditEntry>,
    /// Number of the last entry.
    audits: u64,
    runs: BTreeMap<u64, Run>,
    positions: BTreeMap<RunId, u64>,
    open: BTreeSet<u64>,
    /// The run of each known event, and since when it is known.
    inbox: BTreeMap<InboxKey, (RunId, Timestamp)>,
    timers: BTreeMap<TimerKey, Timestamp>,
    due: BTreeSet<(Timestamp, TimerKey)>,
    /// State and due time, by flow and trigger.
    triggers: BTreeMap<(String, String), (String, Option<Timestamp>)>,
    cluster: Cluster,
}

#[derive(Debug)]
struct Run {
    row: RunRow,
    events: Vec<String>,
}

impl State {
    /// Carries out what a plan found to be legal.
    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Begin(admission, text, created) => self.begin(*admission, text, created),
                Change::Step(step, texts) => self.step(step, texts),
                Change::Post(post) => self.cluster.post(post),
            }
        }
    }

    fn begin(&mut self, admission: Admission, text: String, created: Timestamp) {
        let again_of = admission.again_of();
        // The positions of deleted runs are not given again.
        self.last += 1;
        let position = self.last;
        if let Some(key) = inbox_key(&admission) {
            self.inbox.insert(key, (admission.run.clone(), admission.started.at));
        }
        self.positions.insert(admission.run.clone(), position);
        self.open.insert(position);
        let row = RunRow {
            position,
            run: admission.run,
            flow: admission.flow,
            sha: admission.sha,
            trigger: admission.trigger,
            key: admission.key,
            parent: admission.parent,
            again_of,
            status: None,
            error: None,
            created,
            finished: None,
            asleep: false,
            turn: false,
            paused: false,
        };
        self.runs.insert(position, Run { row, events: vec![text] });
    }

    fn step(&mut self, step: Append, texts: Vec<String>) {
        let Some(position) = self.positions.get(&step.run).copied() else { return };
        for (path, deadline) in step.events.iter().filter_map(status::ended_timer) {
            self.disarm(&(position, path.clone(), deadline));
        }
        for (path, deadline) in step.disarm {
            self.disarm(&(position, path, deadline));
        }
        for timer in step.arm {
            let key = (position, timer.path, timer.deadline);
            self.disarm(&key);
            self.due.insert((timer.due, key.clone()));
            self.timers.insert(key, timer.due);
        }
        let end = step.events.last().and_then(status::end);
        if let Some(run) = self.runs.get_mut(&position) {
            run.events.extend(texts);
            if let Some(end) = &end {
                run.row.status = Some(end.status);
                run.row.error.clone_from(&end.error);
                run.row.finished = Some(end.at);
            } else {
                (run.row.asleep, run.row.turn) = (step.asleep, step.turn);
                run.row.paused = step.paused;
            }
        }
        if end.is_some() {
            self.open.remove(&position);
            let first = (position, Path::run(), false);
            let timers = self.timers.range(first..).take_while(|((it, _, _), _)| *it == position);
            for key in timers.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                self.disarm(&key);
            }
        }
    }

    /// The runs of a key, and those that they called.
    fn family(&self, key: &str) -> BTreeSet<&RunId> {
        let mut family = BTreeSet::new();
        // Whoever is called comes after the caller.
        for run in self.runs.values().map(|it| &it.row) {
            let is_called = run.parent.as_ref().is_some_and(|it| family.contains(&it.run));
            if run.key.as_deref() == Some(key) || is_called {
                family.insert(&run.run);
            }
        }
        family
    }

    fn expire(&mut self, expiry: &Expiry) -> Expired {
        let family = expiry.key.as_deref().map(|key| self.family(key));
        let is_open = |id: &RunId| self.positions.get(id).is_some_and(|it| self.open.contains(it));
        let open = self.open.iter().filter_map(|it| self.runs.get(it)?.row.parent.as_ref());
        let needed: BTreeSet<&RunId> = open.map(|it| &it.run).collect();
        let mut old: Vec<(Timestamp, u64)> = Vec::new();
        for (position, Run { row, .. }) in &self.runs {
            let called = row.parent.as_ref().is_some_and(|it| is_open(&it.run));
            let is_meant = family.as_ref().is_none_or(|it| it.contains(&row.run));
            let ended = row.finished.filter(|it| is_meant && *it < expiry.ended);
            old.extend(
                ended.filter(|_| !called && !needed.contains(&row.run)).map(|it| (it, *position)),
            );
        }
        old.sort_unstable();
        old.truncate(expiry.limit);
        let mut gone = BTreeSet::new();
        for (_, position) in &old {
            if let Some(run) = self.runs.remove(position) {
                self.positions.remove(&run.row.run);
                gone.insert(run.row.run);
            }
        }
        let is_old = |(run, since): &(RunId, Timestamp)| match expiry.key {
            Some(_) => gone.contains(run),
            None => *since < expiry.known && !self.positions.contains_key(run),
        };
        let known = self.inbox.iter().filter(|(_, of)| is_old(of)).map(|(key, _)| key.clone());
        let most = if expiry.key.is_some() { usize::MAX } else { expiry.limit };
        let known: Vec<InboxKey> = known.take(most).collect();
        for key in &known {
            self.inbox.remove(key);
        }
        Expired { runs: old.len(), known: known.len() }
    }

    fn disarm(&mut self, key: &TimerKey) {
        if let Some(due) = self.timers.remove(key) {
            self.due.remove(&(due, key.clone()));
        }
    }
}

enum Change {
    /// The text of its first event, and when it was admitted.
    Begin(Box<Admission>, String, Timestamp),
    /// A step without its children, which begin on their own.
    Step(Append, Vec<String>),
    Post(Post),
}

/// The changes of one call, found out before any is made: so a refused call leaves no trace.
struct Plan<'a> {
    state: &'a State,
    /// What the caller may write to.
    owned: Shards,
    begun: BTreeSet<RunId>,
    ended: BTreeSet<RunId>,
    inbox: BTreeMap<InboxKey, RunId>,
    changes: Vec<Change>,
    admitted: Vec<Admitted>,
}

impl<'a> Plan<'a> {
    const fn new(state: &'a State, owned: Shards) -> Self {
        Self {
            state,
            owned,
            begun: BTreeSet::new(),
            ended: BTreeSet::new(),
            inbox: BTreeMap::new(),
            changes: Vec::new(),
            admitted: Vec::new(),
        }
    }

    fn admit(&mut self, mut admission: Admission) -> Result<(), StoreError> {
        let text = status::check_admission(&admission)?;
        let key = inbox_key(&admission);
        if let Some(key) = key {
            if let Some(run) =
                self.state.inbox.get(&key).map(|(run, _)| run).or_else(|| self.inbox.get(&key))
            {
                self.admitted.push(Admitted::Duplicate(run.clone()));
                return Ok(());
            }
            self.inbox.insert(key, admission.run.clone());
        }
        if self.state.positions.contains_key(&admission.run)
            || !self.begun.insert(admission.run.clone())
        {
            return Err(status::already_begun(&admission));
        }
        if !self.state.flows.contains_key(&admission.sha) {
            return Err(status::unknown_version(&admission));
        }
        self.admitted.push(Admitted::New(admission.run.clone()));
        if !self.owned.contains(Shard::of_run(&admission.run)) {
            self.changes.push(Change::Post(Post::begin(&admission)));
        }
        let created = admission.created();
        let first = admission.first_step();
        self.changes.push(Change::Begin(Box::new(admission), text, created));
        first.map_or(Ok(()), |step| self.step(step))
    }

    fn step(&mut self, mut step: Append) -> Result<(), StoreError> {
        let texts = status::check_append(&step)?;
        let stored = self.state.positions.get(&step.run);
        if stored.is_none() && !self.begun.contains(&step.run) {
            return Err(StoreError::UnknownRun(step.run));
        }
        if stored.is_some_and(|position| !self.state.open.contains(position))
            || self.ended.contains(&step.run)
        {
            return Err(status::already_ended(&step));
        }
        if step.events.last().and_then(status::end).is_some() {
            self.ended.insert(step.run.clone());
        }
        let children = std::mem::take(&mut step.children);
        self.changes.extend(std::mem::take(&mut step.posts).into_iter().map(Change::Post));
        self.changes.push(Change::Step(step, texts));
        children.into_iter().try_for_each(|child| self.admit(child))
    }
}

fn inbox_key(admission: &Admission) -> Option<InboxKey> {
    let key = admission.dedupe.clone()?;
    Some((admission.flow.clone(), admission.trigger.clone(), key))
}

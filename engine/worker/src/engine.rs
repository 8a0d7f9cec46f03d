//! The running engine: what everything in it shares, and the handle to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use base::{Failure, RunId, Status, Timestamp};
use interp::Plan;
use journal::{Event, Path, RunFilter, RunRow, Store, StoreError};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use crate::{
    admit::{AdmitError, Admitter, Incoming, Receipt},
    clock::Clock,
    deploy::Deployed,
    lanes::Lanes,
    perform::Performer,
    pump, timers,
};

/// What an engine is made of.
pub struct Options {
    /// Where runs live.
    pub store: Arc<dyn Store>,
    /// Who answers the questions of runs.
    pub performer: Arc<dyn Performer>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The flows, by name.
    pub flows: Flows,
    /// Runs that are in memory at a time; further ones wait for their turn, sleeping ones do not count.
    pub active_max: usize,
}

/// The deployed flows by name.
pub type Flows = BTreeMap<String, Arc<Deployed>>;

/// A cheap handle to a running engine.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

/// What the tasks of an engine share.
pub(crate) struct Inner {
    pub store: Arc<dyn Store>,
    pub performer: Arc<dyn Performer>,
    pub clock: Arc<dyn Clock>,
    flows: RwLock<Arc<Flows>>,
    pub plans: Mutex<BTreeMap<String, Arc<Plan>>>,
    /// Runs in memory, with the way to reach each.
    pub mailboxes: Mutex<BTreeMap<RunId, mpsc::UnboundedSender<Message>>>,
    pub lanes: Mutex<Lanes>,
    /// Bounds the runs in memory.
    pub permits: Semaphore,
    pub waiters: Mutex<BTreeMap<RunId, Vec<oneshot::Sender<Value>>>>,
    /// Timers whose events are on their way.
    pub fired: Mutex<BTreeSet<(RunId, Path, bool)>>,
    pub timer_set: Notify,
    pub admitter: Admitter,
    pub stop: watch::Sender<bool>,
    /// Counts ended runs, for whoever waits for one.
    pub ended: watch::Sender<u64>,
}

/// Something for one run.
#[derive(Debug)]
pub(crate) enum Message {
    /// Look at the run: it is new, or the process is.
    Look,
    /// An event, without its time.
    Event(Path, Box<journal::EventKind>),
}

impl Message {
    pub(crate) fn event(path: Path, kind: journal::EventKind) -> Self {
        Self::Event(path, Box::new(kind))
    }
}

/// Takes a lock; a panic of another holder has left plain data behind, which is still right.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error("the store cannot be read")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Stores the flows' versions, takes up every open run where it was, and starts the timers.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { store, performer, clock, flows, active_max } = options;
        let (admitter, requests) = Admitter::new();
        let inner = Arc::new(Inner {
            store,
            performer,
            clock,
            plans: Mutex::new(BTreeMap::new()),
            flows: RwLock::default(),
            mailboxes: Mutex::new(BTreeMap::new()),
            lanes: Mutex::default(),
            permits: Semaphore::new(active_max),
            waiters: Mutex::new(BTreeMap::new()),
            fired: Mutex::new(BTreeSet::new()),
            timer_set: Notify::new(),
            admitter,
            stop: watch::Sender::new(false),
            ended: watch::Sender::new(0),
        });
        inner.deploy(flows).await?;
        tokio::spawn(Admitter::run(Arc::clone(&inner), requests));
        pump::recover(&inner).await?;
        tokio::spawn(timers::run(Arc::clone(&inner)));
        Ok(Self(inner))
    }

    /// The flows that new events go to.
    pub fn flows(&self) -> Arc<Flows> {
        self.0.flows()
    }

    /// Puts flows in the place of the present ones. Runs that have begun stay with the version they
    /// began with.
    ///
    /// # Errors
    /// If the versions cannot be stored; then nothing has changed.
    pub async fn deploy(&self, flows: Flows) -> Result<(), StoreError> {
        self.0.deploy(flows).await
    }

    /// What time it is for the engine.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Takes in an event of a trigger. When this returns, the event is durable.
    ///
    /// # Errors
    /// If there is no such flow or trigger, its expressions fail, its queue is full, or the store
    /// failed: then nothing was taken in.
    pub async fn fire(&self, incoming: Incoming) -> Result<Receipt, AdmitError> {
        self.0.admitter.fire(&self.0, incoming).await
    }

    /// What the flow answers its caller. `None` if the run ends without an answer.
    ///
    /// Must be asked for before the run is fired to be sure of it: see [`Receipt::answer`].
    pub(crate) fn answer_of(&self, run: &RunId) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.0.waiters).entry(run.clone()).or_default().push(sender);
        receiver
    }

    /// Waits for a run's end.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn wait(&self, run: &RunId) -> Result<RunRow, StoreError> {
        let mut ended = self.0.ended.subscribe();
        loop {
            ended.borrow_and_update();
            let (row, _) = self.load(run).await?;
            if row.status.is_some() || ended.changed().await.is_err() {
                return Ok(row);
            }
        }
    }

    /// A run with its events.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn load(&self, run: &RunId) -> Result<(RunRow, Vec<Event>), StoreError> {
        self.0.store.load(run).await?.ok_or_else(|| StoreError::UnknownRun(run.clone()))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn runs(&self, filter: &RunFilter, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        self.0.store.runs(filter, None, limit).await
    }

    /// A run as it stands, rebuilt from its journal with the flow version it is pinned to.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn show(&self, run: &RunId) -> Result<(RunRow, Arc<Plan>, interp::Run), StoreError> {
        let (row, events) = self.load(run).await?;
        let plan = self.0.plan(&row).await?;
        let state = interp::replay(&plan, &events);
        Ok((row, plan, state))
    }

    /// Stops a run.
    pub fn cancel(&self, run: &RunId, reason: &str) {
        let kind = journal::EventKind::Cancelled { reason: reason.to_owned() };
        self.0.deliver(run, Message::event(Path::run(), kind));
    }

    /// Stops taking in events and working on runs; what is open stays in the store.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Whether the engine has stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped()
    }

    /// Returns when the engine has stopped: it was told to, or another process has taken the store.
    pub async fn stopped(&self) {
        let mut stop = self.0.stop.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(stop.wait_for(|stop| *stop).await);
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn flows(&self) -> Arc<Flows> {
        Arc::clone(&self.flows.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn deploy(&self, flows: Flows) -> Result<(), StoreError> {
        for flow in flows.values() {
            self.store.put_flow(flow.version()).await?;
        }
        let mut plans = lock(&self.plans);
        // Plans of older versions are made anew when asked for, with the present secrets.
        plans.clear();
        plans.extend(flows.values().map(|it| (it.sha.clone(), Arc::clone(&it.plan))));
        drop(plans);
        *self.flows.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(flows);
        Ok(())
    }

    /// Ends all tasks: those of the runs end when their mailboxes are gone.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
        // Kept for a task that is about to wait.
        self.timer_set.notify_one();
        lock(&self.mailboxes).clear();
    }

    pub(crate) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// The plan that a run is pinned to.
    pub(crate) async fn plan(&self, row: &RunRow) -> Result<Arc<Plan>, StoreError> {
        if let Some(plan) = lock(&self.plans).get(&row.sha) {
            return Ok(Arc::clone(plan));
        }
        let Some(version) = self.store.flow(&row.sha).await? else {
            return Err(StoreError::Corrupt(format!("flow version {} is missing", row.sha)));
        };
        // The present deployment knows the secure parameters and which calls are unsafe.
        let flows = self.flows();
        let present = flows.get(&row.flow);
        let plan = Arc::new(Deployed::plan_of(&version, present.map(AsRef::as_ref)));
        lock(&self.plans).insert(row.sha.clone(), Arc::clone(&plan));
        Ok(plan)
    }

    /// Sends a message to a run, which is taken into memory if it is not there.
    pub(crate) fn deliver(self: &Arc<Self>, run: &RunId, message: Message) {
        let mut mailboxes = lock(&self.mailboxes);
        // Looked at under the lock: after a stop nothing may be put into the emptied map.
        if self.stopped() {
            return;
        }
        let mailbox = mailboxes.entry(run.clone()).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            pump::spawn(Arc::clone(self), run.clone(), receiver);
            sender
        });
        if mailbox.send(message).is_err() {
            tracing::error!(%run, "The task of a run has gone without its mailbox.");
        }
    }

    /// A run has answered its caller.
    pub(crate) fn respond(&self, run: &RunId, outputs: &Value) {
        for waiter in lock(&self.waiters).remove(run).unwrap_or_default() {
            // Whoever asked may have gone away; the answer is in the run's history.
            drop(waiter.send(outputs.clone()));
        }
    }
}

/// How a run failed, for people; empty if it did not.
pub fn describe_end(row: &RunRow) -> Option<Failure> {
    let error = row.error.as_ref()?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    (row.status != Some(Status::Succeeded)).then(|| Failure::new(text("code"), text("message")))
}

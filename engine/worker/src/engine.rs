//! The running engine: what everything in it shares, and the handle to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::AtomicI64},
    time::Duration,
};

use base::{Failure, RunId, Status, Timestamp};
use interp::Plan;
use journal::{
    Admitted, Event, NodeRow, Page, Path, RunFilter, RunRow, Shard, Store, StoreError, TriggerState,
};
use serde_json::Value;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use crate::{
    addresses::Addresses,
    admit::{AdmitError, Admitter, Fresh, Incoming, Receipt},
    clock::Clock,
    deliveries::Delivered,
    deploy::Deployed,
    lanes::Lanes,
    mail::{self, Letters, Slip},
    metrics::{Metrics, Snapshot},
    nodes,
    notify::{self, FailedRun},
    off,
    perform::Performer,
    pump, random,
    room::Room,
    telemetry::OpenRuns,
    tenure::Tenures,
    timers,
    triggers::{self, batch::Batches},
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
    /// Makes the addresses that others call; without it, nothing can be asked to call.
    pub addresses: Option<Addresses>,
}

/// Runs that may wait for each that may be worked on: of 1,000, waiting ones take some 100 MB.
const WAITING_TO_ACTIVE: usize = 50;

/// How long the store may take to answer whether it is there.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

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
    /// Held from before runs are stored until they are in their lanes: both have one order, so that
    /// after a restart the lanes are as they were.
    pub order: tokio::sync::Mutex<()>,
    pub addresses: Option<Addresses>,
    pub batches: Batches,
    /// Bounds the runs in memory.
    pub room: Room,
    /// Runs that may wait for their turn or for memory before events are refused.
    pub waiting_max: usize,
    /// Runs that are neither over nor asleep.
    pub open: OpenRuns,
    pub metrics: Arc<Metrics>,
    pub waiters: Mutex<BTreeMap<RunId, Vec<oneshot::Sender<Arc<Value>>>>>,
    /// Timers whose events are on their way.
    pub fired: Mutex<BTreeSet<(RunId, Path, bool)>>,
    pub tenures: Tenures,
    pub mail: Letters,
    /// A write was refused because something is not this process's own any more.
    pub fence: Notify,
    pub timer_set: Notify,
    /// Ticks at which the next timer is due, as far as is known.
    pub timer_next: AtomicI64,
    /// The flows that are turned off.
    pub off: RwLock<BTreeSet<String>>,
    /// Counts deployments, for whoever follows the flows.
    pub deployed: watch::Sender<u64>,
    pub admitter: Admitter,
    pub stop: watch::Sender<bool>,
    /// Counts runs that have ended, were paused or go on, for whoever waits for one.
    pub changed: watch::Sender<u64>,
    /// Tells of runs that have failed, whoever wants to know.
    pub failed: broadcast::Sender<FailedRun>,
}

/// Something for one run.
#[derive(Debug)]
pub(crate) enum Message {
    /// Look at the run: the process is new, or it may go on.
    Look,
    /// The run has waited for its turn, which has come.
    Turn,
    /// Begin the run, which was just admitted.
    Begin(Box<Fresh>),
    /// A question of the run could not be asked for the time being.
    PutOff(Path),
    /// An event, without its time.
    Event(Path, Box<journal::EventKind>),
    /// An event that another process has left.
    Note(Path, Box<journal::EventKind>, Slip),
    /// A service calls the run back; it is told when that is durable, and whether it was awaited.
    Call { path: Path, outputs: Value, done: oneshot::Sender<bool> },
}

impl Message {
    /// Its run takes nothing in any more. Whoever called it back finds that out by himself.
    pub(crate) fn settle(self) {
        if let Self::Note(_, _, slip) = self {
            slip.taken();
        }
    }

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
    /// Stores the flows' versions, takes up every open run where it was, and starts the timers
    /// and the triggers that fire by themselves.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { store, performer, clock, flows, active_max, addresses } = options;
        let (admitter, requests) = Admitter::new();
        let (batches, messages) = Batches::new();
        let (mail, ends) = Letters::new();
        let metrics = Arc::<Metrics>::default();
        performer.observe(&metrics);
        let inner = Arc::new(Inner {
            store,
            performer,
            clock,
            plans: Mutex::new(BTreeMap::new()),
            flows: RwLock::default(),
            mailboxes: Mutex::new(BTreeMap::new()),
            lanes: Mutex::default(),
            order: tokio::sync::Mutex::default(),
            addresses,
            batches,
            room: Room::new(active_max),
            waiting_max: active_max * WAITING_TO_ACTIVE,
            open: OpenRuns::new(),
            metrics,
            waiters: Mutex::new(BTreeMap::new()),
            fired: Mutex::new(BTreeSet::new()),
            tenures: Tenures::new(),
            mail,
            fence: Notify::new(),
            timer_set: Notify::new(),
            timer_next: AtomicI64::new(i64::MAX),
            off: RwLock::default(),
            deployed: watch::Sender::new(0),
            admitter,
            stop: watch::Sender::new(false),
            changed: watch::Sender::new(0),
            failed: broadcast::Sender::new(notify::WAITING_MAX),
        });
        inner.deploy(flows).await?;
        off::look(&inner).await?;
        tokio::spawn(Admitter::run(Arc::clone(&inner), requests));
        // Runs that were taken up before the store failed must not go on: whoever tries again would
        // work on them a second time.
        nodes::look(&inner).await.inspect_err(|_| inner.stop())?;
        tokio::spawn(nodes::run(Arc::clone(&inner)));
        tokio::spawn(mail::run(Arc::clone(&inner), ends));
        tokio::spawn(timers::run(Arc::clone(&inner)));
        tokio::spawn(off::follow(Arc::clone(&inner)));
        tokio::spawn(triggers::batch::run(Arc::clone(&inner), messages));
        tokio::spawn(triggers::run(Arc::clone(&inner)));
        let open_runs = inner.open.total();
        tracing::info!(open_runs, "The engine has started.");
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

    /// How others reach the service, if that is known.
    pub fn public_url(&self) -> Option<&str> {
        self.0.addresses.as_ref().map(|it| it.public_url.as_str())
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

    /// Takes in what a service has delivered. When this returns, it is durable.
    ///
    /// # Errors
    /// If no flow can take it, a queue is full, or the store failed: then nothing was taken in.
    pub async fn take_in(&self, events: Vec<Delivered>) -> Result<Vec<Admitted>, AdmitError> {
        self.0.admitter.fire_all(&self.0, events).await
    }

    /// What the flow answers its caller. `None` if the run ends without an answer.
    ///
    /// Must be asked for before the run is fired to be sure of it: see [`Receipt::answer`].
    pub(crate) fn answer_of(&self, run: &RunId) -> oneshot::Receiver<Arc<Value>> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.0.waiters).entry(run.clone()).or_default().push(sender);
        receiver
    }

    /// A run with its events.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn load(&self, run: &RunId) -> Result<(RunRow, Vec<Event>), StoreError> {
        self.0.store.load(run).await?.ok_or_else(|| StoreError::UnknownRun(run.clone()))
    }

    /// The newest runs that pass a filter.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn runs(&self, filter: &RunFilter, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        self.page_of_runs(filter, Page::Newest, limit).await
    }

    /// A part of the runs that pass a filter, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn page_of_runs(
        &self,
        filter: &RunFilter,
        page: Page,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.0.store.runs(filter, page, limit).await
    }

    /// How many runs pass a filter; no more than `most` are counted.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count_runs(&self, filter: &RunFilter, most: usize) -> Result<usize, StoreError> {
        self.0.store.count(filter, most).await
    }

    /// A run as it stands, rebuilt from its journal with the flow version it is pinned to.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn show(&self, run: &RunId) -> Result<(RunRow, Arc<Plan>, interp::Run), StoreError> {
        let (row, events) = self.load(run).await?;
        let plan = self.0.plan(&row.flow, &row.sha).await?;
        let state = interp::replay(&plan, &events);
        Ok((row, plan, state))
    }

    /// A run with the flow version that it is pinned to and its events.
    ///
    /// # Errors
    /// If the store fails or does not know the run.
    pub async fn history(
        &self,
        run: &RunId,
    ) -> Result<(RunRow, Arc<Plan>, Vec<Event>), StoreError> {
        let (row, events) = self.load(run).await?;
        let plan = self.0.plan(&row.flow, &row.sha).await?;
        Ok((row, plan, events))
    }

    /// Where the triggers that fire by themselves have got to, the next one due first. Those of
    /// flows that are not deployed any more are among them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn triggers(&self) -> Result<Vec<TriggerState>, StoreError> {
        self.0.store.triggers().await
    }

    /// The processes that share the store; none if it has one owner.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        match self.0.store.shared() {
            Some(shared) => shared.nodes().await,
            None => Ok(Vec::new()),
        }
    }

    /// Lets others go on with everything, as far as that can be done in some seconds: what is being
    /// asked is answered, and nothing new is begun. Then the engine is to be stopped.
    pub async fn hand_over(&self) {
        nodes::hand_over(&self.0).await;
    }

    /// Whether events can be taken in.
    ///
    /// # Errors
    /// Says why not, in a word and for people.
    pub async fn ready(&self) -> Result<(), (&'static str, String)> {
        if self.is_stopped() {
            return Err(("Stopping", "the engine has stopped".to_owned()));
        }
        let looking = async {
            self.0.store.next_due(self.0.tenures.ours()).await?;
            // A store may still be read that writes nothing any more.
            self.0.store.append(Vec::new()).await
        };
        match tokio::time::timeout(STORE_PATIENCE, looking).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "The store cannot be read and written.");
                Err(("StoreUnavailable", "the store cannot be read and written".to_owned()))
            }
            Err(_) => Err(("StoreUnavailable", "the store does not answer".to_owned())),
        }
    }

    /// Where the engine counts, for whoever refuses something on its behalf.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Everything that is counted and measured, as Prometheus reads it.
    pub async fn metrics_text(&self) -> String {
        let inner = &self.0;
        let subscribed = |it: &TriggerState| it.state.get("subscription").is_some();
        let states = tokio::time::timeout(STORE_PATIENCE, inner.store.triggers()).await;
        let subscriptions = states
            .ok()
            .and_then(Result::ok)
            .map(|it| it.iter().filter(|it| subscribed(it)).count());
        let in_memory = lock(&inner.mailboxes).len();
        let active = inner.room.taken();
        inner.metrics.text(Snapshot {
            active,
            queued: in_memory.saturating_sub(active),
            in_turn: lock(&inner.lanes).waiting(),
            open: inner.open.total(),
            commits: inner.store.commits(),
            subscriptions,
        })
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

    /// Where services call back a run that begins now.
    pub(crate) fn callback(&self, run: &RunId) -> Option<journal::Callback> {
        let url = &self.addresses.as_ref()?.public_url;
        let url = format!("{url}/callbacks/{run}");
        Some(journal::Callback { url, key: random::new_key().expose().clone() })
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
        self.deployed.send_modify(|count| *count += 1);
        let flows = self.flows();
        tracing::info!(flows = flows.len(), "Flows are deployed.");
        for (name, flow) in &*flows {
            tracing::debug!(flow = name, version = flow.sha, "A flow is deployed.");
        }
        Ok(())
    }

    /// Ends all tasks: those of the runs end when their mailboxes are gone.
    pub(crate) fn stop(&self) {
        if !self.stop.send_replace(true) {
            tracing::info!("The engine stops; open runs stay in the store.");
        }
        // Kept for a task that is about to wait.
        self.timer_set.notify_one();
        lock(&self.mailboxes).clear();
    }

    /// Another process has taken over: it takes in events and works on the runs. Where several share
    /// the store, it is looked up what of them.
    pub(crate) fn fenced(&self) {
        if self.store.shared().is_some() {
            self.fence.notify_one();
            return;
        }
        if !self.stopped() {
            tracing::warn!("Another process has taken over the store.");
        }
        self.stop();
    }

    pub(crate) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// The plan that a run is pinned to.
    pub(crate) async fn plan(&self, flow: &str, sha: &str) -> Result<Arc<Plan>, StoreError> {
        if let Some(plan) = lock(&self.plans).get(sha) {
            return Ok(Arc::clone(plan));
        }
        let Some(version) = self.store.flow(sha).await? else {
            return Err(StoreError::Corrupt(format!("flow version {sha} is missing")));
        };
        // The present deployment knows the secure parameters and which calls are unsafe.
        let flows = self.flows();
        let present = flows.get(flow);
        let plan = Arc::new(Deployed::plan_of(&version, present.map(AsRef::as_ref)));
        lock(&self.plans).insert(sha.to_owned(), Arc::clone(&plan));
        Ok(plan)
    }

    /// Sends a message to a run, which is taken into memory if it is not there. What another process
    /// looks after is not sent anything: what it has to know is in the store.
    pub(crate) fn deliver(self: &Arc<Self>, run: &RunId, message: Message) {
        self.has_delivered(run, message);
    }

    /// The same; whether the run is looked after here.
    pub(crate) fn has_delivered(self: &Arc<Self>, run: &RunId, message: Message) -> bool {
        let mut mailboxes = lock(&self.mailboxes);
        // Looked at under the lock: after a stop nothing may be put into the emptied map.
        if self.stopped() {
            return false;
        }
        if let Some(mailbox) = mailboxes.get(run) {
            if mailbox.send(message).is_err() {
                tracing::error!(%run, "The task of a run has gone without its mailbox.");
            }
            return true;
        }
        // Whoever has the run finds in the store what is to be done with it.
        let Some(tenure) = self.tenures.of_run(run) else { return false };
        let (sender, receiver) = mpsc::unbounded_channel();
        // The receiver is there, so this cannot fail.
        drop(sender.send(message));
        pump::spawn(Arc::clone(self), run.clone(), tenure, receiver);
        mailboxes.insert(run.clone(), sender);
        true
    }

    /// Whether a run that was just stored is to be begun here. The store knows better than the tenures
    /// what it has left for others.
    pub(crate) fn is_own(&self, run: &RunId) -> bool {
        let shared = self.store.shared();
        self.tenures.has(run) && shared.is_none_or(|it| it.owns(Shard::of_run(run)))
    }

    /// Whether two runs are looked after by the same process, whichever that is.
    pub(crate) fn are_together(&self, one: &RunId, other: &RunId) -> bool {
        self.store.shared().is_none() || Shard::of_run(one) == Shard::of_run(other)
    }

    /// A run has answered its caller.
    pub(crate) fn respond(&self, run: &RunId, outputs: &Arc<Value>) {
        for waiter in lock(&self.waiters).remove(run).unwrap_or_default() {
            // Whoever asked may have gone away; the answer is in the run's history.
            drop(waiter.send(Arc::clone(outputs)));
        }
    }
}

/// How a run failed, for people; empty if it did not.
pub fn describe_end(row: &RunRow) -> Option<Failure> {
    let error = row.error.as_ref()?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    (row.status != Some(Status::Succeeded)).then(|| Failure::new(text("code"), text("message")))
}

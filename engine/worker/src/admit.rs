//! From an event to durable runs.
//!
//! One task admits for everybody, so that the order of the store is the order of the lanes and waiting
//! events share one commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use base::{Failure, RunId};
use flow::{ActionKind, Trigger};
use interp::{
    Effect, Plan, Run,
    fire::{Firing, fire, immediate_response},
    step,
};
use journal::{
    Admission, Admitted, Event, EventKind, Parent, Path, Shard, Shards, StoreError, TriggerState,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    answers,
    commit::{advance, settle_order, store},
    deliveries::Delivered,
    deploy::Deployed,
    early::Early,
    engine::{Engine, Inner, Message, lock},
    finish,
    lanes::Entry,
    queue::{check_queue, check_room, entry_of, refuse_late, shard_of},
    random, telemetry,
};

/// Events that may wait to be admitted; beyond that, callers wait.
const REQUESTS_MAX: usize = 1_024;
/// Events that are admitted in one commit.
const BATCH_MAX: usize = 512;
/// Runs in memory up to which a new one keeps its event there until it begins.
const BEGUN_MAX: usize = 2_000;

/// An event of a trigger.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The flow's name.
    pub flow: String,
    /// The trigger's name.
    pub trigger: String,
    /// `{headers, body, …}`.
    pub outputs: Arc<Value>,
    /// Who fires the trigger by hand; none if a request does.
    pub by: Option<String>,
}

/// What became of an event.
#[derive(Debug)]
pub struct Receipt {
    /// The runs that it started, or was found to have started before. Empty: a condition did not hold.
    pub runs: Vec<Admitted>,
    /// The answer that the trigger gives at once.
    pub response: Option<Value>,
    /// The answer of the flow's `respond` action, when it has one and there is one run, a new one.
    pub answer: Option<oneshot::Receiver<Arc<Value>>>,
    /// Whether the flow answers later, at the address of its run's answer.
    pub is_later: bool,
    /// The flow that took it in.
    pub flow: Arc<Deployed>,
    /// Whether the caller is told nothing about the flow and the run.
    pub is_terse: bool,
}

/// Why an event was not taken in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AdmitError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    UnknownFlow(String),
    /// The flow has no such trigger.
    #[error("the flow `{0}` has no trigger `{1}`")]
    UnknownTrigger(String, String),
    /// The flow is turned off.
    #[error("the flow `{0}` is turned off and takes no events")]
    FlowOff(String),
    /// An expression of the trigger failed.
    #[error("{}", .0.message)]
    Trigger(Failure),
    /// Too many events wait for their turn.
    #[error("{0} events wait for their turn already")]
    QueueFull(usize),
    /// Too many runs wait, of whatever flow.
    #[error("{0} runs wait already")]
    Busy(usize),
    /// The store failed.
    #[error("the event could not be stored")]
    Store(#[source] Arc<StoreError>),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

/// How a caller gets the flow's own answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// There will be none, or several: it is let go at once.
    Never,
    /// It waits for it.
    Waiting,
    /// It comes back for it.
    Later,
}

impl Way {
    fn of(flow: &Deployed, trigger: &Trigger) -> Self {
        let actions = flow.plan.flow.actions.iter();
        let mut answers =
            actions.filter(|it| matches!(it.kind, ActionKind::Response(_))).peekable();
        if answers.peek().is_none() || trigger.split_on.is_some() {
            return Self::Never;
        }
        if answers.any(|it| it.has_option("Asynchronous")) { Self::Later } else { Self::Waiting }
    }
}

/// The door of the admitting task.
pub(crate) struct Admitter {
    requests: mpsc::Sender<Request>,
}

pub(crate) type Answer = Result<Vec<Admitted>, AdmitError>;

/// The runs of one event: what is stored, where each will stand in line, how far it has got.
pub(crate) struct LinedUp {
    pub(crate) admissions: Vec<Admission>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) begun: Vec<Option<Begun>>,
}

impl LinedUp {
    /// Runs that have not taken their first step.
    fn new(admissions: Vec<Admission>, entries: Vec<Entry>) -> Self {
        let begun = entries.iter().map(|_| None).collect();
        Self { admissions, entries, begun }
    }
}

/// Admissions that belong together.
pub(crate) struct Request {
    pub(crate) lined_up: LinedUp,
    pub(crate) state: Option<TriggerState>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

impl Admitter {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
        (Self { requests }, receiver)
    }

    pub(crate) async fn fire(
        &self,
        inner: &Arc<Inner>,
        incoming: Incoming,
    ) -> Result<Receipt, AdmitError> {
        check_room(inner)?;
        let flows = inner.flows();
        let Some(flow) = flows.get(&incoming.flow) else {
            return Err(AdmitError::UnknownFlow(incoming.flow));
        };
        let Some(trigger) = flow.plan.flow.trigger(&incoming.trigger) else {
            return Err(AdmitError::UnknownTrigger(incoming.flow, incoming.trigger));
        };
        if inner.is_off(&flow.name) {
            return Err(AdmitError::FlowOff(incoming.flow));
        }
        let event = flow.event(trigger, &incoming.outputs, inner.now());
        let firings = fire(&event).map_err(AdmitError::Trigger)?;
        let response = immediate_response(&event).map_err(AdmitError::Trigger)?;
        let (mut admissions, entries) = line_up(inner, flow, trigger, firings);
        for admission in &mut admissions {
            admission.set_by(incoming.by.as_deref());
        }
        for (n, entry) in entries.iter().enumerate() {
            let before = entries.get(..n).unwrap_or_default();
            check_queue(inner, (flow, trigger.name.as_str()), before, entry).await?;
        }
        let way = if response.is_some() { Way::Never } else { Way::of(flow, trigger) };
        let is_later = way == Way::Later && !admissions.is_empty();
        let is_terse = trigger.has_option("SuppressWorkflowHeadersOnResponse");
        let flow = Arc::clone(flow);
        let ids: Vec<RunId> = admissions.iter().map(|it| it.run.clone()).collect();
        let early = Early::of(&admissions);
        let begun = first_steps(&flow.plan, &mut admissions, &entries);
        early.put(&mut admissions).await;
        let are_over = !ids.is_empty() && admissions.iter().all(|it| !it.then.is_empty());
        let answer = match (ids.as_slice(), begun.as_slice()) {
            ([_], [Some(only)]) if way == Way::Waiting && are_over => {
                Some(at_once(only.run.response()))
            }
            ([only], _) if way == Way::Waiting => Some(Engine(Arc::clone(inner)).answer_of(only)),
            _ => None,
        };
        let lined_up = LinedUp { admissions, entries, begun };
        let stored = if are_over {
            store_ended(inner, &flow.plan, lined_up).await
        } else {
            self.admit(lined_up, None).await
        };
        let runs = stored.inspect_err(|_| {
            for run in &ids {
                lock(&inner.waiters).remove(run);
            }
        })?;
        let is_new = matches!(runs.as_slice(), [Admitted::New(_)]);
        let answer = answer.filter(|_| is_new);
        if answer.is_some()
            && let [only] = ids.as_slice()
            && !inner.tenures.has(only)
        {
            tokio::spawn(answers::follow(Arc::clone(inner), only.clone()));
        }
        Ok(Receipt { runs, response, answer, is_later, flow, is_terse })
    }

    /// Takes in what a service has delivered for all flows that want it, in one commit.
    pub(crate) async fn fire_all(
        &self,
        inner: &Arc<Inner>,
        events: Vec<Delivered>,
    ) -> Result<Vec<Admitted>, AdmitError> {
        check_room(inner)?;
        let flows = inner.flows();
        let mut found = Vec::new();
        let mut off = None;
        for Delivered { event, key } in events {
            if inner.is_off(&event.flow) {
                // The others get it all the same.
                off = Some(event.flow);
                continue;
            }
            let Some(flow) = flows.get(&event.flow) else {
                return Err(AdmitError::UnknownFlow(event.flow));
            };
            let Some(trigger) = flow.plan.flow.trigger(&event.trigger) else {
                return Err(AdmitError::UnknownTrigger(event.flow, event.trigger));
            };
            let seen = flow.event(trigger, &event.outputs, inner.now());
            let firings = fire(&seen).map(|it| keyed(trigger, key, it));
            found.push((flow, trigger, firings));
        }
        if let (Some(flow), true) = (off, found.is_empty()) {
            return Err(AdmitError::FlowOff(flow));
        }
        let is_lost = found.iter().all(|(_, _, firings)| firings.is_err());
        let (mut admissions, mut entries) = (Vec::new(), Vec::new());
        for (flow, trigger, firings) in found {
            match firings {
                Ok(firings) => {
                    let (new, lined) = line_up(inner, flow, trigger, firings);
                    for (admission, entry) in new.into_iter().zip(lined) {
                        check_queue(inner, (flow, trigger.name.as_str()), &entries, &entry).await?;
                        admissions.push(admission);
                        entries.push(entry);
                    }
                }
                Err(failure) if is_lost => return Err(AdmitError::Trigger(failure)),
                // A flow that cannot take it does not keep it from the others.
                Err(failure) => {
                    let (flow, trigger) = (&flow.name, &trigger.display);
                    let (code, reason) = (&failure.code, &failure.message);
                    tracing::warn!(flow, trigger, code, reason, "A trigger could not fire.");
                }
            }
        }
        self.admit(LinedUp::new(admissions, entries), None).await
    }

    /// Takes in what a trigger has fired by itself, together with where it has got to.
    pub(crate) async fn advance(
        &self,
        inner: &Inner,
        (flow, trigger): (&Deployed, &Trigger),
        firings: Vec<Firing>,
        state: TriggerState,
    ) -> Result<Vec<Admitted>, AdmitError> {
        let (admissions, entries) = line_up(inner, flow, trigger, firings);
        self.admit(LinedUp::new(admissions, entries), Some(state)).await
    }

    /// Takes in a run that no event starts.
    pub(crate) async fn admit_one(&self, new: Admission, entry: Entry) -> Result<(), AdmitError> {
        self.admit(LinedUp::new(vec![new], vec![entry]), None).await.map(drop)
    }

    async fn admit(
        &self,
        lined_up: LinedUp,
        state: Option<TriggerState>,
    ) -> Result<Vec<Admitted>, AdmitError> {
        if lined_up.admissions.is_empty() && state.is_none() {
            return Ok(Vec::new());
        }
        let (answer, receiver) = oneshot::channel();
        let request = Request { lined_up, state, answer };
        self.requests.send(request).await.map_err(|_| AdmitError::Stopping)?;
        receiver.await.map_err(|_| AdmitError::Stopping)?
    }

    /// The admitting task.
    pub(crate) async fn run(inner: Arc<Inner>, mut requests: mpsc::Receiver<Request>) {
        let mut stop = inner.stop.subscribe();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = requests.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            refuse_late(&inner, &mut batch);
            if batch.is_empty() {
                continue;
            }
            let order = inner.order.lock().await;
            let mut ordered = batch.iter().flat_map(|it| &it.lined_up.entries);
            let is_ordered = ordered.any(|it| it.lane.is_some());
            let stored = store(&inner, &mut batch).await;
            if is_ordered {
                settle_order(&inner).await;
            }
            for (request, (answer, fresh)) in batch.drain(..).zip(stored) {
                enter_all(&inner, &answer, request.lined_up.entries.into_iter().zip(fresh));
                // A caller that has gone away has its event admitted all the same.
                drop(request.answer.send(answer));
            }
            drop(order);
        }
    }
}

/// Where a run comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub run: RunId,
    pub flow: String,
    pub sha: String,
    pub parent: Option<Parent>,
}

/// A run as it was admitted: what is known need not be read again to begin it.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub origin: Origin,
    pub started: Event,
    /// How far it has got; none if it has not taken its first step.
    pub begun: Option<Begun>,
    /// Whether its end is stored already.
    is_over: bool,
    /// Whether events of another run are stored with it, which it has to go through first.
    has_past: bool,
}

/// A run after its first step, and what is to be done after that is stored.
#[derive(Debug)]
pub(crate) struct Begun {
    pub run: Run,
    pub effects: Vec<Effect>,
}

impl Begun {
    /// Takes the first step. A run that ends in it is stored as one that has ended. `None` if the
    /// engine met a fault of its own: the run's task will meet it again, where it is dealt with.
    fn of(plan: &Plan, admission: &mut Admission) -> Option<Self> {
        let mut run = Run::unseen(plan);
        let started = &admission.started;
        let stepped = catch_unwind(AssertUnwindSafe(|| step(plan, &mut run, started)));
        let effects = stepped.ok()?;
        let at_once = |it: &Effect| matches!(it, Effect::Respond { .. } | Effect::Finish { .. });
        if run.end().is_some() && effects.iter().all(at_once) {
            let finished = effects.iter().find_map(|it| match it {
                Effect::Finish { status, error, response } => {
                    let end = (*status, error.clone(), response.clone());
                    Some(finish::finished(plan, &run, started.at, end))
                }
                _ => None,
            });
            admission.then = finished.into_iter().collect();
        }
        Some(Self { run, effects })
    }
}

/// Takes the first steps of runs that wait for nobody, before they are stored.
fn first_steps(plan: &Plan, admissions: &mut [Admission], entries: &[Entry]) -> Vec<Option<Begun>> {
    let first = |(admission, entry): (&mut Admission, &Entry)| {
        if entry.lane.is_none() { Begun::of(plan, admission) } else { None }
    };
    admissions.iter_mut().zip(entries).map(first).collect()
}

/// Stores runs that have ended in their first step. They have no place in any line and nothing left
/// to do, so the admitting task need not know of them.
async fn store_ended(
    inner: &Arc<Inner>,
    plan: &Arc<Plan>,
    lined_up: LinedUp,
) -> Result<Vec<Admitted>, AdmitError> {
    let LinedUp { admissions, begun, .. } = lined_up;
    let origins: Vec<Origin> = admissions.iter().map(Origin::of).collect();
    let admitted = advance(inner, admissions, Vec::new()).await.map_err(AdmitError::Store)?;
    let new = admitted.iter().map(|it| matches!(it, Admitted::New(_))).collect::<Vec<_>>();
    let (inner, plan) = (Arc::clone(inner), Arc::clone(plan));
    // Whoever waits for the answer does not wait for this.
    tokio::spawn(async move {
        for ((origin, begun), is_new) in origins.iter().zip(&begun).zip(new) {
            telemetry::admitted(&inner, origin, is_new);
            if let Some(begun) = begun.as_ref().filter(|_| is_new) {
                telemetry::ended(&inner, origin, &plan, &begun.run);
            }
        }
        inner.changed.send_modify(|count| *count += 1);
    });
    Ok(admitted)
}

/// The answer of a run that has ended: none if it gave none.
fn at_once(response: Option<&Arc<Value>>) -> oneshot::Receiver<Arc<Value>> {
    let (sender, receiver) = oneshot::channel();
    if let Some(response) = response {
        // The receiver is here.
        drop(sender.send(Arc::clone(response)));
    }
    receiver
}

impl Origin {
    fn of(admission: &Admission) -> Self {
        let Admission { run, flow, sha, parent, .. } = admission;
        Self { run: run.clone(), flow: flow.clone(), sha: sha.clone(), parent: parent.clone() }
    }
}

impl Fresh {
    pub(crate) fn of(admission: &Admission, begun: Option<Begun>) -> Self {
        let origin = Origin::of(admission);
        let last = admission.then.last().map(|it| &it.kind);
        let is_over = matches!(last, Some(EventKind::Finished { .. }));
        let has_past = last.is_some() && !is_over;
        Self { origin, started: admission.started.clone(), begun, is_over, has_past }
    }
}

fn enter_all(inner: &Arc<Inner>, answer: &Answer, entries: impl Iterator<Item = (Entry, Fresh)>) {
    let Ok(admitted) = answer else { return };
    for (admitted, (entry, fresh)) in admitted.iter().zip(entries) {
        let is_new = matches!(admitted, Admitted::New(_));
        telemetry::admitted(inner, &fresh.origin, is_new);
        if is_new {
            match &fresh.begun {
                Some(begun) if fresh.is_over => over(inner, &fresh.origin, &begun.run),
                _ => begin(inner, entry, fresh),
            }
        } else {
            lock(&inner.waiters).remove(&entry.run);
        }
    }
}

/// A run has ended in its first step: whoever waits for it goes on.
fn over(inner: &Arc<Inner>, origin: &Origin, run: &Run) {
    let id = &origin.run;
    if let Some(plan) = lock(&inner.plans).get(&origin.sha).map(Arc::clone) {
        telemetry::ended(inner, origin, &plan, run);
    }
    if let Some(response) = run.response() {
        inner.respond(id, response);
    }
    lock(&inner.waiters).remove(id);
    inner.changed.send_modify(|count| *count += 1);
}

/// Puts a run that was just admitted into its lane; it begins if it has its turn.
pub(crate) fn begin(inner: &Arc<Inner>, entry: Entry, fresh: Fresh) {
    let run = entry.run.clone();
    // Of a run of another process it is told by the store.
    if inner.is_own(&run) && lock(&inner.lanes).enter(entry) {
        // A run that does not begin soon, or has a past, is read from the store when it does.
        let is_soon = !fresh.has_past && lock(&inner.mailboxes).len() < BEGUN_MAX;
        let message = if is_soon { Message::Begin(Box::new(fresh)) } else { Message::Look };
        inner.deliver(&run, message);
    }
}

/// Firings that are known by the key of their event, if the flow does not say by what.
pub(crate) fn keyed(
    trigger: &Trigger,
    key: Option<String>,
    mut firings: Vec<Firing>,
) -> Vec<Firing> {
    if let Some(key) = key.filter(|_| trigger.dedupe.is_none()) {
        know_by(&key, &mut firings);
    }
    firings
}

/// Makes firings of one event known by its key: `key`, `key#2`, `key#3`, …
pub(crate) fn know_by(key: &str, firings: &mut [Firing]) {
    for (n, firing) in (1..).zip(firings) {
        firing.dedupe = Some(if n == 1 { key.to_owned() } else { format!("{key}#{n}") });
    }
}

/// Puts a run of the store into its lane; it begins if it has its turn.
pub(crate) fn enter(inner: &Arc<Inner>, entry: Entry) {
    let run = entry.run.clone();
    if inner.tenures.has(&run) && lock(&inner.lanes).enter(entry) {
        inner.deliver(&run, Message::Look);
    }
}

/// The admissions of firings, each with where its run will stand in line.
fn line_up(
    inner: &Inner,
    flow: &Deployed,
    trigger: &Trigger,
    firings: Vec<Firing>,
) -> (Vec<Admission>, Vec<Entry>) {
    let of = |firing| {
        let admission = admission(inner, flow, trigger.name.as_str(), firing, None);
        let entry = entry_of(flow, &admission);
        (admission, entry)
    };
    firings.into_iter().map(of).unzip()
}

/// The admission of one firing.
pub(crate) fn admission(
    inner: &Inner,
    flow: &Deployed,
    trigger: &str,
    firing: Firing,
    parent: Option<Parent>,
) -> Admission {
    let shards = shards_for(inner, Some(flow), (trigger, firing.key.as_deref()), parent.as_ref());
    let run = random::run_id(inner.now(), shards);
    let kind = EventKind::Started {
        trigger: trigger.to_owned(),
        outputs: firing.outputs,
        parameters: Arc::clone(&flow.parameters),
        seed: random::seed(),
        run: run.as_str().to_owned(),
        callback: flow.plan.flow.waits_for_calls().then(|| inner.callback(&run)).flatten(),
        again: None,
        by: None,
    };
    Admission {
        run,
        flow: flow.name.clone(),
        sha: flow.sha.clone(),
        trigger: trigger.to_owned(),
        dedupe: firing.dedupe,
        key: firing.key,
        parent,
        started: Event { at: inner.now(), path: Path::run(), kind },
        packed: None,
        then: Vec::new(),
    }
}

/// Where a new run belongs: with those that it is ordered among, with its parent, or wherever this
/// process can begin it at once.
pub(crate) fn shards_for(
    inner: &Inner,
    flow: Option<&Deployed>,
    (trigger, key): (&str, Option<&str>),
    parent: Option<&Parent>,
) -> Shards {
    if inner.store.shared().is_none() {
        return Shards::ALL;
    }
    if let Some(shard) = flow.and_then(|it| shard_of(it, trigger, key)) {
        return shard.into();
    }
    parent.map_or_else(|| inner.tenures.ours(), |it| Shard::of_run(&it.run).into())
}

//! From an event to durable runs.
//!
//! One task admits for everybody, so that the order of the store is the order of the lanes and waiting
//! events share one commit.

use std::sync::Arc;

use base::{Failure, RunId};
use flow::ActionKind;
use interp::fire::{Firing, fire, immediate_response};
use journal::{Admission, Admitted, Event, EventKind, Parent, Path, StoreError};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    deploy::Deployed,
    engine::{Engine, Inner, Message, lock},
    lanes::{Entry, Lane},
    random,
};

/// Events that may wait to be admitted; beyond that, callers wait.
const REQUESTS_MAX: usize = 1_024;
/// Events that are admitted in one commit.
const BATCH_MAX: usize = 512;

/// An event of a trigger.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The flow's name.
    pub flow: String,
    /// The trigger's name.
    pub trigger: String,
    /// `{headers, body, …}`.
    pub outputs: Value,
}

/// What became of an event.
#[derive(Debug)]
pub struct Receipt {
    /// The runs that it started, or was found to have started before. Empty: a condition did not hold.
    pub runs: Vec<Admitted>,
    /// The answer that the trigger gives at once.
    pub response: Option<Value>,
    /// The answer of the flow's `respond` action, when it has one and there is one run, a new one.
    pub answer: Option<oneshot::Receiver<Value>>,
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    UnknownFlow(String),
    /// The flow has no such trigger.
    #[error("the flow `{0}` has no trigger `{1}`")]
    UnknownTrigger(String, String),
    /// An expression of the trigger failed.
    #[error("{}", .0.message)]
    Trigger(Failure),
    /// Too many events wait for their turn.
    #[error("{0} events wait for their turn already")]
    QueueFull(usize),
    /// The store failed.
    #[error("the event could not be stored")]
    Store(#[source] Arc<StoreError>),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

/// The door of the admitting task.
pub(crate) struct Admitter {
    requests: mpsc::Sender<Request>,
}

type Answer = Result<Vec<Admitted>, Arc<StoreError>>;

/// Admissions that belong together.
pub(crate) struct Request {
    admissions: Vec<Admission>,
    entries: Vec<Entry>,
    answer: oneshot::Sender<Answer>,
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
        if inner.stopped() {
            return Err(AdmitError::Stopping);
        }
        let flows = inner.flows();
        let Some(flow) = flows.get(&incoming.flow) else {
            return Err(AdmitError::UnknownFlow(incoming.flow));
        };
        let Some(trigger) = flow.plan.flow.trigger(&incoming.trigger) else {
            return Err(AdmitError::UnknownTrigger(incoming.flow, incoming.trigger));
        };
        let event = interp::fire::Event {
            flow: &flow.plan.flow,
            trigger,
            parameters: &flow.parameters,
            secure_parameters: &flow.plan.secure_parameters,
            outputs: &incoming.outputs,
            now: inner.now(),
        };
        let firings = fire(&event).map_err(AdmitError::Trigger)?;
        let response = immediate_response(&event).map_err(AdmitError::Trigger)?;
        let trigger_name = trigger.name.as_str().to_owned();
        let mut admissions = Vec::with_capacity(firings.len());
        let mut entries = Vec::with_capacity(firings.len());
        for firing in firings {
            let admission = admission(inner, flow, &trigger_name, firing, None);
            let entry = entry_of(flow, &admission);
            check_queue(inner, flow, &entries, &entry)?;
            entries.push(entry);
            admissions.push(admission);
        }
        // A flow that never responds lets its caller go at once.
        let actions = &flow.plan.flow.actions;
        let responds = actions.iter().any(|it| matches!(it.kind, ActionKind::Response(_)));
        let answer = match admissions.as_slice() {
            [only] if response.is_none() && responds => {
                Some(Engine(Arc::clone(inner)).answer_of(&only.run))
            }
            _ => None,
        };
        let ids: Vec<RunId> = admissions.iter().map(|it| it.run.clone()).collect();
        let runs = self.admit(admissions, entries).await.inspect_err(|_| {
            for run in &ids {
                lock(&inner.waiters).remove(run);
            }
        })?;
        let is_new = matches!(runs.as_slice(), [Admitted::New(_)]);
        Ok(Receipt { runs, response, answer: answer.filter(|_| is_new) })
    }

    async fn admit(
        &self,
        admissions: Vec<Admission>,
        entries: Vec<Entry>,
    ) -> Result<Vec<Admitted>, AdmitError> {
        if admissions.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, receiver) = oneshot::channel();
        let request = Request { admissions, entries, answer };
        self.requests.send(request).await.map_err(|_| AdmitError::Stopping)?;
        receiver.await.map_err(|_| AdmitError::Stopping)?.map_err(AdmitError::Store)
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
            let all: Vec<Admission> =
                batch.iter().flat_map(|request| request.admissions.iter().cloned()).collect();
            let mut result = inner.store.admit(all).await.map_err(Arc::new);
            if matches!(result.as_ref().map_err(AsRef::as_ref), Err(StoreError::Fenced)) {
                // Whoever has taken over takes in events and works on the runs.
                inner.stop();
            }
            let mut rest = result.as_mut().map(|all| std::mem::take(all).into_iter());
            for request in batch.drain(..) {
                let answer = match &mut rest {
                    Ok(rest) => Ok(rest.by_ref().take(request.admissions.len()).collect()),
                    Err(error) => Err(Arc::clone(error)),
                };
                enter_all(&inner, &answer, request.entries);
                // A caller that has gone away has its event admitted all the same.
                drop(request.answer.send(answer));
            }
        }
    }
}

fn enter_all(inner: &Arc<Inner>, answer: &Answer, entries: Vec<Entry>) {
    let Ok(admitted) = answer else { return };
    for (admitted, entry) in admitted.iter().zip(entries) {
        if matches!(admitted, Admitted::New(_)) {
            enter(inner, entry);
        } else {
            lock(&inner.waiters).remove(&entry.run);
        }
    }
}

/// Puts an admitted run into its lane; it starts if it has its turn.
pub(crate) fn enter(inner: &Arc<Inner>, entry: Entry) {
    let run = entry.run.clone();
    let started = lock(&inner.lanes).enter(entry);
    if started {
        inner.deliver(&run, Message::Look);
    }
}

/// The admission of one firing.
pub(crate) fn admission(
    inner: &Inner,
    flow: &Deployed,
    trigger: &str,
    firing: Firing,
    parent: Option<Parent>,
) -> Admission {
    let run = RunId::new(random::run_id(inner.now()));
    let kind = EventKind::Started {
        trigger: trigger.to_owned(),
        outputs: firing.outputs,
        parameters: flow.parameters.clone(),
        seed: random::seed(),
        run: run.as_str().to_owned(),
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
    }
}

/// Where a run stands in line.
pub(crate) fn entry_of(flow: &Deployed, admission: &Admission) -> Entry {
    lane_entry(flow, &admission.trigger, admission.key.as_deref(), admission.run.clone())
}

/// The same from the parts that the store keeps.
pub(crate) fn lane_entry(flow: &Deployed, trigger: &str, key: Option<&str>, run: RunId) -> Entry {
    let concurrency = flow.plan.flow.trigger(trigger).and_then(|it| it.concurrency.as_ref());
    let lane = concurrency.map(|concurrency| {
        let lane = Lane {
            flow: flow.name.clone(),
            trigger: trigger.to_owned(),
            key: key.unwrap_or_default().to_owned(),
        };
        (lane, concurrency.runs.max(1))
    });
    Entry { run, lane }
}

/// Refuses an event if, with those of the same event before it, more would wait than may.
fn check_queue(
    inner: &Inner,
    flow: &Deployed,
    before: &[Entry],
    entry: &Entry,
) -> Result<(), AdmitError> {
    let Some((lane, width)) = &entry.lane else { return Ok(()) };
    let concurrency = flow.plan.flow.trigger(&lane.trigger).and_then(|it| it.concurrency.as_ref());
    let Some(most) = concurrency.and_then(|it| it.max_waiting) else { return Ok(()) };
    let ahead = before.iter().filter(|it| it.lane == entry.lane).count();
    let waiting = (lock(&inner.lanes).load(lane) + ahead + 1).saturating_sub(*width);
    if most < waiting { Err(AdmitError::QueueFull(waiting - 1)) } else { Ok(()) }
}

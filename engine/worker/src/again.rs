//! Runs that are done again: from their beginning, or from one of their actions on.

use std::sync::Arc;

use base::{Failure, RunId};
use interp::{
    again::{self, RetryError},
    fire::{self, Firing},
};
use journal::{Admission, Again, Event, EventKind, Path, RunRow, StoreError};
use serde_json::{Map, Value};

use crate::{
    admit::{AdmitError, shards_for},
    deploy::Deployed,
    engine::{Engine, Inner},
    lanes::Entry,
    queue::{check_queue, check_room, lane_entry},
    random,
};

/// From where a run is done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The whole of it: its event comes once more.
    Beginning,
    /// The actions that made it fail; what came before is taken over.
    Failure,
    /// An action; what came before is taken over.
    Action(String),
}

/// How a run is done again.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// From where.
    pub since: Since,
    /// Whether by the present version of its flow with the present parameters, rather than by those
    /// of then.
    pub latest: bool,
    /// Whether only to tell what would happen.
    pub preview: bool,
    /// Another body for its event. What is taken over has seen the one of then, so this is only for a
    /// run that is done again from its beginning.
    pub body: Option<Value>,
    /// Who asks for it.
    pub by: Option<String>,
}

/// What doing a run again comes to.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// The new run; none if it was only asked what would happen.
    pub run: Option<RunId>,
    /// The run that is done again.
    pub of: RunId,
    /// The version of the flow.
    pub version: String,
    /// Display names of the actions with which it begins; none if with all.
    pub from: Vec<String>,
    /// Display names of the actions that are taken over.
    pub kept: Vec<String>,
    /// Display names of actions that did something which will be there twice.
    pub twice: Vec<String>,
}

/// Why a run was not done again.
#[derive(Debug, thiserror::Error)]
pub enum RepeatError {
    /// It is under way.
    #[error("run `{0}` has not ended: cancel it first, or wait")]
    Open(RunId),
    /// The present version of its flow was asked for, and there is none.
    #[error(
        "the flow `{0}` is not deployed any more; its runs can be done again by their own version"
    )]
    NoFlow(String),
    /// The version has no trigger of that name.
    #[error("the present version of the flow `{0}` has no trigger `{1}`")]
    NoTrigger(String, String),
    /// The other body is not what its trigger takes.
    #[error("{}", .0.message)]
    Event(Failure),
    /// Another body was given for a run that takes over what was done with the one of then.
    #[error("another body is for a run that begins at its beginning")]
    NotWhole,
    /// There is no place to begin with, or to take over what came before.
    #[error(transparent)]
    Retry(#[from] RetryError),
    /// The new run was not taken in.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The version by which a run is done again.
struct Version {
    plan: Arc<interp::Plan>,
    sha: String,
    parameters: Arc<Map<String, Value>>,
}

impl Engine {
    /// Does a run again, as a new run of the same key and without a caller: who was answered then is
    /// not answered again. When this returns, the new run is durable.
    ///
    /// # Errors
    /// If the run is open or unknown, cannot be done again from there, or nothing could be stored.
    pub async fn repeat(&self, run: &RunId, how: &Repeat) -> Result<Repeated, RepeatError> {
        let (row, events) = self.load(run).await?;
        if row.status.is_none() {
            return Err(RepeatError::Open(run.clone()));
        }
        let inner = &self.0;
        let old = inner.plan(&row.flow, &row.sha).await?;
        let version = version(inner, &row, &events, how.latest).await?;
        let mut repeated = Repeated {
            run: None,
            of: run.clone(),
            version: version.sha.clone(),
            from: Vec::new(),
            kept: Vec::new(),
            twice: Vec::new(),
        };
        let from = match &how.since {
            Since::Beginning => None,
            Since::Failure => Some(None),
            Since::Action(name) => Some(Some(name.as_str())),
        };
        let with = match (from, &how.body) {
            (None, body) => {
                repeated.twice = again::repeated_by_all(&old, &events);
                let event =
                    body.as_ref().map(|it| other_event(inner, &row, (&events, &version), it));
                event.transpose()?.map_or(With::SameEvent, With::OtherEvent)
            }
            (Some(_), Some(_)) => return Err(RepeatError::NotWhole),
            (Some(from), None) => {
                let retry = again::retry((&old, &events), &version.plan, from)?;
                repeated.from.clone_from(&retry.from);
                repeated.kept.clone_from(&retry.kept);
                repeated.twice.clone_from(&retry.repeated);
                With::Past(retry.held, retry.events)
            }
        };
        if how.preview {
            return Ok(repeated);
        }
        check_room(inner)?;
        let mut admission = admission(inner, &row, &events, version, with)?;
        admission.set_by(how.by.as_deref());
        repeated.run = Some(admission.run.clone());
        let entry = entry(inner, &admission);
        if let Some(flow) = inner.flows().get(&row.flow) {
            check_queue(inner, (flow, &row.trigger), &[], &entry).await?;
        }
        inner.admitter.admit_one(admission, entry).await?;
        Ok(repeated)
    }
}

fn started(events: &[Event]) -> Result<&Event, StoreError> {
    events.first().ok_or_else(|| StoreError::Corrupt("a run has no events".to_owned()))
}

async fn version(
    inner: &Inner,
    row: &RunRow,
    events: &[Event],
    latest: bool,
) -> Result<Version, RepeatError> {
    if !latest {
        let parameters = match &started(events)?.kind {
            EventKind::Started { parameters, .. } => parameters.clone(),
            _ => Arc::default(),
        };
        let plan = inner.plan(&row.flow, &row.sha).await?;
        return Ok(Version { plan, sha: row.sha.clone(), parameters });
    }
    let flows = inner.flows();
    let flow = flows.get(&row.flow).ok_or_else(|| RepeatError::NoFlow(row.flow.clone()))?;
    if flow.plan.flow.trigger(&row.trigger).is_none() {
        return Err(RepeatError::NoTrigger(row.flow.clone(), row.trigger.clone()));
    }
    let Deployed { plan, sha, parameters, .. } = flow.as_ref();
    Ok(Version { plan: Arc::clone(plan), sha: sha.clone(), parameters: Arc::clone(parameters) })
}

/// What a run begins with that does another one again.
enum With {
    /// Its event.
    SameEvent,
    /// Its event with another body.
    OtherEvent(Firing),
    /// What was held in the past that is taken over, and its events.
    Past(Vec<Vec<String>>, Vec<Event>),
}

/// The event of a run with another body, as its trigger takes it.
fn other_event(
    inner: &Inner,
    row: &RunRow,
    (events, version): (&[Event], &Version),
    body: &Value,
) -> Result<Firing, RepeatError> {
    let no_trigger = || RepeatError::NoTrigger(row.flow.clone(), row.trigger.clone());
    let flow = &version.plan.flow;
    let trigger = flow.trigger(&row.trigger).ok_or_else(no_trigger)?;
    let EventKind::Started { outputs, .. } = &started(events)?.kind else {
        return Err(no_trigger());
    };
    let mut outputs = outputs.as_object().cloned().unwrap_or_default();
    outputs.insert("body".to_owned(), body.clone());
    let event = fire::Event {
        flow,
        trigger,
        parameters: &version.parameters,
        secure_parameters: &version.plan.secure_parameters,
        outputs: &Arc::new(Value::Object(outputs)),
        now: inner.now(),
        callback_url: None,
    };
    fire::fire_again(&event).map_err(RepeatError::Event)
}

fn admission(
    inner: &Inner,
    row: &RunRow,
    events: &[Event],
    version: Version,
    with: With,
) -> Result<Admission, StoreError> {
    let now = inner.now();
    let flows = inner.flows();
    let key = match &with {
        With::OtherEvent(firing) => firing.key.clone(),
        With::SameEvent | With::Past(..) => row.key.clone(),
    };
    let ordered = (row.trigger.as_str(), key.as_deref());
    let shards = shards_for(inner, flows.get(&row.flow).map(AsRef::as_ref), ordered, None);
    let run = random::run_id(now, shards);
    let mut started = started(events)?.clone();
    let (held, then, firing) = match with {
        With::Past(held, mut then) => {
            // Times and random numbers are those of then as long as what happens is.
            then.push(Event { at: now, path: Path::run(), kind: EventKind::Resumed });
            (held, then, None)
        }
        With::SameEvent => (Vec::new(), Vec::new(), None),
        With::OtherEvent(firing) => (Vec::new(), Vec::new(), Some(firing)),
    };
    if then.is_empty() {
        started.at = now;
    }
    if let EventKind::Started { outputs, parameters, seed, run: id, callback, again, .. } =
        &mut started.kind
    {
        let edited = firing.is_some();
        if let Some(firing) = firing {
            *outputs = firing.outputs;
        }
        *parameters = version.parameters;
        run.as_str().clone_into(id);
        *callback = inner.callback(&run);
        if then.is_empty() {
            *seed = random::seed();
        }
        *again = Some(Again { of: row.run.to_string(), held, edited });
    }
    Ok(Admission {
        run,
        flow: row.flow.clone(),
        sha: version.sha,
        trigger: row.trigger.clone(),
        dedupe: None,
        key,
        parent: None,
        started,
        packed: None,
        then,
    })
}

fn entry(inner: &Inner, new: &Admission) -> Entry {
    match inner.flows().get(&new.flow) {
        Some(flow) => lane_entry(flow, &new.trigger, new.key.as_deref(), new.run.clone()),
        None => Entry { run: new.run.clone(), lane: None },
    }
}

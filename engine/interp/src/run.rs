//! The state of one run, rebuilt from its events whenever it is needed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Weak},
};

use base::{Duration, Status, Timestamp};
use flow::{ActionId, ActionKind, model::ParameterType};
use journal::{Callback, Event, Path};
use serde_json::{Map, Value};

use crate::{
    callback,
    effect::{Ask, Effect, Request},
    explain::Watched,
    items::Items,
    passes::Passes,
    plan::Plan,
    record::{Attempt, Record},
    slots::Slots,
};

/// One action in one pass of its loops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub action: ActionId,
    pub passes: Passes,
}

/// One block of a container (or of the flow) in one pass of its loops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockKey {
    pub parent: Option<ActionId>,
    pub branch: usize,
    pub passes: Passes,
}

impl BlockKey {
    /// The block of the flow itself.
    pub(crate) const fn root() -> Self {
        Self { parent: None, branch: 0, passes: Passes::new() }
    }
}

/// Everything that is known of a run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Whether it has been started; it is not started twice.
    pub(crate) begun: bool,
    /// Whether something of it has begun, as far as that is not known by what there is of it.
    pub(crate) stage: Stage,
    pub(crate) id: String,
    pub(crate) trigger: String,
    /// What runs of the same business are found by.
    pub(crate) tracking_id: String,
    /// Large values that records hold, by where they are and where they were taken from. Nothing but
    /// memory depends on it.
    pub(crate) shared: BTreeMap<usize, Weak<Value>>,
    /// What the caller said about the event.
    pub(crate) keywords: Vec<String>,
    pub(crate) trigger_outputs: Arc<Value>,
    pub(crate) parameters: Arc<Map<String, Value>>,
    pub(crate) seed: u64,
    pub(crate) started: Timestamp,
    /// Where services may call the run back.
    pub(crate) callback: Option<Callback>,
    /// Who has started it by hand.
    pub(crate) by: Option<String>,
    pub(crate) slots: Slots,
    /// Actions of each open block that have not ended.
    pub(crate) open: BTreeMap<BlockKey, usize>,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) response: Option<Arc<Value>>,
    pub(crate) end: Option<RunEnd>,
    /// Events that came before their action was reached, as after an engine upgrade.
    pub(crate) early: BTreeMap<Path, Vec<Event>>,
    /// Actions started so far.
    pub(crate) actions: usize,
    /// Actions that do not begin before what another run has done is taken over: a set for each
    /// `Resumed` that is to come.
    pub(crate) held: VecDeque<BTreeSet<ActionId>>,
    /// Those of them, and of a paused run, that would have begun.
    pub(crate) ready: Vec<Key>,
    /// Since when somebody has the run pause, and why.
    pub(crate) paused: Option<(Timestamp, String)>,
    /// How often each action has asked, in all its passes and attempts.
    pub(crate) turns: BTreeMap<ActionId, u32>,
    /// Whether nobody will look at the inputs of what is computed here: see [`Run::unseen`].
    pub(crate) is_unseen: bool,
    /// The action whose expressions are written down while it is done.
    pub(crate) watched: Option<Box<Watched>>,
}

/// Whether something of a run has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Something has happened to it since it was started.
    #[default]
    UnderWay,
    /// Nothing has.
    New,
    /// Nothing has begun, because it was paused before: a `Began` is to come.
    Unbegun,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Its status.
    pub status: Status,
    /// The error of a failed run.
    pub error: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// An approval that waits for an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApproval {
    /// Where it is.
    pub path: Path,
    /// The action's name as it is shown.
    pub action: String,
    /// `{title, details, assignedTo, options}`.
    pub inputs: Arc<Value>,
    /// Since when it waits.
    pub since: Timestamp,
    /// When it times out, if it does.
    pub until: Option<Timestamp>,
}

/// A variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub name: String,
    pub ty: ParameterType,
    pub value: Value,
}

/// An action that has been started. One that has not is not in the map.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Open(Box<OpenSlot>),
    Done(Record),
}

/// An action that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct OpenSlot {
    pub state: State,
    pub inputs: Option<Arc<Value>>,
    pub start: Timestamp,
    /// When the timer is due that wakes it, while there is one.
    pub alarm: Option<Timestamp>,
    /// When the timer is due that bounds it, while there is one.
    pub deadline: Option<Timestamp>,
    /// How long the run was paused since it has begun: that is no time of its own.
    pub stood: Duration,
}

/// What an open action waits for.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// The block it chose: a scope, a condition, a switch.
    Block,
    /// Its items.
    Foreach { items: Items, next: usize, active: usize, worst: Status },
    /// Its condition.
    Until { pass: u32 },
    /// An answer.
    Asking(Asking),
    /// Time.
    Waiting,
}

impl OpenSlot {
    /// Whether the pause before its next attempt is over, and it was not asked because its run is
    /// paused.
    pub(crate) const fn is_put_off(&self) -> bool {
        let State::Asking(asking) = &self.state else { return false };
        matches!(asking.phase, Phase::Pausing { .. }) && self.alarm.is_none()
    }
}

impl State {
    /// The attempts that were made so far.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Asking(asking) => &asking.history,
            Self::Block | Self::Foreach { .. } | Self::Until { .. } | Self::Waiting => &[],
        }
    }
}

/// A question that has been asked or will be asked again.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub request: Request,
    pub attempt: u32,
    /// Which question of its action this is in the run.
    pub turn: u32,
    pub began: Timestamp,
    /// When the present attempt was sent, if that was later; known when it is answered.
    pub sent: Option<Timestamp>,
    pub phase: Phase,
    pub history: Vec<Attempt>,
    pub intent: bool,
    /// Whether the service can be asked if it was done.
    pub sought: bool,
    /// Retries used up since the last success.
    pub retries: usize,
    pub intended: Option<u32>,
    /// Whether the answer only says that the service will call back.
    pub subscribes: bool,
}

/// Where a question is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Asked; `follow` is the place where the result of an accepted request is looked for.
    Asked { follow: Option<String> },
    /// To be asked when the pause is over.
    Pausing { follow: Option<String> },
    /// The service has agreed to call back; `answer` are the outputs of what it said.
    Subscribed { answer: Arc<Value> },
}

impl Phase {
    /// Where the result of an accepted request is looked for.
    pub(crate) const fn follow(&self) -> Option<&String> {
        match self {
            Self::Asked { follow } | Self::Pausing { follow } => follow.as_ref(),
            Self::Subscribed { .. } => None,
        }
    }
}

impl Run {
    /// A run that is carried out and not shown: what is computed leaves its outputs only, if no
    /// expression of the flow can see more. Its effects are those of any other.
    pub fn unseen(plan: &Plan) -> Self {
        let reads = plan.flow.looks.records || plan.mappings.values().any(|it| it.looks.records);
        Self { is_unseen: !reads, ..Self::default() }
    }

    /// As if no action had begun.
    pub(crate) fn forget_actions(&mut self) {
        *self = Self {
            begun: self.begun,
            id: std::mem::take(&mut self.id),
            trigger: std::mem::take(&mut self.trigger),
            tracking_id: std::mem::take(&mut self.tracking_id),
            keywords: std::mem::take(&mut self.keywords),
            trigger_outputs: Arc::clone(&self.trigger_outputs),
            parameters: Arc::clone(&self.parameters),
            seed: self.seed,
            started: self.started,
            callback: self.callback.take(),
            by: self.by.take(),
            held: std::mem::take(&mut self.held),
            is_unseen: self.is_unseen,
            ..Self::default()
        };
    }

    /// When it was admitted, once it has begun.
    pub fn began(&self) -> Option<Timestamp> {
        self.begun.then_some(self.started)
    }

    /// Who has started it by hand; none if an event did.
    pub fn started_by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// Whether nothing has happened to it since it was started.
    pub const fn is_new(&self) -> bool {
        matches!(self.stage, Stage::New)
    }

    /// Since when the run is paused, and why; none if it goes on or has ended.
    pub fn paused(&self) -> Option<(Timestamp, &str)> {
        let paused = self.paused.as_ref().filter(|_| self.end.is_none());
        paused.map(|(since, reason)| (*since, reason.as_str()))
    }

    /// Whether nothing of it has begun because it was paused before: it begins with a `Began`.
    pub fn is_unbegun(&self) -> bool {
        self.stage == Stage::Unbegun && self.end.is_none()
    }

    /// How the run ended, if it has.
    pub fn end(&self) -> Option<&RunEnd> {
        self.end.as_ref()
    }

    /// Whether the action has ended behind which the run stops.
    pub fn is_halted(&self, plan: &Plan) -> bool {
        plan.until.is_some_and(|id| self.records(id).next().is_some())
    }

    /// What the caller was answered, if the flow answered.
    pub fn response(&self) -> Option<&Arc<Value>> {
        self.response.as_ref()
    }

    /// Name of the trigger that fired.
    pub fn trigger(&self) -> &str {
        &self.trigger
    }

    /// `clientTrackingId` of its records.
    pub fn tracking_id(&self) -> &str {
        &self.tracking_id
    }

    /// By what others find the run: `{clientTrackingId, clientKeywords}`.
    pub fn correlation(&self) -> Value {
        let mut object = Map::new();
        object.insert("clientTrackingId".into(), self.tracking_id.as_str().into());
        if !self.keywords.is_empty() {
            object.insert("clientKeywords".into(), self.keywords.as_slice().into());
        }
        Value::Object(object)
    }

    /// `triggerOutputs()`.
    pub fn trigger_outputs(&self) -> &Value {
        &self.trigger_outputs
    }

    /// Variables by name as declared, in the order of their folded names.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.variables.values().map(|it| (it.name.as_str(), &it.value))
    }

    /// The record of an action in the given passes of its loops, if it has ended.
    pub fn record(&self, action: ActionId, passes: &[u32]) -> Option<&Record> {
        match self.slots.get(&Key { action, passes: passes.into() })? {
            Slot::Done(record) => Some(record),
            Slot::Open(_) => None,
        }
    }

    /// Every record of an action, by pass.
    pub fn records(&self, action: ActionId) -> impl DoubleEndedIterator<Item = (&Passes, &Record)> {
        self.records_within(action, &[])
    }

    /// Every record of an action in these passes of the outer loops around it.
    pub(crate) fn records_within(
        &self,
        action: ActionId,
        passes: &[u32],
    ) -> impl DoubleEndedIterator<Item = (&Passes, &Record)> {
        self.within(action, passes).filter_map(|(key, slot)| match slot {
            Slot::Done(record) => Some((&key.passes, record)),
            Slot::Open(_) => None,
        })
    }

    /// An action in these passes of the outer loops around it, by pass. What is around it may have
    /// very many, so nothing looks at all of them to find one.
    pub(crate) fn within(
        &self,
        action: ActionId,
        passes: &[u32],
    ) -> impl DoubleEndedIterator<Item = (&Key, &Slot)> {
        self.slots.within(action, passes)
    }

    /// Questions that are open, as effects: what a driver has to ask after it has read the journal.
    ///
    /// One whose intent is in the journal may have been done: if it can be looked for it is asked as a
    /// repeated one, else it is not among them; see [`Run::unknown`].
    pub fn outstanding(&self, plan: &Plan) -> Vec<Effect> {
        let asked = self.slots.iter().filter_map(|(key, slot)| {
            let asking = asked(slot)?;
            let unknown = asking.intended == Some(asking.attempt);
            let ask = asking.effect(plan, self, key);
            let repeated = ask.repeated || unknown;
            (!unknown || asking.sought).then_some(Effect::Ask(Ask { repeated, ..ask }))
        });
        asked.collect()
    }

    /// Whether a question is still open: what ended in the meantime need not be asked.
    pub fn asks(&self, plan: &Plan, path: &Path, attempt: u32) -> bool {
        let Some((action, passes)) = plan.locate(path) else { return false };
        let slot = self.slots.get(&Key { action, passes });
        self.end.is_none() && slot.and_then(asked).is_some_and(|it| it.attempt == attempt)
    }

    /// The questions whose services have agreed to call back and have not done so.
    pub fn subscribed(&self, plan: &Plan) -> Vec<Ask> {
        let kinds = plan.flow.actions.iter().enumerate();
        let waiting = kinds.filter(|(_, it)| it.kind.waits_for_call());
        // Drivers ask this often, of runs that may be long.
        let slots = waiting.flat_map(|(id, _)| self.within(id, &[]));
        let open = slots.filter_map(|(key, slot)| {
            let asking = asking(slot).filter(|it| matches!(it.phase, Phase::Subscribed { .. }))?;
            Some(asking.effect(plan, self, key))
        });
        open.collect()
    }

    /// The approvals that wait for an answer.
    pub fn approvals(&self, plan: &Plan) -> Vec<OpenApproval> {
        let kinds = plan.flow.actions.iter().enumerate();
        let asking = kinds.filter(|(_, it)| matches!(it.kind, ActionKind::Approval(_)));
        let slots = asking.flat_map(|(id, _)| self.within(id, &[]));
        let open = slots.filter_map(|(key, slot)| match slot {
            Slot::Open(open) if self.end.is_none() => Some(OpenApproval {
                path: plan.path(key.action, &key.passes),
                action: plan.flow.action(key.action).display.clone(),
                inputs: Arc::clone(asking_of(&open.state)?.request.inputs()),
                since: open.start,
                until: open.deadline,
            }),
            Slot::Open(_) | Slot::Done(_) => None,
        });
        open.collect()
    }

    /// Whether an action waits to be called back.
    pub fn awaits_call(&self, plan: &Plan, path: &Path) -> bool {
        let Some((action, passes)) = plan.locate(path) else { return false };
        let slot = self.slots.get(&Key { action, passes });
        self.end.is_none() && slot.and_then(asking).is_some_and(|it| it.subscribes)
    }

    /// Questions whose intent is in the journal but not their answer, and which cannot be looked for:
    /// path and attempt.
    pub fn unknown(&self, plan: &Plan) -> Vec<(Path, u32)> {
        let intended = self.slots.iter().filter_map(|(key, slot)| {
            let asking = asked(slot)?;
            (asking.intended == Some(asking.attempt) && !asking.sought)
                .then(|| (plan.path(key.action, &key.passes), asking.attempt))
        });
        intended.collect()
    }
}

fn asked(slot: &Slot) -> Option<&Asking> {
    asking(slot).filter(|it| matches!(it.phase, Phase::Asked { .. }))
}

fn asking(slot: &Slot) -> Option<&Asking> {
    match slot {
        Slot::Open(open) => asking_of(&open.state),
        Slot::Done(_) => None,
    }
}

fn asking_of(state: &State) -> Option<&Asking> {
    match state {
        State::Asking(asking) => Some(asking),
        State::Block | State::Foreach { .. } | State::Until { .. } | State::Waiting => None,
    }
}

/// Attempts that a record keeps: the first and the latest.
const ATTEMPTS_KEPT: usize = 200;

impl Asking {
    pub(crate) const fn new(request: Request, intent: bool, now: Timestamp) -> Self {
        Self {
            request,
            attempt: 1,
            turn: 1,
            began: now,
            sent: None,
            phase: Phase::Asked { follow: None },
            history: Vec::new(),
            intent,
            sought: false,
            retries: 0,
            intended: None,
            subscribes: false,
        }
    }

    /// A question after whose answer the run waits to be called back.
    pub(crate) fn subscribing(request: Request, now: Timestamp) -> Self {
        Self { subscribes: true, ..Self::new(request, false, now) }
    }

    pub(crate) fn effect(&self, plan: &Plan, run: &Run, key: &Key) -> Ask {
        let path = plan.path(key.action, &key.passes);
        let follow = self.phase.follow().cloned();
        let callback = run.callback.as_ref().filter(|_| self.subscribes);
        Ask {
            idempotency_key: format!("{}:{path}", run.id),
            callback_url: callback.map(|it| callback::address(it, &path)),
            path,
            attempt: self.attempt,
            turn: self.turn,
            since: self.began,
            intent: self.intent && follow.is_none(),
            repeated: self.sought && follow.is_none() && 1 < self.attempt,
            follow,
            request: self.request.clone(),
        }
    }

    /// Notes the end of an attempt.
    pub(crate) fn note(
        &mut self,
        failure: Option<base::Failure>,
        pause: Option<Duration>,
        now: Timestamp,
    ) {
        // A service may be looked at for days; the latest looks tell enough.
        if ATTEMPTS_KEPT <= self.history.len() {
            self.history.remove(1);
        }
        self.history.push(Attempt {
            start: self.began,
            sent: self.sent.take(),
            end: now,
            failure,
            pause,
        });
    }
}

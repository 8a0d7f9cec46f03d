//! One step in progress: the run, the time, and what is still to be done before the step is over.

use std::{borrow::Cow, cell::Cell, collections::VecDeque, sync::Arc};

use base::{ActionName, Failure, Status, Timestamp, http::TRACKING_HEADER};
use expr::{EvalError, Tree};
use flow::Action;
use serde_json::Value;

use crate::{
    context::Scope,
    effect::{Effect, Request},
    fire::Event,
    plan::Plan,
    record::{Attempt, Record, UNSPECIFIED, sanitized},
    run::{BlockKey, Key, OpenSlot, Run, Slot, State},
};

/// A step in progress. Work is queued, not recursed into, so that no flow can exhaust the stack.
pub(crate) struct Exec<'a> {
    pub plan: &'a Plan,
    pub run: &'a mut Run,
    pub now: Timestamp,
    pub effects: Vec<Effect>,
    pub work: VecDeque<Work>,
    /// Random numbers drawn for the action in hand, all its inputs together.
    pub drawn: Cell<u64>,
    /// Events are taken that came before their action was reached; their timers were due then.
    pub catching_up: bool,
}

/// What a step does next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Start the actions of a block that wait for nobody.
    Enter(BlockKey),
    /// Start an action.
    Begin(Key),
    /// A block's last action has ended.
    Leave(BlockKey),
}

/// How an action ended, before the bookkeeping.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: Status,
    pub code: Cow<'static, str>,
    pub inputs: Option<Arc<Value>>,
    pub outputs: Option<Arc<Value>>,
    pub failure: Option<Box<Failure>>,
    pub attempts: Vec<Attempt>,
    pub repetitions: Option<usize>,
}

impl Ended {
    /// It worked.
    pub(crate) fn succeeded(inputs: Option<Value>, outputs: Value) -> Self {
        Self {
            status: Status::Succeeded,
            code: Cow::Borrowed("OK"),
            inputs: inputs.map(Arc::new),
            outputs: Some(Arc::new(outputs)),
            failure: None,
            attempts: Vec::new(),
            repetitions: None,
        }
    }

    /// A container has ended as its blocks did.
    pub(crate) fn container(status: Status) -> Self {
        let (code, failure) = match status {
            Status::Failed => {
                ("ActionFailed", Some(Box::new(Failure::new("ActionFailed", NO_DEPENDENT))))
            }
            Status::TimedOut => {
                ("ActionTimedOut", Some(Box::new(Failure::new("ActionTimedOut", NO_DEPENDENT))))
            }
            Status::Succeeded | Status::Skipped | Status::Cancelled => (UNSPECIFIED, None),
        };
        Self {
            status,
            code: Cow::Borrowed(code),
            inputs: None,
            outputs: None,
            failure,
            attempts: Vec::new(),
            repetitions: None,
        }
    }

    /// It did not work; the code of a failed expression is `BadRequest`, as in the cloud.
    pub(crate) fn failed(failure: Failure) -> Self {
        let code = match failure.code.as_str() {
            "InvalidTemplate" | "BadRequest" => Cow::Borrowed("BadRequest"),
            _ => Cow::Owned(failure.code.clone()),
        };
        Self {
            status: Status::Failed,
            code,
            inputs: None,
            outputs: None,
            failure: Some(Box::new(failure)),
            attempts: Vec::new(),
            repetitions: None,
        }
    }

    pub(crate) fn inputs(mut self, inputs: impl Into<Option<Value>>) -> Self {
        self.inputs = inputs.into().map(Arc::new);
        self
    }
}

/// The header with which a caller gives words for it (as in the cloud).
const KEYWORDS_HEADER: &str = "x-ms-client-keywords";
/// Characters of tracked properties (as in the cloud).
const TRACKED_CHARS_MAX: usize = 8_000;

/// What a failed container says.
const NO_DEPENDENT: &str = "An action failed. No dependent actions succeeded.";

impl<'a> Exec<'a> {
    pub(crate) fn new(plan: &'a Plan, run: &'a mut Run, now: Timestamp) -> Self {
        let (effects, work) = (Vec::new(), VecDeque::new());
        Self { plan, run, now, effects, work, drawn: Cell::new(0), catching_up: false }
    }

    pub(crate) fn action(&self, key: &Key) -> &'a Action {
        self.plan.flow.action(key.action)
    }

    /// What expressions of an action may look at.
    pub(crate) fn scope<'b>(&'b self, key: &'b Key) -> Scope<'b> {
        Scope::new(self.plan, self.run, key, self.now, &self.drawn)
    }

    /// Opens a slot: the action has been started and does not end at once.
    pub(crate) fn open(&mut self, key: &Key, state: State, inputs: Option<Arc<Value>>) {
        let action = self.action(key);
        let deadline = action.timeout.map(|timeout| self.now.after(timeout));
        if let Some(due) = deadline {
            self.arm(key, true, due);
        }
        let (alarm, stood) = (None, base::Duration::ZERO);
        let slot = OpenSlot { state, inputs, start: self.now, alarm, deadline, stood };
        self.run.slots.insert(key.clone(), Slot::Open(Box::new(slot)));
    }

    /// Tells the service that an open action waits for that it need not call.
    pub(crate) fn unsubscribe(&mut self, key: &Key, request: Request) {
        let Some(Slot::Open(slot)) = self.run.slots.get(key) else { return };
        let State::Asking(asking) = &slot.state else { return };
        let ask = asking.effect(self.plan, self.run, key).unsubscribing(request);
        self.effects.push(Effect::Unsubscribe(ask));
    }

    /// Sets the timer that will wake an open action.
    pub(crate) fn set_alarm(&mut self, key: &Key, due: Timestamp) {
        if let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) {
            slot.alarm = Some(due);
            self.arm(key, false, due);
        }
    }

    /// Sets the timer that will bound an open action, in the place of an earlier one.
    pub(crate) fn set_deadline(&mut self, key: &Key, due: Timestamp) {
        if let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) {
            slot.deadline = Some(due);
            self.arm(key, true, due);
        }
    }

    fn arm(&mut self, key: &Key, deadline: bool, due: Timestamp) {
        let path = self.plan.path(key.action, &key.passes);
        self.effects.push(Effect::Arm { path, deadline, due });
    }

    /// Whether the timer of an open action is due. One that is not may have gone off for an earlier
    /// pause of the same action, and is set again, because a store forgets one that has gone off.
    pub(crate) fn is_due(&mut self, key: &Key, deadline: bool) -> bool {
        let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) else { return false };
        let timer = if deadline { &mut slot.deadline } else { &mut slot.alarm };
        match *timer {
            None => false,
            Some(due) if self.now < due && !self.catching_up => {
                self.arm(key, deadline, due);
                false
            }
            Some(_) => {
                *timer = None;
                true
            }
        }
    }

    /// Removes the timer that would wake an open action.
    pub(crate) fn disarm_pause(&mut self, key: &Key) {
        let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) else { return };
        if slot.alarm.take().is_some() {
            let path = self.plan.path(key.action, &key.passes);
            self.effects.push(Effect::Disarm { path, deadline: false });
        }
    }

    /// Removes the timer that bounds an open action.
    pub(crate) fn disarm_deadline(&mut self, key: &Key) {
        let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) else { return };
        if slot.deadline.take().is_some() {
            let path = self.plan.path(key.action, &key.passes);
            self.effects.push(Effect::Disarm { path, deadline: true });
        }
    }

    /// Whether anybody may look at what an action has given.
    pub(crate) fn keeps_outputs(&self, key: &Key) -> bool {
        !self.run.is_unseen || self.plan.reads_outputs(key.action)
    }

    pub(crate) fn state_mut(&mut self, key: &Key) -> Option<&mut State> {
        match self.run.slots.get_mut(key)? {
            Slot::Open(slot) => Some(&mut slot.state),
            Slot::Done(_) => None,
        }
    }

    /// Ends an action: writes its record, wakes its successors, closes its block.
    pub(crate) fn complete(&mut self, key: &Key, ended: Ended) {
        let (mut start, mut opened_inputs) = (self.now, None);
        if let Some(Slot::Open(slot)) = self.run.slots.get(key) {
            (start, opened_inputs) = (slot.start, slot.inputs.clone());
            self.disarm_deadline(key);
        }
        // Only what is asked carries credentials: `authorization` of a `compose` is any name.
        let inputs = ended.inputs.or_else(|| opened_inputs.map(|it| sanitized(&it)));
        let record = Record {
            status: ended.status,
            code: ended.code,
            inputs,
            outputs: ended.outputs.filter(|_| self.keeps_outputs(key)),
            failure: ended.failure,
            start,
            end: self.now,
            attempts: ended.attempts,
            repetitions: ended.repetitions,
            tracked: None,
        };
        self.run.slots.insert(key.clone(), Slot::Done(record));
        self.track(key);
        if self.plan.until != Some(key.action) {
            self.settle(key);
        }
    }

    /// What the trigger says, else what the caller says, else the run's own name.
    pub(crate) fn tracking_id(&self) -> String {
        let trigger = self.plan.flow.trigger(&self.run.trigger);
        let event = trigger.map(|trigger| Event {
            flow: &self.plan.flow,
            trigger,
            parameters: &self.run.parameters,
            secure_parameters: &self.plan.secure_parameters,
            outputs: &self.run.trigger_outputs,
            now: self.now,
            callback_url: None,
        });
        let own = event.and_then(|it| it.tracking_id(self.run.seed));
        let mut all = own.into_iter().chain(self.headers(TRACKING_HEADER));
        all.find(|it| !it.is_empty()).unwrap_or_else(|| self.run.id.clone())
    }

    /// What the caller says that the event is about.
    pub(crate) fn keywords(&self) -> Vec<String> {
        let given: Vec<String> = self.headers(KEYWORDS_HEADER).collect();
        let words = given.iter().flat_map(|it| it.split(',')).map(str::trim);
        words.filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// The headers of that name with which the trigger was called.
    fn headers(&self, wanted: &str) -> impl Iterator<Item = String> {
        let headers = self.run.trigger_outputs.get("headers").and_then(Value::as_object);
        let all = headers.into_iter().flatten();
        let named = all.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| expr::to_text(value))
    }

    /// Evaluates tracked properties; they may look at the action's own record only.
    fn track(&mut self, key: &Key) {
        let Some(tree) = &self.action(key).tracked_properties else { return };
        let value = match tree.eval(&self.scope(key).own()) {
            Ok(value) if TRACKED_CHARS_MAX < value.to_string().chars().count() => {
                let message =
                    format!("tracked properties have at most {TRACKED_CHARS_MAX} characters");
                serde_json::json!({ "error": message })
            }
            Ok(value) => value,
            Err(error) => serde_json::json!({ "error": error.message }),
        };
        if let Some(Slot::Done(record)) = self.run.slots.get_mut(key) {
            record.tracked = Some(Box::new(value));
        }
    }

    /// The failure of an action whose inputs cannot be evaluated, in the cloud's words.
    pub(crate) fn invalid_inputs(&self, key: &Key, error: &EvalError) -> Failure {
        template_failure(error, &format!("in action '{}' inputs", self.name(key)))
    }

    /// The same for a condition or the list of a loop.
    pub(crate) fn invalid_condition(&self, key: &Key, error: &EvalError) -> Failure {
        template_failure(error, &format!("for action '{}'", self.name(key)))
    }

    fn name(&self, key: &Key) -> &ActionName {
        &self.action(key).name
    }
}

/// The value of a part of an action's inputs, without a copy where it is the run's or the flow's.
pub(crate) fn lent<'b>(scope: &'b Scope<'b>, tree: &'b Tree) -> Result<Cow<'b, Value>, EvalError> {
    match tree {
        Tree::Template(placed) => placed.template.eval_lent(scope),
        Tree::Value(value) => Ok(Cow::Borrowed(value)),
        Tree::Array(_) | Tree::Object(_) => tree.eval(scope).map(Cow::Owned),
    }
}

fn template_failure(error: &EvalError, place: &str) -> Failure {
    Failure::new(
        error.code.clone(),
        format!(
            "Unable to process template language expressions {place} at line '0' and column '0': \
             '{}'.",
            error.message
        ),
    )
}

//! One step in progress: the run, the time, and what is still to be done before the step is over.

use std::{cell::Cell, collections::VecDeque, sync::Arc};

use base::{ActionName, Failure, Status, Timestamp};
use expr::EvalError;
use flow::Action;
use serde_json::Value;

use crate::{
    context::Scope,
    effect::Effect,
    plan::Plan,
    record::{Attempt, Record, sanitized},
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
    pub code: String,
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
            code: "OK".to_owned(),
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
            Status::Succeeded | Status::Skipped | Status::Cancelled => ("NotSpecified", None),
        };
        Self {
            status,
            code: code.to_owned(),
            inputs: None,
            outputs: None,
            failure,
            attempts: Vec::new(),
            repetitions: None,
        }
    }

    /// It did not work; the code of a failed expression is `BadRequest`, as in the cloud.
    pub(crate) fn failed(failure: Failure) -> Self {
        let code = if failure.code == "InvalidTemplate" { "BadRequest" } else { &failure.code };
        Self {
            status: Status::Failed,
            code: code.to_owned(),
            inputs: None,
            outputs: None,
            failure: Some(Box::new(failure)),
            attempts: Vec::new(),
            repetitions: None,
        }
    }

    pub(crate) fn inputs(mut self, inputs: Value) -> Self {
        self.inputs = Some(Arc::new(inputs));
        self
    }
}

/// What a failed container says.
const NO_DEPENDENT: &str = "An action failed. No dependent actions succeeded.";

impl<'a> Exec<'a> {
    pub(crate) fn new(plan: &'a Plan, run: &'a mut Run, now: Timestamp) -> Self {
        let (effects, work) = (Vec::new(), VecDeque::new());
        Self { plan, run, now, effects, work, drawn: Cell::new(0) }
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
        let has_deadline = action.timeout.is_some();
        if let Some(timeout) = action.timeout {
            let path = self.plan.path(key.action, &key.passes);
            self.effects.push(Effect::Arm { path, deadline: true, due: self.now.after(timeout) });
        }
        let slot = OpenSlot { state, inputs, start: self.now, has_deadline };
        self.run.slots.insert(key.clone(), Slot::Open(slot));
    }

    /// Removes the timer that would wake an open action.
    pub(crate) fn disarm_pause(&mut self, key: &Key) {
        if self.state_mut(key).is_some_and(|state| state.pauses()) {
            let path = self.plan.path(key.action, &key.passes);
            self.effects.push(Effect::Disarm { path, deadline: false });
        }
    }

    /// Removes the timer that bounds an open action.
    pub(crate) fn disarm_deadline(&mut self, key: &Key) {
        let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) else { return };
        if std::mem::take(&mut slot.has_deadline) {
            let path = self.plan.path(key.action, &key.passes);
            self.effects.push(Effect::Disarm { path, deadline: true });
        }
    }

    pub(crate) fn state_mut(&mut self, key: &Key) -> Option<&mut State> {
        match self.run.slots.get_mut(key)? {
            Slot::Open(slot) => Some(&mut slot.state),
            Slot::Done(_) => None,
        }
    }

    /// Ends an action: writes its record, wakes its successors, closes its block.
    pub(crate) fn complete(&mut self, key: &Key, ended: Ended) {
        let (start, opened_inputs) = match self.run.slots.get(key) {
            Some(Slot::Open(slot)) => (slot.start, slot.inputs.clone()),
            Some(Slot::Done(_)) | None => (self.now, None),
        };
        self.disarm_deadline(key);
        let inputs = ended.inputs.or(opened_inputs).map(|it| sanitized(&it));
        let record = Record {
            status: ended.status,
            code: ended.code,
            inputs,
            outputs: ended.outputs,
            failure: ended.failure.map(|it| *it),
            start,
            end: self.now,
            attempts: ended.attempts,
            repetitions: ended.repetitions,
            tracked: None,
        };
        self.run.slots.insert(key.clone(), Slot::Done(record));
        self.track(key);
        self.settle(key);
    }

    /// Evaluates tracked properties; they may look at the action's own record only.
    fn track(&mut self, key: &Key) {
        let Some(tree) = &self.action(key).tracked_properties else { return };
        let value = match tree.eval(&self.scope(key)) {
            Ok(value) => value,
            Err(error) => serde_json::json!({ "error": error.message }),
        };
        if let Some(Slot::Done(record)) = self.run.slots.get_mut(key) {
            record.tracked = Some(value);
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

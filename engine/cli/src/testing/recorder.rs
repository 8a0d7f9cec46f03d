//! Mocks that remember what they were asked for.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base::{Outcome, Timestamp};
use interp::{Plan, effect::Ask};
use serde_json::Value;
use worker::{
    Mocks, Performer,
    mocks::{Miss, NOT_MOCKED, nested},
};

/// One call of a service or flow; its attempts are one call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The action that calls, as the flow writes it.
    pub(crate) action: String,
    /// `connection.Operation`; empty for anything else.
    pub(crate) operation: String,
    /// What it is called with.
    pub(crate) inputs: Value,
    /// Whether its inputs are kept out of records.
    pub(crate) is_secure: bool,
    /// Why each of the replies that are meant for it did not answer it, if none did.
    pub(crate) missed: Option<Vec<Miss>>,
    key: String,
}

impl Call {
    /// The name by which it is written in a test.
    pub(crate) fn name(&self) -> &str {
        if self.operation.is_empty() { &self.action } else { &self.operation }
    }
}

/// Answers from mocks and writes down the questions.
pub(crate) struct Recorder {
    mocks: Mocks,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    pub(crate) fn new(mocks: Mocks) -> Self {
        Self { mocks, calls: Mutex::default() }
    }

    /// The calls since the last time, in their order.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, plan: &Plan, ask: &Ask, missed: Option<Vec<Miss>>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_again = 1 < ask.attempt || ask.follow.is_some();
        let known = calls.iter_mut().rev().find(|it| is_again && it.key == ask.idempotency_key);
        if let Some(call) = known {
            call.missed = missed.or(call.missed.take());
            return;
        }
        let operation = ask.request.operation().unwrap_or_default();
        let inputs = ask.request.inputs();
        let is_operation = !operation.is_empty();
        let action = plan.locate(&ask.path).map(|(id, _)| plan.flow.action(id));
        calls.push(Call {
            action: action.map_or_else(|| ask.path.to_string(), |it| it.display.clone()),
            operation,
            inputs: if is_operation { nested(inputs) } else { Value::clone(inputs) },
            is_secure: action.is_some_and(|it| it.secure_inputs),
            missed,
            key: ask.idempotency_key.clone(),
        });
    }
}

#[async_trait]
impl Performer for Recorder {
    fn answers(&self, plan: &Plan, ask: &Ask) -> bool {
        self.mocks.answers(plan, ask)
    }

    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        let outcome = self.mocks.perform(plan, ask, now).await;
        // Taking a subscription back is a courtesy that no flow can see.
        if !ask.unsubscribes() {
            let is_missed = outcome.failure.as_ref().is_some_and(|it| it.code == NOT_MOCKED);
            self.note(plan, ask, is_missed.then(|| self.mocks.misses(ask)));
        }
        outcome
    }

    fn call_back(&self, ask: &Ask) -> Option<Value> {
        self.mocks.call_back(ask)
    }
}

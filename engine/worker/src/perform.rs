//! Who answers the questions of a run.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base::{Failure, Outcome, Timestamp};
use connector::Connection;
use interp::{Plan, effect::Ask};
use serde_json::Value;

use crate::{metrics::Metrics, traces::Traces};

/// A question with what it belongs to.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The flow that asks.
    pub plan: &'a Plan,
    /// What it asks.
    pub ask: &'a Ask,
    /// When.
    pub now: Timestamp,
    /// The trace that it belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<&'a str>,
    /// Where whoever lets it wait notes when it was sent.
    pub sent: Option<&'a OnceLock<Instant>>,
}

/// What came of a question.
#[derive(Debug)]
pub enum Asked {
    /// It was asked and answered.
    Answered(Outcome),
    /// It was not asked: the service wants to be left alone for so long.
    NotYet(Duration),
}

/// Answers questions to services. Other flows are run by the engine, unless [`Self::answers`].
#[async_trait]
pub trait Performer: Send + Sync {
    /// Whether it has an answer of its own to a call of another flow, which is then not run.
    fn answers(&self, _plan: &Plan, _ask: &Ask) -> bool {
        false
    }

    /// Asks once; retries and polling are the interpreter's.
    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome;

    /// The same for a run, which can come back.
    async fn ask(&self, question: Question<'_>) -> Asked {
        let Question { plan, ask, now, .. } = question;
        Asked::Answered(self.perform(plan, ask, now).await)
    }

    /// Where what is asked over the network is counted.
    fn observe(&self, _metrics: &Arc<Metrics>) {}

    /// Where runs are followed, if they are.
    fn traces(&self) -> Option<&Traces> {
        None
    }

    /// What a service says when it calls back, if it can be known here: `{statusCode, headers, body}`.
    fn call_back(&self, _ask: &Ask) -> Option<Value> {
        None
    }

    /// The connection that a flow calls so, for triggers that find their events through it.
    ///
    /// # Errors
    /// If there is none, or it cannot be used.
    fn connection(&self, _plan: &Plan, name: &str) -> Result<Arc<Connection>, Failure> {
        let message = format!("there is no connection behind `{name}` here");
        Err(Failure::new("ConnectionNotFound", message))
    }
}

//! Who answers the questions of a run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use base::{Failure, Outcome, Timestamp};
use connector::Connection;
use interp::{
    Plan,
    effect::{Ask, Request},
};
use serde_json::{Value, json};

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

/// Replies from a file: nothing is called.
///
/// Of an action that waits to be called back, the last reply is the call; with `callBack: false` it
/// answers the request, and nobody calls.
///
/// A reply is found by the action's path, its name, or `connection.Operation`. A list gives one
/// reply each time the action asks, also in the next pass of a loop, and its last one ever after;
/// one that is found by a path, or of an action that waits to be called back, begins anew with each
/// pass. Without a reply, the static result of the action is taken, if it has one.
#[derive(Clone, Debug, Default)]
pub struct Mocks {
    replies: BTreeMap<String, Vec<Value>>,
}

impl Mocks {
    /// From an object of replies by name, each `{statusCode, headers, body}` or a list of such.
    ///
    /// # Errors
    /// Names the reply that is neither.
    pub fn new(replies: &Value) -> Result<Self, String> {
        let Some(replies) = replies.as_object() else {
            return Err("mocks are an object: a reply, or a list of replies, by action name".into());
        };
        let mut read = BTreeMap::new();
        for (name, value) in replies {
            let list = match value {
                Value::Array(list) => list.clone(),
                other => vec![other.clone()],
            };
            if list.is_empty() || !list.iter().all(Value::is_object) {
                return Err(format!(
                    "the reply of `{name}` must be an object like {{statusCode: 200, body: …}}"
                ));
            }
            read.insert(folded(name), list);
        }
        Ok(Self { replies: read })
    }

    fn find(&self, ask: &Ask) -> Option<&Vec<Value>> {
        self.of_path(ask).or_else(|| self.of_name(ask))
    }

    fn of_path(&self, ask: &Ask) -> Option<&Vec<Value>> {
        let (loops, _) = ask.path.parts()?;
        let is_own = !loops.is_empty();
        is_own.then(|| self.replies.get(&folded(ask.path.as_str()))).flatten()
    }

    fn of_name(&self, ask: &Ask) -> Option<&Vec<Value>> {
        let (_, action) = ask.path.parts()?;
        let operation = match &ask.request {
            Request::Operation { connection, operation, .. } => format!("{connection}.{operation}"),
            Request::Route { .. }
            | Request::Http { .. }
            | Request::Approval { .. }
            | Request::Batch { .. }
            | Request::Unsubscribe { .. }
            | Request::Flow { .. } => String::new(),
        };
        [&action, &operation].into_iter().find_map(|name| self.replies.get(&folded(name)))
    }

    /// Which reply of a list is meant.
    fn turn(&self, ask: &Ask) -> u32 {
        let anew = ask.callback_url.is_some() || self.of_path(ask).is_some();
        if anew { ask.attempt } else { ask.turn }
    }
}

fn folded(name: &str) -> String {
    name.replace(' ', "_").to_lowercase()
}

#[async_trait]
impl Performer for Mocks {
    fn answers(&self, plan: &Plan, ask: &Ask) -> bool {
        self.find(ask).is_some() || plan.static_result(&ask.path).is_some()
    }

    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        let Some(replies) = self.find(ask) else {
            if let Some(outcome) = plan.static_result(&ask.path) {
                return outcome;
            }
            let message = format!(
                "nothing may be called here and there is no reply for `{}`; add one to the mocks file",
                ask.path
            );
            return Outcome::failed(Failure::new("NotMocked", message));
        };
        let index = (self.turn(ask) as usize).saturating_sub(1).min(replies.len() - 1);
        let reply = &replies[index];
        let outcome = Outcome::of_response(outputs(reply), now);
        // The last reply of an action that waits to be called is the call; what it follows worked.
        let is_call = index + 1 == replies.len() && calls_back(reply);
        if ask.callback_url.is_some() && is_call && outcome.failure.is_none() {
            return Outcome::succeeded(outputs(&json!({})));
        }
        outcome
    }

    fn call_back(&self, ask: &Ask) -> Option<Value> {
        let last = self.find(ask).and_then(|replies| replies.last());
        last.filter(|reply| calls_back(reply)).map(outputs)
    }
}

/// A service that agreed to call back does so, unless the reply says `callBack: false`.
fn calls_back(reply: &Value) -> bool {
    reply.get("callBack") != Some(&Value::Bool(false))
}

/// A reply with everything that it leaves out.
fn outputs(reply: &Value) -> Value {
    let mut outputs = reply.clone();
    if let Some(object) = outputs.as_object_mut() {
        object.shift_remove("callBack");
        object.entry("statusCode").or_insert_with(|| json!(200));
        object.entry("headers").or_insert_with(|| json!({}));
        object.entry("body").or_insert(Value::Null);
        // Headers are texts, also `Retry-After: 5`.
        let headers = object.get_mut("headers").and_then(Value::as_object_mut);
        for value in headers.into_iter().flat_map(|it| it.values_mut()).filter(|it| it.is_number())
        {
            *value = value.to_string().into();
        }
    }
    outputs
}

//! What is known of an action that has ended.

use std::{borrow::Cow, sync::Arc};

use base::{Duration, Failure, Status, Timestamp};
use flow::Action;
use serde_json::{Map, Value, json};

use crate::HIDDEN;

/// The code that the cloud does not show.
pub(crate) const UNSPECIFIED: &str = "NotSpecified";

/// The end of one action in one pass of its loops.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// How it ended.
    pub status: Status,
    /// Code as the cloud writes it: `OK`, `NotFound`, `ActionSkipped`, `BadRequest`, …
    pub code: Cow<'static, str>,
    /// Evaluated inputs.
    pub inputs: Option<Arc<Value>>,
    /// Outputs as `outputs()` gives them.
    pub outputs: Option<Arc<Value>>,
    /// Why it failed or was skipped.
    pub failure: Option<Box<Failure>>,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// Attempts at asking, if it asked.
    pub attempts: Vec<Attempt>,
    /// Passes of a loop.
    pub repetitions: Option<usize>,
    /// Tracked properties, evaluated.
    pub tracked: Option<Box<Value>>,
}

/// One attempt at asking a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// When it began.
    pub start: Timestamp,
    /// When it was sent, if it had to wait before that.
    pub sent: Option<Timestamp>,
    /// When it was answered.
    pub end: Timestamp,
    /// What was wrong; none if it was the successful one.
    pub failure: Option<Failure>,
    /// The pause before the next attempt.
    pub pause: Option<Duration>,
}

/// By what a record is found again.
#[derive(Clone, Debug)]
pub(crate) struct Correlation<'a> {
    /// Its own name.
    pub tracking_id: String,
    /// What runs of the same business have in common.
    pub client_id: &'a str,
    /// What the caller said about the event.
    pub keywords: &'a [String],
}

impl Correlation<'_> {
    /// Keywords are shown if there are any, as in the cloud.
    pub(crate) fn put(&self, object: &mut Map<String, Value>) {
        object.insert("trackingId".into(), self.tracking_id.as_str().into());
        object.insert("clientTrackingId".into(), self.client_id.into());
        if !self.keywords.is_empty() {
            object.insert("clientKeywords".into(), self.keywords.into());
        }
    }
}

impl Attempt {
    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("startTime".into(), self.start.to_string().into());
        object.insert("endTime".into(), self.end.to_string().into());
        let code = self.failure.as_ref().map_or("OK", |it| it.code.as_str());
        object.insert("code".into(), code.into());
        if let Some(failure) = &self.failure {
            object.insert("error".into(), failure.to_json());
        }
        Value::Object(object)
    }
}

impl Record {
    /// A record of an action that was not started.
    pub(crate) fn skipped(failure: Failure, code: &'static str, now: Timestamp) -> Self {
        Self {
            status: Status::Skipped,
            code: Cow::Borrowed(code),
            inputs: None,
            outputs: None,
            failure: Some(Box::new(failure)),
            start: now,
            end: now,
            attempts: Vec::new(),
            repetitions: None,
            tracked: None,
        }
    }

    /// `error` as expressions see it: a service's own error response is in the outputs instead.
    fn error(&self) -> Option<Value> {
        let answered = self.outputs.as_ref().is_some_and(|it| it.get("statusCode").is_some());
        let answered = answered && self.status == Status::Failed;
        self.failure.as_deref().filter(|_| !answered).map(Failure::to_json)
    }

    /// The record as `actions()` and `result()` show it.
    pub(crate) fn to_json(&self, action: &Action, found_by: &Correlation<'_>) -> Value {
        // Loops have many of these: room for the usual members at once, and one text for one time.
        let mut object = Map::with_capacity(12);
        let start = self.start.to_string();
        let end = if self.end == self.start { start.clone() } else { self.end.to_string() };
        object.insert("name".into(), action.name.as_str().into());
        if let Some(inputs) = &self.inputs {
            object.insert("inputs".into(), Value::clone(inputs));
        }
        if let Some(outputs) = &self.outputs {
            object.insert("outputs".into(), Value::clone(outputs));
        }
        object.insert("startTime".into(), start.into());
        object.insert("endTime".into(), end.into());
        found_by.put(&mut object);
        if self.code != UNSPECIFIED {
            object.insert("code".into(), (*self.code).into());
        }
        object.insert("status".into(), self.status.name().into());
        if let Some(error) = self.error() {
            object.insert("error".into(), error);
        }
        if let Some(passes) = self.repetitions {
            object.insert("repetitionCount".into(), passes.into());
        }
        if 1 < self.attempts.len() {
            let history = self.attempts.iter().map(Attempt::to_json);
            object.insert("retryHistory".into(), history.collect());
        }
        if let Some(tracked) = &self.tracked {
            object.insert("trackedProperties".into(), Value::clone(tracked));
        }
        Value::Object(object)
    }
}

/// Headers that prove who asks.
const PROOFS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-functions-key",
    "ocp-apim-subscription-key",
];

/// Inputs as records show them: credentials are replaced before anybody can see them.
pub(crate) fn sanitized(inputs: &Arc<Value>) -> Arc<Value> {
    let has = |name: &str| inputs.get(name).is_some_and(|it| !it.is_null());
    let is_proof = |name: &str| PROOFS.iter().any(|it| it.eq_ignore_ascii_case(name));
    let proves = |headers: &Map<String, Value>| headers.keys().any(|name| is_proof(name));
    let headers = inputs.get("headers").and_then(Value::as_object);
    if !has("authentication") && !has("cookie") && !headers.is_some_and(proves) {
        return Arc::clone(inputs);
    }
    let mut copy = Value::clone(inputs);
    if has("authentication") {
        let kind = inputs["authentication"].get("type").cloned().unwrap_or(Value::Null);
        copy["authentication"] = json!({ "type": kind, "value": HIDDEN });
    }
    if let Some(headers) = copy.get_mut("headers").and_then(Value::as_object_mut) {
        for (name, value) in headers.iter_mut() {
            if is_proof(name) {
                *value = HIDDEN.into();
            }
        }
    }
    if has("cookie") {
        copy["cookie"] = HIDDEN.into();
    }
    Arc::new(copy)
}

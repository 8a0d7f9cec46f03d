//! Calls of other flows: which runs they start, and what the caller is told.

use std::{collections::BTreeMap, sync::Arc};

use base::{
    Failure, Outcome, Timestamp,
    http::{TRACEPARENT, TRACKING_HEADER},
};
use flow::Trigger;
use interp::{
    Run,
    effect::{Ask, Request},
    fire::{Firing, fire, immediate_response},
};
use serde_json::{Map, Value, json};

use crate::{admit::know_by, deploy::Deployed};

/// How deep flows may call each other.
pub(crate) const CHILD_DEPTH_MAX: usize = base::limits::CALL_DEPTH_MAX;

/// What a call starts.
pub(crate) struct Called<'a> {
    /// The other flow.
    pub flow: &'a Arc<Deployed>,
    /// Its trigger.
    pub trigger: &'a Trigger,
    /// Its runs, each known by the question.
    pub firings: Vec<Firing>,
    /// What the caller is told at once, if it does not wait for the only run.
    pub at_once: Option<Outcome>,
}

/// Finds the flow and its trigger, and lets the trigger look at the call as at any other event.
///
/// # Errors
/// If there is no such flow or trigger, or the trigger does not take the call.
pub(crate) fn call<'a>(
    flows: &'a BTreeMap<String, Arc<Deployed>>,
    ask: &Ask,
    (tracking_id, traceparent): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Called<'a>, Failure> {
    let Request::Flow { flow, trigger, inputs } = &ask.request else {
        return Err(Failure::new("InternalError", "this asks for no flow"));
    };
    let flow = find_flow(flows, flow).ok_or_else(|| no_flow(flow))?;
    let trigger = find_trigger(flow, trigger.as_deref())?;
    let outputs =
        outputs(inputs, &[(TRACKING_HEADER, Some(tracking_id)), (TRACEPARENT, traceparent)]);
    let outputs = Arc::new(outputs);
    let event = flow.event(trigger, &outputs, now);
    let mut firings = fire(&event)?;
    know_by(&ask.idempotency_key, &mut firings);
    let at_once = if firings.is_empty() {
        let message = "a condition of the called flow's trigger does not hold, so it has not run";
        Some(no_response(message, now))
    } else {
        let response = immediate_response(&event)?;
        let split = || trigger.split_on.is_some().then(|| json!({ "statusCode": 202 }));
        response.or_else(split).map(|it| Outcome::of_response(it, now))
    };
    Ok(Called { flow, trigger, firings, at_once })
}

fn find_trigger<'a>(flow: &'a Deployed, name: Option<&str>) -> Result<&'a Trigger, Failure> {
    let triggers = &flow.plan.flow.triggers;
    let found = match name {
        Some(name) => flow.plan.flow.trigger(name),
        None => triggers.iter().find(|it| it.kind.is_callable()),
    };
    let message = match (found, name) {
        (Some(found), _) if found.kind.is_callable() => return Ok(found),
        (Some(found), _) => {
            format!("the trigger `{}` of the flow `{}` cannot be called", found.name, flow.name)
        }
        (None, Some(name)) => format!("the flow `{}` has no trigger `{name}`", flow.name),
        (None, None) => format!("the flow `{}` has no trigger that can be called", flow.name),
    };
    Err(Failure::new("TriggerNotFound", message))
}

/// `triggerOutputs()` of the child: what the action says, with what the caller is about.
fn outputs(inputs: &Value, about: &[(&str, Option<&str>)]) -> Value {
    let mut outputs = inputs.as_object().cloned().unwrap_or_default();
    let given = outputs.remove("headers");
    let mut headers = match given {
        Some(Value::Object(headers)) => headers,
        _ => Map::new(),
    };
    for (name, value) in about {
        if let Some(value) = value
            && !headers.keys().any(|given| given.eq_ignore_ascii_case(name))
        {
            headers.insert((*name).to_owned(), (*value).into());
        }
    }
    outputs.insert("headers".to_owned(), headers.into());
    outputs.into()
}

/// What a parent gets from a child that has answered or ended.
pub(crate) fn child_outcome(run: &Run, now: Timestamp) -> Outcome {
    if let Some(response) = run.response() {
        return Outcome::of_response(Value::clone(response), now);
    }
    let error = run.end().and_then(|end| end.error.as_ref());
    let text = |name: &str| error.and_then(|it| it.get(name)).and_then(Value::as_str);
    let mut message =
        "the called flow ended without a `respond` action that was reached".to_owned();
    if let (Some(code), Some(reason)) = (text("code"), text("message")) {
        message = format!("{message}: {code}: {reason}");
    }
    no_response(&message, now)
}

/// As a gateway answers for who did not; the reason is in the body.
fn no_response(message: &str, now: Timestamp) -> Outcome {
    let error = json!({ "code": "NoResponse", "message": message });
    let answer = json!({ "statusCode": 502, "headers": {}, "body": { "error": error } });
    let mut outcome = Outcome::of_response(answer, now);
    if let Some(failure) = &mut outcome.failure {
        failure.message = format!("NoResponse: {message}");
    }
    outcome
}

/// A flow by its folder below the project's flows, or by the last part of that or of an id of the
/// cloud's (`/subscriptions/…`), if only one flow is called so.
pub(crate) fn find_flow<'a, T>(flows: &'a BTreeMap<String, T>, wanted: &str) -> Option<&'a T> {
    // Ids are in lower case.
    if let Some(found) = flows.get(wanted).or_else(|| flows.get(&wanted.to_ascii_lowercase())) {
        return Some(found);
    }
    let short = if wanted.starts_with('/') { wanted.rsplit('/').next()? } else { wanted };
    let mut called = flows.iter().filter(|(name, _)| name.rsplit('/').next() == Some(short));
    match (called.next(), called.next()) {
        (Some((_, only)), None) => Some(only),
        _ => None,
    }
}

pub(crate) fn too_deep() -> Failure {
    let message = format!("flows call each other more than {CHILD_DEPTH_MAX} deep");
    Failure::new("ChildFlowTooDeep", message)
}

pub(crate) fn no_flow(name: &str) -> Failure {
    Failure::new("WorkflowNotFound", format!("there is no flow `{name}` in this project"))
}

//! Events that are found by asking: what to ask next, and what an answer says.

use base::{Duration, Failure, Outcome, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    connection::Connection,
    encode::invalid,
    request::Call,
    response,
    scope::{Answer, Scope},
    trigger::{Cursor, FOLLOW, Poll, Trigger, TriggerKind},
    webhook::{Event, wishes},
};

/// Where the state keeps the values that the first pass started from.
const START: &str = "$start";

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The events, in the order of the answer.
    pub events: Vec<Event>,
    /// What the next pass starts from. It must become durable together with the events: before
    /// them events are lost, after them they come twice.
    pub state: Value,
}

/// The polling of a trigger, if events come that way.
pub fn poll(trigger: &Trigger) -> Option<&Poll> {
    match &trigger.kind {
        TriggerKind::Poll(poll) => Some(poll),
        TriggerKind::Webhook(_) => None,
    }
}

/// What the first pass starts from.
pub fn start(
    connection: &Connection,
    trigger: &Trigger,
    call: &Call<'_>,
) -> Result<Value, Failure> {
    let wishes = wishes(trigger, call.inputs)?;
    let scope = Scope { inputs: Some(&wishes), ..Scope::of_call(connection, call) };
    let mut state = Map::new();
    for cursor in &declared(trigger)?.cursor {
        state.insert(cursor.name.clone(), scope.eval(&cursor.initial)?);
    }
    state.insert(START.to_owned(), Value::Object(state.clone()));
    Ok(Value::Object(state))
}

/// The inputs of the operation that is asked next. `call.inputs` are what the flow says about the
/// events it wants.
pub fn inputs(
    connection: &Connection,
    trigger: &Trigger,
    call: &Call<'_>,
    state: &Value,
) -> Result<Value, Failure> {
    let poll = declared(trigger)?;
    let wishes = wishes(trigger, call.inputs)?;
    let state = looking_back(poll, state);
    let scope =
        Scope { inputs: Some(&wishes), state: Some(&state), ..Scope::of_call(connection, call) };
    scope.eval_tree(&poll.with)
}

/// The events in an answer, and what the next pass starts from.
pub fn read(
    connection: &Connection,
    trigger: &Trigger,
    (call, state): (&Call<'_>, &Value),
    outcome: &Outcome,
) -> Result<Found, Failure> {
    if let Some(failure) = &outcome.failure {
        return Err(failure.clone());
    }
    let poll = declared(trigger)?;
    let wishes = wishes(trigger, call.inputs)?;
    let answer = Answer {
        status: outcome.status_code().unwrap_or(200),
        headers: outcome
            .outputs
            .as_ref()
            .and_then(|it| it.get("headers"))
            .cloned()
            .unwrap_or_default(),
        body: response::body(outcome).clone(),
    };
    let scope = Scope {
        inputs: Some(&wishes),
        answer: Some(&answer),
        state: Some(state),
        ..Scope::of_call(connection, call)
    };
    let items = match scope.eval(&poll.items)? {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        _ => return Err(invalid(format!("the items of `{}` are not a list", trigger.id))),
    };
    let mut next = state.as_object().cloned().unwrap_or_default();
    for cursor in &poll.cursor {
        let value = scope.eval(&cursor.next)?;
        if !value.is_null() {
            next.insert(cursor.name.clone(), value);
        }
    }
    let back = looking_back(poll, state);
    let mut events = Vec::with_capacity(items.len());
    for item in items {
        let scope = Scope {
            inputs: Some(&wishes),
            item: Some(&item),
            state: Some(state),
            ..Scope::of_call(connection, call)
        };
        let asked = Scope { state: Some(&back), ..scope.of_item(&item) };
        let filter = poll.filter.as_ref().map(|it| asked.eval(it)).transpose()?;
        let wanted = filter.is_none_or(|it| it == Value::Bool(true));
        let dedupe_key = match &poll.dedupe {
            Some(dedupe) => scope.text(&dedupe.key)?,
            None => None,
        };
        let output = trigger.output.as_ref().map(|it| scope.eval_tree(it)).transpose()?;
        let outputs = json!({ "body": output.unwrap_or(item) });
        events.push(Event { wanted, dedupe_key, outputs });
    }
    Ok(Found { events, state: Value::Object(next) })
}

/// The address that the service named for the next question, if it has.
pub fn follow(trigger: &Trigger, state: &Value) -> Option<String> {
    let is_followed = poll(trigger)?.cursor.iter().any(|it| it.name == FOLLOW);
    let address = state.get(FOLLOW).filter(|_| is_followed)?.as_str()?;
    (!address.is_empty()).then(|| address.to_owned())
}

fn declared(trigger: &Trigger) -> Result<&Poll, Failure> {
    poll(trigger).ok_or_else(|| invalid(format!("`{}` is not asked for", trigger.id)))
}

/// The state with its instants a little earlier, so that rows which became visible late are found;
/// never before the start, so that switching a flow on does not fire for the past.
fn looking_back(poll: &Poll, state: &Value) -> Value {
    let mut back = state.as_object().cloned().unwrap_or_default();
    let start = back.remove(START).unwrap_or_default();
    for Cursor { name, .. } in &poll.cursor {
        let instant = |value: Option<&Value>| value?.as_str().and_then(Timestamp::parse);
        let Some(at) = instant(back.get(name)).filter(|_| Duration::ZERO < poll.overlap) else {
            continue;
        };
        let earlier = at.after(Duration::from_ticks(-poll.overlap.ticks()));
        let from = instant(start.get(name)).map_or(earlier, |start| earlier.max(start));
        back.insert(name.clone(), from.to_string().into());
    }
    Value::Object(back)
}

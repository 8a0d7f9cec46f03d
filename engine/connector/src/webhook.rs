//! Subscriptions and deliveries: the inputs of subscription calls, and what a delivery says.

use std::collections::BTreeSet;

use base::{Failure, Outcome, http};
use serde_json::{Map, Value, json};

use crate::{
    connection::Connection,
    encode::invalid,
    inputs,
    model::{Connector, Effect, Idempotency, Operation},
    proof::texts,
    request::Call,
    response,
    scope::{Answer, Scope},
    trigger::{Subscription, SubscriptionCall, Trigger, TriggerKind, Webhook},
};

/// What is known about a flow's subscription.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber<'a> {
    /// What the flow says about the events it wants.
    pub inputs: &'a Value,
    /// The address that the service is to call.
    pub callback_url: &'a str,
    /// What earlier calls left, such as `{id}`; null if nothing.
    pub subscription: &'a Value,
}

/// The subscription that a service has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Where it delivers to.
    pub url: String,
    /// What it delivers.
    pub events: Vec<String>,
}

/// An RSA signature over the raw body, with the certificate named by a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSignature {
    /// Headers that may carry the signature; the first that does counts.
    pub signature_headers: Vec<String>,
    /// What stands before the signature.
    pub prefix: String,
    /// The header that names the algorithm.
    pub algorithm_header: String,
    /// Algorithms that are believed.
    pub algorithms: Vec<String>,
    /// The header that names the certificate.
    pub certificate_header: String,
    /// Hosts, or whole origins, that a certificate may be fetched from.
    pub certificate_hosts: Vec<String>,
    /// Certificates of the authorities to trust, as PEM.
    pub trust_anchors_pem: Option<String>,
    /// An attribute that the issuer must have, such as `O=Microsoft Corporation`.
    pub issuer_contains: String,
}

/// What a delivery says, after it was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Whether the flow wants it.
    pub wanted: bool,
    /// Two deliveries with the same key are one event.
    pub dedupe_key: Option<String>,
    /// The outputs of the trigger: `{headers, body}`.
    pub outputs: Value,
}

/// The webhook of a trigger, if it is one.
pub fn webhook(trigger: &Trigger) -> Option<&Webhook> {
    match &trigger.kind {
        TriggerKind::Webhook(webhook) => Some(webhook),
        TriggerKind::Poll(_) => None,
    }
}

/// What the flow says, with the trigger's defaults; unknown names are refused.
pub(crate) fn wishes(trigger: &Trigger, given: &Value) -> Result<Map<String, Value>, Failure> {
    let mut values = inputs::defaults(&trigger.params);
    for (name, value) in given.as_object().into_iter().flatten() {
        if !trigger.params.iter().any(|it| it.is_for(name)) {
            return Err(invalid(format!("`{}` has no parameter `{name}`", trigger.id)));
        }
        if !value.is_null() {
            values.insert(name.clone(), value.clone());
        }
    }
    match trigger.params.iter().find(|it| it.required && !values.contains_key(&it.name)) {
        Some(param) => {
            let message =
                format!("required parameter `{}` of `{}` is missing", param.name, trigger.id);
            Err(invalid(message))
        }
        None => Ok(values),
    }
}

/// What several flows want of one subscription, defaults included: lists are united, and what one of
/// them agrees to is agreed to.
///
/// # Errors
/// If a flow's inputs are not the trigger's, or two want what excludes each other.
pub fn union(trigger: &Trigger, all: &[Value]) -> Result<Value, Failure> {
    let mut united = Map::new();
    for given in all {
        for (name, value) in wishes(trigger, given)? {
            let known = united.entry(name.clone()).or_insert_with(|| value.clone());
            match (known, value) {
                (Value::Array(known), Value::Array(more)) => {
                    for item in more {
                        if !known.contains(&item) {
                            known.push(item);
                        }
                    }
                }
                (Value::Bool(known), Value::Bool(more)) => *known |= more,
                (known, value) if *known == value => {}
                _ => {
                    let message = format!(
                        "flows share the subscription of `{}` and do not agree on `{name}`",
                        trigger.id
                    );
                    return Err(invalid(message));
                }
            }
        }
    }
    Ok(Value::Object(united))
}

/// Whether the service delivers just the events that the flow wants: those of its parameter
/// `events`, whatever their case. A service that does not tell is believed.
pub fn delivers(
    trigger: &Trigger,
    subscription: &Subscription,
    inputs: &Value,
    current: &Current,
) -> Result<bool, Failure> {
    let wishes = wishes(trigger, inputs)?;
    let Some(wanted) = wishes.get("events").filter(|_| subscription.current_events.is_some())
    else {
        return Ok(true);
    };
    let folded = |names: &[String]| -> BTreeSet<String> {
        names.iter().map(|it| it.to_lowercase()).collect()
    };
    Ok(folded(&texts(wanted)) == folded(&current.events))
}

/// The inputs of a subscription call.
pub fn subscription_inputs(
    connection: &Connection,
    trigger: &Trigger,
    (what, call): (&SubscriptionCall, &Call<'_>),
    subscriber: &Subscriber<'_>,
) -> Result<Value, Failure> {
    let wishes = wishes(trigger, subscriber.inputs)?;
    let scope = Scope {
        inputs: Some(&wishes),
        callback_url: Some(subscriber.callback_url),
        subscription: Some(subscriber.subscription),
        ..Scope::of_call(connection, call)
    };
    scope.eval_tree(&what.with)
}

/// How a service is told that nobody waits any more for the call that an operation asked for.
#[derive(Clone, Debug)]
pub enum Removal {
    /// By an operation, with these inputs.
    Call(String, Value),
    /// By removing what the service named in its answer. The operation has nothing else to say.
    Made(String, Box<Operation>),
    /// Not at all.
    None,
}

/// How to take back what a call has subscribed to; `answered` are the outputs of its answer. What the
/// connector does not say, the service does: where an API's description marks the place of the
/// address, `Location` is the subscription.
pub fn removal(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    answered: &Value,
) -> Result<Removal, Failure> {
    let answer = answer(&Outcome::succeeded(answered.clone()));
    if let Some((id, with)) = &operation.unsubscribe {
        let given = inputs::Inputs::sort(operation, call.inputs)?;
        let scope = Scope {
            inputs: Some(&given.values),
            answer: Some(&answer),
            ..Scope::of_call(connection, call)
        };
        return Ok(Removal::Call(id.clone(), scope.eval_tree(with)?));
    }
    let location = answer.header("location");
    let Some(location) =
        location.as_str().filter(|_| inputs::takes_callback(connection, operation))
    else {
        return Ok(Removal::None);
    };
    let removing = Operation {
        effect: Effect::Delete,
        params: Vec::new(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        success: Vec::new(),
        paginate: None,
        idempotency: Idempotency::None,
        output: None,
        ..operation.clone()
    };
    Ok(Removal::Made(location.to_owned(), Box::new(removing)))
}

/// What to remember of the answer to a subscription call: `{id}`, or null.
pub fn subscription_state(
    connection: &Connection,
    what: &SubscriptionCall,
    outcome: &Outcome,
) -> Result<Value, Failure> {
    let Some(id) = &what.id else { return Ok(Value::Null) };
    let answer = answer(outcome);
    let id = Scope { answer: Some(&answer), ..Scope::new(connection) }.eval(id)?;
    Ok(json!({ "id": id }))
}

/// The address at which a subscription is removed, if the service gave it one.
pub fn located<'s>(subscription: &Subscription, state: &'s Value) -> Option<&'s str> {
    let id = state.get("id").filter(|_| subscription.by_location)?.as_str()?;
    let is_address = ["https://", "http://", "/"].iter().any(|it| id.starts_with(it));
    is_address.then_some(id)
}

/// The present subscription in the answer of `read`; `None` if the service has none.
pub fn current(
    connection: &Connection,
    subscription: &Subscription,
    outcome: &Outcome,
) -> Result<Option<Current>, Failure> {
    let Some(url) = &subscription.current_url else { return Ok(None) };
    let answer = answer(outcome);
    let scope = Scope { answer: Some(&answer), ..Scope::new(connection) };
    let Some(url) = scope.text(url)?.filter(|it| !it.is_empty()) else { return Ok(None) };
    let events = match &subscription.current_events {
        Some(events) => scope.eval(events)?,
        None => Value::Null,
    };
    Ok(Some(Current { url, events: texts(&events) }))
}

/// Whether a subscription that delivers elsewhere may be replaced.
pub fn may_replace(
    connection: &Connection,
    trigger: &Trigger,
    subscription: &Subscription,
    inputs: &Value,
) -> Result<bool, Failure> {
    let Some(foreign) = &subscription.foreign else { return Ok(false) };
    let wishes = wishes(trigger, inputs)?;
    let scope = Scope { inputs: Some(&wishes), ..Scope::new(connection) };
    Ok(scope.text(foreign)?.as_deref() == Some("replace"))
}

/// Reads a delivery whose proof was accepted.
pub fn receive(
    connection: &Connection,
    trigger: &Trigger,
    inputs: &Value,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Event, Failure> {
    let webhook =
        webhook(trigger).ok_or_else(|| invalid(format!("`{}` is not a webhook", trigger.id)))?;
    let receive = &webhook.receive;
    if receive.body_bytes_max < body.len() {
        return Err(invalid(format!("a delivery has at most {} bytes", receive.body_bytes_max)));
    }
    let media = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let body = http::body_value(media.map(|(_, value)| value.as_str()), body);
    let body = respelled(connection, webhook, body);
    let wishes = wishes(trigger, inputs)?;
    let mut outputs = json!({ "headers": http::headers_value(headers), "body": body });
    let (wanted, dedupe_key, output) = {
        let scope =
            Scope { inputs: Some(&wishes), event: Some(&outputs), ..Scope::new(connection) };
        let wanted = match &receive.filter {
            Some(filter) => scope.eval(filter)? == Value::Bool(true),
            None => true,
        };
        let key = match &receive.dedupe {
            Some(dedupe) => scope.text(&dedupe.key)?,
            None => None,
        };
        let output = trigger.output.as_ref().map(|it| scope.eval_tree(it)).transpose()?;
        (wanted, key, output)
    };
    if let Some(output) = output {
        outputs["body"] = output;
    }
    Ok(Event { wanted, dedupe_key, outputs })
}

/// The body of a delivery with its keys spelled as the schema does, if the service spells them in
/// more ways than one.
pub fn respelled(connection: &Connection, webhook: &Webhook, mut body: Value) -> Value {
    if webhook.receive.case_insensitive
        && let Some(schema) = &webhook.receive.body
    {
        respell(&connection.connector, schema, &mut body);
    }
    body
}

fn respell(connector: &Connector, schema: &Value, body: &mut Value) {
    let properties = connector.schema(schema).and_then(|it| it.get("properties"));
    let (Some(Value::Object(properties)), Value::Object(members)) = (properties, body) else {
        return;
    };
    let given = std::mem::take(members);
    for (key, value) in given {
        let known = properties.keys().find(|it| it.eq_ignore_ascii_case(&key));
        members.insert(known.cloned().unwrap_or(key), value);
    }
}

fn answer(outcome: &Outcome) -> Answer {
    let outputs = outcome.outputs.as_ref();
    Answer {
        status: outcome.status_code().unwrap_or(0),
        headers: outputs.and_then(|it| it.get("headers")).cloned().unwrap_or_default(),
        body: response::body(outcome).clone(),
    }
}

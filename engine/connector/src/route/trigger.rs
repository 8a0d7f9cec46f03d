//! Which trigger a method and path mean, and what a flow that names them so wants of it.

use base::{ErrorClass, Failure, http::percent_path};
use serde_json::{Map, Value};

use super::{Captured, best, listed, ways};
use crate::{
    model::Connector,
    trigger::{Trigger, TriggerKind},
};

/// What a flow that names method and path evaluates `listCallbackUrl()` to: the connector knows
/// where the service wants the address, so that it is no wish of the flow.
pub const CALLBACK_URL: &str = "urn:flowright:callback";

/// The trigger that a method and path mean, and what the flow wants of it by the names of the
/// trigger's parameters. `given` is `{method, path, queries, headers, body}` as the flow has it, or
/// `{fetch, subscribe}` of a trigger that fetches when it is notified, each such a request.
///
/// # Errors
/// If no trigger, or more than one, is reached so.
pub fn find_trigger<'a>(
    connector: &'a Connector,
    given: &Value,
) -> Result<(&'a Trigger, Value), Failure> {
    let parts = ["fetch", "subscribe"].map(|part| given.get(part));
    let requests: Vec<Value> = match parts {
        [None, None] => vec![given.clone()],
        parts => parts.into_iter().flatten().map(filled).collect(),
    };
    for request in &requests {
        if let Some(found) = reached(connector, request)? {
            return Ok(found);
        }
    }
    let all: Vec<String> = requests.iter().map(line).collect();
    let known = connector.triggers.values().map(|it| shown(connector, it));
    let known: Vec<String> = known.collect();
    let known =
        if known.is_empty() { "none".to_owned() } else { format!("only {}", known.join(", ")) };
    Err(unknown(format!(
        "`{}` has no trigger that is reached by {}; it has {known}; give one of them this path under \
         `routes`",
        connector.name,
        all.join(" or ")
    )))
}

fn reached<'a>(
    connector: &'a Connector,
    request: &Value,
) -> Result<Option<(&'a Trigger, Value)>, Failure> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let (path, query) = text("path").split_once('?').unwrap_or((text("path"), ""));
    let mut found: Vec<(usize, &Trigger, Captured)> = Vec::new();
    for trigger in connector.triggers.values() {
        let Some((literals, captured)) = best(all_ways(connector, trigger), text("method"), path)
        else {
            continue;
        };
        let most = found.first().map_or(0, |(most, ..)| *most);
        if most < literals {
            found.clear();
        }
        if most <= literals {
            found.push((literals, trigger, captured));
        }
    }
    let mut found = found.into_iter();
    let Some((_, trigger, captured)) = found.next() else { return Ok(None) };
    if let Some((_, other, _)) = found.next() {
        return Err(unknown(format!(
            "{} reaches `{}` and `{}` of `{}`; give one of them this path under `routes`",
            line(request),
            trigger.id,
            other.id,
            connector.name
        )));
    }
    Ok(Some((trigger, wishes(connector, (trigger, captured), query, request)?)))
}

/// What the flow says, by the names of the trigger's parameters where there is one.
fn wishes(
    connector: &Connector,
    (trigger, captured): (&Trigger, Captured),
    query: &str,
    request: &Value,
) -> Result<Value, Failure> {
    let operation = asked(trigger).and_then(|id| connector.operation(id));
    let mut wishes = Map::new();
    for (name, value) in captured {
        // Gateways of the cloud have a `{dataset}` where a connection has an address.
        let is_of_operation = operation.is_some_and(|it| it.param(&name).is_some());
        match param(trigger, &name) {
            Some(param) => drop(wishes.insert(param.to_owned(), value.into())),
            None if is_of_operation => drop(wishes.insert(name, value.into())),
            None => {}
        }
    }
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        put(&mut wishes, trigger, &name, &value.into_owned().into())?;
    }
    for members in ["queries", "headers", "body"] {
        match request.get(members) {
            Some(Value::Object(members)) => {
                for (name, value) in members {
                    put(&mut wishes, trigger, name, value)?;
                }
            }
            None | Some(Value::Null) => {}
            Some(other) => put(&mut wishes, trigger, members, other)?,
        }
    }
    Ok(Value::Object(wishes))
}

/// Puts a value under the parameter it is for; members of an object may each be for one. What is for
/// none keeps its name, by which it is refused.
fn put(
    wishes: &mut Map<String, Value>,
    trigger: &Trigger,
    name: &str,
    value: &Value,
) -> Result<(), Failure> {
    match (param(trigger, name), value) {
        (_, Value::String(text)) if text == CALLBACK_URL => {}
        (_, Value::String(text)) if text.contains(CALLBACK_URL) => {
            let message = format!(
                "`{name}` of the trigger changes the address that the service is to call, which the \
                 connector gives it"
            );
            let code = "OpenApiOperationParameterValidationFailed";
            return Err(Failure::of_class(ErrorClass::Validation, code, message));
        }
        (Some(param), value) => drop(wishes.insert(param.to_owned(), value.clone())),
        (None, Value::Object(members)) => {
            for (inner, value) in members {
                put(wishes, trigger, &format!("{name}/{inner}"), value)?;
            }
        }
        (None, value) => drop(wishes.insert(name.to_owned(), value.clone())),
    }
    Ok(())
}

/// The parameter of that name in any case, or the one that stands for that member of a body:
/// `subscriptionRequest/message` for `message`.
fn param<'a>(trigger: &'a Trigger, name: &str) -> Option<&'a str> {
    let mut names = trigger.params.iter().map(|it| it.name.as_str());
    let exact = names.clone().find(|it| it.eq_ignore_ascii_case(name));
    let of_body =
        |it: &&str| it.split_once('/').is_some_and(|(_, member)| member.eq_ignore_ascii_case(name));
    exact.or_else(|| names.find(of_body))
}

/// The operation that a trigger polls or subscribes with.
fn asked(trigger: &Trigger) -> Option<&str> {
    match &trigger.kind {
        TriggerKind::Poll(poll) => Some(&poll.operation),
        TriggerKind::Webhook(webhook) => {
            webhook.subscription.as_ref()?.create.as_ref().map(|it| it.operation.as_str())
        }
    }
}

/// Its own routes, and those of the operation that it asks.
fn all_ways<'a>(
    connector: &'a Connector,
    trigger: &'a Trigger,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let operation = asked(trigger).and_then(|id| connector.operation(id));
    listed(&trigger.routes).chain(operation.into_iter().flat_map(ways))
}

fn shown(connector: &Connector, trigger: &Trigger) -> String {
    let ways = all_ways(connector, trigger).map(|(method, path)| format!("{method} {path}"));
    let ways: Vec<String> = ways.collect();
    if ways.is_empty() {
        format!("`{}`", trigger.id)
    } else {
        format!("`{}` (`{}`)", trigger.id, ways.join("`, `"))
    }
}

fn line(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = text("path").split('?').next().unwrap_or_default();
    format!("`{} {path}`", text("method").to_uppercase())
}

/// A request whose path is a template with parameters.
fn filled(request: &Value) -> Value {
    let mut request = request.clone();
    let Some(members) = request.as_object_mut() else { return request };
    members.entry("method").or_insert_with(|| "get".into());
    if let Some(written) = members.get("pathTemplate") {
        let mut path =
            written.get("template").and_then(Value::as_str).unwrap_or_default().to_owned();
        let values = written.get("parameters").and_then(Value::as_object);
        for (name, value) in values.into_iter().flatten() {
            let segment = percent_path(&expr::to_text(value)).replace('/', "%2F");
            path = path.replace(&format!("{{{name}}}"), &segment);
        }
        members.insert("path".to_owned(), path.into());
    }
    request
}

fn unknown(message: String) -> Failure {
    Failure::of_class(ErrorClass::Validation, "TriggerNotFound", message)
}

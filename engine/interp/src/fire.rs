//! From an event to the runs it starts: conditions, splitOn, deduplication and ordering keys.

use std::{borrow::Cow, collections::BTreeMap};

use base::{Failure, Timestamp};
use expr::{Context, EvalError, Tree};
use flow::{Flow, Trigger};
use serde_json::{Map, Value, json};

/// A run to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// `triggerOutputs()` of the run.
    pub outputs: Value,
    /// Events of the same key start one run.
    pub dedupe: Option<String>,
    /// Runs of the same key are ordered.
    pub key: Option<String>,
}

/// What a trigger's expressions may look at.
pub struct Event<'a> {
    /// The flow.
    pub flow: &'a Flow,
    /// Which of its triggers fired.
    pub trigger: &'a Trigger,
    /// Values of the parameters, without the secure ones.
    pub parameters: &'a Map<String, Value>,
    /// Values of the secure parameters.
    pub secure_parameters: &'a Map<String, Value>,
    /// `{headers, body, …}`.
    pub outputs: &'a Value,
    /// When it fired.
    pub now: Timestamp,
}

/// The runs that an event starts: none if a condition does not hold, several with `splitOn`.
///
/// # Errors
/// If an expression of the trigger cannot be evaluated, or `splitOn` gives no list.
pub fn fire(event: &Event<'_>) -> Result<Vec<Firing>, Failure> {
    let trigger = event.trigger;
    let fail = |what: &'static str| {
        let name = trigger.name.clone();
        move |error: EvalError| {
            let message = format!("`{what}` of the trigger '{name}': {}", error.message);
            Failure::new(error.code, message)
        }
    };
    for condition in &trigger.conditions {
        match condition.template.eval(event).map_err(fail("conditions"))? {
            Value::Bool(true) => {}
            Value::Bool(false) => return Ok(Vec::new()),
            other => {
                let kind = base::value::kind(&other);
                let message = format!(
                    "a condition of the trigger '{}' gives a value of type '{kind}', not a boolean",
                    trigger.name
                );
                return Err(Failure::new("InvalidTemplate", message));
            }
        }
    }
    let Some(split_on) = &trigger.split_on else { return Ok(vec![firing(event)?]) };
    let items = match split_on.template.eval(event).map_err(fail("splitOn"))? {
        Value::Array(items) => items,
        other => {
            let kind = base::value::kind(&other);
            let message = format!(
                "`splitOn` of the trigger '{}' gives a value of type '{kind}', not a list",
                trigger.name
            );
            return Err(Failure::new("InvalidTemplate", message));
        }
    };
    let mut all: Vec<Firing> = Vec::with_capacity(items.len());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for item in items {
        let mut outputs = event.outputs.clone();
        if let Value::Object(outputs) = &mut outputs {
            outputs.insert("body".to_owned(), item);
        }
        let mut one = firing(&Event { outputs: &outputs, ..*event })?;
        // A key that does not look at the item is the same for all: then they are counted, so that
        // each starts a run, and the same event later none.
        one.dedupe = one.dedupe.map(|key| {
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            if *count == 1 { key } else { format!("{key}#{count}") }
        });
        all.push(one);
    }
    Ok(all)
}

fn firing(event: &Event<'_>) -> Result<Firing, Failure> {
    let trigger = event.trigger;
    let text = |tree: Option<&Tree>, what: &str| match tree {
        None => Ok(None),
        Some(tree) => match tree.eval(event) {
            Ok(value) => Ok(Some(expr::to_text(&value))),
            Err(error) => {
                let message =
                    format!("`{what}` of the trigger '{}': {}", trigger.name, error.message);
                Err(Failure::new(error.code, message))
            }
        },
    };
    let dedupe = text(trigger.dedupe.as_ref(), "dedupe")?;
    let concurrency = trigger.concurrency.as_ref();
    let key = text(concurrency.and_then(|it| it.key.as_ref()), "concurrency.key")?;
    Ok(Firing { outputs: event.outputs.clone(), dedupe, key })
}

/// The ordering key of an event that starts a run in any case, as a call of another flow does.
///
/// # Errors
/// If the trigger's `concurrency.key` cannot be evaluated.
pub fn ordering_key(event: &Event<'_>) -> Result<Option<String>, Failure> {
    firing(event).map(|it| it.key)
}

/// The answer that a trigger gives at once, `{statusCode, headers, body}`.
///
/// # Errors
/// If an expression of `respond` cannot be evaluated.
pub fn immediate_response(event: &Event<'_>) -> Result<Option<Value>, Failure> {
    let Some(respond) = &event.trigger.respond else { return Ok(None) };
    let mut response = json!({ "statusCode": respond.status });
    for (name, tree) in [("headers", &respond.headers), ("body", &respond.body)] {
        if let Some(tree) = tree {
            let value = tree.eval(event).map_err(|error| {
                let name = &event.trigger.name;
                Failure::new(
                    error.code,
                    format!("`respond` of the trigger '{name}': {}", error.message),
                )
            })?;
            response[name] = value;
        }
    }
    Ok(Some(response))
}

impl Context for Event<'_> {
    fn trigger(&self) -> Option<Cow<'_, Value>> {
        let name = self.trigger.name.as_str();
        Some(Cow::Owned(json!({ "name": name, "outputs": self.outputs })))
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(self.outputs))
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        let wanted = self.flow.parameters.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
        let given = if wanted.secure { self.secure_parameters } else { self.parameters };
        let value = given.get(&wanted.name).or(wanted.default.as_ref());
        // A secret that nobody gave is not null: a condition that compares with it must not hold.
        if wanted.secure && value.is_none() {
            return None;
        }
        Some(value.map_or(Cow::Owned(Value::Null), Cow::Borrowed))
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        let name = &self.flow.name;
        Some(Cow::Owned(json!({ "name": name, "tags": { "flowDisplayName": name } })))
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let (root, rest) = path.split_first()?;
        let member =
            |name: &str| self.outputs.get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed);
        match (*root, rest) {
            ("body" | "headers" | "queries" | "relativePathParameters", _) => {
                Some((member(root), 1))
            }
            (
                "trigger",
                [name @ ("body" | "headers" | "queries" | "relativePathParameters"), ..],
            ) => Some((member(name), 2)),
            ("trigger", _) => self.trigger().map(|it| (it, 1)),
            ("parameters", [name, ..]) => self.parameter(name).map(|it| (it, 2)),
            ("flow", _) => Some((Cow::Owned(json!({ "name": self.flow.name })), 1)),
            _ => None,
        }
    }
}

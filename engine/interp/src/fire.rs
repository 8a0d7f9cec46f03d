//! From an event to the runs it starts: conditions, splitOn, deduplication and ordering keys.

use std::{borrow::Cow, cell::Cell, collections::BTreeMap, sync::Arc};

use base::{Failure, Timestamp};
use expr::{Context, EvalError, Tree};
use flow::{Finding, Flow, Schema, Trigger, TriggerKind, actions::http::HttpInputs};
use serde_json::{Map, Value, json};

use crate::{context::draw, settings};

/// The code of an event that is not what its trigger takes, as in the cloud.
const MISMATCH: &str = "TriggerInputSchemaMismatch";

/// A run to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// `triggerOutputs()` of the run.
    pub outputs: Arc<Value>,
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
    /// Values of the secure parameters, and app settings.
    pub secure_parameters: &'a Map<String, Value>,
    /// `{headers, body, …}`.
    pub outputs: &'a Arc<Value>,
    /// When it fired.
    pub now: Timestamp,
    /// Where the trigger is called, for the inputs with which it subscribes.
    pub callback_url: Option<&'a str>,
}

/// The runs that an event starts: none if a condition does not hold, several with `splitOn`.
///
/// # Errors
/// If the event is not what the trigger takes, one of its expressions cannot be evaluated, or
/// `splitOn` gives no list.
pub fn fire(event: &Event<'_>) -> Result<Vec<Firing>, Failure> {
    let outputs = accepted(event)?;
    let event = &Event { outputs: &outputs, ..*event };
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
    // Without the list: it would be copied for each of its items.
    let mut rest = Value::clone(event.outputs);
    if let Some(body) = rest.get_mut("body") {
        *body = Value::Null;
    }
    let rest = Arc::new(rest);
    for item in items {
        let mut outputs = Arc::clone(&rest);
        if let Value::Object(outputs) = Arc::make_mut(&mut outputs) {
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

/// The run of an event whose body somebody has changed, which has started a run before: its conditions
/// are not asked again, and of a list that was split it is one item.
///
/// # Errors
/// If it is not what the trigger takes, or its ordering key cannot be evaluated.
pub fn fire_again(event: &Event<'_>) -> Result<Firing, Failure> {
    if event.trigger.split_on.is_some() {
        return firing(event);
    }
    let outputs = accepted(event)?;
    firing(&Event { outputs: &outputs, ..*event })
}

/// The outputs with the defaults of a form, if they are what the trigger takes.
fn accepted(event: &Event<'_>) -> Result<Arc<Value>, Failure> {
    let part = |name: &str| event.outputs.get(name).unwrap_or(&Value::Null);
    match &event.trigger.kind {
        TriggerKind::Request(request) if request.validate => {
            for (name, schema) in [("body", &request.schema), ("headers", &request.headers_schema)]
            {
                check(event.trigger, name, schema.as_ref(), part(name))?;
            }
        }
        TriggerKind::Flow(flow) => {
            check(event.trigger, "body", flow.schema.as_ref(), part("body"))?;
        }
        TriggerKind::Manual(manual) => {
            let body = manual.complete(part("body")).map_err(|reason| {
                let name = &event.trigger.name;
                Failure::new(MISMATCH, format!("the trigger '{name}' cannot take this: {reason}"))
            })?;
            if body != *part("body") {
                let mut outputs = event.outputs.as_object().cloned().unwrap_or_default();
                outputs.insert("body".to_owned(), body);
                return Ok(Arc::new(Value::Object(outputs)));
            }
        }
        TriggerKind::Request(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Batch(_)
        | TriggerKind::ApiConnection(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Unsupported(_) => {}
    }
    Ok(Arc::clone(event.outputs))
}

fn check(
    trigger: &Trigger,
    part: &str,
    schema: Option<&Schema>,
    value: &Value,
) -> Result<(), Failure> {
    let Some(schema) = schema else { return Ok(()) };
    let details = match schema.check(value) {
        Ok(found) if found.is_empty() => return Ok(()),
        Ok(found) => Finding::summary(&found),
        Err(reason) => format!("The schema is not a JSON Schema: {reason}"),
    };
    let ty = if matches!(trigger.kind, TriggerKind::Flow(_)) { "Flow" } else { "Request" };
    let message = format!(
        "The input {part} for trigger '{}' of type '{ty}' did not match its schema definition. \
         Error details: '{details}'.",
        trigger.name
    );
    Err(Failure::new(MISMATCH, message))
}

fn firing(event: &Event<'_>) -> Result<Firing, Failure> {
    let trigger = event.trigger;
    let text = |tree: Option<&Tree>, what: &str| match tree {
        None => Ok(None),
        Some(tree) => value(event, tree, what).map(|it| Some(expr::to_text(&it))),
    };
    let dedupe = text(trigger.dedupe.as_ref(), "dedupe")?;
    let concurrency = trigger.concurrency.as_ref();
    let key = text(concurrency.and_then(|it| it.key.as_ref()), "concurrency.key")?;
    Ok(Firing { outputs: Arc::clone(event.outputs), dedupe, key })
}

/// What a trigger that polls or subscribes sends, `{method, uri, headers, …}`.
///
/// # Errors
/// If one of its expressions cannot be evaluated.
pub fn http_inputs(event: &Event<'_>, request: &HttpInputs) -> Result<Value, Failure> {
    let mut inputs = Map::new();
    for (name, tree) in request.parts() {
        if let Some(tree) = tree {
            inputs.insert(name.to_owned(), value(event, tree, name)?);
        }
    }
    Ok(Value::Object(inputs))
}

/// The value of one of a trigger's inputs.
///
/// # Errors
/// If it cannot be evaluated.
pub fn value(event: &Event<'_>, tree: &Tree, what: &str) -> Result<Value, Failure> {
    tree.eval(event).map_err(|error| {
        let message =
            format!("`{what}` of the trigger '{}': {}", event.trigger.name, error.message);
        Failure::new(error.code, message)
    })
}

/// The answer that a trigger gives at once, `{statusCode, headers, body}`.
///
/// # Errors
/// If an expression of `respond` cannot be evaluated.
pub fn immediate_response(event: &Event<'_>) -> Result<Option<Value>, Failure> {
    let Some(respond) = &event.trigger.respond else { return Ok(None) };
    let outputs = accepted(event)?;
    let event = &Event { outputs: &outputs, ..*event };
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

impl Event<'_> {
    /// What the trigger's `clientTrackingId` says; none if it says nothing or cannot be evaluated,
    /// because a run is not lost for a label.
    pub(crate) fn tracking_id(self, seed: u64) -> Option<String> {
        let tree = self.trigger.tracking_id.as_ref()?;
        let value = tree.eval(&AtStart { event: self, seed, drawn: Cell::new(0) }).ok()?;
        Some(expr::to_text(&value))
    }
}

/// An event whose run has begun: random numbers can be drawn.
struct AtStart<'a> {
    event: Event<'a>,
    seed: u64,
    drawn: Cell<u64>,
}

impl Context for AtStart<'_> {
    fn trigger(&self) -> Option<Cow<'_, Value>> {
        self.event.trigger()
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.event.trigger_outputs()
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event.parameter(name)
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        self.event.workflow()
    }

    fn now(&self) -> Timestamp {
        self.event.now
    }

    fn random(&self) -> u64 {
        let drawn = self.drawn.get() + 1;
        self.drawn.set(drawn);
        draw(self.seed, self.event.trigger.name.as_str(), self.event.now, drawn)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        self.event.resolve(path)
    }
}

impl Context for Event<'_> {
    fn trigger(&self) -> Option<Cow<'_, Value>> {
        let name = self.trigger.name.as_str();
        Some(Cow::Owned(json!({ "name": name, "outputs": **self.outputs })))
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(self.outputs))
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        settings::parameter(self.flow, (self.parameters, self.secure_parameters), name)
    }

    fn lacks_parameter(&self, name: &str) -> Option<String> {
        settings::lacking(self.flow, self.secure_parameters, name)
    }

    fn app_setting(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.secure_parameters.get(&settings::key(name)).map(Cow::Borrowed)
    }

    fn callback_url(&self) -> Option<String> {
        self.callback_url.map(str::to_owned)
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

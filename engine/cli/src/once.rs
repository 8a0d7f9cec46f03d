//! One run without a service: what `flowright run` and `flowright test` have in common.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use base::Severity;
use flow::Trigger;
use interp::fire::Firing;
use journal::{Callback, Event, EventKind};
use serde_json::{Map, Value, json};
use worker::{
    Deployed, Performer, Project,
    local::{Driven, Driver, Time},
    project::{FlowFile, Secrets},
};

use crate::input;

/// Bytes of an event or mocks file.
const INPUT_BYTES_MAX: usize = 32 << 20;

/// The flows that may be called: those of the project, and those beside the one that runs, by their
/// names and by their ids.
pub fn children(
    project: &Project,
    siblings: &[FlowFile],
    (parameters, secrets): (&Map<String, Value>, &dyn Secrets),
) -> BTreeMap<String, Arc<Deployed>> {
    let mut flows = BTreeMap::new();
    for file in project.flows.iter().chain(siblings).filter(|it| !it.package.has_errors()) {
        let deployed = Arc::new(project.deploy_one(file, parameters, secrets));
        flows.extend(file.id.clone().map(|id| (id, Arc::clone(&deployed))));
        flows.insert(file.name.clone(), deployed);
    }
    flows
}

/// The trigger of that name, or the only one.
///
/// # Errors
/// Says which there are; `how` one is chosen.
pub fn choose_trigger<'a>(
    flow: &'a Deployed,
    name: Option<&str>,
    how: &str,
) -> anyhow::Result<&'a Trigger> {
    let triggers = &flow.plan.flow.triggers;
    match (name, triggers.as_slice()) {
        (Some(name), _) => flow
            .plan
            .flow
            .trigger(name)
            .with_context(|| format!("the flow has no trigger `{name}`")),
        (None, [only]) => Ok(only),
        (None, []) => bail!("the flow has no trigger"),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|it| it.display.as_str()).collect();
            bail!("the flow has several triggers; choose one with {how}: {}", names.join(", "))
        }
    }
}

/// Drives a run that an event has started until it ends, or waits for what cannot happen here.
pub async fn drive(
    flow: &Deployed,
    trigger: &Trigger,
    firing: Firing,
    (performer, time, flows): (&dyn Performer, Time, &BTreeMap<String, Arc<Deployed>>),
    seed: Option<u64>,
) -> Driven {
    // Nobody can call this process; what mocks say does not come from outside.
    let (at, callback) = match &time {
        Time::Virtual(now) => {
            let url = "https://flow.example/callbacks/local".to_owned();
            (*now, Some(Callback { url, key: "mocks".to_owned() }))
        }
        Time::Real(clock) => (clock.now(), None),
    };
    let kind = EventKind::Started {
        trigger: trigger.name.as_str().to_owned(),
        outputs: firing.outputs,
        parameters: flow.parameters.clone(),
        seed: seed.unwrap_or_else(|| at.ticks().cast_unsigned()),
        run: format!("local-{}", at.ticks()),
        callback: callback.clone(),
        again: None,
        by: None,
    };
    let started = Event { at, path: journal::Path::run(), kind };
    let mut driver = Driver { performer, time, flows, callback, watch: &mut |_, _| {} };
    driver.drive(&flow.plan, vec![started]).await
}

/// A trigger's record with its `outputs`, and what has a `body` and nothing but members of outputs,
/// give the outputs; anything else is the body.
pub fn as_outputs(event: Value) -> Value {
    const MEMBERS: [&str; 5] =
        ["body", "headers", "queries", "relativePathParameters", "statusCode"];
    const RECORD: [&str; 11] = [
        "name",
        "inputs",
        "outputs",
        "status",
        "code",
        "startTime",
        "endTime",
        "trackingId",
        "clientTrackingId",
        "clientKeywords",
        "originHistoryName",
    ];
    let has_only = |keys: &[&str], needed: &str| {
        event.as_object().is_some_and(|event| {
            event.contains_key(needed) && event.keys().all(|key| keys.contains(&key.as_str()))
        })
    };
    let record = event.get("outputs").filter(|it| it.is_object() || it.is_null());
    let record = record.filter(|_| has_only(&RECORD, "outputs")).cloned();
    let mut outputs = match record {
        Some(Value::Null) => json!({}),
        Some(outputs) => outputs,
        None if has_only(&MEMBERS, "body") => event,
        None => json!({ "body": event }),
    };
    if let Some(outputs) = outputs.as_object_mut() {
        outputs.entry("headers").or_insert_with(|| json!({}));
    }
    outputs
}

/// The text of a file; `-` is standard input.
///
/// # Errors
/// If it cannot be read, is not text or is too large.
pub fn read_text(file: &Path) -> anyhow::Result<String> {
    let bytes = input::bytes(file, INPUT_BYTES_MAX)?;
    let (text, fault) = yaml::decode(&bytes);
    if let Some(fault) = fault.filter(|it| it.severity == Severity::Error) {
        bail!("`{}` is not text: {}", file.display(), fault.message);
    }
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// A file with JSON or YAML; `-` is standard input.
///
/// # Errors
/// If it cannot be read.
pub fn read_data(file: &Path) -> anyhow::Result<Value> {
    let text = read_text(file)?;
    let as_json = match serde_json::from_str(&text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // YAML would take a number that no computer number can hold for a text.
    if as_json.to_string().starts_with("number out of range") {
        let error = anyhow::Error::from(as_json);
        return Err(error.context(format!("`{}` has a number that is too large", file.display())));
    }
    serde_yaml::from_str(&text).map_err(|error| {
        // What begins as JSON was meant as JSON.
        let is_json = text.trim_start().starts_with(['{', '[']);
        let error = if is_json { anyhow::Error::from(as_json) } else { error.into() };
        error.context(format!("`{}` is neither JSON nor YAML", file.display()))
    })
}

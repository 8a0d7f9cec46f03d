//! The deployed flows as JSON, and turning them on and off.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use flow::{
    Trigger, TriggerKind,
    triggers::{manual::Input, recurrence::Recurrence},
};
use interp::HIDDEN;
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Deployed, SwitchError};

use crate::{Shared, error::Problem, operate::required};

/// Every deployed flow with its triggers.
pub(crate) async fn list(State(shared): State<Shared>) -> Json<Value> {
    let flows = shared.engine.flows();
    let shown: Vec<Value> = flows.values().map(|it| flow_json(&shared, it)).collect();
    Json(json!({ "value": shown }))
}

fn flow_json(shared: &Shared, flow: &Deployed) -> Value {
    let triggers = flow.plan.flow.triggers.iter().map(|it| it.display.clone());
    json!({
        "flow": flow.name,
        "name": flow.plan.flow.name,
        "version": flow.sha,
        "on": !shared.engine.is_off(&flow.name),
        "triggers": triggers.collect::<Vec<_>>(),
    })
}

/// That there is no flow of that name.
pub(crate) fn no_flow(name: &str) -> Problem {
    Problem::new(404, "FlowNotFound", format!("there is no flow `{name}`"))
}

/// What can be changed of a flow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    on: bool,
}

pub(crate) async fn change(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Change { on } = required(&body)?;
    shared.engine.switch(&name, on).await.map_err(|error| match error {
        SwitchError::UnknownFlow(_) => Problem::new(404, "FlowNotFound", error.to_string()),
        SwitchError::Store(error) => error.into(),
    })?;
    let flows = shared.engine.flows();
    // It may have been removed in the meantime.
    Ok(Json(flows.get(&name).map_or(Value::Null, |flow| flow_json(&shared, flow))))
}

/// One flow with what it is made of.
pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let flows = shared.engine.flows();
    let flow = flows.get(&name).ok_or_else(|| no_flow(&name))?;
    let states = shared.engine.triggers().await?;
    let due = |trigger: &Trigger| {
        let is = |it: &&journal::TriggerState| {
            it.flow == flow.name && it.trigger == trigger.name.as_str()
        };
        states.iter().find(is).and_then(|it| it.due).map(|it| it.to_string())
    };
    let triggers = flow.plan.flow.triggers.iter();
    let triggers = triggers.map(|it| trigger_json(&shared, flow, it, due(it).as_deref()));
    let files = flow.files.iter();
    let files = files.map(|(name, text)| json!({ "name": name, "bytes": text.len() }));
    let mut shown = flow_json(&shared, flow);
    shown["description"] = json!(flow.plan.flow.description);
    shown["actionCount"] = flow.plan.flow.actions.len().into();
    shown["triggerDetails"] = triggers.collect();
    shown["parameters"] = parameters(flow);
    shown["connections"] = connections(&shared, flow);
    shown["files"] = files.collect();
    Ok(Json(shown))
}

fn trigger_json(shared: &Shared, flow: &Deployed, trigger: &Trigger, due: Option<&str>) -> Value {
    let address = shared.hooks.address(flow, trigger);
    let path = address.as_deref().map(|it| it.split('?').next().unwrap_or(it));
    let (inputs, schema) = match &trigger.kind {
        TriggerKind::Request(it) => (it.inputs(), it.schema.as_ref().map(|it| it.source().clone())),
        TriggerKind::Manual(it) => (it.inputs.clone(), None),
        TriggerKind::Recurrence(_)
        | TriggerKind::ApiConnection(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => (Vec::new(), None),
    };
    json!({
        "name": trigger.name.as_str(),
        "displayName": trigger.display,
        "kind": trigger.kind.key(),
        "description": trigger.description,
        "method": path.map(|_| method(trigger)),
        "path": path,
        "signed": address.as_deref().is_some_and(|it| it.contains("?sig=")),
        "schema": schema,
        "inputs": inputs.iter().map(input_json).collect::<Vec<_>>(),
        "nextTime": due,
        "recurrence": recurrence(trigger),
    })
}

/// The method that a trigger's address answers to.
pub(crate) fn method(trigger: &Trigger) -> &str {
    match &trigger.kind {
        TriggerKind::Request(request) => request.method.as_deref().unwrap_or("POST"),
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::ApiConnection(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => "POST",
    }
}

fn recurrence(trigger: &Trigger) -> Value {
    match &trigger.kind {
        TriggerKind::Recurrence(Recurrence::Every(every)) => {
            let unit = format!("{:?}", every.frequency);
            json!({ "frequency": unit, "interval": every.interval, "timeZone": every.time_zone })
        }
        TriggerKind::Recurrence(Recurrence::Cron { expression, time_zone }) => {
            json!({ "cron": expression, "timeZone": time_zone })
        }
        _ => Value::Null,
    }
}

fn input_json(input: &Input) -> Value {
    json!({
        "name": input.name,
        "title": input.title,
        "type": input.ty.name(),
        "required": input.required,
        "default": input.default,
        "values": (!input.choices.is_empty()).then_some(&input.choices),
        "description": input.description,
    })
}

fn parameters(flow: &Deployed) -> Value {
    let shown = flow.plan.flow.parameters.iter().map(|it| {
        let is_hidden = it.secure || flow.plan.secure_parameters.contains_key(&it.name);
        let value = flow.parameters.get(&it.name).filter(|_| !is_hidden);
        json!({
            "name": it.name,
            "type": it.ty.name(),
            "secure": is_hidden,
            "description": it.description,
            "value": if is_hidden { json!(HIDDEN) } else { json!(value) },
        })
    });
    shown.collect()
}

fn connections(shared: &Shared, flow: &Deployed) -> Value {
    let all = &shared.hooks.connections;
    let shown = flow.plan.flow.connections.iter().map(|it| {
        let found = all.of_flow(&flow.plan.flow, &it.name);
        json!({
            "name": it.name,
            "connector": it.connector,
            "environmentConnection": all.name_of(&flow.plan.flow, &it.name),
            "usable": found.is_ok(),
            "problem": found.err().map(|it| it.message),
        })
    });
    shown.collect()
}

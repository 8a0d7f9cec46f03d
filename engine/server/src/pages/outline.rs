//! Flows as cards: the deployed one, and one that is being written.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use base::Source;
use flow::Flow;
use interp::Plan;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    error::Problem,
    pages::{cards::Cards, read},
};

pub(crate) async fn of_deployed(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let flows = shared.engine.flows();
    let flow = flows.get(&name).ok_or_else(|| {
        let message = format!("there is no flow `{name}`");
        Problem::new(404, "FlowNotFound", message)
    })?;
    let text = flow.files.first().map_or("", |(_, text)| text.as_str());
    let mut shown = show(&flow.plan, text);
    shown["flow"] = flow.name.as_str().into();
    shown["version"] = flow.sha.as_str().into();
    shown["on"] = (!shared.engine.is_off(&flow.name)).into();
    Ok(Json(shown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

/// Whatever has errors is shown as far as it can be read.
pub(crate) async fn of_text(body: Bytes) -> Result<Json<Value>, Problem> {
    let Text { text } = read(&body)?;
    let package = flow::package::read(&Source::new("flow.yaml", &text), &[]);
    let plan = Plan::new(package.flow, package.mappings);
    Ok(Json(show(&plan, &text)))
}

fn show(plan: &Plan, text: &str) -> Value {
    let flow: &Flow = &plan.flow;
    let source = Source::new("flow", text);
    let cards = Cards { plan, source: &source };
    let connections = flow.connections.iter();
    json!({
        "name": flow.name,
        "description": flow.description,
        "triggers": flow.triggers.iter().map(|it| cards.trigger(it)).collect::<Vec<_>>(),
        "actions": cards.block(None, 0),
        "parameters": flow.parameters.iter().map(|it| json!({
            "name": it.name,
            "type": it.ty.name(),
            "secure": it.secure,
            "description": it.description,
        })).collect::<Vec<_>>(),
        "connections": connections
            .map(|it| json!({ "name": it.name, "connector": it.connector }))
            .collect::<Vec<_>>(),
    })
}

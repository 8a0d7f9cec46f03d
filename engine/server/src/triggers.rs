//! The triggers that fire by themselves as JSON: when each is due, and what keeps it from firing.

use axum::{Json, extract::State};
use journal::TriggerState;
use serde_json::{Map, Value, json};
use worker::Flows;

use crate::{Shared, error::Problem};

/// Those of the deployed flows, the next one due first, and those that are gone and still have a
/// subscription. What a poll goes on from is not shown: the address that a service has named may be
/// as good as a key.
pub(crate) async fn list(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let flows = shared.engine.flows();
    let all = shared.engine.triggers().await?;
    let shown = all.iter().flat_map(|it| show(&flows, it));
    Ok(Json(json!({ "value": shown.collect::<Vec<_>>() })))
}

/// A state as each of the triggers has it that share it.
fn show(flows: &Flows, state: &TriggerState) -> Vec<Value> {
    let subscription = state.state.get("subscription");
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let members = state.state.get("members").and_then(Value::as_array);
    let members = members.into_iter().flatten();
    let mut of: Vec<(String, String)> =
        members.filter_map(|it| text(it, "flow").zip(text(it, "trigger"))).collect();
    if of.is_empty() {
        of.push((state.flow.clone(), state.trigger.clone()));
    }
    let is_deployed = |(flow, trigger): &(String, String)| {
        flows.get(flow).is_some_and(|flow| flow.plan.flow.trigger(trigger).is_some())
    };
    let shown = of.into_iter().filter_map(|it| {
        let is_deployed = is_deployed(&it);
        (is_deployed || subscription.is_some()).then(|| one(state, it, is_deployed))
    });
    shown.collect()
}

fn one(state: &TriggerState, (flow, trigger): (String, String), is_deployed: bool) -> Value {
    let kept = &state.state;
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    show("flow", flow.into());
    show("trigger", trigger.into());
    show("nextTime", state.due.map(|due| due.to_string()).into());
    show("firedTime", kept.get("fired").cloned().unwrap_or_default());
    show("error", kept.get("error").cloned().unwrap_or_default());
    if let Some(subscription) = kept.get("subscription") {
        let is_confirmed = subscription.get("confirmed") == Some(&Value::Bool(true));
        let at = subscription.get("at").filter(|_| is_confirmed);
        show("subscribedTime", at.cloned().unwrap_or_default());
    }
    if !is_deployed {
        show("removed", true.into());
    }
    Value::Object(shown)
}

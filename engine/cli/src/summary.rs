//! A run as one JSON object with its actions by name: `flowright run --output json`.

use std::collections::BTreeSet;

use base::{Diagnostic, Failure, Severity, Source, Status, Timestamp};
use flow::{Action, ActionId, ActionKind, fidelity::Places};
use interp::{HIDDEN, Plan, Record, Run, Secrets, view};
use serde_json::{Map, Value, json};
use worker::Deployed;

use crate::document::Document;

/// The status of an action or run that has not ended.
const WAITING: &str = "Waiting";

/// The runs that one event started: the only one as it is, else a list.
pub fn of_runs(flow: &Deployed, runs: &[&Run], now: Timestamp) -> Value {
    match runs {
        [only] => of_run(flow, only, now),
        several => {
            let runs: Vec<Value> = several.iter().map(|it| of_run(flow, it, now)).collect();
            json!({ "runs": runs })
        }
    }
}

/// Why a definition cannot be saved, with the places.
pub fn of_errors(files: &[(Source, Vec<Diagnostic>)]) -> Value {
    let mut diagnostics = Vec::new();
    for (source, found) in files {
        let mut places = Places::new(source);
        for it in found.iter().filter(|it| it.severity == Severity::Error) {
            let at = places.find(it.span.start);
            diagnostics.push(json!({
                "code": it.code.slug,
                "message": it.message,
                "line": at.line,
                "column": at.column,
            }));
        }
    }
    json!({ "save_error": true, "diagnostics": diagnostics })
}

fn of_run(flow: &Deployed, run: &Run, now: Timestamp) -> Value {
    let plan = &flow.plan;
    let end = run.end();
    let error = end.and_then(|it| it.error.clone());
    let variables: Map<String, Value> =
        run.variables().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let (trigger, actions) = (trigger(plan, run), actions(plan, run));
    let shown = json!({ "trigger": trigger, "variables": variables, "actions": actions });
    let outputs = outputs(flow, &shown, now);
    let mut summary = json!({
        "status": end.map_or(WAITING, |it| it.status.name()),
        "code": error.as_ref().and_then(|it| it.get("code")),
        "error": error,
        "trigger": trigger,
        "response": response(plan, run),
        "variables": variables,
        "actions": actions,
        "outputs": outputs,
    });
    Secrets::of(plan).redact(&mut summary);
    summary
}

/// What the caller was answered, unless the action that did it is secure.
fn response(plan: &Plan, run: &Run) -> Value {
    let is_secure = plan.flow.actions.iter().enumerate().any(|(id, action)| {
        let hides = action.secure_inputs || action.secure_outputs;
        let answered = |it: &Record| it.status == Status::Succeeded;
        hides
            && matches!(action.kind, ActionKind::Response(_))
            && run.records(id).any(|(_, record)| answered(record))
    });
    match run.response() {
        Some(_) if is_secure => HIDDEN.into(),
        response => json!(response.map(|it| Value::clone(it))),
    }
}

fn trigger(plan: &Plan, run: &Run) -> Value {
    let trigger = plan.flow.trigger(run.trigger());
    let is_secure = trigger.is_some_and(|it| it.secure_outputs);
    let outputs = if is_secure { HIDDEN.into() } else { run.trigger_outputs().clone() };
    json!({ "name": run.trigger(), "status": Status::Succeeded.name(), "outputs": outputs })
}

/// Every action that was reached, in the order of the file.
fn actions(plan: &Plan, run: &Run) -> Map<String, Value> {
    // A run that has ended has nothing open, and its tree may be large.
    let tree = if run.end().is_none() { view::tree(plan, run) } else { Vec::new() };
    let mut open = BTreeSet::new();
    collect_open(&tree, &mut open);
    let mut actions = Map::new();
    for (id, action) in plan.flow.actions.iter().enumerate() {
        let records: Vec<&Record> = run.records(id).map(|(_, record)| record).collect();
        let is_open = open.contains(action.display.as_str());
        let Some(mut shown) = of_action(action, &records, is_open) else { continue };
        if is_in_loop(plan, id) {
            shown.insert("statuses".into(), records.iter().map(|it| it.status.name()).collect());
        }
        actions.insert(action.name.as_str().to_owned(), Value::Object(shown));
    }
    actions
}

fn of_action(action: &Action, records: &[&Record], is_open: bool) -> Option<Map<String, Value>> {
    let last = records.last();
    if last.is_none() && !is_open {
        return None;
    }
    let shown = |value: Option<&Value>, is_secure: bool| match value {
        Some(_) if is_secure => HIDDEN.into(),
        value => json!(value),
    };
    let (inputs, outputs) =
        (last.and_then(|it| it.inputs.as_deref()), last.and_then(|it| it.outputs.as_deref()));
    // Some outputs are the inputs once more.
    let repeats = matches!(action.kind, ActionKind::Compose(_) | ActionKind::Response(_));
    let hides_outputs = action.secure_outputs || (action.secure_inputs && repeats);
    let mut object = Map::new();
    let status = last.filter(|_| !is_open).map_or(WAITING, |it| it.status.name());
    object.insert("status".into(), status.into());
    object.insert("code".into(), json!(last.map(|it| it.code.as_str())));
    let failure = last.and_then(|it| it.failure.as_ref());
    object.insert("error".into(), json!(failure.map(Failure::to_json)));
    object.insert("inputs".into(), shown(inputs, action.secure_inputs));
    object.insert("outputs".into(), shown(outputs, hides_outputs));
    if let Some(last) = last.filter(|it| !it.attempts.is_empty()) {
        let waits = last.attempts.iter().filter_map(|it| it.pause);
        object.insert("attempts".into(), last.attempts.len().into());
        object.insert("waits_s".into(), waits.map(|it| number(it.as_seconds())).collect());
    }
    if let Some(passes) = last.and_then(|it| it.repetitions) {
        object.insert("iterations".into(), passes.into());
    }
    Some(object)
}

/// Names of the actions that wait for something, in whichever pass.
fn collect_open<'a>(nodes: &'a [view::Node], open: &mut BTreeSet<&'a str>) {
    for node in nodes {
        if node.waits_for.is_some() {
            open.insert(&node.name);
        }
        for (_, inner) in &node.blocks {
            collect_open(inner, open);
        }
    }
}

fn is_in_loop(plan: &Plan, id: ActionId) -> bool {
    let flow = &plan.flow;
    flow.ancestors(id)
        .any(|it| matches!(flow.action(it).kind, ActionKind::Foreach(_) | ActionKind::Until(_)))
}

/// A number without a fraction that is zero.
fn number(seconds: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "the fraction is zero")]
    if seconds.fract() == 0.0 { json!(seconds as i64) } else { json!(seconds) }
}

/// What the flow gives back, by name; in place of one that cannot be computed its error. What is
/// hidden is hidden from it, too.
fn outputs(flow: &Deployed, shown: &Value, now: Timestamp) -> Value {
    let plan = &flow.plan;
    if plan.flow.outputs.is_empty() {
        return json!({});
    }
    let defaults = plan.flow.parameters.iter();
    let mut parameters: Map<String, Value> =
        defaults.filter_map(|it| Some((it.name.clone(), it.default.clone()?))).collect();
    parameters.extend(flow.parameters.clone());
    parameters.extend(plan.secure_parameters.clone());
    let mut context = shown.clone();
    context["parameters"] = Value::Object(parameters);
    context["workflow"] = json!({ "name": plan.flow.name });
    let document = match Document::new(context, now, 0) {
        Ok(document) => document,
        Err(message) => return json!({ "error": { "code": "InvalidContext", "message": message } }),
    };
    let outputs = plan.flow.outputs.iter().map(|(name, tree)| {
        let value = tree.eval(&document).unwrap_or_else(
            |error| json!({ "error": { "code": error.code, "message": error.message } }),
        );
        (name.clone(), value)
    });
    Value::Object(outputs.collect())
}

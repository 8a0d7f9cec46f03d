//! A run as one JSON object with its actions by name: `flowright run --output json`.

use std::collections::BTreeSet;

use base::{Diagnostic, Failure, Severity, Source, Status, Timestamp, value::object};
use flow::{Action, ActionId, ActionKind, Trigger, fidelity::Places};
use interp::{HIDDEN, Plan, Record, Run, Secrets, view};
use serde_json::{Map, Value, json};
use worker::Deployed;

use crate::document::Document;

/// The status of an action or run that has not ended.
const WAITING: &str = "Waiting";
/// The status of a run that was stopped to be looked at.
const STOPPED: &str = "Stopped";
/// The status of what a stopped run did not come to.
const NOT_REACHED: &str = "NotReached";

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
                "file": source.name(),
                "line": at.line,
                "column": at.column,
            }));
        }
    }
    let message = diagnostics.first().and_then(|it| it.get("message")).cloned();
    let mut shown = not_started("InvalidDefinition", &json!({ "message": message }));
    shown["save_error"] = true.into();
    shown["diagnostics"] = diagnostics.into();
    shown
}

/// Why there was no run: the trouble and its causes.
pub fn of_refusal(code: &str, causes: &[String]) -> Value {
    let (message, causes) = causes.split_first().map_or(("", causes), |(it, rest)| (it, rest));
    not_started(code, &json!({ "message": message, "causes": causes }))
}

fn not_started(code: &str, error: &Value) -> Value {
    let mut shown = json!({ "status": "NotStarted", "code": code, "error": { "code": code } });
    if let (Some(into), Some(error)) = (shown["error"].as_object_mut(), error.as_object()) {
        into.extend(error.clone());
    }
    shown
}

/// An event that the trigger cannot be evaluated with: as in the cloud there is no run of it.
pub fn of_trigger_failure(
    flow: &Deployed,
    trigger: &Trigger,
    outputs: &Value,
    failure: &Failure,
) -> Value {
    let outputs = if trigger.secure_outputs { HIDDEN.into() } else { outputs.clone() };
    let status = Status::Failed.name();
    let mut summary = json!({
        "status": status,
        "code": failure.code,
        "error": failure.to_json(),
        "trigger": { "name": trigger.name.as_str(), "status": status, "outputs": outputs },
        "response": null,
        "variables": {},
        "actions": {},
        "outputs": {},
    });
    Secrets::of(&flow.plan).redact(&mut summary);
    summary
}

fn of_run(flow: &Deployed, run: &Run, now: Timestamp) -> Value {
    let plan = &flow.plan;
    let end = run.end();
    let error = end.and_then(|it| it.error.clone());
    let variables: Map<String, Value> =
        run.variables().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let open = if run.is_halted(plan) { STOPPED } else { WAITING };
    // A run may be large: what is put in here is moved, not copied.
    let mut summary = object([
        ("status", end.map_or(open, |it| it.status.name()).into()),
        ("code", json!(error.as_ref().and_then(|it| it.get("code")))),
        ("error", json!(error)),
        ("trigger", trigger(plan, run)),
        ("response", response(plan, run)),
        ("variables", variables.into()),
        ("actions", actions(plan, run).into()),
    ]);
    let outputs = outputs(flow, &summary, now);
    summary["outputs"] = outputs;
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
        response => response.map_or(Value::Null, |it| Value::clone(it)),
    }
}

fn trigger(plan: &Plan, run: &Run) -> Value {
    let trigger = plan.flow.trigger(run.trigger());
    let is_secure = trigger.is_some_and(|it| it.secure_outputs);
    let outputs = if is_secure { HIDDEN.into() } else { run.trigger_outputs().clone() };
    let status = Status::Succeeded.name();
    object([("name", run.trigger().into()), ("status", status.into()), ("outputs", outputs)])
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
        let Some(mut shown) = of_action(action, &records, is_open) else {
            if run.is_halted(plan) {
                actions.insert(action.name.as_str().into(), json!({ "status": NOT_REACHED }));
            }
            continue;
        };
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
        value => value.cloned().unwrap_or_default(),
    };
    let (inputs, outputs) =
        (last.and_then(|it| it.inputs.as_deref()), last.and_then(|it| it.outputs.as_deref()));
    // Some outputs are the inputs once more.
    let repeats = matches!(
        action.kind,
        ActionKind::Compose(_) | ActionKind::ParseJson(_) | ActionKind::Response(_)
    );
    let hides_outputs = action.secure_outputs || (action.secure_inputs && repeats);
    let mut object = Map::new();
    let status = last.filter(|_| !is_open).map_or(WAITING, |it| it.status.name());
    object.insert("status".into(), status.into());
    object.insert("code".into(), json!(last.map(|it| &*it.code)));
    let failure = last.and_then(|it| it.failure.as_deref());
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
    parameters.extend(Map::clone(&flow.parameters));
    parameters.extend(plan.secure_parameters.clone());
    let mut context = Value::Object(Map::new());
    for member in ["trigger", "variables", "actions"] {
        context[member] = shown[member].clone();
    }
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

//! A run as one JSON object with its actions by name: `flowright run --output json`.

use std::collections::BTreeSet;

use base::{Diagnostic, Failure, Severity, Source, Status, Timestamp};
use flow::{Action, ActionId, ActionKind, Trigger, fidelity::Places};
use interp::{HIDDEN, Plan, Record, Run, Secrets, view};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use worker::Deployed;

use crate::{document::Document, lent::Lent};

/// The status of an action or run that has not ended.
const WAITING: &str = "Waiting";
/// The status of a run that was stopped to be looked at.
const STOPPED: &str = "Stopped";
/// The status of what a stopped run did not come to.
const NOT_REACHED: &str = "NotReached";

/// Runs as they are shown, without a copy of them.
pub struct Shown<'a> {
    tree: Lent<'a>,
    secrets: Secrets<'a>,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tree.without(&self.secrets).serialize(serializer)
    }
}

/// The runs that one event started: the only one as it is, else a list.
pub fn of_runs<'a>(flow: &'a Deployed, runs: &[&'a Run], now: Timestamp) -> Shown<'a> {
    let tree = match runs {
        [only] => of_run(flow, only, now),
        several => {
            let runs = several.iter().map(|it| of_run(flow, it, now)).collect();
            Lent::object([("runs", Lent::List(runs))])
        }
    };
    Shown { tree, secrets: Secrets::of(&flow.plan) }
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

fn of_run<'a>(flow: &'a Deployed, run: &'a Run, now: Timestamp) -> Lent<'a> {
    let plan = &flow.plan;
    let end = run.end();
    let error = end.and_then(|it| it.error.clone());
    let variables = run.variables().map(|(name, value)| (name.to_owned(), Lent::Other(value)));
    let open = if run.is_halted(plan) { STOPPED } else { WAITING };
    let own = |value: Value| Lent::Own(value);
    let mut summary = Lent::object([
        ("status", own(end.map_or(open, |it| it.status.name()).into())),
        ("code", own(json!(error.as_ref().and_then(|it| it.get("code"))))),
        ("error", own(json!(error))),
        ("correlation", own(run.correlation())),
        ("trigger", trigger(plan, run)),
        ("response", response(plan, run)),
        ("variables", Lent::Object(variables.collect())),
        ("actions", Lent::Object(actions(plan, run))),
    ]);
    let outputs = outputs(flow, &summary, now);
    if let Lent::Object(members) = &mut summary {
        members.push(("outputs".to_owned(), Lent::Own(outputs)));
    }
    summary
}

/// What the caller was answered, unless the action that did it is secure.
fn response<'a>(plan: &Plan, run: &'a Run) -> Lent<'a> {
    let is_secure = plan.flow.actions.iter().enumerate().any(|(id, action)| {
        let hides = action.secure_inputs || action.secure_outputs;
        let answered = |it: &Record| it.status == Status::Succeeded;
        hides
            && matches!(action.kind, ActionKind::Response(_))
            && run.records(id).any(|(_, record)| answered(record))
    });
    match run.response() {
        Some(_) if is_secure => Lent::Own(HIDDEN.into()),
        response => Lent::of(response.map(AsRef::as_ref)),
    }
}

fn trigger<'a>(plan: &Plan, run: &'a Run) -> Lent<'a> {
    let trigger = plan.flow.trigger(run.trigger());
    let is_secure = trigger.is_some_and(|it| it.secure_outputs);
    let outputs =
        if is_secure { Lent::Own(HIDDEN.into()) } else { Lent::Other(run.trigger_outputs()) };
    let status = Lent::Own(Status::Succeeded.name().into());
    let name = Lent::Own(run.trigger().into());
    Lent::object([("name", name), ("status", status), ("outputs", outputs)])
}

/// Every action that was reached, in the order of the file.
fn actions<'a>(plan: &'a Plan, run: &'a Run) -> Vec<(String, Lent<'a>)> {
    // A run that has ended has nothing open, and its tree may be large.
    let tree = if run.end().is_none() { view::tree(plan, run) } else { Vec::new() };
    let mut open = BTreeSet::new();
    collect_open(&tree, &mut open);
    let mut actions = Vec::new();
    for (id, action) in plan.flow.actions.iter().enumerate() {
        let records: Vec<&Record> = run.records(id).map(|(_, record)| record).collect();
        let is_open = open.contains(action.display.as_str());
        let Some(mut shown) = of_action(action, &records, is_open) else {
            if run.is_halted(plan) {
                let shown = Lent::Own(json!({ "status": NOT_REACHED }));
                actions.push((action.name.as_str().to_owned(), shown));
            }
            continue;
        };
        if is_in_loop(plan, id) {
            let statuses = records.iter().map(|it| it.status.name()).collect();
            shown.push(("statuses".into(), Lent::Own(statuses)));
        }
        actions.push((action.name.as_str().to_owned(), Lent::Object(shown)));
    }
    actions
}

fn of_action<'a>(
    action: &Action,
    records: &[&'a Record],
    is_open: bool,
) -> Option<Vec<(String, Lent<'a>)>> {
    let last = records.last();
    if last.is_none() && !is_open {
        return None;
    }
    let shown = |value: Option<&'a Value>, is_secure: bool| match value {
        Some(_) if is_secure => Lent::Own(HIDDEN.into()),
        value => Lent::of(value),
    };
    let (inputs, outputs) =
        (last.and_then(|it| it.inputs.as_deref()), last.and_then(|it| it.outputs.as_deref()));
    // Some outputs are the inputs once more.
    let repeats = matches!(
        action.kind,
        ActionKind::Compose(_) | ActionKind::ParseJson(_) | ActionKind::Response(_)
    );
    let hides_outputs = action.secure_outputs || (action.secure_inputs && repeats);
    let mut object: Vec<(String, Lent<'a>)> = Vec::new();
    let mut own = |name: &str, value: Value| object.push((name.to_owned(), Lent::Own(value)));
    let status = last.filter(|_| !is_open).map_or(WAITING, |it| it.status.name());
    own("status", status.into());
    own("code", json!(last.map(|it| &*it.code)));
    let failure = last.and_then(|it| it.failure.as_deref());
    own("error", json!(failure.map(Failure::to_json)));
    object.push(("inputs".into(), shown(inputs, action.secure_inputs)));
    object.push(("outputs".into(), shown(outputs, hides_outputs)));
    let mut own = |name: &str, value: Value| object.push((name.to_owned(), Lent::Own(value)));
    if let Some(last) = last.filter(|it| !it.attempts.is_empty()) {
        let waits = last.attempts.iter().filter_map(|it| it.pause);
        own("attempts", last.attempts.len().into());
        own("waits_s", waits.map(|it| number(it.as_seconds())).collect());
    }
    if let Some(passes) = last.and_then(|it| it.repetitions) {
        own("iterations", passes.into());
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
fn outputs(flow: &Deployed, shown: &Lent<'_>, now: Timestamp) -> Value {
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
        context[member] = shown.member(member).map(Lent::to_value).unwrap_or_default();
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

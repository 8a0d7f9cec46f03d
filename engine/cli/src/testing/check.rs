//! Whether a run is what its test expects.

use std::{borrow::Cow, sync::Arc};

use base::{Failure, Span, Status, Timestamp};
use expr::Context;
use flow::{
    expected::Difference,
    test_file::{ActionExpect, RunExpect},
};
use interp::{Record, Run};
use serde_json::{Map, Value, json};
use worker::{Deployed, mocks::Miss};

use super::{Fault, calls, recorder::Call, update::Edit};
use crate::summary;

/// Characters of a value in a message.
const VALUE_CHARS_MAX: usize = 400;

/// What the expressions of a test may look at besides the value that is compared.
pub(crate) struct Facts {
    parameters: Arc<Map<String, Value>>,
    trigger: Value,
    now: Timestamp,
}

impl Facts {
    pub(crate) fn new(flow: &Deployed, outputs: &Arc<Value>, now: Timestamp) -> Self {
        let parameters = Arc::clone(&flow.parameters);
        let trigger = json!({ "outputs": Value::clone(outputs) });
        Self { parameters, trigger, now }
    }
}

impl Context for Facts {
    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        let mut known = self.parameters.iter();
        let found = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| Cow::Borrowed(value))
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(&self.trigger))
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.trigger.get("outputs").map(Cow::Borrowed)
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

/// What has come of a run.
pub(crate) struct Seen<'a> {
    pub(crate) flow: &'a Deployed,
    pub(crate) run: &'a Run,
    pub(crate) calls: &'a [Call],
    pub(crate) facts: &'a Facts,
}

/// Everything about a run that is not as expected; `at` is the place of the test.
pub(crate) fn run(seen: &Seen<'_>, wanted: &RunExpect, at: Span) -> Vec<Fault> {
    let shown = shown(seen);
    let mut faults = Vec::new();
    if !wanted.has_status && shown["status"] != Status::Succeeded.name() {
        let status = shown["status"].as_str().unwrap_or_default();
        let message = format!("expected the run to end as Succeeded, but it is {status}");
        faults.push(Fault::new(at, "status", message).with(why(seen)));
    }
    for difference in wanted.run.compare(Some(&shown), seen.facts) {
        let mut fault = fault("", &difference);
        if difference.path == "status" {
            fault = fault.with(why(seen));
        }
        faults.push(fault);
    }
    for action in &wanted.actions {
        faults.extend(of_action(seen, &shown, action));
    }
    for wanted in &wanted.calls {
        faults.extend(calls::compare(seen, wanted));
    }
    faults.extend(seen.calls.iter().filter(|it| it.missed.is_some()).map(|it| unanswered(it, at)));
    faults
}

/// The run as `flowright run --output json` shows it, and how long it took.
pub(crate) fn shown(seen: &Seen<'_>) -> Value {
    let end = seen.run.end();
    let now = end.map_or(seen.facts.now, |it| it.at);
    let shown = summary::of_runs(seen.flow, &[seen.run], now);
    let mut shown = serde_json::to_value(&shown).unwrap_or_default();
    let took = seen.run.began().map(|it| now.since(it).to_string());
    shown["took"] = took.into();
    shown
}

/// A difference as a fault about something.
pub(crate) fn fault(about: &str, difference: &Difference) -> Fault {
    let Difference { path, span, wanted, actual, is_plain } = difference;
    let about = match (about.is_empty(), path.is_empty()) {
        (false, false) => format!("{about}.{path}"),
        (true, _) => path.clone(),
        (false, true) => about.to_owned(),
    };
    let is = actual
        .as_ref()
        .map_or_else(|| "is not there".to_owned(), |it| format!("is {}", cut(&it.to_string())));
    let message = format!("`{about}`: expected {}, but it {is}", cut(wanted));
    let edit = actual.clone().filter(|_| *is_plain).map(|value| Edit::replace(*span, value));
    Fault {
        wanted: Some(wanted.clone()),
        actual: actual.clone(),
        ..Fault::new(*span, &about, message).editing(edit)
    }
}

fn of_action(seen: &Seen<'_>, shown: &Value, wanted: &ActionExpect) -> Vec<Fault> {
    let plan = &seen.flow.plan;
    let Some(id) = plan.flow.find(&wanted.name) else {
        // The action of a flow that is called, which has no record here.
        let message = format!("`{}` is an action of another flow; test it there", wanted.name);
        return vec![Fault::new(wanted.span, "actions", message)];
    };
    let name = plan.flow.action(id).name.as_str();
    let about = format!("actions.{}", wanted.name);
    let Some(actual) = shown["actions"].get(name) else {
        let message = format!("the run did not come to `{}`", wanted.name);
        return vec![Fault::new(wanted.span, &about, message).with(why(seen))];
    };
    let failure = seen.run.records(id).last().and_then(|(_, it)| it.failure.as_deref());
    let reason = failure.map(|it| it.message.as_str());
    let mut faults = Vec::new();
    for difference in wanted.expected.compare(Some(actual), seen.facts) {
        let is_status = difference.path == "status";
        let fault = fault(&about, &difference);
        let reason = reason.filter(|_| is_status).map(cut);
        faults.push(fault.with(reason));
    }
    if let Some((words, span)) = &wanted.because {
        let reason = reason.unwrap_or("nothing: it was neither skipped nor did it fail");
        if !reason.to_lowercase().contains(&words.to_lowercase()) {
            let message = format!(
                "`{about}.because`: expected `{words}` in the reason, which is: {}",
                cut(reason)
            );
            faults.push(Fault::new(*span, &format!("{about}.because"), message));
        }
    }
    faults
}

/// Why a run ended as it did: the actions that failed, or what it waits for.
pub(crate) fn why(seen: &Seen<'_>) -> Vec<String> {
    let flow = &seen.flow.plan.flow;
    let is_bad = |it: &&Record| matches!(it.status, Status::Failed | Status::TimedOut);
    let mut lines = Vec::new();
    for (id, action) in flow.actions.iter().enumerate() {
        // Containers only say that something in them has failed.
        let bad = seen.run.records(id).map(|(_, it)| it).filter(is_bad);
        let bad = bad.filter(|it| it.code != "ActionFailed").filter_map(|it| it.failure.as_deref());
        let told =
            |it: &Failure| format!("`{}`: {}: {}", action.display, it.code, cut(&it.message));
        lines.extend(bad.map(told));
    }
    match seen.run.end() {
        None => lines.push("it waits for something that does not happen in this test".to_owned()),
        Some(end) if lines.is_empty() => {
            lines.extend(end.error.as_ref().map(|it| cut(&it.to_string())));
        }
        Some(_) => {}
    }
    lines.dedup();
    lines.truncate(SHOWN_MAX);
    lines
}

/// Reasons that a fault lists.
const SHOWN_MAX: usize = 8;

/// A call that nobody answers, and what the replies that are meant for it are for.
fn unanswered(call: &Call, at: Span) -> Fault {
    let name =
        if call.operation.is_empty() { String::new() } else { format!(" (`{}`)", call.operation) };
    let message =
        format!("nothing answers the call of `{}`{name}: add a reply to `mocks`", call.action);
    let inputs = if call.is_secure { interp::HIDDEN.to_owned() } else { call.inputs.to_string() };
    let mut details = vec![format!("it is called with {}", cut(&inputs))];
    for (nth, miss) in (1..).zip(call.missed.iter().flatten()) {
        match miss {
            Miss::UsedUp => details.push(format!("reply {nth} has been given as often as it may")),
            Miss::Inputs(found) => {
                details.extend(found.iter().map(|it| {
                    let actual = it.actual.as_ref().unwrap_or(&Value::Null);
                    format!(
                        "reply {nth} wants `{}` {}, not {}",
                        it.path,
                        cut(&it.wanted),
                        cut(&actual.to_string())
                    )
                }));
            }
        }
    }
    Fault::new(at, "mocks", message).with(details)
}

/// A text that is not too long for a message.
pub(crate) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

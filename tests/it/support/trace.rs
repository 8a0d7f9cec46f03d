//! A run as text that people read and review: the tree of its actions and how it ended.

use std::fmt::Write as _;

use base::{Duration, Timestamp};
use interp::{Attempt, Plan, Run, view, view::Node};
use journal::{Event, EventKind};
use serde_json::Value;

/// Longer values are cut; what matters should be short.
const VALUE_CHARS_MAX: usize = 240;

/// The trace of one run.
pub(crate) fn of(plan: &Plan, run: &Run, events: &[Event]) -> String {
    let mut text = String::new();
    let start = events.first().map_or_else(Timestamp::default, |it| it.at);
    match run.end() {
        None => text.push_str("run has not ended\n"),
        Some(end) => {
            let took = seconds(end.at.since(start));
            writeln!(text, "run {} after {took}", end.status.name()).unwrap();
            if let Some(error) = &end.error {
                writeln!(text, "  ! {error}").unwrap();
            }
        }
    }
    writeln!(text, "trigger {} {}", run.trigger(), cut(run.trigger_outputs())).unwrap();
    if let Some(response) = run.response() {
        writeln!(text, "response {}", cut(response)).unwrap();
    }
    for (name, value) in run.variables() {
        writeln!(text, "variable {name} = {}", cut(value)).unwrap();
    }
    text.push('\n');
    for node in view::tree(plan, run) {
        show(&node, 0, start, &mut text);
    }
    let steps = events.iter().map(name_of).collect::<Vec<_>>().join(", ");
    writeln!(text, "\nevents: {steps}").unwrap();
    text
}

/// Everything about a run's end but its times: what must be the same however the run got there.
pub(crate) fn end_of(plan: &Plan, run: &Run) -> String {
    let mut text = String::new();
    let end = run.end().map(|end| (end.status, &end.error));
    writeln!(text, "{end:?}\n{:?}", run.response()).unwrap();
    for (name, value) in run.variables() {
        writeln!(text, "{name} = {value}").unwrap();
    }
    for node in view::tree(plan, run) {
        timeless(&node, "", &mut text);
    }
    text
}

fn timeless(node: &Node, place: &str, text: &mut String) {
    let place = format!("{place}/{}", node.name);
    let Node { status, code, inputs, outputs, failure, waits_for, .. } = node;
    let attempts: Vec<_> = node.attempts.iter().map(|it| (&it.failure, it.pause)).collect();
    writeln!(
        text,
        "{place}: {status:?} {code} {waits_for:?} {inputs:?} {outputs:?} {failure:?} {attempts:?}"
    )
    .unwrap();
    for (label, nodes) in &node.blocks {
        for inner in nodes {
            timeless(inner, &format!("{place}/{label}"), text);
        }
    }
}

fn show(node: &Node, depth: usize, start: Timestamp, text: &mut String) {
    let indent = "  ".repeat(depth);
    let status = match (node.status, node.waits_for) {
        (Some(status), _) => status.name().to_owned(),
        (None, Some(what)) => format!("waits for {what}"),
        (None, None) => "not reached".to_owned(),
    };
    write!(text, "{indent}{}: {status}", node.name).unwrap();
    if !["", "OK", "NotSpecified", "ActionSkipped"].contains(&node.code.as_str()) {
        write!(text, " ({})", node.code).unwrap();
    }
    let ended = node.end.map(|end| end.since(start)).filter(|it| *it != Duration::ZERO);
    if let Some(ended) = ended {
        write!(text, " at {}", seconds(ended)).unwrap();
    }
    text.push('\n');
    if let Some(inputs) = node.inputs.as_deref().filter(|it| Some(*it) != node.outputs.as_deref()) {
        writeln!(text, "{indent}    < {}", cut(inputs)).unwrap();
    }
    if 1 < node.attempts.len() {
        for attempt in &node.attempts {
            writeln!(text, "{indent}    ~ {}", tried(attempt, start)).unwrap();
        }
    }
    if let Some(outputs) = node.outputs.as_deref().filter(|it| !it.is_null()) {
        writeln!(text, "{indent}    > {}", cut(outputs)).unwrap();
    }
    if let Some(failure) = &node.failure {
        writeln!(text, "{indent}    ! {}: {}", failure.code, failure.message).unwrap();
    }
    for (label, nodes) in node.blocks.iter().filter(|(_, nodes)| !nodes.is_empty()) {
        let inner = if label.is_empty() { depth + 1 } else { depth + 2 };
        if !label.is_empty() {
            writeln!(text, "{indent}  [{label}]").unwrap();
        }
        for node in nodes {
            show(node, inner, start, text);
        }
    }
}

fn tried(attempt: &Attempt, start: Timestamp) -> String {
    let at = seconds(attempt.end.since(start));
    let result = attempt.failure.as_ref().map_or("answered", |failure| &failure.code);
    let pause = attempt.pause.map(|pause| format!(", again after {}", seconds(pause)));
    format!("{result} at {at}{}", pause.unwrap_or_default())
}

fn name_of(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::Started { .. } => return "started".to_owned(),
        EventKind::Intended { attempt } => format!("intended {attempt}"),
        EventKind::Answered { attempt, .. } => format!("answered {attempt}"),
        EventKind::Unknown { attempt } => format!("unknown {attempt}"),
        EventKind::Woken => "woken".to_owned(),
        EventKind::Expired => "expired".to_owned(),
        EventKind::Called { .. } => "called".to_owned(),
        EventKind::Cancelled { .. } => "cancelled".to_owned(),
        EventKind::Paused { .. } => return "paused".to_owned(),
        EventKind::Continued { .. } => return "continued".to_owned(),
        EventKind::Began => return "began".to_owned(),
        EventKind::Resumed => return "resumed".to_owned(),
        EventKind::Finished { .. } => "finished".to_owned(),
    };
    format!("{} {what}", event.path)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_seconds())
}

fn cut(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    text.chars().take(VALUE_CHARS_MAX).chain(['…']).collect()
}

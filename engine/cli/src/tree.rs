//! A run as a tree of its actions, for the terminal.

use base::{Duration, Status};
use interp::{
    Plan, Run,
    view::{self, Node},
};
use serde_json::Value;

use crate::print::{Tone, line, safe, tone};

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 160;

/// Prints every action of a run with status, duration, inputs and outputs.
pub(crate) fn print(plan: &Plan, run: &Run) {
    for node in view::tree(plan, run) {
        print_node(&node, 0);
    }
}

fn print_node(node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    let (mark, color) = mark(node.status);
    let time = node.start.zip(node.end).map(|(start, end)| end.since(start));
    let time = time.filter(|it| Duration::ZERO < *it).map(|it| format!(" {}", duration(it)));
    let code = match node.status {
        Some(Status::Succeeded | Status::Skipped) | None => String::new(),
        Some(_) => format!(" {}", node.code),
    };
    let waits = match (node.status, node.waits_for) {
        (_, Some(what)) => format!(" waits for {what}"),
        (None, None) => " not reached".to_owned(),
        (Some(_), None) => String::new(),
    };
    line(format!(
        "{indent}{} {}{}{}{}",
        tone(color, mark),
        if node.status == Some(Status::Skipped) {
            tone(Tone::Faint, safe(&node.name))
        } else {
            tone(Tone::Strong, safe(&node.name))
        },
        tone(Tone::Faint, time.unwrap_or_default()),
        tone(color, code),
        tone(Tone::Warn, waits),
    ));
    print_details(node, &indent);
    for (label, nodes) in &node.blocks {
        let reached = nodes
            .iter()
            .any(|it| it.status.is_some_and(|it| it != Status::Skipped) || it.waits_for.is_some());
        if !reached {
            continue;
        }
        let deeper = if label.is_empty() { depth + 1 } else { depth + 2 };
        if !label.is_empty() {
            line(format!("{indent}  {}", tone(Tone::Accent, label)));
        }
        for node in nodes {
            print_node(node, deeper);
        }
    }
}

fn print_details(node: &Node, indent: &str) {
    if node.status == Some(Status::Skipped) {
        return;
    }
    let detail = |name: &str, text: String| {
        line(format!("{indent}    {} {text}", tone(Tone::Faint, format!("{name:<7}"))));
    };
    if let Some(inputs) = &node.inputs {
        detail("inputs", short(inputs));
    }
    if let Some(outputs) = &node.outputs
        && !outputs.is_null()
    {
        detail("outputs", short(outputs));
    }
    if let Some(failure) = &node.failure
        && node.code != "ActionFailed"
    {
        detail("error", tone(Tone::Bad, safe(&failure.message)));
    }
    if 1 < node.attempts.len() {
        for (index, attempt) in node.attempts.iter().enumerate() {
            let what = attempt.failure.as_ref().map_or("answered", |it| it.code.as_str());
            let pause = attempt.pause.map(|it| format!(", again after {}", duration(it)));
            detail(
                "attempt",
                format!("{}: {}{}", index + 1, safe(what), pause.unwrap_or_default()),
            );
        }
    }
}

const fn mark(status: Option<Status>) -> (&'static str, Tone) {
    match status {
        Some(Status::Succeeded) => ("✓", Tone::Good),
        Some(Status::Failed) => ("✗", Tone::Bad),
        Some(Status::TimedOut) => ("⧖", Tone::Bad),
        Some(Status::Cancelled) => ("◼", Tone::Warn),
        Some(Status::Skipped) => ("–", Tone::Faint),
        None => ("…", Tone::Warn),
    }
}

/// A value on one line, cut.
pub(crate) fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = safe(&text).replace('\n', "⏎");
    let mut shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A length of time as people say it.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_seconds();
    if seconds < 1.0 {
        format!("{} ms", duration.as_milliseconds())
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// Prints the names of the actions that asked somebody or failed, and of what they are in, without
/// inputs and outputs.
pub(crate) fn outline(plan: &Plan, run: &Run, depth: usize) {
    for node in view::tree(plan, run) {
        print_outline(&node, depth);
    }
}

fn is_of_interest(node: &Node) -> bool {
    let asked = node.outputs.as_ref().is_some_and(|it| it.get("statusCode").is_some());
    let reached = node.status.is_some_and(|it| it != Status::Skipped);
    let mut inside = node.blocks.iter().flat_map(|(_, nodes)| nodes);
    reached && (asked || node.status == Some(Status::Failed) || inside.any(is_of_interest))
}

fn print_outline(node: &Node, depth: usize) {
    if !is_of_interest(node) {
        return;
    }
    let (mark, color) = mark(node.status);
    let time = node.start.zip(node.end).map(|(start, end)| end.since(start));
    let time =
        time.filter(|it| Duration::milliseconds(1) <= *it).map(|it| format!(" {}", duration(it)));
    let indent = "  ".repeat(depth);
    let time = tone(Tone::Faint, time.unwrap_or_default());
    let code = match node.status {
        Some(Status::Failed | Status::TimedOut) => format!(" {}", tone(Tone::Faint, &node.code)),
        _ => String::new(),
    };
    let decided = node.inputs.as_ref().and_then(|it| it.get("expressionResult")?.as_bool());
    let decided = match decided {
        Some(true) => tone(Tone::Accent, " → yes"),
        Some(false) => tone(Tone::Faint, " → no"),
        None => String::new(),
    };
    line(format!("{indent}{} {}{decided}{time}{code}", tone(color, mark), safe(&node.name)));
    for (_, nodes) in &node.blocks {
        for node in nodes {
            print_outline(node, depth + 1);
        }
    }
}

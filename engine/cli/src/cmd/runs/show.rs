//! `flowright runs show`: one run with its actions as the file has them.

use serde_json::Value;

use super::{
    args::ShowArgs,
    client::{Service, run_path},
    list::{color, time, took},
};
use crate::{
    Outcome,
    args::Shown,
    print::{Tone, line, safe, tone},
    tree::short,
};

pub(super) async fn run(
    service: &Service,
    args: &ShowArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let run = service.get(&run_path(&args.run, "")).await?;
    if output == Shown::Json {
        line(&run);
        return Ok(Outcome::Good);
    }
    head(&run);
    line("");
    for node in list(&run["actions"]) {
        print(node, 0, args.full);
    }
    Ok(Outcome::Good)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn head(run: &Value) {
    let status = run["status"].as_str().unwrap_or_default();
    let took = took(run);
    line(format!("{} {}", tone(Tone::Strong, safe(text(run, "id"))), tone(color(status), status)));
    let told = |name: &str, value: &str| {
        if !value.is_empty() {
            line(format!("  {} {}", tone(Tone::Faint, format!("{name:<10}")), safe(value)));
        }
    };
    told("flow", text(run, "flow"));
    told("version", text(run, "version").get(..12).unwrap_or_default());
    told("trigger", text(run, "trigger"));
    told("key", text(run, "key"));
    told("started", &time(text(run, "startTime")));
    told("by", text(run, "startedBy"));
    told("took", &took);
    told("paused", text(&run["paused"], "reason"));
    told("called by", text(&run["parent"], "id"));
    told("again of", text(run, "resubmitOf"));
    if let Some(error) = run["error"].as_object() {
        let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        told("error", &format!("{code}: {message}"));
        for detail in error.get("details").into_iter().flat_map(list) {
            let (target, code) = (text(detail, "target"), text(detail, "code"));
            told("", &format!("{target}: {code}: {}", text(detail, "message")));
        }
    }
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn print(node: &Value, depth: usize, full: bool) {
    let indent = "  ".repeat(depth);
    let status = node["status"].as_str();
    let (mark, color) = match status {
        Some("Succeeded") => ("✓", Tone::Good),
        Some("Failed") => ("✗", Tone::Bad),
        Some("TimedOut") => ("⧖", Tone::Bad),
        Some("Cancelled") => ("◼", Tone::Warn),
        Some("Skipped") => ("–", Tone::Faint),
        _ => ("…", Tone::Warn),
    };
    let is_bad = matches!(status, Some("Failed" | "TimedOut"));
    let waits = match (status, node["waitsFor"].as_str()) {
        (_, Some(what)) => format!(" waits for {what}"),
        (None, None) => " not reached".to_owned(),
        (Some(_), None) => String::new(),
    };
    let code = if is_bad { format!(" {}", text(node, "code")) } else { String::new() };
    let name = safe(text(node, "name"));
    line(format!(
        "{indent}{} {}{}{} {}",
        tone(color, mark),
        tone(if status == Some("Skipped") { Tone::Faint } else { Tone::Strong }, name),
        tone(color, safe(&code)),
        tone(Tone::Warn, waits),
        tone(Tone::Faint, took(node)),
    ));
    if status == Some("Skipped") {
        return;
    }
    details(node, &indent, full || is_bad);
    for block in list(&node["blocks"]) {
        let label = text(block, "label");
        let reached = list(&block["actions"]).any(|it| {
            it["status"].as_str().is_some_and(|it| it != "Skipped") || !it["waitsFor"].is_null()
        });
        if !reached {
            continue;
        }
        if !label.is_empty() {
            line(format!("{indent}  {}", tone(Tone::Accent, safe(label))));
        }
        for node in list(&block["actions"]) {
            print(node, depth + if label.is_empty() { 1 } else { 2 }, full);
        }
    }
}

fn details(node: &Value, indent: &str, with_values: bool) {
    let detail = |name: &str, text: String| {
        line(format!("{indent}    {} {text}", tone(Tone::Faint, format!("{name:<7}"))));
    };
    for name in ["inputs", "outputs"] {
        if with_values && !node[name].is_null() {
            detail(name, short(&node[name]));
        }
    }
    // A group only says that something in it has failed.
    if node["error"].is_object() && text(node, "code") != "ActionFailed" {
        detail("error", tone(Tone::Bad, safe(text(&node["error"], "message"))));
    }
    let attempts: Vec<&Value> = list(&node["attempts"]).collect();
    let is_told = |it: &Value| 1 < attempts.len() || it["sentTime"].is_string();
    for (number, attempt) in (1..).zip(&attempts).filter(|(_, it)| is_told(it)) {
        let what = attempt["error"]["code"].as_str().unwrap_or("answered");
        let sent = attempt["sentTime"].as_str().map(|it| format!(", sent at {it}"));
        let pause = attempt["pause"].as_str().map(|it| format!(", again after {it}"));
        let (sent, pause) = (sent.unwrap_or_default(), pause.unwrap_or_default());
        detail("attempt", format!("{number}: {}{sent}{pause}", safe(what)));
    }
}

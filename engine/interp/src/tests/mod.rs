//! Runs driven by a script of events, and what comes of them as text.

mod asking;
mod containers;
mod events;
mod firing;
mod lenient;
mod looking;
mod mappings;
mod order;
mod pausing;
mod sizes;
mod unseen;
mod values;

use std::{collections::BTreeMap, fmt::Write as _};

use base::{ErrorClass, Failure, Outcome, Source, Timestamp};
use journal::{Event, EventKind, Path};
use serde_json::{Map, Value, json};

use crate::{
    Effect, Plan, Run,
    effect::Request,
    step,
    view::{self, Node},
};

/// Runs a flow through a script and compares the trace of it.
///
/// The flow is a list of actions in YAML, or a definition in JSON. The script has one event a line:
/// `answer H 503 Retry-After=3`, `answer H@1 200 {"a": 1}`, `fail H conflict`, `wake H` and `expire H`
/// when the timer is due, `wake-early H` and `expire-early H` now,
/// `intend H`, `unknown H`, `call H {}`, `cancel why`; `H` is a path, `@1` the attempt if it is not
/// the latest. The first line may be `start` and the trigger's body.
#[track_caller]
pub(super) fn check(flow: &str, script: &str, expected: &str) {
    let trace = Play::run(&plan(flow), script).trace();
    let expected = lines(expected);
    assert!(trace == expected, "--- expected\n{expected}--- actual\n{trace}---");
}

/// The text without the indentation that the test's source has.
fn lines(text: &str) -> String {
    let rows: Vec<&str> = text.lines().skip_while(|row| row.trim().is_empty()).collect();
    let depth = |row: &&str| row.len() - row.trim_start().len();
    let indent = rows.iter().filter(|row| !row.trim().is_empty()).map(depth).min().unwrap_or(0);
    let rows = rows.iter().map(|row| row.get(indent..).unwrap_or("").trim_end());
    let mut text = rows.collect::<Vec<_>>().join("\n").trim_end().to_owned();
    text.push('\n');
    text
}

/// A plan of a flow that has no faults.
#[track_caller]
pub(super) fn plan(flow: &str) -> Plan {
    let flow = lines(flow);
    let (flow, found) = if flow.starts_with('{') {
        flow::import::read(&Source::new("flow.json", &flow))
    } else if flow.contains("triggers:") {
        flow::read(&Source::new("flow.yaml", &flow))
    } else {
        let indented = flow.lines().map(|row| format!("  {row}")).collect::<Vec<_>>().join("\n");
        let text = format!(
            "flow: Test\nconnections: {{ crm: dynamics }}\n\
             triggers: [{{ name: T, request: }}]\nactions:\n{indented}"
        );
        flow::read(&Source::new("flow.yaml", &text))
    };
    let faults: Vec<_> = found.iter().filter(|it| it.severity == base::Severity::Error).collect();
    assert!(faults.is_empty(), "{faults:?}");
    Plan::new(flow, BTreeMap::new())
}

/// Where every run of these tests begins.
pub(super) fn start_of_time() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

/// A run that a script plays.
pub(super) struct Play<'a> {
    plan: &'a Plan,
    pub(super) run: Run,
    pub(super) events: Vec<Event>,
    now: Timestamp,
    timers: BTreeMap<(Path, bool), Timestamp>,
    attempts: BTreeMap<Path, u32>,
    log: String,
}

impl<'a> Play<'a> {
    /// A run that has not begun.
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            run: Run::default(),
            events: Vec::new(),
            now: start_of_time(),
            timers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            log: String::new(),
        }
    }

    /// Plays a whole script.
    pub(super) fn run(plan: &'a Plan, script: &str) -> Self {
        let script = lines(script);
        let mut play = Self::new(plan);
        let starts = script.lines().next().is_some_and(|row| row.starts_with("start"));
        if !starts {
            play.line("start null");
        }
        for line in script.lines().filter(|row| !row.is_empty()) {
            play.line(line);
        }
        play
    }

    fn line(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (place, rest) = match verb {
            "start" | "cancel" | "pause" | "pause-early" | "continue" | "begin" => ("", rest),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        let (place, attempt) = place.split_once('@').unwrap_or((place, ""));
        let path: Path = serde_json::from_value(place.into()).unwrap();
        let latest = self.attempts.get(&path).copied().unwrap_or(1);
        let attempt = attempt.parse().unwrap_or(latest);
        let kind = match verb {
            "start" => EventKind::Started {
                trigger: "T".to_owned(),
                outputs:
                    json!({ "headers": {}, "body": serde_json::from_str::<Value>(rest).unwrap() })
                        .into(),
                parameters: Map::new().into(),
                seed: 7,
                run: "run-1".to_owned(),
                callback: None,
                again: None,
                by: None,
            },
            "answer" => EventKind::Answered { attempt, outcome: response(rest), sent: None },
            "fail" => EventKind::Answered { attempt, outcome: failure(rest), sent: None },
            "intend" => EventKind::Intended { attempt },
            "unknown" => EventKind::Unknown { attempt },
            "wake" | "wake-early" => EventKind::Woken,
            "expire" | "expire-early" => EventKind::Expired,
            "call" => EventKind::Called { outputs: serde_json::from_str(rest).unwrap() },
            "cancel" => EventKind::Cancelled { reason: rest.to_owned() },
            "pause" => EventKind::Paused { reason: rest.to_owned(), unbegun: false },
            "pause-early" => EventKind::Paused { reason: rest.to_owned(), unbegun: true },
            "continue" => EventKind::Continued { reason: rest.to_owned() },
            "begin" => EventKind::Began,
            other => panic!("no event `{other}`"),
        };
        let timer = (path.clone(), verb == "expire");
        if ["wake", "expire"].contains(&verb)
            && let Some(due) = self.timers.remove(&timer)
        {
            self.now = self.now.max(due);
        }
        let event = Event { at: self.now, path, kind };
        self.log.push_str(line);
        self.log.push('\n');
        for effect in step(self.plan, &mut self.run, &event) {
            self.note(&effect);
        }
        self.events.push(event);
    }

    fn note(&mut self, effect: &Effect) {
        let text = match effect {
            Effect::Ask(ask) => {
                self.attempts.insert(ask.path.clone(), ask.attempt);
                let what = match &ask.request {
                    Request::Operation { connection, operation, inputs, minimum_items } => {
                        let least =
                            minimum_items.map_or(String::new(), |it| format!(" least {it}"));
                        format!("{connection}.{operation} {inputs}{least}")
                    }
                    Request::Route { connection, inputs, .. } => format!("{connection} {inputs}"),
                    Request::Http { inputs } => {
                        let inputs: &Map<String, Value> = inputs.as_object().unwrap();
                        let text = |name: &str| inputs[name].as_str().unwrap().to_owned();
                        format!("{} {}", text("method"), text("uri"))
                    }
                    Request::Approval { inputs } => format!("approval {inputs}"),
                    Request::Unsubscribe { of, .. } => format!("unsubscribe {:?}", of.inputs()),
                    Request::Batch { flow, trigger, inputs } => {
                        format!("batch {flow} {trigger:?} {inputs}")
                    }
                    Request::Flow { flow, trigger, inputs } => {
                        format!("flow {flow} {trigger:?} {inputs}")
                    }
                };
                let follow = ask.follow.as_ref().map_or(String::new(), |it| format!(" at {it}"));
                let intent = if ask.intent { " after intent" } else { "" };
                assert_eq!(ask.idempotency_key, format!("run-1:{}", ask.path));
                format!("ask {}@{} {what}{follow}{intent}", ask.path, ask.attempt)
            }
            Effect::Arm { path, deadline, due } => {
                self.timers.insert((path.clone(), *deadline), *due);
                let what = if *deadline { "deadline" } else { "pause" };
                format!("{what} {path} {}", due.since(self.now))
            }
            Effect::Disarm { path, deadline } => {
                self.timers.remove(&(path.clone(), *deadline));
                format!("{} {path} off", if *deadline { "deadline" } else { "pause" })
            }
            Effect::Respond { outputs } => format!("respond {outputs}"),
            Effect::Unsubscribe(ask) => {
                let inputs = ask.request.inputs();
                match &ask.request {
                    Request::Unsubscribe { answer, .. } => {
                        format!("unsubscribe {} {inputs} {answer}", ask.path)
                    }
                    _ => format!("unsubscribe {} {inputs}", ask.path),
                }
            }
            Effect::Finish { status, .. } => format!("finish {}", status.name()),
        };
        writeln!(self.log, "  {text}").unwrap();
    }

    /// Everything that came of it.
    pub(super) fn trace(&self) -> String {
        let mut text = self.log.clone();
        for node in view::tree(self.plan, &self.run) {
            show(&node, 0, &mut text);
        }
        for (name, value) in self.run.variables() {
            writeln!(text, "variable {name} = {value}").unwrap();
        }
        match self.run.end() {
            None => text.push_str("run open\n"),
            Some(end) => {
                let error = end.error.as_ref().map_or(String::new(), |error| format!(" {error}"));
                writeln!(text, "run {}{error}", end.status.name()).unwrap();
            }
        }
        text
    }
}

/// Text of failures that says nothing new in every test.
const USUAL: [&str; 2] = ["InvalidTemplate", "ActionFailed"];

fn show(node: &Node, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    write!(text, "{indent}{}", node.name).unwrap();
    match (node.status, node.waits_for) {
        (Some(status), _) => write!(text, " {}", status.name()).unwrap(),
        (None, Some(what)) => write!(text, " waits for {what}").unwrap(),
        (None, None) => text.push_str(" not reached"),
    }
    if !["", "OK", "NotSpecified"].contains(&node.code.as_str()) {
        write!(text, " {}", node.code).unwrap();
    }
    if !node.attempts.is_empty() {
        let attempts = node.attempts.iter().map(|it| {
            let code = it.failure.as_ref().map_or("ok", |failure| &failure.code);
            it.pause.map_or(code.to_owned(), |pause| format!("{code} {pause}"))
        });
        write!(text, " [{}]", attempts.collect::<Vec<_>>().join(", ")).unwrap();
    }
    if let Some(outputs) = node.outputs.as_deref().filter(|it| !it.is_null()) {
        write!(text, " = {outputs}").unwrap();
    }
    if let Some(failure) = &node.failure {
        write!(text, " ! {}", failure.code).unwrap();
        if !USUAL.contains(&failure.code.as_str()) {
            write!(text, ": {}", failure.message).unwrap();
        }
    }
    text.push('\n');
    for (label, nodes) in &node.blocks {
        let inner = if label.is_empty() { depth + 1 } else { depth + 2 };
        if !label.is_empty() && !nodes.is_empty() {
            writeln!(text, "{indent}  {label}:").unwrap();
        }
        for node in nodes {
            show(node, inner, text);
        }
    }
}

fn response(text: &str) -> Outcome {
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut headers = Map::new();
    let mut body = rest;
    while let Some((name, value)) =
        body.split_once('=').filter(|_| !body.starts_with(['{', '[', '"']))
    {
        let (value, rest) = value.split_once(' ').unwrap_or((value, ""));
        headers.insert(name.to_owned(), value.into());
        body = rest;
    }
    let body: Value =
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    let status: u16 = status.parse().unwrap();
    Outcome::of_response(
        json!({ "statusCode": status, "headers": headers, "body": body }),
        Timestamp::default(),
    )
}

fn failure(class: &str) -> Outcome {
    let class = ErrorClass::parse(class).unwrap();
    Outcome::failed(Failure::of_class(class, "NoAnswer", "the service could not be reached"))
}

#[test]
fn scripts_are_read_without_their_indentation() {
    assert_eq!(lines("\n    a\n      b\n\n    c\n  "), "a\n  b\n\nc\n");
}

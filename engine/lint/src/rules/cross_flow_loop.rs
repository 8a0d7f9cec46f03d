//! Flows of a project that start each other by what they change, for ever.

use std::cell::OnceCell;

use base::{Diagnostic, Sink, code};

use super::subflow_contract::path;
use crate::{
    calls::Calls,
    face::{Made, Place},
    rule::{Hooks, Phase, Rule},
};

pub(super) const RULE: Rule = Rule {
    code: code::CROSS_FLOW_LOOP,
    phase: Phase::Project,
    summary: "Flows start each other by what they change, and none looks whether anything differs.",
    hooks: Hooks { project: Some(check), ..Hooks::NONE },
};

/// Flows that call flows are followed so far.
const CALLS_MAX: usize = 8;

fn check(calls: &Calls<'_>, sinks: &mut [Sink]) {
    // Whoever is part of a loop is started by changes; most projects have few such flows.
    let all = calls.flows.iter().enumerate();
    let listeners: Vec<usize> = all.filter(|(_, it)| it.face.listens).map(|(at, _)| at).collect();
    if listeners.len() < 2 {
        return;
    }
    let started = calls.flows.iter().map(|_| OnceCell::new()).collect();
    let flows = Flows { calls, listeners: &listeners, started };
    let is_wanted = |it: &usize| calls.flows.get(*it).is_some_and(|it| it.is_wanted);
    for from in listeners.iter().copied().filter(is_wanted) {
        for start in flows.started(from) {
            let next =
                |at: usize| -> Vec<usize> { flows.started(at).iter().map(|it| it.flow).collect() };
            let Some(path) = path(next, start.flow, from) else { continue };
            let all: Vec<usize> = std::iter::once(from).chain(path).collect();
            if let Some(sink) = sinks.get_mut(from) {
                sink.push(found(&flows, &all, start.place));
            }
        }
    }
}

/// What is said about a loop of flows.
fn found(flows: &Flows<'_>, all: &[usize], place: &Place) -> Diagnostic {
    let steps = all.windows(2).filter_map(|pair| {
        let (from, to) = (*pair.first()?, *pair.last()?);
        let start = flows.started(from).iter().find(|it| it.flow == to)?;
        Some(format!("`{}` changes {}", flows.calls.name(from), start.what))
    });
    let steps: Vec<String> = steps.collect();
    let message =
        format!("flows start each other: {}, and so on", steps.join(", which starts a flow: "));
    place.found(RULE.code, message).hint(
        "let one of them write only what differs (`compare`), or leave out in a trigger what the \
         flows' own user has changed",
    )
}

/// The flows of a project, looked into where that is needed.
struct Flows<'a> {
    calls: &'a Calls<'a>,
    /// Those that changes may start.
    listeners: &'a [usize],
    started: Vec<OnceCell<Vec<Start<'a>>>>,
}

/// A flow that another one starts.
struct Start<'a> {
    flow: usize,
    /// Where the other one makes the change, or calls the flow that does.
    place: &'a Place,
    /// What it changes.
    what: &'a str,
}

impl<'a> Flows<'a> {
    /// The flows that a flow starts by what it changes, each once.
    fn started(&self, from: usize) -> &[Start<'a>] {
        let Some(cell) = self.started.get(from) else { return &[] };
        cell.get_or_init(|| {
            let mut found: Vec<Start<'a>> = Vec::new();
            for (made, place) in self.made(from) {
                for to in self.listeners.iter().copied().filter(|to| *to != from) {
                    let is_known = found.iter().any(|it| it.flow == to);
                    if !is_known && self.starts(to, made) {
                        found.push(Start { flow: to, place, what: &made.what });
                    }
                }
            }
            found
        })
    }

    /// Whether a change starts a flow.
    fn starts(&self, flow: usize, made: &Made) -> bool {
        let heard = self.calls.flows.get(flow).map(|it| it.echo().heard.iter());
        heard.into_iter().flatten().any(|it| it.are_made_by(&made.change))
    }

    /// What a flow changes without looking whether it differs, itself or through the flows it calls, and where
    /// it does that.
    fn made(&self, from: usize) -> Vec<(&'a Made, &'a Place)> {
        let mut found = Vec::new();
        let mut open = vec![(from, None, 0)];
        let mut seen = vec![from];
        while let Some((at, place, depth)) = open.pop() {
            let Some(member) = self.calls.flows.get(at) else { continue };
            let echo = member.echo();
            found.extend(echo.made.iter().map(|it| (it, place.unwrap_or(&it.place))));
            for call in echo.calls.iter().filter_map(|it| member.face.calls.get(*it)) {
                let callee = self.calls.find(&call.flow).filter(|it| !seen.contains(it));
                if let Some(callee) = callee.filter(|_| depth < CALLS_MAX) {
                    seen.push(callee);
                    open.push((callee, Some(place.unwrap_or(&call.place)), depth + 1));
                }
            }
        }
        found
    }
}

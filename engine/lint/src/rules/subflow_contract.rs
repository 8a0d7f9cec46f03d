//! A call of a flow that is not in the project, or of flows that call each other in a circle.

use std::collections::BTreeMap;

use base::{Diagnostic, Severity, Sink, Span, code};
use expr::Dialect;
use flow::{ActionKind, Flow, actions::workflow::Workflow};

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule},
    view::Calls,
};

pub(super) const RULE: Rule = Rule {
    code: code::SUBFLOW_CONTRACT,
    phase: Phase::Project,
    summary: "A called flow does not exist, has no such trigger, or calls its caller.",
    hooks: Hooks { project: Some(check), ..Hooks::NONE },
};

fn check(calls: &Calls<'_>, sinks: &mut [Sink]) {
    let mut edges: BTreeMap<usize, Vec<(usize, Span)>> = BTreeMap::new();
    for (caller, (file, sink)) in calls.project.flows.iter().zip(&mut *sinks).enumerate() {
        for called in workflows(file.flow()) {
            match calls.find(&called.flow) {
                Some(callee) => {
                    edges.entry(caller).or_default().push((callee, called.span));
                    check_trigger(calls.project.flows[callee].flow(), called, sink);
                }
                // A flow of the cloud names others by ids of their own.
                None if file.flow().dialect == Dialect::Wdl || called.flow.is_empty() => {}
                None => {
                    let message = format!("there is no flow `{}`", called.flow);
                    let found = Diagnostic::new(RULE.code, called.span, message);
                    let names: Vec<&str> = calls.names().collect();
                    sink.push(suggested(found, &called.flow, names.into_iter()));
                }
            }
        }
    }
    for (caller, sink) in sinks.iter_mut().enumerate() {
        for (callee, span) in edges.get(&caller).into_iter().flatten() {
            if let Some(path) = path(&edges, *callee, caller) {
                let names = std::iter::once(caller).chain(path);
                let names = names.map(|it| format!("`{}`", calls.project.flows[it].flow().name));
                let names: Vec<String> = names.collect();
                let message = format!("flows call each other: {}", names.join(" calls "));
                let found = Diagnostic::new(RULE.code, *span, message);
                sink.push(found.hint("such a run never ends; break the circle"));
            }
        }
    }
}

fn workflows(flow: &Flow) -> impl Iterator<Item = &Workflow> {
    flow.actions.iter().filter_map(|it| {
        if let ActionKind::Workflow(called) = &it.kind { Some(called) } else { None }
    })
}

/// A flow is called by the trigger that is named, else by the only one that can be called.
fn check_trigger(callee: &Flow, called: &Workflow, sink: &mut Sink) {
    let callable = callee.triggers.iter().filter(|it| it.kind.is_callable());
    let names: Vec<&str> = callable.map(|it| it.display.as_str()).collect();
    let mut found = match (&called.trigger, names.len()) {
        (Some(name), _) if callee.trigger(name).is_none() => {
            let message = format!("flow `{}` has no trigger `{name}`", callee.name);
            suggested(Diagnostic::new(RULE.code, called.span, message), name, names.into_iter())
        }
        (None, 0) => {
            let message = format!("flow `{}` has no trigger that can be called", callee.name);
            Diagnostic::new(RULE.code, called.span, message).hint("give it the trigger `flow:`")
        }
        (None, 2..) => {
            let message = format!("flow `{}` has several triggers that can be called", callee.name);
            let hint = format!("name one: `trigger: {}`", names.join("` or `trigger: "));
            Diagnostic::new(RULE.code, called.span, message).hint(hint)
        }
        (Some(_), _) | (None, 1) => return,
    };
    if callee.dialect == Dialect::Wdl {
        found.severity = Severity::Warning;
    }
    sink.push(found);
}

/// The shortest chain of calls from one flow to another, both included.
pub(super) fn path(
    edges: &BTreeMap<usize, Vec<(usize, Span)>>,
    from: usize,
    to: usize,
) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut open = std::collections::VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        if at == to {
            let back = std::iter::successors(Some(to), |it| (*it != from).then(|| before[it]));
            let mut path: Vec<usize> = back.collect();
            path.reverse();
            return Some(path);
        }
        for (next, _) in edges.get(&at).into_iter().flatten() {
            if !before.contains_key(next) {
                before.insert(*next, at);
                open.push_back(*next);
            }
        }
    }
    None
}

//! A call of a flow that is not in the project, or of flows that call each other in a circle.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use base::{Diagnostic, Severity, Sink, code, limits};
use expr::Dialect;
use flow::{ActionKind, Flow, actions::workflow::Workflow};

use super::suggested;
use crate::{
    calls, handed,
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
    for (caller, (file, sink)) in calls.project.flows.iter().zip(&mut *sinks).enumerate() {
        for called in workflows(file.flow()).filter(|_| calls.wants(caller)) {
            match calls.find(&called.flow).and_then(|it| calls.project.flows.get(it)) {
                Some(callee) => check_trigger(callee.flow(), called, sink),
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
    circles(calls, sinks);
}

/// Calls that lead back to themselves: such a run never ends, or only if some condition lets it.
fn circles(calls: &Calls<'_>, sinks: &mut [Sink]) {
    let sites = calls::sites(calls);
    let next = |at: usize, is_sure: bool| -> Vec<usize> {
        let all = sites.get(at).map(|it| it.next.as_slice()).unwrap_or_default();
        all.iter().filter(|(_, sure)| *sure || !is_sure).map(|(next, _)| *next).collect()
    };
    // The shortest way from a call back to itself, without its beginning.
    let circle = |at: usize, is_sure: bool| {
        let ways = next(at, is_sure).into_iter();
        ways.filter_map(|it| path(|at| next(at, is_sure), it, at)).min_by_key(Vec::len)
    };
    let name = |at: usize| {
        let flow = sites.get(at).and_then(|it| calls.project.flows.get(it.caller));
        flow.map_or("", |it| it.flow().name.as_str())
    };
    for (at, site) in sites.iter().enumerate().filter(|(_, it)| calls.wants(it.caller)) {
        let sure = circle(at, true);
        let is_sure = sure.is_some();
        let Some(around) = sure.or_else(|| circle(at, false)) else { continue };
        let names = std::iter::once(at).chain(around).map(|it| format!("`{}`", name(it)));
        let message =
            format!("flows call each other: {}", names.collect::<Vec<_>>().join(" calls "));
        let found = Diagnostic::new(RULE.code, site.called.span, message);
        let found = if is_sure {
            found.hint("such a run never ends; break the circle")
        } else {
            let most = limits::CALL_DEPTH_MAX;
            found.warning().hint(format!("let it end before it is {most} calls deep"))
        };
        if let Some(sink) = sinks.get_mut(site.caller) {
            sink.push(found);
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
        (Some(name), _) if callee.trigger(name).is_some_and(|it| !it.kind.is_callable()) => {
            let message =
                format!("the trigger `{name}` of flow `{}` cannot be called", callee.name);
            Diagnostic::new(RULE.code, called.span, message)
                .hint("name a `flow:`, `request:` or `manual:` trigger")
        }
        (Some(_), _) | (None, 1) => return check_body(callee, called, sink),
    };
    if callee.dialect == Dialect::Wdl {
        found.severity = Severity::Warning;
    }
    sink.push(found);
}

/// A trigger of ours takes nothing but what its schema or its form says; the cloud's take everything.
fn check_body(callee: &Flow, called: &Workflow, sink: &mut Sink) {
    let trigger = calls::trigger(callee, called).filter(|_| callee.dialect == Dialect::Flowright);
    let faults = trigger.map(|it| handed::faults(it, called.body.as_ref()));
    for fault in faults.into_iter().flatten() {
        let fault = fault.trim_end_matches('.');
        let message = format!("flow `{}` does not take this: {fault}", callee.name);
        sink.push(Diagnostic::new(RULE.code, called.span, message));
    }
}

/// The shortest way from one thing to another over what comes next, both included.
pub(super) fn path(
    next: impl Fn(usize) -> Vec<usize>,
    from: usize,
    to: usize,
) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        if at == to {
            let back = std::iter::successors(Some(to), |it| (*it != from).then(|| before[it]));
            let mut path: Vec<usize> = back.collect();
            path.reverse();
            return Some(path);
        }
        for next in next(at) {
            if let Entry::Vacant(place) = before.entry(next) {
                place.insert(at);
                open.push_back(next);
            }
        }
    }
    None
}

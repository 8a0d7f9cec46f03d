//! A call of a flow that is not in the project, or of flows that call each other in a circle.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use base::{Severity, Sink, code, limits};
use expr::Dialect;

use super::suggested;
use crate::{
    calls::{self, Calls, Site},
    face::{Call, Face},
    handed,
    rule::{Hooks, Phase, Rule},
};

pub(super) const RULE: Rule = Rule {
    code: code::SUBFLOW_CONTRACT,
    phase: Phase::Project,
    summary: "A called flow does not exist, has no such trigger, or calls its caller.",
    hooks: Hooks { project: Some(check), ..Hooks::NONE },
};

fn check(calls: &Calls<'_>, sinks: &mut [Sink]) {
    for (caller, sink) in calls.flows.iter().zip(&mut *sinks).filter(|(it, _)| it.is_wanted) {
        for call in &caller.face.calls {
            match calls.find(&call.flow).and_then(|it| calls.flows.get(it)) {
                Some(callee) => check_trigger(&callee.face, call, sink),
                // A flow of the cloud names others by ids of their own.
                None if caller.face.dialect == Dialect::Wdl || call.flow.is_empty() => {}
                None => {
                    let found =
                        call.place.found(RULE.code, format!("there is no flow `{}`", call.flow));
                    let names: Vec<&str> = calls.names().collect();
                    sink.push(suggested(found, &call.flow, names.into_iter()));
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
    let name = |at: usize| sites.get(at).map_or("", |it| calls.name(it.caller));
    let is_wanted = |it: &Site<'_>| calls.flows.get(it.caller).is_some_and(|it| it.is_wanted);
    for (at, site) in sites.iter().enumerate().filter(|(_, it)| is_wanted(it)) {
        let sure = circle(at, true);
        let is_sure = sure.is_some();
        let Some(around) = sure.or_else(|| circle(at, false)) else { continue };
        let names = std::iter::once(at).chain(around).map(|it| format!("`{}`", name(it)));
        let message =
            format!("flows call each other: {}", names.collect::<Vec<_>>().join(" calls "));
        let found = site.call.place.found(RULE.code, message);
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

/// A flow is called by the trigger that is named, else by the only one that can be called.
fn check_trigger(callee: &Face, call: &Call, sink: &mut Sink) {
    let names = callee.triggers.iter().filter(|it| it.is_callable).map(|it| it.display.as_str());
    let names: Vec<&str> = names.collect();
    let named = call.trigger.as_ref().map(|name| (name, callee.trigger(name)));
    let found = |message: String| call.place.found(RULE.code, message);
    let mut found = match (named, names.len()) {
        (Some((name, None)), _) => {
            let message = format!("flow `{}` has no trigger `{name}`", callee.name);
            suggested(found(message), name, names.into_iter())
        }
        (None, 0) => found(format!("flow `{}` has no trigger that can be called", callee.name))
            .hint("give it the trigger `flow:`"),
        (None, 2..) => {
            let hint = format!("name one: `trigger: {}`", names.join("` or `trigger: "));
            found(format!("flow `{}` has several triggers that can be called", callee.name))
                .hint(hint)
        }
        (Some((name, Some(at))), _)
            if callee.triggers.get(at).is_some_and(|it| !it.is_callable) =>
        {
            found(format!("the trigger `{name}` of flow `{}` cannot be called", callee.name))
                .hint("name a `flow:`, `request:` or `manual:` trigger")
        }
        (Some(_), _) | (None, 1) => return check_body(callee, call, sink),
    };
    if callee.dialect == Dialect::Wdl {
        found.severity = Severity::Warning;
    }
    sink.push(found);
}

/// What a trigger that takes nothing else is handed.
fn check_body(callee: &Face, call: &Call, sink: &mut Sink) {
    let fired = callee.fired(call).and_then(|it| callee.triggers.get(it)?.takes.as_ref());
    let faults = fired.map(|it| handed::faults(it, call.body.as_ref()));
    for fault in faults.into_iter().flatten() {
        let fault = fault.trim_end_matches('.');
        let message = format!("flow `{}` does not take this: {fault}", callee.name);
        sink.push(call.place.found(RULE.code, message));
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

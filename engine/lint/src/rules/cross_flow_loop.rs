//! Flows of a project that start each other by what they change, for ever.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code};
use flow::{ActionId, ActionKind};

use super::{self_trigger_loop::thing, subflow_contract::path};
use crate::{
    guards::{self, Guard},
    rule::{Hooks, Phase, Rule},
    service::{self, Access},
    settings::Settings,
    view::{Calls, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::CROSS_FLOW_LOOP,
    phase: Phase::Project,
    summary: "Flows start each other by what they change, and none looks whether anything differs.",
    hooks: Hooks { project: Some(check), ..Hooks::NONE },
};

/// A change that a flow makes without looking whether it is needed.
struct Write {
    /// The flow that makes it: a called flow, or the one itself.
    maker: usize,
    action: ActionId,
    /// Where the flow makes it, or calls the flow that does.
    span: Span,
}

/// Flows that call flows are followed so far.
const CALLS_MAX: usize = 8;

fn check(calls: &Calls<'_>, sinks: &mut [Sink]) {
    let settings = Settings::default();
    let views: Vec<Option<View<'_>>> = calls
        .project
        .flows
        .iter()
        .map(|file| {
            let (source, _) = file.text()?;
            Some(View::new(calls.project, source, (file.package, &file.package.flow), &settings))
        })
        .collect();
    let accesses: Vec<Vec<Access<'_>>> =
        views.iter().map(|it| it.as_ref().map_or_else(Vec::new, Access::all)).collect();
    let mut edges: BTreeMap<usize, Vec<(usize, Span)>> = BTreeMap::new();
    let mut whats: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for from in 0..views.len() {
        for write in writes(calls, &views, &accesses, from) {
            let Some(maker) = views.get(write.maker).and_then(Option::as_ref) else { continue };
            let Some(access) =
                accesses.get(write.maker).and_then(|it| it.iter().find(|it| it.id == write.action))
            else {
                continue;
            };
            for (to, view) in views.iter().enumerate().filter(|(to, _)| *to != from) {
                let starts = view.as_ref().is_some_and(|it| starts(it, maker, access));
                if starts && !whats.contains_key(&(from, to)) {
                    edges.entry(from).or_default().push((to, write.span));
                    whats.insert((from, to), thing(maker, access));
                }
            }
        }
    }
    for (from, sink) in sinks.iter_mut().enumerate() {
        for (to, span) in edges.get(&from).into_iter().flatten() {
            let Some(path) = path(&edges, *to, from) else { continue };
            let all: Vec<usize> = std::iter::once(from).chain(path).collect();
            let name =
                |it: &usize| calls.project.flows.get(*it).map_or("", |it| it.flow().name.as_str());
            let steps = all.windows(2).filter_map(|pair| {
                let what = whats.get(&(*pair.first()?, *pair.last()?))?;
                Some(format!("`{}` changes {what}", name(pair.first()?)))
            });
            let steps: Vec<String> = steps.collect();
            let message = format!(
                "flows start each other: {}, and so on",
                steps.join(", which starts a flow: ")
            );
            let found = Diagnostic::new(RULE.code, *span, message).warning();
            sink.push(found.hint(
                "let one of them write only what differs (`compare`), or leave out in a trigger \
                 what the flows' own user has changed",
            ));
        }
    }
}

/// Whether a change starts a flow.
fn starts(view: &View<'_>, maker: &View<'_>, write: &Access<'_>) -> bool {
    view.flow.triggers.iter().any(|trigger| {
        service::listens(view, trigger).is_some_and(|it| it.are_made_by(maker, write))
            && guards::of_trigger(view, trigger) < Guard::Difference
    })
}

/// What a flow changes without looking whether it differs, itself or through the flows it calls.
fn writes(
    calls: &Calls<'_>,
    views: &[Option<View<'_>>],
    accesses: &[Vec<Access<'_>>],
    from: usize,
) -> Vec<Write> {
    let mut found = Vec::new();
    let mut open = vec![(from, None, 0)];
    let mut seen = vec![from];
    while let Some((at, span, depth)) = open.pop() {
        let Some(view) = views.get(at).and_then(Option::as_ref) else { continue };
        for access in accesses.get(at).into_iter().flatten().filter(|it| it.writes()) {
            if guards::of_action(view, access.id) < Guard::Difference {
                let span = span.unwrap_or(access.call.target_span);
                found.push(Write { maker: at, action: access.id, span });
            }
        }
        for (id, action) in view.flow.actions.iter().enumerate() {
            let ActionKind::Workflow(called) = &action.kind else { continue };
            let Some(callee) = calls.find(&called.flow).filter(|it| !seen.contains(it)) else {
                continue;
            };
            if depth < CALLS_MAX && guards::of_action(view, id) < Guard::Difference {
                seen.push(callee);
                open.push((callee, Some(span.unwrap_or(called.span)), depth + 1));
            }
        }
    }
    found
}

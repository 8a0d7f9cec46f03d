//! Flows of a project that start each other by what they change, for ever.

use std::cell::OnceCell;

use base::{Diagnostic, Sink, Span, code};
use flow::{ActionId, ActionKind, Trigger, TriggerKind};

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
    // Whoever is part of a loop is started by changes; most projects have few such flows.
    let all = calls.project.flows.iter().enumerate();
    let listeners: Vec<usize> = all
        .filter(|(_, it)| it.flow().triggers.iter().any(is_listener))
        .map(|(at, _)| at)
        .collect();
    if listeners.len() < 2 {
        return;
    }
    let settings = Settings::default();
    let flows = Flows {
        calls,
        settings: &settings,
        listeners: &listeners,
        known: calls.project.flows.iter().map(|_| OnceCell::new()).collect(),
        started: calls.project.flows.iter().map(|_| OnceCell::new()).collect(),
    };
    for from in listeners.iter().copied().filter(|it| calls.wants(*it)) {
        for start in flows.started(from) {
            let next =
                |at: usize| -> Vec<usize> { flows.started(at).iter().map(|it| it.flow).collect() };
            let Some(path) = path(next, start.flow, from) else { continue };
            let all: Vec<usize> = std::iter::once(from).chain(path).collect();
            if let Some(sink) = sinks.get_mut(from) {
                sink.push(found(&flows, &all, start.span));
            }
        }
    }
}

/// Whether changes of records may fire a trigger.
fn is_listener(trigger: &Trigger) -> bool {
    match &trigger.kind {
        TriggerKind::ApiConnection(_) => true,
        TriggerKind::Request(request) => request.verify.is_some(),
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => false,
    }
}

/// What is said about a loop of flows.
fn found(flows: &Flows<'_>, all: &[usize], span: Span) -> Diagnostic {
    let name =
        |it: usize| flows.calls.project.flows.get(it).map_or("", |it| it.flow().name.as_str());
    let steps = all.windows(2).filter_map(|pair| {
        let (from, to) = (*pair.first()?, *pair.last()?);
        let start = flows.started(from).iter().find(|it| it.flow == to)?;
        Some(format!("`{}` changes {}", name(from), start.what))
    });
    let steps: Vec<String> = steps.collect();
    let message =
        format!("flows start each other: {}, and so on", steps.join(", which starts a flow: "));
    Diagnostic::new(RULE.code, span, message).hint(
        "let one of them write only what differs (`compare`), or leave out in a trigger what the \
         flows' own user has changed",
    )
}

/// Whether a change starts a flow.
fn starts(view: &View<'_>, maker: &View<'_>, write: &Access<'_>) -> bool {
    view.flow.triggers.iter().any(|trigger| {
        service::listens(view, trigger).is_some_and(|it| it.are_made_by(maker, write))
            && guards::of_trigger(view, trigger) < Guard::Difference
    })
}

/// The flows of a project, looked into where that is needed.
struct Flows<'a> {
    calls: &'a Calls<'a>,
    settings: &'a Settings,
    /// Those that changes may start.
    listeners: &'a [usize],
    known: Vec<OnceCell<Option<View<'a>>>>,
    started: Vec<OnceCell<Vec<Start>>>,
}

/// A flow that another one starts.
struct Start {
    flow: usize,
    /// Where the other one makes the change.
    span: Span,
    /// What it changes.
    what: String,
}

impl<'a> Flows<'a> {
    fn view(&self, at: usize) -> Option<&View<'a>> {
        let look = || {
            let file = self.calls.project.flows.get(at)?;
            let (source, _) = file.text()?;
            let flow = (file.package, &file.package.flow);
            Some(View::new(self.calls.project, source, flow, self.settings))
        };
        self.known.get(at)?.get_or_init(look).as_ref()
    }

    /// The flows that a flow starts by what it changes, each once.
    fn started(&self, from: usize) -> &[Start] {
        let Some(cell) = self.started.get(from) else { return &[] };
        cell.get_or_init(|| {
            let mut found: Vec<Start> = Vec::new();
            for write in self.writes(from) {
                let Some(maker) = self.view(write.maker) else { continue };
                let Some(access) = Access::of(maker, write.action) else { continue };
                for to in self.listeners.iter().copied().filter(|to| *to != from) {
                    let is_known = found.iter().any(|it| it.flow == to);
                    if !is_known && self.view(to).is_some_and(|it| starts(it, maker, &access)) {
                        let what = thing(maker, &access);
                        found.push(Start { flow: to, span: write.span, what });
                    }
                }
            }
            found
        })
    }

    /// What a flow changes without looking whether it differs, itself or through the flows it calls.
    fn writes(&self, from: usize) -> Vec<Write> {
        let mut found = Vec::new();
        let mut open = vec![(from, None, 0)];
        let mut seen = vec![from];
        while let Some((at, span, depth)) = open.pop() {
            let Some(view) = self.view(at) else { continue };
            for access in Access::all(view).into_iter().filter(Access::writes) {
                if guards::of_action(view, access.id) < Guard::Difference {
                    let span = span.unwrap_or(access.call.target_span);
                    found.push(Write { maker: at, action: access.id, span });
                }
            }
            for (id, action) in view.flow.actions.iter().enumerate() {
                let ActionKind::Workflow(called) = &action.kind else { continue };
                let callee = self.calls.find(&called.flow).filter(|it| !seen.contains(it));
                let Some(callee) = callee.filter(|_| depth < CALLS_MAX) else { continue };
                if guards::of_action(view, id) < Guard::Difference {
                    seen.push(callee);
                    open.push((callee, Some(span.unwrap_or(called.span)), depth + 1));
                }
            }
        }
        found
    }
}

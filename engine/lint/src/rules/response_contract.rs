//! Whoever calls a flow gets one answer: not none, and not two.

use base::{Diagnostic, Severity, Sink, code};
use expr::Dialect;
use flow::{ActionId, ActionKind, Block, Trigger, TriggerKind};

use crate::{
    order::{self, Order, required},
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::RESPONSE_CONTRACT,
    phase: Phase::File,
    summary: "A caller may get no answer or two, or there is nobody to answer.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let is_response = |id: &ActionId| matches!(view.flow.action(*id).kind, ActionKind::Response(_));
    let responses: Vec<ActionId> = (0..view.flow.actions.len()).filter(is_response).collect();
    let Some(first) = responses.first() else { return };
    if !view.flow.triggers.iter().any(may_have_caller) {
        let span = view.flow.action(*first).name_span;
        let mut found = Diagnostic::new(RULE.code, span, "there is nobody to answer")
            .hint("only `request`, `manual` and `flow` triggers have a caller");
        if view.flow.dialect == Dialect::Wdl {
            found.severity = Severity::Warning;
        }
        sink.push(found);
        return;
    }
    twice(view, &responses, sink);
    if view.flow.triggers.iter().all(|it| matches!(it.kind, TriggerKind::Request(_)))
        && !answers(view, &view.flow.root)
    {
        never(view, *first, sink);
    }
}

fn may_have_caller(trigger: &Trigger) -> bool {
    match &trigger.kind {
        TriggerKind::Request(_)
        | TriggerKind::Manual(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Unsupported(_) => true,
        TriggerKind::ApiConnection(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Batch(_) => false,
    }
}

/// Answers that are compared with each other; a flow has a handful.
const COMPARED_MAX: usize = 50;

fn twice(view: &View<'_>, responses: &[ActionId], sink: &mut Sink) {
    let responses = responses.get(..COMPARED_MAX).unwrap_or(responses);
    for (at, id) in responses.iter().enumerate() {
        let other = responses.iter().take(at).find(|it| both_run(view, **it, *id));
        let Some(other) = other else { continue };
        let (one, other) = (view.flow.action(*id), view.flow.action(*other));
        let message = format!("`{}` has answered already when this runs", other.display);
        let found = Diagnostic::new(RULE.code, one.name_span, message);
        sink.push(found.label(other.name_span, "the first answer").hint("keep one of them"));
    }
}

/// Whether the first has surely answered when the second runs.
fn both_run(view: &View<'_>, first: ActionId, second: ActionId) -> bool {
    if order::between(view, first, second) != Order::After {
        return false;
    }
    let (first, second) =
        if view.upstream.is_before(first, second) { (first, second) } else { (second, first) };
    let Some((before, after)) = order::siblings(view.flow, first, second) else { return false };
    let succeeded = required(view.flow, after).get(&before).copied();
    let only_after_success = succeeded == Some(base::StatusSet::SUCCEEDED);
    // In a scope that has succeeded all has run that nothing decides about.
    let mut around = view.flow.ancestors(first);
    let parent = view.flow.action(before).parent;
    let unconditional = around
        .by_ref()
        .take_while(|it| Some(*it) != parent)
        .all(|it| matches!(view.flow.action(it).kind, ActionKind::Scope(_)));
    only_after_success && unconditional && runs_first(view, first, before)
}

/// Whether an action runs whenever the container of its chain does: nothing before it decides.
fn runs_first(view: &View<'_>, id: ActionId, top: ActionId) -> bool {
    let only_success =
        |id: ActionId| required(view.flow, id).values().all(|it| *it == base::StatusSet::SUCCEEDED);
    let chain = std::iter::once(id).chain(view.flow.ancestors(id));
    id == top || chain.take_while(|it| *it != top).all(only_success)
}

/// Whether some action of a block answers or ends the run, whichever way a run goes.
fn answers(view: &View<'_>, block: &Block) -> bool {
    block.actions.iter().any(|id| match &view.flow.action(*id).kind {
        ActionKind::Response(_) | ActionKind::Terminate(_) => true,
        ActionKind::Scope(it) => answers(view, &it.block),
        ActionKind::Condition(it) => answers(view, &it.then) && answers(view, &it.otherwise),
        ActionKind::Switch(it) => {
            it.cases.iter().all(|it| answers(view, &it.block)) && answers(view, &it.default)
        }
        // What is in a loop may run no time at all; the reader has reported it.
        ActionKind::Foreach(it) => has_answer(view, &it.block),
        ActionKind::Until(it) => has_answer(view, &it.block),
        _ => false,
    })
}

fn has_answer(view: &View<'_>, block: &Block) -> bool {
    block.actions.iter().any(|id| {
        let kind = &view.flow.action(*id).kind;
        matches!(kind, ActionKind::Response(_))
            || kind.blocks().into_iter().any(|it| has_answer(view, it))
    })
}

fn never(view: &View<'_>, response: ActionId, sink: &mut Sink) {
    let decides = |id: &ActionId| {
        matches!(view.flow.action(*id).kind, ActionKind::Condition(_) | ActionKind::Switch(_))
    };
    let Some(decision) = view.flow.ancestors(response).filter(decides).last() else { return };
    let decision = view.flow.action(decision);
    let message = format!("not every branch of `{}` answers the caller", decision.display);
    let found = Diagnostic::new(RULE.code, decision.name_span, message).warning();
    sink.push(found.hint("answer in every branch, or once behind them"));
}

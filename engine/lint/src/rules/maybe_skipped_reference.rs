//! What a branch has made is used where that branch may not have been taken.

use base::{Diagnostic, Sink, code};
use expr::{
    Type, What,
    check::{Origin, Root},
};
use flow::{ActionId, ActionKind, Block};

use crate::{
    given,
    rule::{Hooks, Phase, Rule, Written},
    view::{Moment, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::MAYBE_SKIPPED_REFERENCE,
    phase: Phase::Types,
    summary: "An action is read that stands in a branch which may not have been taken.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    let Some(here) = written.place.action() else { return };
    // What is asked in a condition is asked because it may be so or not.
    let asks = given::condition(&view.flow.action(here).kind).is_some();
    if asks || written.place.moment != Moment::Start {
        return;
    }
    let reads = |it: &&expr::Use| matches!(&it.what, What::Action { .. });
    if !written.uses.iter().any(|it| reads(&it)) {
        return;
    }
    let types = view.types_at(written.place);
    let mut seen = Vec::new();
    for origin in written.placed.template.origins(&types, expr::check::Paths::Run) {
        let Root::Action(name) = &origin.root else { continue };
        let Some(id) = view.flow.find(name).filter(|it| !seen.contains(it)) else { continue };
        let Some(branch) = branch(view, id, here) else { continue };
        if is_handled(&origin) || is_asked_for(view, id, branch, here) {
            continue;
        }
        seen.push(id);
        let (name, container) = (&view.flow.action(id).display, &view.flow.action(branch).display);
        let message = format!(
            "`{name}` stands in a branch of `{container}`: if that is not taken, this is null"
        );
        let span = written.placed.place(&origin.range);
        let found = Diagnostic::new(RULE.code, span, message);
        sink.push(found.hint("write `coalesce(…, …)`, or move this into the branch"));
    }
}

/// The container around an action of which only one branch runs, and which the other does not stand in.
fn branch(view: &View<'_>, id: ActionId, here: ActionId) -> Option<ActionId> {
    let flow = view.flow;
    let shared: Vec<ActionId> = flow.ancestors(here).collect();
    let mut inner = id;
    for around in flow.ancestors(id) {
        if shared.contains(&around) {
            return None;
        }
        let blocks = branches(&flow.action(around).kind);
        if let Some(others) = blocks.filter(|_| view.upstream.is_before(around, here)) {
            // Where every other branch ends the run, this one was taken.
            let mut others = others.into_iter().filter(|it| !it.actions.contains(&inner));
            if others.any(|it| !ends(view, it)) {
                return Some(around);
            }
        }
        inner = around;
    }
    None
}

/// The branches of a container of which one runs.
fn branches(kind: &ActionKind) -> Option<Vec<&Block>> {
    match kind {
        ActionKind::Condition(it) => Some(vec![&it.then, &it.otherwise]),
        ActionKind::Switch(it) => {
            Some(it.cases.iter().map(|it| &it.block).chain([&it.default]).collect())
        }
        _ => None,
    }
}

fn ends(view: &View<'_>, block: &Block) -> bool {
    let flow = view.flow;
    block.actions.iter().any(|id| matches!(flow.action(*id).kind, ActionKind::Terminate(_)))
}

/// Whether null is thought of: another value stands in for it, or only its absence is looked at.
fn is_handled(origin: &Origin) -> bool {
    let about_status = origin.path.first().is_some_and(|it| {
        ["status", "error", "code", "startTime", "endTime"].contains(&it.as_str())
    });
    let handles = origin.through.iter().any(|pass| {
        let gives_truth =
            expr::functions::find(&pass.function).is_some_and(|it| it.returns == Type::Boolean);
        gives_truth || ["coalesce", "if", "createArray"].contains(&pass.function.as_str())
    });
    about_status || handles
}

/// Whether something around the reader asks for the action, or the same as the branch does.
fn is_asked_for(view: &View<'_>, id: ActionId, branch: ActionId, here: ActionId) -> bool {
    let flow = view.flow;
    let asked = |kind: &ActionKind| {
        let mut texts = Vec::new();
        if let Some(condition) = given::condition(kind) {
            condition.templates(&mut |placed| texts.push(placed.template.source().to_owned()));
        }
        if let ActionKind::Switch(it) = kind {
            it.on.templates(&mut |placed| texts.push(placed.template.source().to_owned()));
        }
        texts
    };
    let wanted = asked(&flow.action(branch).kind);
    flow.ancestors(here).any(|around| {
        let kind = &flow.action(around).kind;
        let mut names = false;
        if let Some(condition) = given::condition(kind) {
            condition.templates(&mut |placed| {
                names |= placed.template.uses().iter().any(|it| match &it.what {
                    What::Action { name, .. } => flow.find(name) == Some(id),
                    _ => false,
                });
            });
        }
        let texts = asked(kind);
        names || (!texts.is_empty() && texts == wanted)
    })
}

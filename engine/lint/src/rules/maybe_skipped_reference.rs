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

/// Whether something around the reader asks for the action, for what stands beside it in its branch, or
/// for what the branch itself depends on.
fn is_asked_for(view: &View<'_>, id: ActionId, branch: ActionId, here: ActionId) -> bool {
    let flow = view.flow;
    let decides = looked_at(&flow.action(branch).kind);
    flow.ancestors(here).any(|around| {
        looked_at(&flow.action(around).kind).iter().any(|it| {
            let action = match it {
                What::Action { name, .. } | What::Result { name } => flow.find(name),
                _ => None,
            };
            let beside =
                action.is_some_and(|it| it == id || flow.ancestors(it).any(|it| it == branch));
            beside || decides.contains(it)
        })
    })
}

/// The values that a container looks at to choose a branch.
fn looked_at(kind: &ActionKind) -> Vec<What> {
    let mut found = Vec::new();
    let mut see = |placed: &expr::Placed| {
        found.extend(placed.template.uses().into_iter().map(|it| match it.what {
            What::Action { name, .. } => What::Action { name: name.to_lowercase(), by: "" },
            other => other,
        }));
    };
    match kind {
        ActionKind::Condition(it) => it.condition.templates(&mut see),
        ActionKind::Switch(it) => it.on.templates(&mut see),
        _ => {}
    }
    found.retain(|it| !matches!(it, What::Function { .. }));
    found
}

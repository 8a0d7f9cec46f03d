//! A failure is handled by actions that tell nobody: the run ends as if all were well.

use std::collections::BTreeSet;

use base::{Diagnostic, Sink, Status, code};
use flow::{Action, ActionId, ActionKind, actions::variables::Variables};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
    work::{asks_service, inside},
};

pub(super) const RULE: Rule = Rule {
    code: code::SWALLOWED_FAILURE,
    phase: Phase::File,
    summary: "What runs after a failure neither reports it nor lets the run fail.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let Some(failed) = handled(action) else { return };
    if tells(view, id) || looked_at(view, failed) {
        return;
    }
    if followers(view, id).into_iter().any(|it| tells(view, it)) {
        return;
    }
    let failed = &view.flow.action(failed).display;
    let message =
        format!("when `{failed}` fails only this runs, and nobody learns of it: the run succeeds");
    let found = Diagnostic::new(RULE.code, action.name_span, message);
    sink.push(found.hint("report it, set a variable, or end with `terminate: Failed`"));
}

/// The action after whose failure this one runs, and only then.
fn handled(action: &Action) -> Option<ActionId> {
    let [only] = action.run_after.as_slice() else { return None };
    let has = |status| only.statuses.contains(status);
    let on_failure = (has(Status::Failed) || has(Status::TimedOut)) && !has(Status::Succeeded);
    on_failure.then_some(only.predecessor)
}

/// Whether an action, or one inside it, has an effect beyond itself.
fn tells(view: &View<'_>, id: ActionId) -> bool {
    std::iter::once(id).chain(inside(view, id)).any(|it| {
        let kind = &view.flow.action(it).kind;
        asks_service(kind)
            || match kind {
                ActionKind::Terminate(_) | ActionKind::Response(_) => true,
                ActionKind::Variables(it) => !matches!(it, Variables::Initialize(_)),
                // Its value may be what the run gives back, or what is looked at later.
                ActionKind::Compose(_) => looked_at(view, it),
                _ => false,
            }
    })
}

/// Whether some string asks how an action ended or what it gave.
fn looked_at(view: &View<'_>, id: ActionId) -> bool {
    let is_it = |name: &str| view.flow.find(name) == Some(id);
    view.usages().iter().any(|usage| {
        usage.is_open
            || usage.uses.iter().any(|it| match &it.what {
                expr::What::Result { name } => is_it(name),
                expr::What::Action { name, by } => {
                    is_it(name) && (*by == "actions" || *by == "$.actions" || is_value(view, id))
                }
                _ => false,
            })
    })
}

fn is_value(view: &View<'_>, id: ActionId) -> bool {
    matches!(view.flow.action(id).kind, ActionKind::Compose(_))
}

/// The actions of the same block that run after it, directly or not.
fn followers(view: &View<'_>, id: ActionId) -> BTreeSet<ActionId> {
    let parent = view.flow.action(id).parent;
    let mut found = BTreeSet::from([id]);
    // In most files an action stands behind those it runs after, so that one look finds all.
    for _ in 0..LOOKS_MAX {
        let before = found.len();
        for (next, action) in view.flow.actions.iter().enumerate() {
            let follows = action.run_after.iter().any(|it| found.contains(&it.predecessor));
            if action.parent == parent && follows {
                found.insert(next);
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
}

/// More are not worth it: a finding too many says only that something could be better.
const LOOKS_MAX: usize = 20;

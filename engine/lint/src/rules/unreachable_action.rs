//! An action that no run gets to.

use std::collections::BTreeSet;

use base::{Diagnostic, Sink, Status, code};
use flow::{ActionId, ActionKind};

use crate::{
    constant,
    order::required,
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNREACHABLE_ACTION,
    phase: Phase::File,
    summary: "An action that no run gets to.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let mut unreachable: BTreeSet<ActionId> = BTreeSet::new();
    for (id, action) in view.flow.actions.iter().enumerate() {
        // One finding tells of all that comes after, and of all that is inside.
        let around = action.parent.is_some_and(|it| unreachable.contains(&it));
        let after = action.run_after.iter().any(|it| unreachable.contains(&it.predecessor));
        let reason = reason(view, id);
        if reason.is_none() && !around && !after {
            continue;
        }
        // What runs also after a skipped action is reached.
        if reason.is_none() && !around && may_follow(view, id, &unreachable) {
            continue;
        }
        unreachable.insert(id);
        if let Some((reason, hint)) = reason.filter(|_| !around && !after) {
            let message = format!("`{}` never runs: {reason}", action.display);
            sink.push(Diagnostic::new(RULE.code, action.name_span, message).hint(hint));
        }
    }
}

fn may_follow(view: &View<'_>, id: ActionId, unreachable: &BTreeSet<ActionId>) -> bool {
    let all = &view.flow.action(id).run_after;
    all.iter()
        .filter(|it| unreachable.contains(&it.predecessor))
        .all(|it| it.statuses.contains(Status::Skipped))
}

fn reason(view: &View<'_>, id: ActionId) -> Option<(String, &'static str)> {
    let flow = view.flow;
    let action = flow.action(id);
    let ends = |id: ActionId| matches!(flow.action(id).kind, ActionKind::Terminate(_));
    let after_end = action
        .run_after
        .iter()
        .find(|it| ends(it.predecessor) && !it.statuses.contains(Status::Skipped));
    if let Some(after) = after_end {
        let end = &flow.action(after.predecessor).display;
        return Some((format!("the run ends with `{end}`"), "remove it, or put it before"));
    }
    if let Some(parent) = action.parent
        && let ActionKind::Condition(branches) = &flow.action(parent).kind
        && let Some(truth) = constant::truth(&branches.condition)
        && !constant::is_made_up(view, &branches.condition)
    {
        let never = if truth { &branches.otherwise } else { &branches.then };
        if never.actions.first() == Some(&id) {
            let name = &flow.action(parent).display;
            let reason = format!("the condition of `{name}` is always {truth}");
            return Some((reason, "remove the branch, or mend the condition"));
        }
    }
    // Two ways at once need two predecessors.
    if action.run_after.len() < 2 {
        return None;
    }
    let required = required(flow, id);
    let (before, _) = required.iter().find(|(_, statuses)| statuses.iter().next().is_none())?;
    let before = &flow.action(*before).display;
    let reason = format!("it waits for `{before}` to end in two ways at once");
    Some((reason, "look at the statuses in `runAfter`, also of the actions before"))
}

//! An expression reads an action that is not certainly over by then.

use base::{Diagnostic, Sink, code};
use expr::What;
use flow::{ActionId, ActionKind, Block};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::{Moment, Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::NOT_UPSTREAM_REFERENCE,
    phase: Phase::File,
    summary: "An expression reads an action that runs later, or in another branch.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        // `result('scope')` works from anywhere, as in the cloud.
        let What::Action { name, .. } = &it.what else { continue };
        let Some(target) = view.flow.find(name) else { continue };
        let (message, hint) = match written.place.owner {
            Owner::Trigger => (
                format!("`{name}` runs after the trigger"),
                "a trigger can look at its own event only".to_owned(),
            ),
            Owner::Action(id) if !is_over(view, target, id, written.place.moment) => {
                (format!("`{name}` is not over when this runs"), hint(view, target, id))
            }
            Owner::Action(_) | Owner::Outputs | Owner::Mapping => continue,
        };
        let span = written.placed.place(&it.range);
        let target = view.flow.action(target);
        let mut found = Diagnostic::new(RULE.code, span, message);
        if super::deprecated::is_old(view) {
            found = found.warning();
        }
        sink.push(found.label(target.name_span, "this action").hint(hint));
    }
}

fn is_over(view: &View<'_>, target: ActionId, id: ActionId, moment: Moment) -> bool {
    let own = match moment {
        Moment::Start => false,
        Moment::Pass => view.flow.ancestors(target).any(|it| it == id),
        Moment::End => target == id || view.flow.ancestors(target).any(|it| it == id),
    };
    own || view.upstream.is_before(target, id)
}

fn hint(view: &View<'_>, target: ActionId, id: ActionId) -> String {
    if target == id {
        return "an action cannot look at its own outputs".to_owned();
    }
    let flow = view.flow;
    let lineage = |of| std::iter::once(of).chain(flow.ancestors(of));
    if lineage(id).any(|it| it == target) {
        return "a container is over only after everything in it".to_owned();
    }
    if lineage(target).any(|it| it == id) {
        return "it stands in the container that this starts".to_owned();
    }
    if view.upstream.is_before(id, target) {
        return "it runs later: change the order of the two".to_owned();
    }
    // The two at the point where the way to one parts from the way to the other.
    let parted = |it: &ActionId| {
        let parent = flow.action(*it).parent;
        lineage(target).find(|other| flow.action(*other).parent == parent)
    };
    let Some((ours, theirs)) = lineage(id).find_map(|it| Some((it, parted(&it)?))) else {
        return "the two have no order".to_owned();
    };
    let parent = flow.action(ours).parent.map(|it| &flow.action(it).kind);
    let branching = matches!(parent, Some(ActionKind::Condition(_) | ActionKind::Switch(_)));
    let blocks = parent.map(ActionKind::blocks).unwrap_or_default();
    let both = |it: &&Block| it.actions.contains(&ours) && it.actions.contains(&theirs);
    if branching && !blocks.iter().any(both) {
        return "the two stand in different branches, of which only one runs".to_owned();
    }
    let (ours, theirs) = (flow.action(ours), flow.action(theirs));
    let display = &theirs.display;
    format!(
        "the two run side by side: add `runAfter: {{ {display}: [Succeeded] }}` to `{}`",
        ours.display
    )
}

//! A loop whose condition never changes.

use base::{Diagnostic, Sink, code};
use expr::{What, functions};
use flow::{ActionId, ActionKind, actions::variables::Variables};

use crate::{
    constant::{self, CHANGING, place_of},
    order::{self, Order},
    rule::{Asked, Hooks, Phase, Rule},
    view::{Moment, Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::UNBOUNDED_LOOP,
    phase: Phase::File,
    summary: "A loop in which nothing changes what its condition looks at.",
    hooks: Hooks { condition: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let (Owner::Action(id), Moment::Pass) = (asked.place.owner, asked.place.moment) else { return };
    let ActionKind::Until(until) = &view.flow.action(id).kind else { return };
    let truth = constant::truth(asked.condition);
    if truth == Some(true) || constant::is_made_up(view, asked.condition) {
        return;
    }
    if truth.is_none() && may_change(view, id) {
        return;
    }
    let Some(span) = place_of(view, asked, asked.condition) else { return };
    let message = match truth {
        Some(_) => "this loop never ends by itself: its condition is always false",
        None => "nothing in this loop changes what its condition looks at",
    };
    let found = Diagnostic::new(RULE.code, span, message);
    let end = if until.fails_at_limit { "then it fails" } else { "then the flow goes on" };
    let hint = format!(
        "it makes {} passes, or as many as fit into `{}`, {end}: \
         look at an action in the loop, or at a variable that is set there",
        until.count, until.timeout
    );
    // What ends without a failure may be meant as "so many times".
    sink.push(if until.fails_at_limit { found } else { found.warning() }.hint(hint));
}

/// Whether the condition looks at anything that is not the same in each pass.
fn may_change(view: &View<'_>, id: ActionId) -> bool {
    let inside = |it: ActionId| it == id || view.flow.ancestors(it).any(|around| around == id);
    let of_condition = |it: &&crate::view::Usage| {
        it.place.owner == Owner::Action(id) && it.place.moment == Moment::Pass
    };
    view.usages().iter().filter(of_condition).any(|usage| {
        usage.is_open
            || usage.uses.iter().any(|it| match &it.what {
                What::Function { name, .. } => {
                    functions::find(name).is_none_or(|it| CHANGING.contains(&it.name))
                }
                What::Action { name, .. } | What::Result { name } => {
                    view.flow.find(name).is_none_or(inside)
                }
                What::Variable { name } => is_written(view, name, id),
                What::IterationIndexes { name } => view.flow.find(name).is_none_or(inside),
                What::Root { .. } => true,
                What::Parameter { .. } | What::Items { .. } | What::Item => false,
            })
    })
}

/// Whether a variable is changed in the loop or beside it.
fn is_written(view: &View<'_>, name: &str, id: ActionId) -> bool {
    view.flow.actions.iter().enumerate().any(|(writer, action)| match &action.kind {
        ActionKind::Variables(
            Variables::Set(it)
            | Variables::Increment(it)
            | Variables::Decrement(it)
            | Variables::Append(it),
        ) if it.name.eq_ignore_ascii_case(name) => {
            view.flow.ancestors(writer).any(|around| around == id)
                || order::between(view, writer, id) == Order::Parallel
        }
        _ => false,
    })
}

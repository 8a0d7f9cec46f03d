//! A condition that always gives the same.

use base::{Diagnostic, Sink, code};
use expr::condition::Condition;

use crate::{
    constant::{self, place_of},
    rule::{Asked, Hooks, Phase, Rule},
    view::{Moment, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::CONSTANT_CONDITION,
    phase: Phase::File,
    summary: "A condition that is always true or always false.",
    hooks: Hooks { condition: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    visit(view, asked, asked.condition, sink);
}

fn visit(view: &View<'_>, asked: &Asked<'_>, condition: &Condition, sink: &mut Sink) {
    let Some(truth) = constant::truth(condition) else {
        match condition {
            Condition::And(all) | Condition::Or(all) => {
                for it in all {
                    visit(view, asked, it, sink);
                }
            }
            Condition::Not(inner) => visit(view, asked, inner, sink),
            Condition::Template(_) | Condition::Compare { .. } => {}
        }
        return;
    };
    let is_whole = std::ptr::eq(condition, asked.condition);
    // A loop that never ends has a rule of its own.
    if (asked.place.moment == Moment::Pass && !truth) || constant::is_made_up(view, condition) {
        return;
    }
    let Some(span) = place_of(view, asked, condition) else { return };
    let what = if is_whole { "this condition" } else { "this part of the condition" };
    let found = Diagnostic::new(RULE.code, span, format!("{what} is always {truth}"));
    sink.push(match (is_whole, asked.place.moment) {
        (true, Moment::Pass) => found.hint("the loop is over after its first pass"),
        (true, _) => found.hint("compare with something that changes, or leave the condition out"),
        (false, _) => found.hint("leave it out"),
    });
}

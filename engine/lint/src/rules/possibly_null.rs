//! A value that may be null stands where null fails.

use base::{Sink, code};
use expr::check::check_condition;

use super::report;
use crate::{
    rule::{Asked, Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::POSSIBLY_NULL,
    phase: Phase::Types,
    summary: "A value that may be null stands where null fails.",
    hooks: Hooks { expression: Some(check), condition: Some(condition), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    report((view, written.place), RULE.code, written.placed, written.types, sink);
}

fn condition(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let types = view.types_at(asked.place);
    check_condition(asked.condition, &types, &mut |placed, finding| {
        report((view, asked.place), RULE.code, placed, &[finding], sink);
    });
}

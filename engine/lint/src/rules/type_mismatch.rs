//! A value is of a type that fails wherever it is used like this.

use base::{Sink, code};
use expr::check::check_condition;

use super::report;
use crate::{
    rule::{Asked, Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::TYPE_MISMATCH,
    phase: Phase::Types,
    summary: "A value is of a type that a function, an access or a comparison never takes.",
    hooks: Hooks { expression: Some(check), condition: Some(condition), ..Hooks::NONE },
};

fn check(_: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    report(RULE.code, written.placed, written.types, sink);
}

fn condition(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let types = view.types_at(asked.place);
    check_condition(asked.condition, &types, &mut |placed, finding| {
        report(RULE.code, placed, &[finding], sink);
    });
}

//! The first or last item is taken of a list that may be empty.

use base::{Sink, code};

use super::report;
use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::EMPTY_COLLECTION_ACCESS,
    phase: Phase::Types,
    summary: "The first or last item is taken of a list that may be empty.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    report((view, written.place), RULE.code, written.placed, written.types, sink);
}

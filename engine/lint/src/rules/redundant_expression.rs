//! An expression that a shorter one says as well.

use base::{Diagnostic, Sink, code};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::REDUNDANT_EXPRESSION,
    phase: Phase::File,
    summary: "An expression that a shorter one says as well.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(_: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in expr::redundant(&written.placed.template) {
        let span = written.placed.place(&it.range);
        let message = format!("`{}` is the same as `{}`", it.written, it.shorter);
        let found = Diagnostic::new(RULE.code, span, message);
        sink.push(match written.placed.verbatim_at {
            Some(_) => found.fix(span, it.shorter, "Write the shorter one"),
            None => found.hint("write the shorter one"),
        });
    }
}

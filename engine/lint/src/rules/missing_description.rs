//! A flow, a trigger or a scope that nobody has described.

use base::{Diagnostic, Sink, Span, code};
use flow::ActionKind;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::MISSING_DESCRIPTION,
    phase: Phase::File,
    summary: "A flow, a trigger or a scope has no description.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let mut report = |span: Span, what: &str| {
        let message = format!("{what} has no description");
        sink.push(Diagnostic::new(RULE.code, span, message).hint("add `description:`"));
    };
    let is_said = |it: &Option<String>| it.as_ref().is_some_and(|it| !it.trim().is_empty());
    if !is_said(&view.flow.description) {
        report(start(view), "the flow");
    }
    for trigger in view.flow.triggers.iter().filter(|it| !is_said(&it.description)) {
        report(trigger.span, &format!("the trigger `{}`", trigger.display));
    }
    for action in &view.flow.actions {
        if matches!(action.kind, ActionKind::Scope(_)) && !is_said(&action.description) {
            report(action.name_span, &format!("the scope `{}`", action.display));
        }
    }
}

/// The first word of the file.
fn start(view: &View<'_>) -> Span {
    let text = view.source.text();
    let key =
        text.find("flow:").filter(|at| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'));
    key.map_or(Span::new(0, 0), |at| Span::new(at, at + "flow".len()))
}

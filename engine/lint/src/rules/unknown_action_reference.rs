//! An expression names an action that the flow does not have.

use base::{Diagnostic, Sink, code};
use expr::What;

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_ACTION_REFERENCE,
    phase: Phase::File,
    summary: "An expression names an action that the flow does not have.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let name = match &it.what {
            What::Action { name, .. }
            | What::Result { name }
            | What::Items { name }
            | What::IterationIndexes { name } => name,
            What::Function { .. }
            | What::Variable { .. }
            | What::Parameter { .. }
            | What::Item
            | What::Root { .. } => continue,
        };
        if view.flow.find(name).is_some() {
            continue;
        }
        let span = written.placed.place(&it.range);
        let found = Diagnostic::new(RULE.code, span, format!("there is no action `{name}`"));
        sink.push(if view.flow.trigger(name).is_some() {
            found.hint("that is the trigger: use `triggerBody()` or `triggerOutputs()`")
        } else {
            let names = view.flow.actions.iter().map(|it| it.name.as_str());
            suggested(found, &name.replace(' ', "_"), names)
        });
    }
}

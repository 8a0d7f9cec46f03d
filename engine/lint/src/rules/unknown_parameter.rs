//! A parameter that is not declared, or that has no value in the environment.

use base::{Diagnostic, Sink, code};
use expr::What;

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_PARAMETER,
    phase: Phase::Project,
    summary: "A parameter is not declared, or has no value in the environment.",
    hooks: Hooks { expression: Some(check), flow: Some(without_value), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let What::Parameter { name } = &it.what else { continue };
        let declared = || view.flow.parameters.iter().map(|it| it.name.as_str());
        if declared().any(|it| it.eq_ignore_ascii_case(name)) {
            continue;
        }
        let span = written.placed.place(&it.range);
        // Logic Apps (Standard) keeps the parameters of all its workflows in a file of their own.
        let message = format!("there is no parameter `{name}`");
        let found = view.lacking(Diagnostic::new(RULE.code, span, message));
        sink.push(if view.flow.parameters.is_empty() {
            found.hint(format!("declare it: `parameters: {{ {name}: {{ type: string }} }}`"))
        } else {
            suggested(found, name, declared())
        });
    }
}

fn without_value(view: &View<'_>, sink: &mut Sink) {
    let Some(environment) = view.project.environment else { return };
    for parameter in view.flow.parameters.iter().filter(|it| it.default.is_none()) {
        let name = &parameter.name;
        if environment.parameters.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let message = format!("parameter `{name}` has no value in this environment, nor a default");
        let found = view.lacking(Diagnostic::new(RULE.code, parameter.span, message));
        sink.push(found.hint(format!("add `{name}` to the `parameters` of the environment")));
    }
}

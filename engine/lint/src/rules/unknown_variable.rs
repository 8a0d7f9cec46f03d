//! A variable is read or written that the flow never initializes.

use base::{Diagnostic, Sink, Span, code};
use expr::What;
use flow::{ActionId, ActionKind, actions::variables::Variables};

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_VARIABLE,
    phase: Phase::File,
    summary: "A variable is read or written that the flow never initializes.",
    hooks: Hooks { expression: Some(read), action: Some(write), ..Hooks::NONE },
};

fn read(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        if let What::Variable { name } = &it.what {
            check(view, name, written.placed.place(&it.range), sink);
        }
    }
}

fn write(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let ActionKind::Variables(variables) = &view.flow.action(id).kind else { return };
    match variables {
        Variables::Initialize(_) => {}
        Variables::Set(it)
        | Variables::Increment(it)
        | Variables::Decrement(it)
        | Variables::Append(it) => check(view, &it.name, it.span, sink),
    }
}

fn check(view: &View<'_>, name: &str, span: Span, sink: &mut Sink) {
    // A change without a name has been reported by the reader.
    if name.is_empty() || view.variable(name).is_some() {
        return;
    }
    let found = Diagnostic::new(RULE.code, span, format!("there is no variable `{name}`"));
    if view.variable_names().next().is_none() {
        sink.push(found.hint("initialize it first, at the top level"));
        return;
    }
    let names: Vec<&str> = view.variable_names().collect();
    sink.push(suggested(found, name, names.into_iter()));
}

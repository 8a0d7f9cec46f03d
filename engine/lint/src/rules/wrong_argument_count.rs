//! A function is called with more or fewer arguments than it takes.

use base::{Diagnostic, Sink, code};
use expr::{What, functions, functions::Function};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::WRONG_ARGUMENT_COUNT,
    phase: Phase::File,
    summary: "A function is called with more or fewer arguments than it takes.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(_: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let What::Function { name, arguments } = &it.what else { continue };
        let Some(function) = functions::find(name).filter(|it| !it.takes(*arguments)) else {
            continue;
        };
        let expected = match (function.arity_min(), function.arity_max()) {
            (0, Some(0)) => "no argument".to_owned(),
            (1, Some(1)) => "1 argument".to_owned(),
            (1, None) => "at least 1 argument".to_owned(),
            (least, None) => format!("at least {least} arguments"),
            (least, Some(most)) if least == most => format!("{least} arguments"),
            (least, Some(most)) => format!("{least} to {most} arguments"),
        };
        let message = format!("`{}` takes {expected}, not {arguments}", function.name);
        let span = written.placed.place(&it.range);
        sink.push(Diagnostic::new(RULE.code, span, message).hint(signature(function)));
    }
}

fn signature(function: &Function) -> String {
    let params = function.params.iter().map(|it| match it.kind {
        functions::Kind::Required => it.name.to_owned(),
        functions::Kind::Optional => format!("{}?", it.name),
        functions::Kind::Rest => format!("{}…", it.name),
    });
    format!("`{}({})`", function.name, params.collect::<Vec<_>>().join(", "))
}

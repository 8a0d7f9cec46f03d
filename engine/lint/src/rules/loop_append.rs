//! A loop that only collects: `select` does the same at once.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, ActionKind, actions::variables::Variables, model::ParameterType};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::LOOP_APPEND,
    phase: Phase::File,
    summary: "A loop that only appends to a list, which `select` does at once.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let ActionKind::Foreach(it) = &action.kind else { return };
    let mut appends = 0;
    for inner in &it.block.actions {
        match &view.flow.action(*inner).kind {
            ActionKind::Variables(Variables::Append(change)) => {
                let declared = view.variable(&change.name);
                if declared.is_none_or(|it| it.ty != ParameterType::Array) {
                    return;
                }
                appends += 1;
            }
            ActionKind::Compose(_) => {}
            _ => return,
        }
    }
    if appends == 1 {
        let found = Diagnostic::new(RULE.code, action.name_span, "this loop only fills a list");
        sink.push(
            found.hint("`select` does it in one action, `filter` before it if some are left out"),
        );
    }
}

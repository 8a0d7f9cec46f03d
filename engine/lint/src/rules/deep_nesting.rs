//! Containers in containers in containers.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, ActionKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::DEEP_NESTING,
    phase: Phase::File,
    summary: "A container stands in more than four others, or a `foreach` in another.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// Containers around a container that people still follow.
const AROUND_MAX: usize = 4;

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    if action.kind.blocks().is_empty() {
        return;
    }
    let is_foreach = |id: ActionId| matches!(view.flow.action(id).kind, ActionKind::Foreach(_));
    let around = view.flow.ancestors(id).count();
    let outer = view.flow.ancestors(id).find(|it| is_foreach(*it)).filter(|_| is_foreach(id));
    let found = |message: String| Diagnostic::new(RULE.code, action.name_span, message);
    let most = view.settings.number(RULE.code.slug, "containers", AROUND_MAX);
    // Only the first that is too deep: what is inside it is, too.
    if around == most + 1 {
        let message = format!("`{}` stands in {around} containers", action.display);
        sink.push(found(message).hint("make a flow of its own of this, and call it by `runFlow`"));
    } else if let Some(outer) = outer {
        let outer = &view.flow.action(outer).display;
        let message = format!("this loop runs once for every item of `{outer}`");
        sink.push(found(message).hint("join the two lists first, or call a flow by `runFlow`"));
    }
}

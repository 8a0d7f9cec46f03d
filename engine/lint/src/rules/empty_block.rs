//! A container with nothing in it.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, ActionKind, Block};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::EMPTY_BLOCK,
    phase: Phase::File,
    summary: "A scope, a loop or a branch with nothing in it.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let is_empty = |block: &Block| block.actions.is_empty();
    let (what, hint) = match &action.kind {
        ActionKind::Scope(it) if is_empty(&it.block) => ("this scope does nothing", REMOVE),
        ActionKind::Foreach(it) if is_empty(&it.block) => ("this loop does nothing", REMOVE),
        ActionKind::Until(it) if is_empty(&it.block) => {
            ("this loop does nothing but look at its condition", "put a `wait` into it")
        }
        ActionKind::Condition(it) if is_empty(&it.then) && is_empty(&it.otherwise) => {
            ("both branches are empty", REMOVE)
        }
        ActionKind::Condition(it) if is_empty(&it.then) => {
            ("only `else` does something", "turn the condition around and write `then`")
        }
        ActionKind::Switch(it)
            if is_empty(&it.default) && it.cases.iter().all(|it| is_empty(&it.block)) =>
        {
            ("no case does anything", REMOVE)
        }
        _ => return,
    };
    sink.push(Diagnostic::new(RULE.code, action.name_span, what).hint(hint));
}

const REMOVE: &str = "remove it, or say what it is to do";

//! A container with nothing in it.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, ActionKind, Block};

use crate::{
    edits,
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
        ActionKind::Condition(it) if is_empty(&it.then) => ("only `else` does something", TURN),
        ActionKind::Switch(it)
            if is_empty(&it.default) && it.cases.iter().all(|it| is_empty(&it.block)) =>
        {
            ("no case does anything", REMOVE)
        }
        _ => return,
    };
    let found = Diagnostic::new(RULE.code, action.name_span, what).hint(hint);
    let edit = match hint {
        REMOVE => edits::whole_action(view, id).map(|it| (it, String::new(), "Remove it")),
        TURN => edits::turned_around(view, action).map(|(it, text)| (it, text, "Turn it around")),
        _ => None,
    };
    sink.push(match edit {
        Some((span, text, title)) => found.unsafe_fix(span, text, title),
        None => found,
    });
}

const TURN: &str = "turn the condition around and write `then`";
const REMOVE: &str = "remove it, or say what it is to do";

//! An action that is called as the designer called it.

use base::{Diagnostic, Sink, code};
use flow::ActionId;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::DEFAULT_NAME,
    phase: Phase::File,
    summary: "An action has the name that the designer gave it.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// What designers call actions until somebody names them.
const NAMES: &[&str] = &[
    "append to array variable",
    "append to string variable",
    "apply to each",
    "compose",
    "condition",
    "create csv table",
    "create html table",
    "decrement variable",
    "delay",
    "delay until",
    "do until",
    "filter array",
    "for each",
    "get item",
    "get items",
    "get a row by id",
    "http",
    "increment variable",
    "initialize variable",
    "join",
    "list rows",
    "add a new row",
    "update a row",
    "delete a row",
    "parse json",
    "respond to a power app or flow",
    "response",
    "run a child flow",
    "scope",
    "select",
    "set variable",
    "switch",
    "terminate",
    "until",
];

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let name = action.display.to_lowercase().replace('_', " ");
    let number = name.trim_end_matches(|c: char| c.is_ascii_digit() || "-() ".contains(c));
    if NAMES.contains(&number) {
        let message =
            format!("`{}` says which kind of action this is, not what it is for", action.display);
        let found = Diagnostic::new(RULE.code, action.name_span, message);
        sink.push(found.hint("name it after what it does, such as `Get the account`"));
    }
}

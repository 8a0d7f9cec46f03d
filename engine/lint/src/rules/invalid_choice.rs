//! A constant that is not one of the values that an input can have.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, Trigger};
use serde_json::Value;

use super::suggested;
use crate::{
    call::{Call, Given},
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::INVALID_CHOICE,
    phase: Phase::Project,
    summary: "A constant is not one of the values that an input can have.",
    hooks: Hooks { action: Some(action), trigger: Some(trigger), ..Hooks::NONE },
};

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    if let Some(call) = Call::of_action(view, view.flow.action(id)) {
        check(view, &call, sink);
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    if let Some(call) = Call::of_trigger(view, trigger) {
        check(view, &call, sink);
    }
}

fn check(view: &View<'_>, call: &Call<'_>, sink: &mut Sink) {
    for given in call.constants() {
        let Some(choices) = given.schema.get("enum").and_then(Value::as_array) else { continue };
        if given.value.is_null() || choices.iter().any(|it| is_chosen(it, &given)) {
            continue;
        }
        let word = expr::to_text(&given.value);
        let message = format!("`{}` of `{}` cannot be `{word}`", given.key, call.id);
        let span = call.place(view, given.key, true);
        let found = view.lacking(Diagnostic::new(RULE.code, span, message));
        let names: Vec<String> = choices.iter().map(expr::to_text).collect();
        sink.push(suggested(found, &word, names.iter().map(String::as_str)));
    }
}

fn is_chosen(choice: &Value, given: &Given<'_>) -> bool {
    expr::equals(choice, &given.value)
        || given.as_text && expr::to_text(choice) == expr::to_text(&given.value)
}

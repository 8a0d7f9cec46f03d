//! A constant that is not one of the values that an input can have.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, Mapping, Trigger};
use serde_json::Value;

use super::suggested;
use crate::{
    call::{Call, Given},
    fields::{self, Side},
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::INVALID_CHOICE,
    phase: Phase::Project,
    summary: "A constant is not one of the values that an input can have.",
    hooks: Hooks {
        action: Some(action),
        trigger: Some(trigger),
        mapping: Some(mapping),
        ..Hooks::NONE
    },
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

/// What a mapping makes beside the values that its target can have, and what it expects beside those
/// that its source can have.
fn mapping(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let to = Side::of(view, mapping.to.as_ref());
    let place = view.place_in(mapping);
    for field in &mapping.fields {
        if let (Some(to), Some(path)) = (&to, fields::target(field)) {
            let wanted = to.ty(&path);
            let made = fields::made(field, &view.types_at(place));
            // The values of the source itself are a matter of the two services' versions.
            let written =
                field.values.is_some() || fields::plain_source(view, field, place).is_none();
            let all =
                made.constants().filter(|_| made.non_null().fits(&wanted)).unwrap_or_default();
            let choices = wanted.constants().unwrap_or_default();
            let is_other = |it: &&Value| {
                !it.is_null() && !choices.iter().any(|choice| expr::equals(choice, it))
            };
            for value in all.iter().filter(is_other).filter(|_| !choices.is_empty()) {
                let word = expr::to_text(value);
                let message = format!("`{}` of `{}` cannot be `{word}`", path.join("/"), to.name);
                let mut found = Diagnostic::new(RULE.code, field.span, message);
                let names: Vec<String> = choices.iter().map(expr::to_text).collect();
                if !written {
                    found = found.warning();
                }
                sink.push(suggested(found, &word, names.iter().map(String::as_str)));
            }
        }
        let taken = fields::taken(field, &view.types_at(place));
        let Some(can) = taken.constants().filter(|_| field.values.is_some()) else { continue };
        let names: Vec<String> = can.iter().filter(|it| !it.is_null()).map(expr::to_text).collect();
        for key in field.values.iter().flat_map(|it| it.keys()) {
            if !names.contains(key) {
                let message = format!("the source is never `{key}`");
                let found = Diagnostic::new(RULE.code, field.span, message).warning();
                sink.push(suggested(found, key, names.iter().map(String::as_str)));
            }
        }
    }
}

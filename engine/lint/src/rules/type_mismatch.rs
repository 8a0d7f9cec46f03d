//! A value is of a type that fails wherever it is used like this.

use base::{Diagnostic, Sink, code};
use expr::{
    Type,
    check::{check_condition, check_tree},
};
use flow::{
    ActionId, Mapping, Trigger,
    mapping::{Conversion, Field},
};

use super::report;
use crate::{
    call::Call,
    fields::{self, Side},
    rule::{Asked, Hooks, Phase, Rule, Written},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::TYPE_MISMATCH,
    phase: Phase::Types,
    summary: "A value is of a type that a function, an access or a comparison never takes.",
    hooks: Hooks {
        expression: Some(check),
        condition: Some(condition),
        action: Some(action),
        trigger: Some(trigger),
        mapping: Some(mapping),
        ..Hooks::NONE
    },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    report((view, written.place), RULE.code, written.placed, written.types, sink);
}

fn condition(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let types = view.types_at(asked.place);
    check_condition(asked.condition, &types, &mut |placed, finding| {
        report((view, asked.place), RULE.code, placed, &[finding], sink);
    });
}

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    if let Some(call) = Call::of_action(view, view.flow.action(id)) {
        inputs(view, &call, Place::start(Owner::Action(id)), sink);
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    if let Some(call) = Call::of_trigger(view, trigger) {
        inputs(view, &call, Place::start(Owner::Trigger), sink);
    }
}

/// What is computed for an operation beside what it takes.
fn inputs(view: &View<'_>, call: &Call<'_>, place: Place, sink: &mut Sink) {
    let types = view.types_at(place);
    for given in call.computed() {
        let made = check_tree(given.tree, &types, &mut |_, _| {});
        let wanted = given.wanted;
        if made.is_unknown() || made.is_null() || made.is_never() || wanted.is_unknown() {
            continue;
        }
        // What is sent as text is sent whatever it is, as long as it has no parts.
        let as_text = given.as_text && made.non_null().fits(&Type::Scalar);
        let list = given.as_text && made.non_null().is_list();
        if as_text || list || made.non_null().fits(&wanted) {
            continue;
        }
        let (takes, is) = (kind(&wanted), kind(&made));
        let message = format!("`{}` of `{}` takes {takes}, not {is}", given.key, call.id);
        let found = Diagnostic::new(RULE.code, call.place(view, given.key, true), message);
        sink.push(view.lacking(found));
    }
}

/// What a mapping makes beside what its target takes.
fn mapping(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let to = Side::of(view, mapping.to.as_ref());
    let place = view.place_in(mapping);
    for field in &mapping.fields {
        let taken = fields::taken(field, &view.types_at(place));
        if let Some(conversion) = field.convert.filter(|it| fails(*it, &taken, field)) {
            let name = Conversion::NAMES.iter().find(|(_, it)| *it == conversion);
            let name = name.map_or("text", |(name, _)| name);
            let message = format!("`as: {name}` cannot be made of {}", kind(&taken));
            sink.push(Diagnostic::new(RULE.code, field.span, message));
            continue;
        }
        let (Some(to), Some(path)) = (&to, fields::target(field)) else { continue };
        let made = fields::made(field, &view.types_at(place));
        let wanted = to.ty(&path);
        if made.is_unknown() || wanted.is_unknown() || made.is_null() || made.is_never() {
            continue;
        }
        if !made.non_null().fits(&wanted) {
            let (given, takes) = (kind(&made), kind(&wanted));
            let message =
                format!("`{}` of `{}` takes {takes}, not {given}", path.join("/"), to.name);
            let found = Diagnostic::new(RULE.code, field.span, message);
            sink.push(match conversion(&wanted) {
                // An instant is no number, however it is written.
                Some(name) if made.non_null().fits(&Type::Scalar) && given != "timestamp" => {
                    found.hint(format!("write `as: {name}`"))
                }
                Some(_) | None => found,
            });
        }
    }
}

/// Whether a value can never be turned into that: lists and objects are no numbers and no dates.
fn fails(conversion: Conversion, taken: &Type, field: &Field) -> bool {
    let plain = match conversion {
        Conversion::Integer
        | Conversion::Number
        | Conversion::Money
        | Conversion::Date
        | Conversion::DateTime
        | Conversion::Boolean => true,
        Conversion::Text | Conversion::List => false,
    };
    plain
        && field.values.is_none()
        && !taken.is_unknown()
        && !taken.is_null()
        && !taken.is_never()
        && !taken.non_null().fits(&Type::Scalar)
}

/// The conversion that makes what is wanted.
fn conversion(wanted: &Type) -> Option<&'static str> {
    let wanted = wanted.non_null();
    let all = [
        (Type::Boolean, "boolean"),
        (Type::Integer, "integer"),
        (Type::Number, "number"),
        (Type::String, "text"),
        (Type::Array, "list"),
    ];
    all.iter().find(|(ty, _)| wanted.is_assignable(ty)).map(|(_, name)| *name)
}

fn kind(ty: &Type) -> String {
    ty.non_null().widened().name()
}

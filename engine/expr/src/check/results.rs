//! What functions give, where the types of the arguments say more than the function's record.

use serde_json::Value;

use super::environment::Environment;
use crate::functions::Function;
use crate::types::{Field, Type};

/// The arguments of a call, and where it stands.
struct Given<'a> {
    environment: &'a dyn Environment,
    arguments: &'a [Type],
}

type Result = fn(&Given<'_>) -> Type;

/// What a call gives.
pub(super) fn of(function: &Function, environment: &dyn Environment, arguments: &[Type]) -> Type {
    let precise = RESULTS.binary_search_by_key(&function.name, |(name, _)| name);
    match precise.ok().and_then(|at| RESULTS.get(at)) {
        Some((_, result)) => result(&Given { environment, arguments }),
        None => function.returns.clone(),
    }
}

/// Sorted by name.
const RESULTS: &[(&str, Result)] = &[
    ("actionBody", |it| it.named(|env, name| env.outputs(name).member("body"))),
    ("actionOutputs", |it| it.named(|env, name| env.outputs(name))),
    ("actions", |it| it.named(|env, name| env.action(name))),
    ("add", arithmetic),
    ("addProperty", set_property),
    ("array", |it| Type::filled_array_of(it.get(0))),
    ("body", |it| it.named(|env, name| env.outputs(name).member("body"))),
    ("chunk", chunk),
    ("createArray", |it| Type::filled_array_of(it.joined())),
    ("div", arithmetic),
    ("failures", result),
    ("first", first),
    ("formDataMultiValues", |_| Type::array_of(Type::String)),
    ("intersection", intersection),
    ("item", |it| it.environment.item()),
    ("items", |it| it.named(|env, name| env.items(name))),
    ("json", json),
    ("last", first),
    ("max", extreme),
    ("mergeObjects", |it| it.get(0).merged(&it.get(1))),
    ("min", extreme),
    ("mod", arithmetic),
    ("mul", arithmetic),
    ("not", not),
    ("outputs", |it| it.named(|env, name| env.outputs(name))),
    ("parameters", |it| it.named(|env, name| env.parameter(name))),
    ("range", range),
    ("removeProperty", |it| it.with_field(None)),
    ("result", result),
    ("reverse", |it| it.get(0).as_array()),
    ("setProperty", set_property),
    ("skip", part),
    ("sort", |it| it.get(0).as_array()),
    ("split", |_| Type::filled_array_of(Type::String)),
    ("sub", arithmetic),
    ("take", part),
    ("trigger", |it| it.environment.trigger()),
    ("triggerBody", |it| it.environment.trigger_outputs().member("body")),
    ("triggerFormDataMultiValues", |_| Type::array_of(Type::String)),
    ("triggerOutputs", |it| it.environment.trigger_outputs()),
    ("union", union),
    ("variables", |it| it.named(|env, name| env.variable(name))),
    ("workflow", |it| it.environment.workflow()),
];

impl Given<'_> {
    fn get(&self, index: usize) -> Type {
        self.arguments.get(index).cloned().unwrap_or(Type::Any)
    }

    fn joined(&self) -> Type {
        self.arguments.iter().fold(Type::Never, |sum, ty| sum.join(ty))
    }

    fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index)?.constant()?.as_str()
    }

    /// What the flow says about a name, if the name is written out.
    fn named(&self, ask: fn(&dyn Environment, &str) -> Type) -> Type {
        self.text(0).map_or(Type::Any, |name| ask(self.environment, name))
    }

    /// The object with another type of the field that is named, or without it.
    fn with_field(&self, field: Option<Field>) -> Type {
        match self.text(1) {
            Some(name) => self.get(0).with_field(name, field),
            None => Type::Object,
        }
    }
}

fn not(given: &Given<'_>) -> Type {
    let known = given.arguments.first().and_then(Type::constant).and_then(Value::as_bool);
    known.map_or(Type::Boolean, |truth| Type::of_value(&Value::Bool(!truth)))
}

fn arithmetic(given: &Given<'_>) -> Type {
    let all = |ty: &Type| given.arguments.iter().all(|it| it.is_only(ty));
    if all(&Type::Integer) { Type::Integer } else { Type::Number }
}

fn range(given: &Given<'_>) -> Type {
    let count = given.arguments.get(1).and_then(Type::constant).and_then(Value::as_i64);
    match count {
        Some(1..) => Type::filled_array_of(Type::Integer),
        Some(_) | None => Type::array_of(Type::Integer),
    }
}

/// The greatest or least of numbers, or of the lists of them.
fn extreme(given: &Given<'_>) -> Type {
    let whole = |ty: &Type| {
        ty.is_only(&Type::Integer) || (ty.is_list() && ty.element().is_only(&Type::Integer))
    };
    if given.arguments.iter().all(whole) { Type::Integer } else { Type::Number }
}

fn first(given: &Given<'_>) -> Type {
    let from = given.get(0);
    let text = if from.may_be_text() { Type::String } else { Type::Never };
    let item = match from.may_be_array() {
        true if from.is_filled() => from.element(),
        true => from.element().or_null(),
        false => Type::Never,
    };
    text.join(&item)
}

/// A beginning or an end of a list or a text.
fn part(given: &Given<'_>) -> Type {
    let from = given.get(0);
    let text = if from.may_be_text() { Type::String } else { Type::Never };
    text.join(&from.as_array().perhaps_empty())
}

fn chunk(given: &Given<'_>) -> Type {
    let from = given.get(0);
    let texts = if from.may_be_text() { Type::String } else { Type::Never };
    let lists =
        if from.may_be_array() { Type::filled_array_of(from.element()) } else { Type::Never };
    Type::array_of(texts.join(&lists))
}

fn union(given: &Given<'_>) -> Type {
    let all = given.arguments;
    if all.iter().all(Type::is_list) {
        let each = all.iter().fold(Type::Never, |sum, ty| sum.join(&ty.element()));
        let filled = all.iter().any(Type::is_filled);
        return if filled { Type::filled_array_of(each) } else { Type::array_of(each) };
    }
    match all {
        [first, rest @ ..] if all.iter().all(|ty| ty.is_only(&Type::Object)) => {
            rest.iter().fold(first.clone(), |sum, ty| sum.merged(ty))
        }
        _ => Type::ArrayOrObject,
    }
}

fn intersection(given: &Given<'_>) -> Type {
    let from = given.get(0);
    if from.is_list() { Type::array_of(from.element()) } else { Type::ArrayOrObject }
}

/// A text that is written out is read now.
fn json(given: &Given<'_>) -> Type {
    const READ_BYTES_MAX: usize = 64 << 10;
    let text = given.text(0).filter(|text| text.len() <= READ_BYTES_MAX);
    let value = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    value.map_or(Type::Any, |value| Type::of_value(&value))
}

fn set_property(given: &Given<'_>) -> Type {
    given.with_field(Some(Field { ty: given.get(2), required: true }))
}

fn result(given: &Given<'_>) -> Type {
    match given.arguments {
        [] => given.environment.result(None),
        [_, ..] => given.text(0).map_or(Type::Array, |name| given.environment.result(Some(name))),
    }
}

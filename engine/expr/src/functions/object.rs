//! Functions that change objects and choose between values.

use serde_json::Value;

use super::{Answer, Arguments, Eval, Function, Origin, required, rest};
use crate::access::{key_of, same_name};
use crate::ast::Call;
use crate::digits;
use crate::eval::Evaluator;
use crate::operand::Operand;
use crate::types::Type;

const FAMILY: &str = "Manipulation";

pub(super) const ADD_PROPERTY: Function = Function {
    name: "addProperty",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "An object with one property more; it must be new.",
    params: &[
        required("object", Type::Object),
        required("property", Type::String),
        required("value", Type::Any),
    ],
    returns: Type::Object,
    eval: Eval::Pure(add_property),
    examples: &[
        ("addProperty(json('{\"a\":1}'), 'b', 2)", "{\"a\":1,\"b\":2}"),
        ("addProperty(json('{}'), 'a', null)", "{\"a\":null}"),
    ],
};

pub(super) const COALESCE: Function = Function {
    name: "coalesce",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The first value that is not null; the ones behind it are not evaluated.",
    params: &[required("object", Type::Any), rest("object", Type::Any)],
    returns: Type::Any,
    eval: Eval::Lazy(coalesce),
    examples: &[
        ("coalesce(null, 'hello', 'world')", "\"hello\""),
        ("coalesce('', int('x'))", "\"\""),
    ],
};

pub(super) const MERGE_OBJECTS: Function = Function {
    name: "mergeObjects",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The properties of two objects; of equal keys the second wins.",
    params: &[required("object1", Type::Object), required("object2", Type::Object)],
    returns: Type::Object,
    eval: Eval::Pure(merge_objects),
    examples: &[
        ("mergeObjects(json('{\"a\":1}'), json('{\"b\":2}'))", "{\"a\":1,\"b\":2}"),
        ("mergeObjects(json('{\"a\":1}'), json('{\"a\":2}'))", "{\"a\":2}"),
    ],
};

pub(super) const REMOVE_PROPERTY: Function = Function {
    name: "removeProperty",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "An object without one of its properties.",
    params: &[required("object", Type::Object), required("property", Type::String)],
    returns: Type::Object,
    eval: Eval::Pure(remove_property),
    examples: &[
        ("removeProperty(json('{\"a\":1,\"b\":2}'), 'a')", "{\"b\":2}"),
        ("removeProperty(json('{\"a\":1}'), 'b')", "{\"a\":1}"),
    ],
};

pub(super) const SET_PROPERTY: Function = Function {
    name: "setProperty",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "An object with a property set, new or not.",
    params: &[
        required("object", Type::Object),
        required("property", Type::String),
        required("value", Type::Any),
    ],
    returns: Type::Object,
    eval: Eval::Pure(set_property),
    examples: &[
        ("setProperty(json('{\"a\":1}'), 'a', 2)", "{\"a\":2}"),
        ("setProperty(json('{}'), 'b', 3)", "{\"b\":3}"),
    ],
};

fn add_property(args: &mut Arguments<'_>) -> Answer<'static> {
    let known = digits::of(args.get(0));
    let object = args.object(0)?;
    let name = args.text(1)?;
    let alike = object.keys().filter(|key| same_name(key, &name)).count();
    match alike {
        0 => Ok(digits::with_property(object, known, name.into_owned(), args.take(2))),
        // The cloud gives nothing where a name means several properties and is none of them.
        2.. if !object.contains_key(name.as_ref()) => Ok(Operand::NULL),
        _ => {
            Err(args.failure(&format!("cannot add the property '{name}', which is there already")))
        }
    }
}

fn set_property(args: &mut Arguments<'_>) -> Answer<'static> {
    let known = digits::of(args.get(0));
    let mut object = args.object(0)?;
    let name = args.text(1)?;
    let key = key_of(&object, &name).unwrap_or(&name).to_owned();
    object.shift_remove(&key);
    Ok(digits::with_property(object, known, key, args.take(2)))
}

fn remove_property(args: &mut Arguments<'_>) -> Answer<'static> {
    let mut object = args.object(0)?;
    let name = args.text(1)?;
    if let Some(key) = key_of(&object, &name).map(str::to_owned) {
        object.shift_remove(&key);
    }
    Ok(object.into())
}

fn merge_objects(args: &mut Arguments<'_>) -> Answer<'static> {
    let mut object = args.object(0)?;
    object.extend(args.object(1)?);
    Ok(Value::Object(object).into())
}

fn coalesce<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call) -> Answer<'a> {
    for argument in call.arguments() {
        let value = evaluator.eval(argument)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Operand::NULL)
}

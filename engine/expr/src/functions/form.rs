//! Functions on bodies that are forms or have several parts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::workflow::{body_of, outputs_of, trigger_outputs_of};
use super::{Answer, Arguments, Eval, Function, Origin, required};
use crate::access::same_name;
use crate::context::Context;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::text;
use crate::types::Type;

const FAMILY: &str = "Workflow";

pub(super) const FORM_DATA_MULTI_VALUES: Function = Function {
    name: "formDataMultiValues",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "All values of a key in the form that an action gave.",
    params: &[required("actionName", Type::String), required("key", Type::String)],
    returns: Type::Array,
    eval: Eval::Context(multi_values),
    examples: &[
        ("formDataMultiValues('Get_form', 'tag')", "[\"a\",\"b\"]"),
        ("formDataMultiValues('Get_form', 'nothing')", "[]"),
    ],
};

pub(super) const FORM_DATA_VALUE: Function = Function {
    name: "formDataValue",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The only value of a key in the form that an action gave.",
    params: &[required("actionName", Type::String), required("key", Type::String)],
    returns: Type::String,
    eval: Eval::Context(value),
    examples: &[
        ("formDataValue('Get_form', 'name')", "\"A & B\""),
        ("formDataValue('Get_form', 'NAME')", "\"A & B\""),
    ],
};

pub(super) const MULTIPART_BODY: Function = Function {
    name: "multipartBody",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "One part of the body that an action gave.",
    params: &[required("actionName", Type::String), required("index", Type::Integer)],
    returns: Type::Any,
    eval: Eval::Context(multipart),
    examples: &[
        ("multipartBody('Get_parts', 0)", "\"one\""),
        ("multipartBody('Get_parts', 1)", "\"two\""),
    ],
};

pub(super) const TRIGGER_FORM_DATA_MULTI_VALUES: Function = Function {
    name: "triggerFormDataMultiValues",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "All values of a key in the form that the trigger got.",
    params: &[required("key", Type::String)],
    returns: Type::Array,
    eval: Eval::Context(trigger_multi_values),
    examples: &[
        ("triggerFormDataMultiValues('k')", "[]"),
        ("length(triggerFormDataMultiValues('k'))", "0"),
    ],
};

pub(super) const TRIGGER_FORM_DATA_VALUE: Function = Function {
    name: "triggerFormDataValue",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The only value of a key in the form that the trigger got.",
    params: &[required("key", Type::String)],
    returns: Type::String,
    eval: Eval::Context(trigger_value),
    examples: &[
        ("coalesce('x', triggerFormDataValue('k'))", "\"x\""),
        ("if(true, 'x', triggerFormDataValue('k'))", "\"x\""),
    ],
};

pub(super) const TRIGGER_MULTIPART_BODY: Function = Function {
    name: "triggerMultipartBody",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "One part of the body that the trigger got.",
    params: &[required("index", Type::Integer)],
    returns: Type::Any,
    eval: Eval::Context(trigger_multipart),
    examples: &[
        ("coalesce('x', triggerMultipartBody(0))", "\"x\""),
        ("if(true, 'x', triggerMultipartBody(1))", "\"x\""),
    ],
};

fn multi_values<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(outputs_of(ctx, args)?);
    Ok(values_of(&body, &args.text(1)?).into())
}

fn trigger_multi_values<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(trigger_outputs_of(ctx, args)?);
    Ok(values_of(&body, &args.text(0)?).into())
}

fn value<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(outputs_of(ctx, args)?);
    let key = args.text(1)?;
    only(args, values_of(&body, &key), &key)
}

fn trigger_value<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(trigger_outputs_of(ctx, args)?);
    let key = args.text(0)?;
    only(args, values_of(&body, &key), &key)
}

fn only<'a>(args: &Arguments<'_>, values: Vec<Value>, key: &str) -> Answer<'a> {
    let count = values.len();
    match (values.into_iter().next(), count) {
        (Some(value), 1) => Ok(value.into()),
        _ => Err(args.failure(&format!(
            "expects the key '{key}' to have exactly one value in the form data. It has {count}"
        ))),
    }
}

/// The values of a key in a form: in its envelope, or taken apart already.
fn values_of(body: &Value, key: &str) -> Vec<Value> {
    let entry_of_key = |entry: &&Value| {
        entry.get("key").and_then(Value::as_str).is_some_and(|name| same_name(name, key))
    };
    if let Some(entries) = body.get("$formdata").and_then(Value::as_array) {
        let values = entries.iter().filter(entry_of_key).filter_map(|entry| entry.get("value"));
        return values.cloned().collect();
    }
    let content = match body {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        body => Cow::Owned(
            text::envelope_bytes(body)
                .map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        ),
    };
    let pairs = content.split('&').filter_map(|pair| pair.split_once('='));
    let matching = pairs.filter(|(name, _)| same_name(&unescape(name), key));
    matching.map(|(_, value)| unescape(value).into()).collect()
}

fn unescape(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn multipart<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(outputs_of(ctx, args)?);
    part(args, &body, 1)
}

fn trigger_multipart<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let body = body_of(trigger_outputs_of(ctx, args)?);
    part(args, &body, 0)
}

fn part<'a>(args: &Arguments<'_>, body: &Value, at: usize) -> Answer<'a> {
    let index = args.integer(at)?;
    let parts = body.get("$multipart").and_then(Value::as_array);
    let part = usize::try_from(index).ok().and_then(|index| parts?.get(index));
    let Some(part) = part else {
        return Err(no_part(args, index));
    };
    Ok(part.get("body").cloned().map_or(Operand::NULL, Operand::from))
}

fn no_part(args: &Arguments<'_>, index: i64) -> EvalError {
    args.failure(&format!("finds no part '{index}' in the body"))
}

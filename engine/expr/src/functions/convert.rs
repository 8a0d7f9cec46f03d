//! Functions that turn a value into one of another type.

use rust_decimal::Decimal;
use serde_json::Value;

use super::parse::{Symbols, decimal_of_text, float_of_text};
use super::{Answer, Arguments, Eval, Function, Origin, optional, required, rest};
use crate::coerce::{Number, decimal_of_f64};
use crate::digits;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::text;
use crate::types::Type;

const FAMILY: &str = "Conversion";

pub(super) const ARRAY: Function = Function {
    name: "array",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list of one item.",
    params: &[required("value", Type::Any)],
    returns: Type::Array,
    eval: Eval::Pure(array),
    examples: &[("array('hello')", "[\"hello\"]"), ("array(null)", "[null]")],
};

pub(super) const BOOL: Function = Function {
    name: "bool",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A boolean from a number or from `true` or `false` as text.",
    params: &[required("value", Type::Scalar)],
    returns: Type::Boolean,
    eval: Eval::Pure(boolean),
    examples: &[("bool('True')", "true"), ("bool(0)", "false")],
};

pub(super) const CREATE_ARRAY: Function = Function {
    name: "createArray",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list of the arguments.",
    params: &[required("object", Type::Any), rest("object", Type::Any)],
    returns: Type::Array,
    eval: Eval::Pure(create_array),
    examples: &[("createArray('h', 1, null)", "[\"h\",1,null]"), ("createArray(1)", "[1]")],
};

pub(super) const DECIMAL: Function = Function {
    name: "decimal",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A decimal number, which keeps its digits.",
    params: &[required("value", Type::NumberOrString)],
    returns: Type::Number,
    eval: Eval::Pure(decimal),
    examples: &[
        ("string(decimal('1.2345678912312131'))", "\"1.2345678912312131\""),
        ("decimal('1,000.5')", "1000.5"),
    ],
};

pub(super) const FLOAT: Function = Function {
    name: "float",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A floating-point number from a text, in the writing of a locale.",
    params: &[required("value", Type::NumberOrString), optional("locale", Type::String)],
    returns: Type::Number,
    eval: Eval::Pure(float),
    examples: &[("float('10.333')", "10.333"), ("float('10,5', 'de-DE')", "10.5")],
};

pub(super) const INT: Function = Function {
    name: "int",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A whole number from a text or a number without a fraction; long texts are rounded to a double, as in the cloud.",
    params: &[required("value", Type::Scalar)],
    returns: Type::Integer,
    eval: Eval::Pure(int),
    examples: &[("int('10')", "10"), ("int('+1,000 ')", "1000"), ("int(true)", "1")],
};

pub(super) const IS_FLOAT: Function = Function {
    name: "isFloat",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a text is a number in the writing of a locale.",
    params: &[required("value", Type::Any), optional("locale", Type::String)],
    returns: Type::Boolean,
    eval: Eval::Pure(is_float),
    examples: &[("isFloat('10.000,00', 'de-DE')", "true"), ("isFloat('abc')", "false")],
};

pub(super) const IS_INT: Function = Function {
    name: "isInt",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a text is a whole number.",
    params: &[required("value", Type::Any)],
    returns: Type::Boolean,
    eval: Eval::Pure(is_int),
    examples: &[("isInt('10')", "true"), ("isInt('10.5')", "false")],
};

pub(super) const JSON: Function = Function {
    name: "json",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A value from its JSON text.",
    params: &[required("value", Type::Any)],
    returns: Type::Any,
    eval: Eval::Pure(json),
    examples: &[("json('[1, 2, 3]')", "[1,2,3]"), ("json('{\"a\": null}')", "{\"a\":null}")],
};

pub(super) const STRING: Function = Function {
    name: "string",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A value as text; lists and objects as JSON.",
    params: &[required("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(string),
    examples: &[
        ("string(10)", "\"10\""),
        ("string(createArray(true, 1.0))", "\"[true,1.0]\""),
        ("string(true)", "\"True\""),
    ],
};

fn array(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(digits::list(vec![args.take(0)]))
}

fn create_array(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(digits::list(args.take_all()))
}

fn string<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    match args.take(0) {
        Operand::Json(value) if value.is_string() => Ok(Operand::Json(value)),
        other => Ok(other.to_text().into_owned().into()),
    }
}

fn boolean(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    match value.json() {
        Some(Value::Bool(truth)) => return Ok((*truth).into()),
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => {
            return Ok(true.into());
        }
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => {
            return Ok(false.into());
        }
        _ => {}
    }
    match Number::of(&value) {
        Some(number) => Ok((number.to_f64() != 0.0).into()),
        None => Err(args.inconvertible()),
    }
}

fn int(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    let float = match (value.json(), Number::of(&value)) {
        (Some(Value::Bool(truth)), _) => return Ok(i64::from(*truth).into()),
        (_, Some(Number::Integer(integer))) => return Ok(integer.into()),
        (_, Some(number)) => number.to_f64(),
        (Some(Value::String(text)), _) => {
            float_of_text(text, &Symbols::ENGLISH).ok_or_else(|| args.inconvertible())?
        }
        _ => return Err(args.inconvertible()),
    };
    whole(float).map(Operand::from).ok_or_else(|| args.inconvertible())
}

/// A double as a whole number, the way .NET casts it: not-a-number is the smallest.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(float: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return Some(i64::MIN);
    }
    (float.fract() == 0.0 && (-END..END).contains(&float)).then_some(float as i64)
}

fn float(args: &mut Arguments<'_>) -> Answer<'static> {
    let symbols = symbols(args, 1)?;
    let value = args.take(0);
    let float = match (value.json(), Number::of(&value)) {
        (_, Some(number)) => Some(number.to_f64()),
        (Some(Value::String(text)), None) => float_of_text(text, &symbols),
        _ => None,
    };
    float.map(Operand::from).ok_or_else(|| args.inconvertible())
}

/// The number symbols of the locale that an argument names, or of English.
fn symbols(args: &mut Arguments<'_>, index: usize) -> Result<Symbols, EvalError> {
    let Some(locale) = args.optional_text(index)? else { return Ok(Symbols::ENGLISH) };
    Symbols::of(&locale)
        .ok_or_else(|| args.failure(&format!("does not know the locale '{locale}'")))
}

fn decimal(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    let decimal = match (value.json(), Number::of(&value)) {
        (_, Some(Number::Decimal(decimal))) => Some(decimal),
        (_, Some(Number::Integer(integer))) => Some(Decimal::from(integer)),
        (_, Some(Number::Float(float))) => decimal_of_f64(float),
        (Some(Value::String(text)), None) => decimal_of_text(text, &Symbols::ENGLISH),
        _ => None,
    };
    decimal.map(Operand::from).ok_or_else(|| args.inconvertible())
}

fn is_int(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    let text = value.to_text();
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    Ok((plain && text.parse::<i64>().is_ok()).into())
}

fn is_float(args: &mut Arguments<'_>) -> Answer<'static> {
    let symbols = symbols(args, 1)?;
    let value = args.take(0);
    let numeric = Number::of(&value).is_some();
    Ok((numeric || float_of_text(&value.to_text(), &symbols).is_some()).into())
}

fn json<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let value = args.take(0);
    let text = match value.json() {
        Some(Value::String(text)) => text.clone(),
        Some(object) => match text::envelope(object) {
            Some((kind, content)) if kind.contains("xml") => {
                return super::xml::json_of(args, kind, content);
            }
            Some(_) => text::to_text(object),
            None if object.is_null() => return Err(args.mismatch(0, "be a string", "Null")),
            None => return Ok(value),
        },
        None => return Ok(value),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str::<Value>(text).map(Operand::from).map_err(|error| {
        let shown = super::string::cut(text, 0, 200);
        args.failure(&format!(
            "parameter is not valid. The provided value '{shown}' cannot be parsed: '{error}'"
        ))
    })
}

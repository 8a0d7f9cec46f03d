//! Arithmetic on whole, floating and decimal numbers.

use std::{borrow::Cow, cmp::Ordering};

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Answer, Arguments, Eval, Function, Origin, optional, required, rest};
use crate::access::select;
use crate::coerce::Number;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::types::Type;

const FAMILY: &str = "Math";

pub(super) const ADD: Function = Function {
    name: "add",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The sum of two numbers.",
    params: &[required("summand1", Type::Number), required("summand2", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(add),
    examples: &[("add(1, 1.5)", "2.5"), ("add(2, 3)", "5")],
};

pub(super) const DIV: Function = Function {
    name: "div",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The quotient of two numbers; whole numbers give a whole number.",
    params: &[required("dividend", Type::Number), required("divisor", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(div),
    examples: &[("div(11, 5)", "2"), ("div(11.0, 5)", "2.2")],
};

pub(super) const MAX: Function = Function {
    name: "max",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The greatest of the numbers, or of a list of them.",
    params: &[required("number", Type::NumberOrArray), rest("number", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(max),
    examples: &[("max(1, 2, 3)", "3"), ("max(createArray(1, 2.5))", "2.5")],
};

pub(super) const MIN: Function = Function {
    name: "min",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The least of the numbers, or of a list of them.",
    params: &[required("number", Type::NumberOrArray), rest("number", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(min),
    examples: &[("min(1, 2, 3)", "1"), ("min(createArray(1, 2, 3))", "1")],
};

pub(super) const MOD: Function = Function {
    name: "mod",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The remainder of a division; it has the sign of the dividend.",
    params: &[required("dividend", Type::Number), required("divisor", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(modulo),
    examples: &[("mod(3, 2)", "1"), ("mod(-5, 3)", "-2")],
};

pub(super) const MUL: Function = Function {
    name: "mul",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The product of two numbers.",
    params: &[required("multiplicand1", Type::Number), required("multiplicand2", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(mul),
    examples: &[("mul(2, 3)", "6"), ("mul(1.5, 2)", "3.0")],
};

pub(super) const RANGE: Function = Function {
    name: "range",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list of whole numbers that follow each other.",
    params: &[required("startIndex", Type::Integer), required("count", Type::Integer)],
    returns: Type::Array,
    eval: Eval::Pure(range),
    examples: &[("range(1, 4)", "[1,2,3,4]"), ("range(5, 0)", "[]")],
};

pub(super) const SUB: Function = Function {
    name: "sub",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The difference of two numbers.",
    params: &[required("minuend", Type::Number), required("subtrahend", Type::Number)],
    returns: Type::Number,
    eval: Eval::Pure(sub),
    examples: &[("sub(10.5, 0.5)", "10.0"), ("sub(1, 3)", "-2")],
};

pub(super) const SUM: Function = Function {
    name: "sum",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The sum of a list of numbers, or of one property of its items; null counts as nothing.",
    params: &[required("list", Type::Array), optional("property", Type::String)],
    returns: Type::Number,
    eval: Eval::Pure(sum),
    examples: &[
        ("sum(createArray(1, 2, null, 0.5))", "3.5"),
        ("sum(json('[{\"qty\": 2}, {\"qty\": 3}]'), 'qty')", "5"),
        ("sum(json('[]'))", "0"),
    ],
};

const NUMBER: &str = "be an integer, a float or a decimal number";

/// One operation on each of the three kinds of number; `None` when the result does not fit.
struct Operation {
    integer: fn(i64, i64) -> Option<i64>,
    float: fn(f64, f64) -> f64,
    decimal: fn(Decimal, Decimal) -> Option<Decimal>,
}

const ADDITION: Operation = Operation {
    integer: i64::checked_add,
    float: |a, b| a + b,
    decimal: |a, b| Decimal::checked_add(a, b),
};

fn add(args: &mut Arguments<'_>) -> Answer<'static> {
    calculate(args, &ADDITION)
}

fn sum(args: &mut Arguments<'_>) -> Answer<'static> {
    let list = args.array(0)?;
    let property =
        if args.is_given(1) { Some(Operand::from(args.text(1)?.into_owned())) } else { None };
    let mut sum = Number::Integer(0);
    for item in list.iter() {
        let item = Operand::Json(Cow::Borrowed(item));
        let value = match &property {
            Some(property) => select(item, property, true, "sum")?,
            None => item,
        };
        if value.is_null() {
            continue;
        }
        let number = Number::of(&value).ok_or_else(|| {
            args.failure(&format!("adds numbers; one of the list is of type '{}'", value.kind()))
        })?;
        sum = combine(args, &ADDITION, sum, number)?;
    }
    Ok(sum.into())
}

fn sub(args: &mut Arguments<'_>) -> Answer<'static> {
    let (integer, decimal) = (i64::checked_sub, Decimal::checked_sub);
    calculate(args, &Operation { integer, float: |a, b| a - b, decimal })
}

fn mul(args: &mut Arguments<'_>) -> Answer<'static> {
    let (integer, decimal) = (i64::checked_mul, Decimal::checked_mul);
    calculate(args, &Operation { integer, float: |a, b| a * b, decimal })
}

fn div(args: &mut Arguments<'_>) -> Answer<'static> {
    refuse_zero(args)?;
    let (integer, decimal) = (i64::checked_div, Decimal::checked_div);
    calculate(args, &Operation { integer, float: |a, b| a / b, decimal })
}

fn modulo(args: &mut Arguments<'_>) -> Answer<'static> {
    refuse_zero(args)?;
    let (integer, decimal) = (i64::checked_rem, Decimal::checked_rem);
    calculate(args, &Operation { integer, float: |a, b| a % b, decimal })
}

fn number(args: &Arguments<'_>, index: usize) -> Result<Number, EvalError> {
    let value = args.get(index);
    let kind = value.map_or("Null", Operand::kind);
    value.and_then(Number::of).ok_or_else(|| args.mismatch(index, NUMBER, kind))
}

fn refuse_zero(args: &Arguments<'_>) -> Result<(), EvalError> {
    number(args, 0)?;
    if number(args, 1)?.to_f64() != 0.0 {
        return Ok(());
    }
    Err(EvalError::template(format!(
        "Attempt to divide an integral or decimal value by zero in function '{}'.",
        args.function()
    )))
}

fn calculate(args: &Arguments<'_>, operation: &Operation) -> Answer<'static> {
    let (a, b) = (number(args, 0)?, number(args, 1)?);
    combine(args, operation, a, b).map(Operand::from)
}

fn combine(
    args: &Arguments<'_>,
    operation: &Operation,
    a: Number,
    b: Number,
) -> Result<Number, EvalError> {
    let result = match (a, b) {
        (Number::Integer(a), Number::Integer(b)) => (operation.integer)(a, b).map(Number::Integer),
        (Number::Decimal(_), _) | (_, Number::Decimal(_)) => {
            let operands = a.to_decimal().zip(b.to_decimal());
            operands.and_then(|(a, b)| (operation.decimal)(a, b)).map(Number::Decimal)
        }
        (Number::Float(_), _) | (_, Number::Float(_)) => {
            Some(Number::Float((operation.float)(a.to_f64(), b.to_f64())))
        }
    };
    result.ok_or_else(|| {
        args.failure("cannot be carried out: the result is too large or too small for its type")
    })
}

fn max(args: &mut Arguments<'_>) -> Answer<'static> {
    extreme(args, Ordering::Greater)
}

fn min(args: &mut Arguments<'_>) -> Answer<'static> {
    extreme(args, Ordering::Less)
}

/// The number that is `wanted` than all others, of the widest kind among them.
fn extreme(args: &mut Arguments<'_>, wanted: Ordering) -> Answer<'static> {
    let listed = args.len() == 1 && args.get(0).map(Operand::kind) == Some("Array");
    let values: Vec<Operand<'_>> = if listed {
        args.array(0)?.into_owned().into_iter().map(Operand::from).collect()
    } else {
        args.take_all()
    };
    let mut found: Option<Number> = None;
    let (mut float, mut decimal) = (false, false);
    for (index, value) in values.iter().enumerate() {
        let number = Number::of(value).ok_or_else(|| args.mismatch(index, NUMBER, value.kind()))?;
        float |= matches!(number, Number::Float(_));
        decimal |= matches!(number, Number::Decimal(_));
        if found.is_none_or(|found| number.compare(found) == Some(wanted)) {
            found = Some(number);
        }
    }
    let Some(found) = found else {
        return Err(args.failure("expects an array that is not empty"));
    };
    if decimal {
        return Ok(found.to_decimal().map_or_else(|| found.into(), Operand::from));
    }
    Ok(if float { found.to_f64().into() } else { found.into() })
}

fn range(args: &mut Arguments<'_>) -> Answer<'static> {
    let (start, count) = (args.integer(0)?, args.integer(1)?);
    let count =
        usize::try_from(count).map_err(|_| args.mismatch(1, "be a positive integer", "Integer"))?;
    args.affords(count.saturating_mul(size_of::<Value>()))?;
    let end = i64::try_from(count).ok().and_then(|count| start.checked_add(count));
    let end = end.ok_or_else(|| args.failure("goes beyond the largest integer"))?;
    Ok((start..end).map(Value::from).collect::<Vec<_>>().into())
}

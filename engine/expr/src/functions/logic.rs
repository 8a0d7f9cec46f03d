//! Functions that compare and decide.

use std::cmp::Ordering;

use super::{Answer, Arguments, Eval, Function, Origin, required, rest};
use crate::ast::Call;
use crate::coerce::{compare, operands_equal};
use crate::error::EvalError;
use crate::eval::Evaluator;
use crate::operand::Operand;
use crate::types::Type;

const FAMILY: &str = "Logical comparison";

pub(super) const AND: Function = Function {
    name: "and",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether all are true; evaluates only as far as needed.",
    params: &[required("expression", Type::Boolean), rest("expression", Type::Boolean)],
    returns: Type::Boolean,
    eval: Eval::Lazy(and),
    examples: &[("and(true, equals(1, 1))", "true"), ("and(false, int('x'))", "false")],
};

pub(super) const EQUALS: Function = Function {
    name: "equals",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether values are equal to the first: deep, by type, texts with regard to case.",
    params: &[
        required("object1", Type::Any),
        required("object2", Type::Any),
        rest("object", Type::Any),
    ],
    returns: Type::Boolean,
    eval: Eval::Pure(equals),
    examples: &[
        ("equals(1, 1.0)", "true"),
        ("equals('A', 'a')", "false"),
        ("equals(1, '1')", "false"),
        ("equals(1, 1, 2)", "false"),
    ],
};

pub(super) const GREATER: Function = Function {
    name: "greater",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a number, or a text without regard to case, is greater than another.",
    params: &[required("value", Type::NumberOrString), required("compareTo", Type::NumberOrString)],
    returns: Type::Boolean,
    eval: Eval::Pure(greater),
    examples: &[("greater(10, 9.5)", "true"), ("greater('apple', 'Banana')", "false")],
};

pub(super) const GREATER_OR_EQUALS: Function = Function {
    name: "greaterOrEquals",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a number, or a text without regard to case, is at least another.",
    params: &[required("value", Type::NumberOrString), required("compareTo", Type::NumberOrString)],
    returns: Type::Boolean,
    eval: Eval::Pure(greater_or_equals),
    examples: &[("greaterOrEquals(5, 5)", "true"), ("greaterOrEquals('apple', 'banana')", "false")],
};

pub(super) const IF: Function = Function {
    name: "if",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "One of two values, as a boolean decides; the other is not evaluated.",
    params: &[
        required("expression", Type::Boolean),
        required("valueIfTrue", Type::Any),
        required("valueIfFalse", Type::Any),
    ],
    returns: Type::Any,
    eval: Eval::Lazy(choose),
    examples: &[("if(equals(1, 1), 'yes', 'no')", "\"yes\""), ("if(false, int('x'), 2)", "2")],
};

pub(super) const LESS: Function = Function {
    name: "less",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a number, or a text without regard to case, is less than another.",
    params: &[required("value", Type::NumberOrString), required("compareTo", Type::NumberOrString)],
    returns: Type::Boolean,
    eval: Eval::Pure(less),
    examples: &[("less(5, 10)", "true"), ("less('b', 'A')", "false")],
};

pub(super) const LESS_OR_EQUALS: Function = Function {
    name: "lessOrEquals",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a number, or a text without regard to case, is at most another.",
    params: &[required("value", Type::NumberOrString), required("compareTo", Type::NumberOrString)],
    returns: Type::Boolean,
    eval: Eval::Pure(less_or_equals),
    examples: &[("lessOrEquals(10, 10)", "true"), ("lessOrEquals('b', 'a')", "false")],
};

pub(super) const NOT: Function = Function {
    name: "not",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The opposite of a boolean.",
    params: &[required("expression", Type::Boolean)],
    returns: Type::Boolean,
    eval: Eval::Pure(not),
    examples: &[("not(false)", "true"), ("not(equals(1, 1))", "false")],
};

pub(super) const OR: Function = Function {
    name: "or",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether at least one is true; evaluates only as far as needed.",
    params: &[required("expression", Type::Boolean), rest("expression", Type::Boolean)],
    returns: Type::Boolean,
    eval: Eval::Lazy(or),
    examples: &[("or(true, int('x'))", "true"), ("or(false, equals(1, 2))", "false")],
};

fn and<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call) -> Answer<'a> {
    decide(evaluator, call, false)
}

fn or<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call) -> Answer<'a> {
    decide(evaluator, call, true)
}

/// Evaluates until one of the arguments is `decisive`.
fn decide<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call, decisive: bool) -> Answer<'a> {
    for argument in call.arguments() {
        match evaluator.truth(argument)? {
            Ok(truth) if truth == decisive => return Ok(decisive.into()),
            Ok(_) => {}
            Err(kind) => {
                let message = format!(
                    "expects all of its parameters to be booleans. The provided value is of type \
                     '{kind}'"
                );
                return Err(super::failure(call.canonical_name(), &message));
            }
        }
    }
    Ok((!decisive).into())
}

fn choose<'a>(evaluator: &mut Evaluator<'a>, call: &'a Call) -> Answer<'a> {
    let [condition, yes, no] = call.arguments() else { return Ok(Operand::NULL) };
    match evaluator.truth(condition)? {
        Ok(truth) => evaluator.eval(if truth { yes } else { no }),
        Err(kind) => {
            let message = format!(
                "expects its first parameter to be of type boolean. The provided value is of type \
                 '{kind}'"
            );
            Err(super::failure(call.canonical_name(), &message))
        }
    }
}

fn not(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok((!args.boolean(0)?).into())
}

fn equals(args: &mut Arguments<'_>) -> Answer<'static> {
    let first = args.take(0);
    let mut others = (1..args.len()).map(|index| args.take(index));
    Ok(others.all(|other| operands_equal(&first, &other)).into())
}

fn greater(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok((order(args)? == Some(Ordering::Greater)).into())
}

fn greater_or_equals(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(matches!(order(args)?, Some(Ordering::Greater | Ordering::Equal)).into())
}

fn less(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok((order(args)? == Some(Ordering::Less)).into())
}

fn less_or_equals(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(matches!(order(args)?, Some(Ordering::Less | Ordering::Equal)).into())
}

/// The order of the two arguments; none for what is not a number.
fn order(args: &mut Arguments<'_>) -> Result<Option<Ordering>, EvalError> {
    let (a, b) = (args.take(0), args.take(1));
    let numbers = |it: &Operand<'_>| crate::coerce::Number::of(it).is_some();
    let order = compare(&a, &b);
    if order.is_some() || (numbers(&a) && numbers(&b)) {
        return Ok(order);
    }
    Err(args.failure(&format!(
        "expects two parameter of matching types. The function was invoked with values of type \
         '{}' and '{}' that do not match",
        a.kind(),
        b.kind()
    )))
}

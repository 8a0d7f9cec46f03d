//! The six tiny kinds that work on variables.

use base::{
    Failure,
    value::{kind, object},
};
use flow::{
    actions::variables::{Change, Declaration, Variables},
    model::ParameterType,
};
use serde_json::{Number, Value};

use crate::{
    exec::{Ended, Exec},
    run::{Key, Variable},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Variables) -> Ended {
    let result = match action {
        Variables::Initialize(declarations) => initialize(exec, key, declarations),
        Variables::Set(change) => set(exec, key, change),
        Variables::Increment(change) => count(exec, key, change, 1),
        Variables::Decrement(change) => count(exec, key, change, -1),
        Variables::Append(change) => append(exec, key, change),
    };
    result.unwrap_or_else(|ended| ended)
}

fn initialize(exec: &mut Exec<'_>, key: &Key, all: &[Declaration]) -> Result<Ended, Ended> {
    let mut shown = Vec::new();
    for declaration in all {
        let value = exec.eval_opt(key, declaration.value.as_ref())?.unwrap_or(Value::Null);
        let value = fitted(&declaration.name, declaration.ty, value)?;
        shown.push(object([
            ("name", declaration.name.as_str().into()),
            ("type", type_name(declaration.ty).into()),
            ("value", value.clone()),
        ]));
        let variable = Variable { name: declaration.name.clone(), ty: declaration.ty, value };
        exec.run.variables.insert(declaration.name.to_lowercase(), variable);
    }
    let inputs = object([("variables", shown.into())]);
    Ok(Ended::succeeded(Some(inputs), Value::Null))
}

fn set(exec: &mut Exec<'_>, key: &Key, change: &Change) -> Result<Ended, Ended> {
    let value = exec.eval_opt(key, change.value.as_ref())?.unwrap_or(Value::Null);
    let variable = variable(exec, &change.name)?;
    let value = fitted(&variable.name, variable.ty, value)?;
    variable.value = value.clone();
    Ok(shown(&variable.name, value))
}

fn count(exec: &mut Exec<'_>, key: &Key, change: &Change, sign: i64) -> Result<Ended, Ended> {
    let by = exec.eval_opt(key, change.value.as_ref())?.filter(|it| !it.is_null());
    let by = by.unwrap_or_else(|| 1.into());
    let variable = variable(exec, &change.name)?;
    let now = if variable.value.is_null() { 0.into() } else { variable.value.clone() };
    let sum = match (&now, &by, variable.ty) {
        (Value::Number(now), Value::Number(by), ParameterType::Integer | ParameterType::Float) => {
            sum(now, by, sign)
        }
        _ => None,
    };
    let Some(sum) = sum else {
        let counts = matches!(variable.ty, ParameterType::Integer | ParameterType::Float);
        if counts && by.is_number() {
            let message =
                format!("the variable '{}' would leave the range of its type", variable.name);
            return Err(Ended::failed(Failure::new("BadRequest", message)));
        }
        let (ty, by) = (type_name(variable.ty), kind(&by));
        let message = format!(
            "the variable '{}' of type '{ty}' cannot be counted by a value of type '{by}'",
            variable.name
        );
        return Err(Ended::failed(Failure::new("BadRequest", message)));
    };
    let sum = fitted(&variable.name, variable.ty, sum)?;
    variable.value = sum.clone();
    Ok(shown(&variable.name, sum))
}

/// Whole numbers stay whole; an overflow has no sum.
#[allow(clippy::cast_precision_loss, reason = "a float was asked for")]
fn sum(now: &Number, by: &Number, sign: i64) -> Option<Value> {
    if let (Some(now), Some(by)) = (now.as_i64(), by.as_i64()) {
        return now.checked_add(by.checked_mul(sign)?).map(Value::from);
    }
    Number::from_f64(now.as_f64()? + by.as_f64()? * sign as f64).map(Value::Number)
}

fn append(exec: &mut Exec<'_>, key: &Key, change: &Change) -> Result<Ended, Ended> {
    let value = exec.eval_opt(key, change.value.as_ref())?.unwrap_or(Value::Null);
    let variable = variable(exec, &change.name)?;
    match (&mut variable.value, variable.ty) {
        (Value::Array(items), _) => items.push(value.clone()),
        (empty @ Value::Null, ParameterType::Array) => *empty = Value::Array(vec![value.clone()]),
        (Value::String(text), _) => text.push_str(&expr::to_text(&value)),
        (empty @ Value::Null, ParameterType::String) => *empty = expr::to_text(&value).into(),
        (_, ty) => {
            let message = format!(
                "the variable '{}' is of type '{}'; only arrays and strings can be appended to",
                variable.name,
                type_name(ty)
            );
            return Err(Ended::failed(Failure::new("BadRequest", message)));
        }
    }
    Ok(shown(&variable.name, value))
}

fn variable<'a>(exec: &'a mut Exec<'_>, name: &str) -> Result<&'a mut Variable, Ended> {
    exec.run.variables.get_mut(&name.to_lowercase()).ok_or_else(|| {
        let message = format!("the variable '{name}' must be initialized before it can be used");
        Ended::failed(Failure::new("VariableNotInitialized", message))
    })
}

fn shown(name: &str, value: Value) -> Ended {
    let record = object([("name", name.into()), ("value", value)]);
    Ended::succeeded(Some(record.clone()), object([("body", record)]))
}

/// The value if the variable's type admits it. Text of a number or object is taken as the cloud
/// takes it: only what is already of the type, and whole numbers as floats.
fn fitted(name: &str, ty: ParameterType, value: Value) -> Result<Value, Ended> {
    let fits = match (ty, &value) {
        (_, Value::Null)
        | (ParameterType::String, Value::String(_))
        | (ParameterType::Float, Value::Number(_))
        | (ParameterType::Boolean, Value::Bool(_))
        | (ParameterType::Array, Value::Array(_))
        | (ParameterType::Object, Value::Object(_)) => true,
        (ParameterType::Integer, Value::Number(number)) => !number.is_f64(),
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    let message = format!(
        "The variable '{name}' of type '{}' cannot be set to a value of type '{}'.",
        type_name(ty),
        kind(&value)
    );
    Err(Ended::failed(Failure::new("BadRequest", message)))
}

const fn type_name(ty: ParameterType) -> &'static str {
    match ty {
        ParameterType::String => "String",
        ParameterType::Integer => "Integer",
        ParameterType::Float => "Float",
        ParameterType::Boolean => "Boolean",
        ParameterType::Array => "Array",
        ParameterType::Object => "Object",
    }
}

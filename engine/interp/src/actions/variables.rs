//! The six tiny kinds that work on variables.

use std::borrow::Cow;

use base::{
    Failure, Status,
    value::{kind, object},
};
use flow::{
    actions::variables::{Change, Declaration, Variables},
    model::ParameterType,
};
use serde_json::{Number, Value};

use crate::{
    exec::{Ended, Exec},
    record::UNSPECIFIED,
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
    Ok(done(Some(inputs), Value::Null))
}

fn set(exec: &mut Exec<'_>, key: &Key, change: &Change) -> Result<Ended, Ended> {
    let value = exec.eval_opt(key, change.value.as_ref())?.unwrap_or(Value::Null);
    let shows = Shows::of(exec, key);
    let variable = variable(exec, &change.name)?;
    let value = fitted(&variable.name, variable.ty, value)?;
    let shown = shows.copy(&value);
    variable.value = value;
    Ok(shows.ended(&variable.name, shown))
}

fn count(exec: &mut Exec<'_>, key: &Key, change: &Change, sign: i64) -> Result<Ended, Ended> {
    let by = exec.eval_opt(key, change.value.as_ref())?.filter(|it| !it.is_null());
    let by = by.unwrap_or_else(|| 1.into());
    let shows = Shows::of(exec, key);
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
        let (name, ty, by_kind) = (&variable.name, type_name(variable.ty), kind(&by));
        let message = if counts && by.is_number() {
            format!("The variable '{name}' would leave the range of its type.")
        } else {
            format!(
                "The variable '{name}' of type '{ty}' cannot be counted by a value of type \
                 '{by_kind}'."
            )
        };
        return Err(Ended::failed(Failure::new("BadRequest", message)));
    };
    let sum = fitted(&variable.name, variable.ty, sum)?;
    variable.value = sum.clone();
    Ok(shows.ended(&variable.name, Some(sum)))
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
    let shows = Shows::of(exec, key);
    let variable = variable(exec, &change.name)?;
    if change.wants.is_some_and(|wants| wants != variable.ty) {
        return Err(cannot_append(change, &variable.name, variable.ty, &value));
    }
    let shown = shows.copy(&value);
    match (&mut variable.value, variable.ty) {
        (Value::Array(items), _) => items.push(value),
        (empty @ Value::Null, ParameterType::Array) => *empty = Value::Array(vec![value]),
        (Value::String(text), _) => text.push_str(&expr::to_text(&value)),
        (empty @ Value::Null, ParameterType::String) => *empty = expr::to_text(&value).into(),
        (_, _) => return Err(cannot_append(change, &variable.name, variable.ty, &value)),
    }
    Ok(shows.ended(&variable.name, shown))
}

fn cannot_append(change: &Change, name: &str, ty: ParameterType, value: &Value) -> Ended {
    let (of, ty) = (kind(value), type_name(ty));
    let takes = change.wants.map_or("Array, String", type_name);
    let message = format!(
        "The input value is of type '{of}' which cannot be appended to the variable '{name}' of \
         type '{ty}'. The action only supports variables of types '{takes}'."
    );
    Ended::failed(Failure::new("BadRequest", message))
}

fn variable<'a>(exec: &'a mut Exec<'_>, name: &str) -> Result<&'a mut Variable, Ended> {
    exec.run.variables.get_mut(&*folded(name)).ok_or_else(|| {
        let message = format!("The variable '{name}' must be initialized before it can be used.");
        Ended::failed(Failure::new("VariableNotInitialized", message))
    })
}

/// A name as variables are found by it.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|it| it.is_ascii() && !it.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.to_lowercase())
    }
}

/// What the record of a change tells of the variable.
#[derive(Clone, Copy)]
struct Shows {
    inputs: bool,
    outputs: bool,
}

impl Shows {
    fn of(exec: &Exec<'_>, key: &Key) -> Self {
        Self { inputs: !exec.run.is_unseen, outputs: exec.keeps_outputs(key) }
    }

    /// The value for the record, if anybody will look at it.
    fn copy(self, value: &Value) -> Option<Value> {
        (self.inputs || self.outputs).then(|| value.clone())
    }

    /// The end of the change.
    fn ended(self, name: &str, value: Option<Value>) -> Ended {
        let Some(value) = value.filter(|_| self.inputs || self.outputs) else {
            return Ended::container(Status::Succeeded);
        };
        let record = object([("name", name.into()), ("value", value)]);
        done(self.inputs.then(|| record.clone()), object([("body", record)]))
    }
}

/// The cloud gives these actions no code of their own.
fn done(inputs: Option<Value>, outputs: Value) -> Ended {
    Ended { code: UNSPECIFIED.into(), ..Ended::succeeded(inputs, outputs) }
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
    let of = kind(&value);
    let takes = if ty == ParameterType::Float { "Float, Integer" } else { type_name(ty) };
    let message = format!(
        "The variable '{name}' of type '{}' cannot be initialized or updated with value of type \
         '{of}'. The variable '{name}' only supports values of types '{takes}'.",
        type_name(ty),
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

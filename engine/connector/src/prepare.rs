//! What an operation has to ask before: the inputs of that, and what its answer adds to the inputs.

use base::{Failure, HttpResponse};
use serde_json::Value;

use crate::{
    connection::Connection,
    encode::invalid,
    inputs::Inputs,
    model::{Operation, Prepare},
    request::Call,
    scope::{Answer, Scope},
    shape::{self, Nulls},
};

/// The operation to ask before, and its inputs; `None` if nothing has to be asked.
pub fn question<'a>(
    connection: &'a Connection,
    operation: &'a Operation,
    call: &Call<'_>,
) -> Result<Option<(&'a Prepare, &'a Operation, Value)>, Failure> {
    let Some(prepare) = operation.prepare.as_deref().filter(|_| call.link.is_none()) else {
        return Ok(None);
    };
    let inputs = Inputs::sort(operation, call.inputs)?;
    let scope = Scope { inputs: Some(&inputs.values), ..Scope::of_call(connection, call) };
    let when = prepare.when.as_ref().map(|it| scope.eval(it)).transpose()?;
    if when.is_some_and(|it| it != Value::Bool(true)) {
        return Ok(None);
    }
    let asked = connection.connector.operation(&prepare.operation).ok_or_else(|| {
        invalid(format!("`{}` has no operation `{}`", operation.id, prepare.operation))
    })?;
    Ok(Some((prepare, asked, shape::eval(&scope, &prepare.with, Nulls::Drop)?)))
}

/// The inputs of the call with what the answer gives it.
pub fn inputs(
    connection: &Connection,
    (operation, prepare): (&Operation, &Prepare),
    call: &Call<'_>,
    response: &HttpResponse,
) -> Result<Value, Failure> {
    let answer = Answer::new(response);
    let sorted = Inputs::sort(operation, call.inputs)?;
    let scope = Scope {
        inputs: Some(&sorted.values),
        answer: Some(&answer),
        ..Scope::of_call(connection, call)
    };
    let mut inputs = call.inputs.as_object().cloned().unwrap_or_default();
    for (name, tree) in &prepare.give {
        inputs.insert(name.clone(), shape::eval(&scope, tree, Nulls::Keep)?);
    }
    Ok(Value::Object(inputs))
}

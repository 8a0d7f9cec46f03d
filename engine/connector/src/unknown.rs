//! Calls of which nobody knows whether they were done: how to find out before doing them again.

use base::{Failure, Outcome};
use serde_json::{Value, json};

use crate::{
    connection::Connection,
    encode,
    inputs::Inputs,
    model::{Idempotency, Operation},
    request::Call,
    response,
    scope::{Answer, Scope},
};

/// A question that tells whether a call was done.
#[derive(Clone, Debug)]
pub struct Lookup<'a> {
    /// The operation to call.
    pub operation: &'a Operation,
    /// Its inputs.
    pub inputs: Value,
}

/// The question to ask when the outcome of a call is not known; `None` if the connector has none.
pub fn after_unknown<'a>(
    connection: &'a Connection,
    operation: &Operation,
    call: &Call<'_>,
) -> Result<Option<Lookup<'a>>, Failure> {
    let Idempotency::Find { operation: id, with, .. } = &operation.idempotency else {
        return Ok(None);
    };
    let looks = connection
        .connector
        .operation(id)
        .ok_or_else(|| encode::invalid(format!("there is no operation `{id}` to look with")))?;
    let inputs = Inputs::sort(operation, call.inputs)?;
    let scope = Scope { inputs: Some(&inputs.values), ..Scope::of_call(connection, call) };
    Ok(Some(Lookup { operation: looks, inputs: scope.eval_tree(with)? }))
}

/// What the answer to the question tells: the outcome of the call if it was done, `None` if it was
/// not and may be done now.
pub fn read_lookup(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    answer: &Outcome,
) -> Result<Option<Outcome>, Failure> {
    let Idempotency::Find { found, .. } = &operation.idempotency else { return Ok(None) };
    if let Some(failure) = &answer.failure {
        return Err(failure.clone());
    }
    let inputs = Inputs::sort(operation, call.inputs)?;
    let read = Answer {
        status: answer.status_code().unwrap_or(200),
        headers: json!({}),
        body: response::body(answer).clone(),
    };
    let scope = Scope {
        inputs: Some(&inputs.values),
        answer: Some(&read),
        ..Scope::of_call(connection, call)
    };
    let record = scope.eval(found)?;
    if record.is_null() {
        return Ok(None);
    }
    let outputs = json!({ "statusCode": read.status, "headers": {}, "body": record });
    Ok(Some(Outcome::succeeded(outputs)))
}

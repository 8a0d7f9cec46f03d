//! A call as a message to a program.

use base::Failure;
use serde_json::{Map, Value, json};

use super::{Speaks, Wanted, mcp};
use crate::{connection::Connection, inputs::Inputs, model::Operation, request::Call};

/// What a program is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The method of the protocol.
    pub method: String,
    /// Its parameters, without the connection.
    pub params: Map<String, Value>,
}

/// What every question says besides what is asked.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// See there.
    pub wanted: Wanted,
    /// Milliseconds after which nobody waits for the answer any more.
    pub deadline_ms: u64,
}

/// The question of a call. Operations of programs name the method of the protocol as theirs.
///
/// # Errors
/// If the inputs are not the operation's.
pub fn ask(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    meta: Meta,
) -> Result<Question, Failure> {
    let mut inputs = Inputs::sort(operation, call.inputs)?;
    if let Some(url) = call.callback_url {
        inputs.give_callback(connection, operation, url);
    }
    let speaks = connection.connector.program.as_ref().map_or(Speaks::Flowright, |it| it.speaks);
    if speaks == Speaks::Mcp {
        return Ok(mcp::call(operation, inputs.values));
    }
    let method = operation.method.clone();
    let mut params = if method == INVOKE {
        let mut params = Map::new();
        params.insert("operation".to_owned(), operation.id.as_str().into());
        params.insert("inputs".to_owned(), Value::Object(inputs.values));
        params
    } else {
        inputs.values
    };
    params.insert("attempt".to_owned(), meta.wanted.attempt.max(1).into());
    if !call.idempotency_key.is_empty() {
        params.insert("idempotencyKey".to_owned(), call.idempotency_key.into());
    }
    params.insert("deadlineMs".to_owned(), meta.deadline_ms.into());
    params.insert("now".to_owned(), call.now.to_string().into());
    if let Some(url) = call.callback_url.filter(|_| method == INVOKE) {
        params.insert("callbackUrl".to_owned(), url.into());
    }
    Ok(Question { method, params })
}

/// The method by which operations are asked.
pub(crate) const INVOKE: &str = "invoke";
/// The method by which triggers ask for events.
pub(crate) const POLL: &str = "poll";

/// What to ask for the further items of a poll, if there are any: the same from where it got to. The
/// items that were found before are put in front of those of the answer.
pub fn next_page(
    question: &Question,
    wanted: Wanted,
    (before, answer): (&mut Vec<Value>, &mut Value),
) -> Option<Question> {
    if question.method != POLL {
        return None;
    }
    let more = answer.get("more") == Some(&Value::Bool(true));
    let state = answer.get("state").cloned().unwrap_or_default();
    let items = answer.get_mut("items")?.as_array_mut()?;
    before.append(items);
    let goes_on = more
        && before.len() < wanted.items_min
        && !state.is_null()
        && question.params.get("state") != Some(&state);
    if goes_on {
        let mut next = question.clone();
        next.params.insert("state".to_owned(), state);
        return Some(next);
    }
    std::mem::swap(items, before);
    None
}

/// What the operation of a trigger gives its method, but for the trigger's name.
pub(crate) fn trigger_inputs(params: &[String], more: &[(&str, &str)]) -> Value {
    let input = |name: &String| format!("@input('{}')", name.replace('\'', "''"));
    let inputs: Map<String, Value> =
        params.iter().map(|name| (name.clone(), input(name).into())).collect();
    let mut all = json!({ "inputs": inputs });
    for (name, template) in more {
        all[*name] = (*template).into();
    }
    all
}

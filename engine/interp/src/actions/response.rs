//! Response: answers the caller.

use std::sync::Arc;

use base::Failure;
use flow::actions::response::Response;
use serde_json::{Map, Value};

use crate::{
    effect::Effect,
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Response) -> Ended {
    let outputs = match outputs(exec, key, action) {
        Ok(outputs) => outputs,
        Err(ended) => return ended,
    };
    let trigger = exec.plan.flow.trigger(&exec.run.trigger);
    if trigger.is_some_and(|it| !it.kind.is_callable()) {
        let message = format!(
            "The action '{}' cannot answer: the trigger '{}' has no caller.",
            exec.action(key).name,
            exec.run.trigger
        );
        return Ended::failed(Failure::new("ActionResponseNoCaller", message)).inputs(outputs);
    }
    if exec.run.response.is_some() {
        let name = &exec.action(key).name;
        let message =
            format!("The action '{name}' cannot answer: the request has been answered before.");
        return Ended::failed(Failure::new("ActionResponseAlreadySent", message)).inputs(outputs);
    }
    let mut ended = Ended::succeeded(None, outputs);
    ended.inputs.clone_from(&ended.outputs);
    exec.run.response.clone_from(&ended.outputs);
    if let Some(outputs) = &ended.outputs {
        exec.effects.push(Effect::Respond { outputs: Arc::clone(outputs) });
    }
    ended
}

fn outputs(exec: &Exec<'_>, key: &Key, action: &Response) -> Result<Value, Ended> {
    let given = exec.eval(key, &action.status)?;
    let status = match &given {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let Some(status) = status.filter(|status| (200..=599).contains(status)) else {
        let text = expr::to_text(&given);
        let message = format!("`{text}` is no HTTP status that a response can have (200 to 599)");
        return Err(Ended::failed(Failure::new("BadRequest", message)));
    };
    let mut outputs = Map::new();
    outputs.insert("statusCode".to_owned(), status.into());
    if let Some(headers) = exec.eval_opt(key, action.headers.as_ref())? {
        outputs.insert("headers".to_owned(), texts(headers)?);
    }
    if let Some(body) = exec.eval_opt(key, action.body.as_ref())? {
        outputs.insert("body".to_owned(), body);
    }
    Ok(Value::Object(outputs))
}

/// Headers are text; one that is null is not sent.
fn texts(headers: Value) -> Result<Value, Ended> {
    match headers {
        Value::Null => Ok(Value::Object(Map::new())),
        Value::Object(headers) => {
            let given = headers.into_iter().filter(|(_, value)| !value.is_null());
            Ok(given.map(|(name, value)| (name, Value::from(expr::to_text(&value)))).collect())
        }
        other => {
            let kind = base::value::kind(&other);
            let message = format!("the headers of a response are an object, not '{kind}'");
            Err(Ended::failed(Failure::new("BadRequest", message)))
        }
    }
}

//! Calls an operation of a connector.

use std::sync::Arc;

use flow::actions::api_connection::{ApiConnection, Target};
use serde_json::Value;

use super::needs_intent;
use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key, Phase, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &ApiConnection) -> Option<Ended> {
    if action.webhook
        && let Some(ended) = super::no_address(exec, key)
    {
        return Some(ended);
    }
    match request(exec, key, action) {
        Ok(request) if action.webhook => {
            exec.ask(key, Asking::subscribing(request, exec.now));
            None
        }
        Ok(request) => {
            let intent = needs_intent(exec.plan, key);
            let sought = exec.plan.sought_calls.contains(&key.action);
            exec.ask(key, Asking { sought, ..Asking::new(request, intent, exec.now) });
            None
        }
        Err(ended) => Some(ended),
    }
}

/// The wait is given up: a service that has agreed to call is told so.
pub(crate) fn give_up(exec: &mut Exec<'_>, key: &Key) {
    let Some(State::Asking(asking)) = exec.state_mut(key) else { return };
    if let Phase::Subscribed { answer } = &asking.phase {
        let (of, answer) = (Box::new(asking.request.clone()), Arc::clone(answer));
        exec.unsubscribe(key, Request::Unsubscribe { of, answer });
    }
}

fn request(exec: &Exec<'_>, key: &Key, action: &ApiConnection) -> Result<Request, Ended> {
    let connection = action.connection.clone();
    let mut inputs = exec.eval(key, &action.parameters)?;
    match &action.target {
        Target::Operation(operation) => Ok(Request::Operation {
            connection,
            operation: operation.clone(),
            inputs: Arc::new(inputs),
            minimum_items: exec.action(key).minimum_item_count,
        }),
        Target::Path { method, path } => {
            let path = exec.eval(key, path)?;
            if let Value::Object(inputs) = &mut inputs {
                inputs.insert("method".to_owned(), method.as_str().into());
                inputs.insert("path".to_owned(), path);
            }
            let minimum_items = exec.action(key).minimum_item_count;
            Ok(Request::Route { connection, inputs: Arc::new(inputs), minimum_items })
        }
    }
}

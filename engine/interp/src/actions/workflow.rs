//! Workflow: calls another flow and takes its answer.

use std::sync::Arc;

use flow::actions::workflow::Workflow;
use serde_json::{Map, Value};

use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Workflow) -> Option<Ended> {
    match inputs(exec, key, action) {
        Ok(inputs) => {
            let request = Request::Flow {
                flow: action.flow.clone(),
                trigger: action.trigger.clone(),
                inputs: Arc::new(inputs),
            };
            exec.ask(key, Asking::new(request, false, exec.now));
            None
        }
        Err(ended) => Some(ended),
    }
}

fn inputs(exec: &Exec<'_>, key: &Key, action: &Workflow) -> Result<Value, Ended> {
    let mut inputs = Map::new();
    for (name, tree) in [("body", &action.body), ("headers", &action.headers)] {
        if let Some(value) = exec.eval_opt(key, tree.as_ref())? {
            inputs.insert(name.to_owned(), value);
        }
    }
    Ok(Value::Object(inputs))
}

//! Workflow: calls another flow and takes its answer.

use std::sync::Arc;

use flow::actions::workflow::Workflow;

use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Workflow) -> Option<Ended> {
    let inputs =
        exec.members(key, &[("body", action.body.as_ref()), ("headers", action.headers.as_ref())]);
    match inputs {
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

//! Http: a plain HTTP request.

use std::sync::Arc;

use flow::actions::http::{Http, HttpInputs};
use serde_json::Value;

use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Http) -> Option<Ended> {
    match inputs(exec, key, &action.request) {
        Ok(inputs) => {
            let request = Request::Http { inputs: Arc::new(inputs) };
            exec.ask(key, Asking::new(request, false, exec.now));
            None
        }
        Err(ended) => Some(ended),
    }
}

pub(super) fn inputs(exec: &Exec<'_>, key: &Key, request: &HttpInputs) -> Result<Value, Ended> {
    exec.members(key, &request.parts())
}

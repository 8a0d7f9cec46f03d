//! Http: a plain HTTP request.

use std::sync::Arc;

use flow::actions::http::{Http, HttpInputs};
use serde_json::{Map, Value};

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
    let mut inputs = Map::new();
    inputs.insert("method".to_owned(), exec.eval(key, &request.method)?);
    inputs.insert("uri".to_owned(), exec.eval(key, &request.uri)?);
    for (name, tree) in [
        ("headers", &request.headers),
        ("queries", &request.queries),
        ("body", &request.body),
        ("cookie", &request.cookie),
        ("authentication", &request.authentication),
    ] {
        if let Some(value) = exec.eval_opt(key, tree.as_ref())? {
            inputs.insert(name.to_owned(), value);
        }
    }
    Ok(Value::Object(inputs))
}

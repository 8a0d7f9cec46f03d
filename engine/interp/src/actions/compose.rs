//! A value.

use std::sync::Arc;

use flow::actions::compose::Compose;
use serde_json::Value;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Compose) -> Ended {
    match exec.eval_shared(key, &action.inputs) {
        Ok(value) => {
            let (inputs, outputs) = (Some(Arc::clone(&value)), Some(value));
            Ended { inputs, outputs, ..Ended::succeeded(None, Value::Null) }
        }
        Err(ended) => ended,
    }
}

//! A value.

use flow::actions::compose::Compose;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Compose) -> Ended {
    match exec.eval(key, &action.inputs) {
        Ok(value) => {
            let mut ended = Ended::succeeded(None, value);
            ended.inputs.clone_from(&ended.outputs);
            ended
        }
        Err(ended) => ended,
    }
}

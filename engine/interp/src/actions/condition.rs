//! If: chooses one of two branches.

use std::sync::Arc;

use flow::actions::condition::If;
use serde_json::json;

use crate::{
    exec::{Ended, Exec, Work},
    run::{BlockKey, Key, State},
};

const THEN: usize = 0;
const OTHERWISE: usize = 1;

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &If) -> Option<Ended> {
    let result = action.condition.eval(&exec.scope(key));
    let holds = match result {
        Ok(holds) => holds,
        Err(error) => {
            let ended = Ended::failed(exec.invalid_condition(key, &error));
            exec.skip_failed(key, &ended);
            return Some(ended);
        }
    };
    let (taken, left) = if holds { (THEN, OTHERWISE) } else { (OTHERWISE, THEN) };
    exec.open(key, State::Block, Some(Arc::new(json!({ "expressionResult": holds }))));
    exec.skip_branch(key, left);
    let passes = key.passes.clone();
    exec.work.push_back(Work::Enter(BlockKey { parent: Some(key.action), branch: taken, passes }));
    None
}

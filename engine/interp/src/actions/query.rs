//! Query: filters a list.

use expr::WithItem;
use flow::actions::query::Query;
use serde_json::{Value, json};

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Query) -> Ended {
    let items = match exec.eval_list(key, &action.from, "from") {
        Ok(items) => items,
        Err(ended) => return ended,
    };
    let scope = exec.scope(key);
    let mut kept = Vec::new();
    for item in &items {
        match action.condition.eval(&WithItem::new(&scope, item)) {
            Ok(true) => kept.push(item.clone()),
            Ok(false) => {}
            Err(error) => {
                let failure = exec.invalid_inputs(key, &error);
                return Ended::failed(failure).inputs(json!({ "from": items }));
            }
        }
    }
    Ended::succeeded(Some(json!({ "from": items })), json!({ "body": Value::Array(kept) }))
}

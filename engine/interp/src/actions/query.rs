//! Query: filters a list.

use expr::WithItem;
use flow::actions::query::Query;
use serde_json::Value;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Query) -> Ended {
    exec.of_list((key, &action.from), "query", |scope, items| {
        let mut kept = Vec::new();
        for item in items {
            let is_kept = action.condition.eval(&WithItem::new(scope, item));
            if is_kept.map_err(|error| Ended::failed(exec.invalid_inputs(key, &error)))? {
                kept.push(item.clone());
            }
        }
        Ok(Value::Array(kept))
    })
}

//! Select: reshapes a list.

use expr::WithItem;
use flow::actions::select::Select;
use serde_json::{Value, json};

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Select) -> Ended {
    let items = match exec.eval_list(key, &action.from, "from") {
        Ok(items) => items,
        Err(ended) => return ended,
    };
    let scope = exec.scope(key);
    let mut made = Vec::with_capacity(items.len());
    for item in &items {
        match action.select.eval(&WithItem::new(&scope, item)) {
            Ok(value) => made.push(value),
            Err(error) => {
                let failure = exec.invalid_inputs(key, &error);
                return Ended::failed(failure).inputs(json!({ "from": items }));
            }
        }
    }
    Ended::succeeded(Some(json!({ "from": items })), json!({ "body": Value::Array(made) }))
}

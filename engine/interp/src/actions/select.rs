//! Select: reshapes a list.

use expr::WithItem;
use flow::actions::select::Select;
use serde_json::Value;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Select) -> Ended {
    exec.of_list((key, &action.from), "select", |scope, items| {
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            let one = action.select.eval(&WithItem::new(scope, item));
            made.push(one.map_err(|error| Ended::failed(exec.invalid_inputs(key, &error)))?);
        }
        Ok(Value::Array(made))
    })
}

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
        let made = items.iter().map(|item| action.select.eval(&WithItem::new(scope, item)));
        let made: Result<Vec<Value>, _> = made.collect();
        made.map(Value::Array).map_err(|error| Ended::failed(exec.invalid_inputs(key, &error)))
    })
}

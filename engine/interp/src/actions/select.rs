//! Select: reshapes a list.

use base::value::object;
use expr::WithItem;
use flow::actions::select::Select;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Select) -> Ended {
    let items = match exec.eval_list(key, &action.from, "select") {
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
                return Ended::failed(failure).inputs(object([("from", items.into())]));
            }
        }
    }
    Ended::succeeded(Some(object([("from", items.into())])), object([("body", made.into())]))
}

//! Query: filters a list.

use base::value::object;
use expr::WithItem;
use flow::actions::query::Query;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Query) -> Ended {
    let items = match exec.eval_list(key, &action.from, "query") {
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
                return Ended::failed(failure).inputs(object([("from", items.into())]));
            }
        }
    }
    Ended::succeeded(Some(object([("from", items.into())])), object([("body", kept.into())]))
}

//! Ours: applies a mapping file.

use base::{Failure, value::object};
use flow::actions::map::Map;

use crate::{
    exec::{Ended, Exec},
    mapping::apply,
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Map) -> Ended {
    let scope = exec.scope(key);
    let source = match exec.lent(&scope, key, &action.from) {
        Ok(source) => source,
        Err(ended) => return ended,
    };
    let Some(mapping) = exec.plan.mappings.get(&action.mapping) else {
        let message = format!("there is no mapping `{}`", action.mapping);
        return Ended::failed(Failure::new("MappingNotFound", message));
    };
    match apply(mapping, &source, &scope) {
        Ok(target) => Ended::succeeded(exec.from(source), object([("body", target)])),
        Err(failure) => Ended::failed(failure).inputs(exec.from(source)),
    }
}

//! Ours: applies a mapping file.

use base::{Failure, value::object};
use flow::actions::map::Map;

use crate::{
    exec::{Ended, Exec},
    mapping::apply,
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Map) -> Ended {
    let source = match exec.eval(key, &action.from) {
        Ok(source) => source,
        Err(ended) => return ended,
    };
    let Some(mapping) = exec.plan.mappings.get(&action.mapping) else {
        let message = format!("there is no mapping `{}`", action.mapping);
        return Ended::failed(Failure::new("MappingNotFound", message));
    };
    match apply(mapping, &source, &exec.scope(key)) {
        Ok(target) => {
            Ended::succeeded(Some(object([("from", source)])), object([("body", target)]))
        }
        Err(failure) => Ended::failed(failure).inputs(object([("from", source)])),
    }
}

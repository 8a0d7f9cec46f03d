//! Join: a list to text.

use base::value::object;
use flow::actions::join::Join;

use super::list;
use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Join) -> Ended {
    joined(exec, key, action).unwrap_or_else(|ended| ended)
}

fn joined(exec: &Exec<'_>, key: &Key, action: &Join) -> Result<Ended, Ended> {
    let scope = exec.scope(key);
    let source = exec.lent(&scope, key, &action.from)?;
    let items = list(&source, "join")?;
    let with = exec.eval(key, &action.with)?;
    let texts: Vec<String> = items.iter().map(expr::to_text).collect();
    let text = texts.join(&expr::to_text(&with));
    let inputs = object([("from", source.into_owned()), ("joinWith", with)]);
    Ok(Ended::succeeded(Some(inputs), object([("body", text.into())])))
}

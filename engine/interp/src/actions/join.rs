//! Join: a list to text.

use base::value::object;
use flow::actions::join::Join;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Join) -> Ended {
    let evaluated = exec
        .eval_list(key, &action.from, "join")
        .and_then(|it| Ok((it, exec.eval(key, &action.with)?)));
    match evaluated {
        Ok((items, with)) => {
            let texts: Vec<String> = items.iter().map(expr::to_text).collect();
            let text = texts.join(&expr::to_text(&with));
            let inputs = object([("from", items.into()), ("joinWith", with)]);
            Ended::succeeded(Some(inputs), object([("body", text.into())]))
        }
        Err(ended) => ended,
    }
}

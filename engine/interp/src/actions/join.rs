//! Join: a list to text.

use flow::actions::join::Join;
use serde_json::json;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Join) -> Ended {
    let evaluated = exec
        .eval_list(key, &action.from, "from")
        .and_then(|it| Ok((it, exec.eval(key, &action.with)?)));
    match evaluated {
        Ok((items, with)) => {
            let texts: Vec<String> = items.iter().map(expr::to_text).collect();
            let text = texts.join(&expr::to_text(&with));
            let inputs = json!({ "from": items, "joinWith": with });
            Ended::succeeded(Some(inputs), json!({ "body": text }))
        }
        Err(ended) => ended,
    }
}

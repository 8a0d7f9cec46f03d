//! Terminate: ends the run.

use base::{Failure, Status};
use flow::actions::terminate::Terminate;
use serde_json::{Map, Value, json};

use crate::{
    exec::{Ended, Exec},
    record::{Record, UNSPECIFIED},
    run::{Key, Slot},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Terminate) -> Option<Ended> {
    let mut given = Map::new();
    for (name, tree) in [("code", &action.code), ("message", &action.message)] {
        match exec.eval_opt(key, tree.as_ref()) {
            Ok(Some(value)) => {
                given.insert(name.to_owned(), expr::to_text(&value).into());
            }
            Ok(None) => {}
            Err(ended) => return Some(ended),
        }
    }
    let text = |name: &str, unsaid: &str| {
        let text = given.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
        text.unwrap_or(unsaid).to_owned()
    };
    let unsaid = format!("The action '{}' ended the run.", exec.action(key).name);
    let failure = (action.status == Status::Failed)
        .then(|| Failure::new(text("code", "Terminated"), text("message", &unsaid)));
    let mut inputs = json!({ "runStatus": action.status.name() });
    if !given.is_empty() {
        inputs["runError"] = given.into();
    }
    let record = Record {
        status: Status::Succeeded,
        inputs: Some(inputs.into()),
        failure: None,
        ..Record::skipped(Failure::new("", ""), UNSPECIFIED, exec.now)
    };
    exec.run.slots.insert(key.clone(), Slot::Done(record));
    exec.terminate(action.status, failure.as_ref(), Some(key));
    None
}

//! Approval: asks people and waits until one of them answers.

use std::sync::Arc;

use base::Failure;
use flow::actions::approval::{Approval, OPTIONS_MAX, choices};

use super::no_address;
use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Approval) -> Option<Ended> {
    if let Some(ended) = no_address(exec, key) {
        return Some(ended);
    }
    let parts = [
        ("title", Some(&action.title)),
        ("details", action.details.as_ref()),
        ("assignedTo", action.assigned_to.as_ref()),
        ("options", Some(&action.options)),
    ];
    let inputs = match exec.members(key, &parts) {
        Ok(inputs) => inputs,
        Err(ended) => return Some(ended),
    };
    if inputs.get("options").and_then(choices).is_none() {
        let message =
            format!("the options of an approval are a list of 1 to {OPTIONS_MAX} different texts");
        return Some(Ended::failed(Failure::new("BadRequest", message)).inputs(inputs));
    }
    let request = Request::Approval { inputs: Arc::new(inputs) };
    exec.ask(key, Asking::subscribing(request, exec.now));
    None
}

//! `SendToBatch`: hands a message to a flow that collects them.

use std::sync::Arc;

use flow::actions::send_to_batch::SendToBatch;

use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &SendToBatch) -> Option<Ended> {
    let inputs = exec.members(
        key,
        &[
            ("batchName", Some(&action.batch)),
            ("partitionName", action.partition.as_ref()),
            ("messageId", action.message_id.as_ref()),
            ("content", Some(&action.content)),
        ],
    );
    match inputs {
        Ok(inputs) => {
            let request = Request::Batch {
                flow: action.flow.clone(),
                trigger: action.trigger.clone(),
                inputs: Arc::new(inputs),
            };
            exec.ask(key, Asking::new(request, false, exec.now));
            None
        }
        Err(ended) => Some(ended),
    }
}

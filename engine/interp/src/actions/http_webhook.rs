//! `HttpWebhook`: subscribes, waits to be called, unsubscribes.

use std::sync::Arc;

use flow::actions::http_webhook::HttpWebhook;

use super::{http::inputs, no_address};
use crate::{
    effect::Request,
    exec::{Ended, Exec},
    run::{Asking, Key},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &HttpWebhook) -> Option<Ended> {
    if let Some(ended) = no_address(exec, key) {
        return Some(ended);
    }
    match inputs(exec, key, &action.subscribe) {
        Ok(inputs) => {
            let request = Request::Http { inputs: Arc::new(inputs) };
            exec.ask(key, Asking::subscribing(request, exec.now));
            None
        }
        Err(ended) => Some(ended),
    }
}

/// The wait is given up: the service is told so, if the flow says how. Gives why it cannot be.
pub(crate) fn give_up(exec: &mut Exec<'_>, key: &Key, action: &HttpWebhook) -> Option<String> {
    let unsubscribe = action.unsubscribe.as_deref()?;
    match inputs(exec, key, unsubscribe) {
        Ok(inputs) => {
            let request = Request::Http { inputs: Arc::new(inputs) };
            exec.unsubscribe(key, request);
            None
        }
        Err(ended) => ended.failure.map(|it| it.message),
    }
}

//! A plain HTTP subscription.

use yaml::Node;

use super::TriggerKind;
use crate::{actions::http::HttpInputs, actions::http_webhook::read_pair, reader::Reader};

/// A trigger that subscribes by plain HTTP.
#[derive(Clone, Debug)]
pub struct HttpWebhookTrigger {
    /// Sent when the flow is turned on.
    pub subscribe: HttpInputs,
    /// Sent when it is turned off.
    pub unsubscribe: Option<Box<HttpInputs>>,
}

pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let (subscribe, unsubscribe) = read_pair(reader, node);
    TriggerKind::HttpWebhook(HttpWebhookTrigger { subscribe, unsubscribe })
}

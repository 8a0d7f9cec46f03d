//! `HttpWebhook`: subscribes, waits to be called, unsubscribes.

use base::{Diagnostic, code};
use expr::Dialect;
use yaml::Node;

use super::{ActionKind, http::HttpInputs};
use crate::{fields::Fields, reader::Reader, shape};

/// A durable wait for a call back.
#[derive(Clone, Debug)]
pub struct HttpWebhook {
    /// Sent at the start, with the address to call.
    pub subscribe: HttpInputs,
    /// Sent when the wait is given up: the action has timed out, or the run has been ended.
    pub unsubscribe: Option<Box<HttpInputs>>,
}

/// Reads `{subscribe: {…}, unsubscribe: {…}}`, of an action or of a trigger.
pub(crate) fn read_pair(reader: &mut Reader, node: &Node) -> (HttpInputs, Option<Box<HttpInputs>>) {
    let mut fields = Fields::new(reader, node, "`httpWebhook`").of(&shape::HTTP_WEBHOOK);
    let pair = take_pair(reader, &mut fields);
    fields.finish(reader);
    pair
}

/// Takes `subscribe` and `unsubscribe`, which the cloud writes the same.
pub(crate) fn take_pair(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
) -> (HttpInputs, Option<Box<HttpInputs>>) {
    let subscribe = if let Some(node) = fields.required(reader, "subscribe") {
        HttpInputs::read(reader, node, "`subscribe`")
    } else {
        let mut nothing = Fields::missing(reader.dialect, "`subscribe`", fields.at);
        HttpInputs::take(reader, &mut nothing)
    };
    // The designer writes `unsubscribe: {}` where there is nothing to do.
    let unsubscribe = fields.given("unsubscribe");
    let unsubscribe = unsubscribe.filter(|it| it.as_map().is_none_or(|it| !it.is_empty()));
    let unsubscribe = unsubscribe.filter(|it| has_address(reader, it));
    let unsubscribe = unsubscribe.map(|it| Box::new(HttpInputs::read(reader, it, "`unsubscribe`")));
    (subscribe, unsubscribe)
}

/// The cloud takes an `unsubscribe` that says nowhere to.
fn has_address(reader: &mut Reader, node: &Node) -> bool {
    if reader.dialect == Dialect::Flowright
        || node.as_map().is_none_or(|it| it.entry_any_case("uri").is_some())
    {
        return true;
    }
    let message = "`unsubscribe` has no `uri`; nothing is unsubscribed";
    let found = Diagnostic::new(code::MISSING_KEY, node.span, message).warning();
    reader.sink.push(found);
    false
}

pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    let (subscribe, unsubscribe) = read_pair(reader, node);
    ActionKind::HttpWebhook(HttpWebhook { subscribe, unsubscribe })
}

//! An operation or a trigger that its connector does not have.

use base::{Diagnostic, Sink, Span, code};
use connector::Connector;
use flow::{ActionId, ActionKind, Trigger, TriggerKind, actions::api_connection::Target};

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_OPERATION,
    phase: Phase::Project,
    summary: "An operation or a trigger that its connector does not have.",
    hooks: Hooks { action: Some(action), trigger: Some(trigger), ..Hooks::NONE },
};

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let ActionKind::ApiConnection(call) = &view.flow.action(id).kind else { return };
    let Target::Operation(operation) = &call.target else { return };
    let Some(connector) = view.connector(&call.connection) else { return };
    match connector.operation(operation) {
        Some(known) if known.internal => {
            let message = format!("`{operation}` is for the connector's own use");
            sink.push(Diagnostic::new(RULE.code, call.target_span, message));
        }
        Some(_) => {}
        None => {
            let known = connector.operations.values().filter(|it| !it.internal);
            let known = known.map(|it| it.id.as_str());
            let message = missing(connector, "operation", operation);
            report(view, (call.target_span, message), operation, known, sink);
        }
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let (connector, id, span) = match &trigger.kind {
        TriggerKind::ApiConnection(on) => {
            (view.connector(&on.connection), on.operation.as_str(), on.span)
        }
        TriggerKind::Request(request) => {
            let Some(verify) = &request.verify else { return };
            let connector = view.catalog().find(&verify.connector).map(AsRef::as_ref);
            if connector.is_none() {
                let message = format!("there is no connector `{}`", verify.connector);
                let known: Vec<&str> =
                    view.catalog().listings().map(|it| it.name.as_str()).collect();
                let at = (verify.span, message);
                report(view, at, &verify.connector, known.into_iter(), sink);
            }
            (connector, verify.trigger.as_str(), verify.span)
        }
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => return,
    };
    // Older definitions name method and path in place of a trigger.
    let named = !id.is_empty() && !id.contains(' ');
    let Some(connector) = connector.filter(|it| named && it.trigger(id).is_none()) else { return };
    let known = connector.triggers.keys().map(String::as_str);
    report(view, (span, missing(connector, "trigger", id)), id, known, sink);
}

fn missing(connector: &Connector, what: &str, id: &str) -> String {
    format!("connector `{}` has no {what} `{id}`", connector.name)
}

fn report<'a>(
    view: &View<'_>,
    (span, message): (Span, String),
    word: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    sink: &mut Sink,
) {
    if word.is_empty() {
        return;
    }
    let found = view.lacking(Diagnostic::new(RULE.code, span, message));
    sink.push(suggested(found, word, known));
}

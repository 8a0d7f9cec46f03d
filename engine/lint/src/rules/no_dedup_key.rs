//! An event that is delivered twice starts two runs.

use base::{Diagnostic, Sink, code};
use connector::trigger::TriggerKind as Kind;
use expr::Dialect;
use flow::{ActionKind, Trigger, TriggerKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    service::Access,
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::NO_DEDUP_KEY,
    phase: Phase::Project,
    summary: "A service delivers events at least once, and nothing tells a repeated one.",
    hooks: Hooks { trigger: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    // The cloud has no keys of its own for that.
    if view.flow.dialect == Dialect::Wdl || trigger.dedupe.is_some() || !does_something(view) {
        return;
    }
    let (connector, id, span) = match &trigger.kind {
        TriggerKind::ApiConnection(on) => {
            let Some(connector) = view.connector(&on.connection) else { return };
            let known = connector.trigger(&on.operation).map(|it| &it.kind);
            let tells = match known {
                None => return,
                Some(Kind::Webhook(webhook)) => webhook.receive.dedupe.is_some(),
                Some(Kind::Poll(poll)) => poll.dedupe.is_some(),
            };
            if tells {
                return;
            }
            (&connector.name, &on.operation, on.span)
        }
        // What the connector says of deliveries is for triggers that are its own.
        TriggerKind::Request(request) => {
            let Some(verify) = &request.verify else { return };
            (&verify.connector, &verify.trigger, trigger.span)
        }
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => return,
    };
    let message =
        format!("`{id}` of `{connector}` may deliver an event twice, which starts two runs");
    let found = Diagnostic::new(RULE.code, span, message);
    sink.push(found.hint("add `dedupe:` with what tells the event, such as its id and its time"));
}

/// Whether a run does anything that should not be done twice.
fn does_something(view: &View<'_>) -> bool {
    view.flow.actions.iter().enumerate().any(|(id, action)| match &action.kind {
        ActionKind::Http(it) => {
            it.request.method.constant().is_none_or(|method| {
                !method.as_str().is_some_and(|it| it.eq_ignore_ascii_case("GET"))
            })
        }
        ActionKind::Workflow(_) | ActionKind::SendToBatch(_) | ActionKind::HttpWebhook(_) => true,
        _ => Access::of(view, id).is_some_and(|it| it.effect != connector::model::Effect::Read),
    })
}

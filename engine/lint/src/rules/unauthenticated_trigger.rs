//! A request trigger that believes everybody who knows its address.

use base::{Diagnostic, Sink, code};
use connector::trigger::{TriggerKind as Kind, Verify};
use flow::{Trigger, TriggerKind, triggers::request::Request};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNAUTHENTICATED_TRIGGER,
    phase: Phase::Project,
    summary: "A request trigger believes everybody who knows its address.",
    hooks: Hooks { trigger: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let TriggerKind::Request(request) = &trigger.kind else { return };
    if asks_for_header(trigger) || is_called_by_platform(request) {
        return;
    }
    let Some(verify) = &request.verify else {
        let message = "whoever has the address of this trigger can start the flow";
        let found = Diagnostic::new(RULE.code, trigger.span, message);
        sink.push(found.hint("add `verify` if the caller signs, or a condition on a header"));
        return;
    };
    let named = view.catalog().find(&verify.connector).and_then(|it| it.trigger(&verify.trigger));
    if let Some(Kind::Webhook(webhook)) = named.map(|it| &it.kind)
        && matches!(webhook.receive.verify, Verify::None)
    {
        let message = format!("`{}` of `{}` checks nothing", verify.trigger, verify.connector);
        sink.push(Diagnostic::new(RULE.code, verify.span, message));
    }
}

/// A condition that looks at the headers is the flow's own check, such as of an API key.
fn asks_for_header(trigger: &Trigger) -> bool {
    trigger.conditions.iter().any(|it| it.template.source().to_lowercase().contains("headers"))
}

/// The kinds of the cloud that only a signed-in person or another product calls.
fn is_called_by_platform(request: &Request) -> bool {
    request.kind.as_deref().is_some_and(|it| !it.eq_ignore_ascii_case("Http"))
}

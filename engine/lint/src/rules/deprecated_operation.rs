//! An operation or a trigger that its connector has only for older flows.

use base::{Diagnostic, Sink, Span, code};
use connector::Connector;
use flow::{ActionId, ActionKind, Trigger, TriggerKind, actions::api_connection::Target};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::DEPRECATED_OPERATION,
    phase: Phase::Project,
    summary: "An operation or a trigger is used that the connector has only for older flows.",
    hooks: Hooks { action: Some(action), trigger: Some(trigger), ..Hooks::NONE },
};

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let ActionKind::ApiConnection(call) = &view.flow.action(id).kind else { return };
    let Target::Operation(id) = &call.target else { return };
    let Some(connector) = view.connector(&call.connection) else { return };
    if let Some(instead) = connector.operation(id).and_then(|it| it.deprecated.as_deref()) {
        report(connector, (id, call.target_span), instead, sink);
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let TriggerKind::ApiConnection(on) = &trigger.kind else { return };
    let Some(connector) = view.connector(&on.connection) else { return };
    if let Some(instead) = connector.trigger(&on.operation).and_then(|it| it.deprecated.as_deref())
    {
        report(connector, (&on.operation, on.span), instead, sink);
    }
}

fn report(connector: &Connector, (id, span): (&str, Span), instead: &str, sink: &mut Sink) {
    let message = format!("`{id}` of `{}` is deprecated", connector.name);
    let found = Diagnostic::new(RULE.code, span, message);
    if instead.is_empty() {
        return sink.push(found);
    }
    // The inputs of the new one may be others.
    let title = format!("Use `{instead}`");
    let mut found = found.hint(format!("use `{instead}`")).unsafe_fix(span, instead, title);
    if let Some(fix) = &mut found.fix {
        fix.replaces = Some(id.to_owned());
    }
    sink.push(found);
}

//! Checks that every front end makes: names, types of constants, connections.

use std::collections::BTreeSet;

use base::{Diagnostic, Severity, Sink, Span, code, limits, suggest};
use expr::Dialect;
use serde_json::Value;
use yaml::Node;

use crate::{
    actions::ActionKind,
    model::{Flow, ParameterType},
    reader::is_deployment_text,
    triggers::TriggerKind,
};

/// A name must have a letter and no control characters, and must not be too long.
pub(crate) fn name(sink: &mut Sink, name: &str, span: Span, what: &str) {
    let length = name.chars().count();
    let message = if name.trim().is_empty() {
        format!("the name of this {what} is empty")
    } else if limits::NAME_CHARS_MAX < length {
        let most = limits::NAME_CHARS_MAX;
        format!("the name of this {what} has {length} characters; at most {most} are allowed")
    } else if name.chars().any(char::is_control) {
        format!("the name of this {what} has control characters")
    } else {
        return;
    };
    sink.push(Diagnostic::new(code::INVALID_NAME, span, message));
}

/// A constant of a declared type; one of another type is reported and taken as it is.
pub(crate) fn typed(sink: &mut Sink, node: &Node, ty: ParameterType, what: &str) -> Value {
    let value = node.to_json();
    if let Some(text) = value.as_str().filter(|it| is_deployment_text(it)) {
        let message = format!("`{text}` is known only when the flow is deployed");
        let mut found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
        found.severity = Severity::Warning;
        sink.push(found.hint("write the value here"));
    } else if !value.is_null() && !ty.accepts(&value) {
        sink.wrong_type(node.span, what, ty.described(), node.kind_name());
    }
    value
}

/// Every connection that is used must be declared.
pub(crate) fn connections(flow: &Flow, sink: &mut Sink) {
    let actions = flow.actions.iter().filter_map(|it| match &it.kind {
        ActionKind::ApiConnection(call) => Some((call.connection.as_str(), call.target_span)),
        _ => None,
    });
    let triggers = flow.triggers.iter().filter_map(|it| match &it.kind {
        TriggerKind::ApiConnection(on) => Some((on.connection.as_str(), on.span)),
        _ => None,
    });
    let declared: BTreeSet<&str> = flow.connections.iter().map(|it| it.name.as_str()).collect();
    for (name, span) in triggers.chain(actions) {
        if name.is_empty() || declared.contains(name) {
            continue;
        }
        let message = format!("there is no connection `{name}`");
        let found = Diagnostic::new(code::UNKNOWN_CONNECTION, span, message);
        sink.push(match suggest::closest(name, declared.iter().copied().take(SUGGESTED_MAX)) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.hint(format!("declare it: `connections: {{ {name}: connector }}`")),
        });
    }
}

/// What answers a caller needs one. The cloud saves it without, and it fails when it is reached.
pub(crate) fn answers(flow: &Flow, sink: &mut Sink) {
    if flow.triggers.is_empty() || flow.triggers.iter().any(|it| it.kind.is_callable()) {
        return;
    }
    let answers = flow.actions.iter().filter(|it| matches!(it.kind, ActionKind::Response(_)));
    for action in answers {
        let message = format!("`{}` has nobody to answer", action.display);
        let mut found = Diagnostic::new(code::WRONG_TYPE, action.name_span, message);
        found.severity = Severity::Warning;
        let hint = "only a flow with a `request`, `manual` or `flow` trigger has a caller";
        sink.push(found.hint(hint));
    }
}

/// A static result that an action names must be there.
pub(crate) fn static_results(flow: &Flow, sink: &mut Sink) {
    for action in flow.with_static_results() {
        let name = action.static_result.as_deref().unwrap_or_default();
        if flow.static_results.contains_key(name) {
            continue;
        }
        let message = format!("there is no static result `{name}` for `{}`", action.display);
        let found = lenient(flow, Diagnostic::new(code::MISSING_KEY, action.name_span, message));
        let known = flow.static_results.keys().map(String::as_str).take(SUGGESTED_MAX);
        sink.push(match suggest::closest(name, known) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.hint("add it to `staticResults` of the flow"),
        });
    }
}

/// What the cloud saves, or finds only when it runs, is a warning there.
fn lenient(flow: &Flow, mut found: Diagnostic) -> Diagnostic {
    if flow.dialect == Dialect::Wdl {
        found.severity = Severity::Warning;
    }
    found
}

/// Connections that are considered for a suggestion; a real flow has a handful.
const SUGGESTED_MAX: usize = 50;

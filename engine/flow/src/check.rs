//! Checks that every front end makes: names, types of constants, connections.

use std::collections::BTreeSet;

use base::{Diagnostic, Sink, Span, code, limits, suggest};
use serde_json::Value;
use yaml::Node;

use crate::{
    actions::ActionKind,
    model::{Flow, ParameterType},
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
    if !value.is_null() && !ty.accepts(&value) {
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

/// Connections that are considered for a suggestion; a real flow has a handful.
const SUGGESTED_MAX: usize = 50;

//! Where findings are in a flow, by the names that designers show: `actions/Sync/actions/Create`.

use base::{Source, Span};
use expr::Dialect;
use flow::{ActionId, ActionKind, Flow};

/// The action or trigger that a place is in.
pub(crate) fn at(source: &Source, flow: &Flow, span: Span) -> Option<String> {
    action(flow, span).map(|id| path(flow, id)).or_else(|| trigger(source, flow, span))
}

/// The innermost action around a place.
fn action(flow: &Flow, span: Span) -> Option<ActionId> {
    let holds = |outer: Span| outer.start <= span.start && span.end <= outer.end;
    let around =
        flow.actions.iter().enumerate().filter(|(_, it)| holds(it.span) || holds(it.name_span));
    around.min_by_key(|(_, it)| it.span.end - it.span.start).map(|(id, _)| id)
}

/// The trigger whose name stands here, or nearest before it in the part of triggers.
fn trigger(source: &Source, flow: &Flow, span: Span) -> Option<String> {
    let before = flow.triggers.iter().filter(|it| it.span.start <= span.start);
    let trigger = before.max_by_key(|it| it.span.start)?;
    let between = source.text().get(trigger.span.start..span.start)?;
    // Another part of the file begins at its left edge.
    let is_over = match flow.dialect {
        Dialect::Flowright => {
            between.lines().skip(1).any(|it| it.starts_with(|c: char| c.is_ascii_alphabetic()))
        }
        Dialect::Wdl => span != trigger.span,
    };
    (!is_over).then(|| format!("triggers/{}", escaped(trigger.name.as_str())))
}

/// The names of an action and of all containers around it.
fn path(flow: &Flow, id: ActionId) -> String {
    let own = format!("actions/{}", escaped(flow.action(id).name.as_str()));
    match flow.action(id).parent {
        Some(parent) => format!("{}/{}{own}", path(flow, parent), branch(flow, parent, id)),
        None => own,
    }
}

/// The branch of a container in which an action stands, as definitions of the cloud write it.
fn branch(flow: &Flow, parent: ActionId, id: ActionId) -> String {
    match &flow.action(parent).kind {
        ActionKind::Condition(it) if it.otherwise.actions.contains(&id) => "else/".to_owned(),
        ActionKind::Switch(it) if it.default.actions.contains(&id) => "default/".to_owned(),
        ActionKind::Switch(it) => it
            .cases
            .iter()
            .find(|it| it.block.actions.contains(&id))
            .map(|it| format!("cases/{}/", escaped(&it.name)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// A name as JSON Pointer writes it.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

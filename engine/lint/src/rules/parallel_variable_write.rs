//! A variable that is written at the same time from several places.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code};
use expr::{Dialect, Tree, What};
use flow::{
    ActionId, ActionKind,
    actions::variables::{Change, Variables},
};
use serde_json::Value;

use crate::{
    order::{self, Order},
    rule::{Hooks, Phase, Rule},
    view::{Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::PARALLEL_VARIABLE_WRITE,
    phase: Phase::File,
    summary: "A variable is written at the same time from several places.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

/// Writers of one variable that are compared with each other; more would take too long.
const COMPARED_MAX: usize = 100;

/// An action that writes a variable.
struct Write<'a> {
    id: ActionId,
    how: How,
    span: Span,
    name: &'a str,
    /// What is written, if it is always the same.
    value: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Set,
    Count,
    Append,
}

fn check(view: &View<'_>, sink: &mut Sink) {
    for writes in writes(view).values() {
        in_loops(view, writes, sink);
        in_branches(view, writes, sink);
    }
}

fn writes<'a>(view: &View<'a>) -> BTreeMap<String, Vec<Write<'a>>> {
    let mut all: BTreeMap<String, Vec<Write<'_>>> = BTreeMap::new();
    for (id, action) in view.flow.actions.iter().enumerate() {
        let ActionKind::Variables(variables) = &action.kind else { continue };
        let (how, change): (How, &Change) = match variables {
            Variables::Initialize(_) => continue,
            Variables::Set(it) => (How::Set, it),
            Variables::Increment(it) | Variables::Decrement(it) => (How::Count, it),
            Variables::Append(it) => (How::Append, it),
        };
        let value = change.value.as_ref().and_then(Tree::constant);
        let write = Write { id, how, span: change.span, name: &change.name, value };
        all.entry(change.name.to_lowercase()).or_default().push(write);
    }
    all
}

/// Passes of a loop that run at the same time share the variable.
fn in_loops(view: &View<'_>, writes: &[Write<'_>], sink: &mut Sink) {
    let mut loops: BTreeMap<ActionId, Vec<&Write<'_>>> = BTreeMap::new();
    for write in writes {
        if let Some((id, _)) = concurrent_loop(view, write.id) {
            loops.entry(id).or_default().push(write);
        }
    }
    for (id, writes) in loops {
        let Some(first) = writes.iter().find(|it| it.how != How::Count).or_else(|| writes.first())
        else {
            continue;
        };
        let is_read = is_read(view, first.name, id);
        let same = writes
            .iter()
            .all(|it| it.how == How::Set && it.value.is_some() && it.value == first.value);
        if same || (first.how == How::Count && !is_read) {
            continue;
        }
        let found = Diagnostic::new(RULE.code, first.span, message(view, first, id, is_read));
        let found = found.hint(hint(first.how));
        // One pass surely reads what another has set only if the value is that of a pass.
        let is_mixed = first.how == How::Set && is_read && first.value.is_none();
        push(view, found, is_mixed, sink);
    }
}

fn message(view: &View<'_>, write: &Write<'_>, id: ActionId, is_read: bool) -> String {
    let (name, around) = (write.name, &view.flow.action(id).display);
    let what = match write.how {
        How::Append => "get their places in it in any order",
        How::Set if is_read => "read in it what others have set",
        How::Set => "leave in it what the last of them has set",
        How::Count => "read in it what others have counted",
    };
    format!("passes of `{around}` run side by side and share `{name}`: they {what}")
}

const fn hint(how: How) -> &'static str {
    match how {
        How::Append => "use `select` if each item gives one, or `concurrency: 1`",
        How::Set | How::Count => {
            "use `compose`, of which each pass has its own, or `concurrency: 1`"
        }
    }
}

fn concurrent_loop(view: &View<'_>, id: ActionId) -> Option<(ActionId, usize)> {
    view.flow.ancestors(id).find_map(|around| match &view.flow.action(around).kind {
        ActionKind::Foreach(it) if 1 < it.concurrency => Some((around, it.concurrency)),
        _ => None,
    })
}

fn is_read(view: &View<'_>, name: &str, around: ActionId) -> bool {
    view.usages().iter().any(|usage| {
        let Owner::Action(id) = usage.place.owner else { return false };
        let is_it =
            |what: &What| matches!(what, What::Variable { name: it } if it.eq_ignore_ascii_case(name));
        view.flow.ancestors(id).any(|it| it == around) && usage.uses.iter().any(|it| is_it(&it.what))
    })
}

/// Branches that run side by side.
fn in_branches(view: &View<'_>, writes: &[Write<'_>], sink: &mut Sink) {
    let writes = writes.get(..COMPARED_MAX).unwrap_or(writes);
    for (at, write) in writes.iter().enumerate() {
        let before = writes.iter().take(at);
        let other = before
            .filter(|it| matters(it, write))
            .find(|it| order::between(view, it.id, write.id) == Order::Parallel);
        let Some(other) = other else { continue };
        let message = format!("`{}` is written in two branches that run side by side", write.name);
        let found = Diagnostic::new(RULE.code, write.span, message)
            .label(other.span, "the other one")
            .hint("let one run after the other, or use two variables");
        let both_set = write.how == How::Set && other.how == How::Set;
        let surely = both_set && is_certain(view, write.id, other.id);
        push(view, found, surely, sink);
    }
}

/// In the cloud loops run side by side unless they are told not to, and most get away with it.
fn push(view: &View<'_>, found: Diagnostic, surely: bool, sink: &mut Sink) {
    let is_error = surely && view.flow.dialect == Dialect::Flowright;
    sink.push(if is_error { found } else { found.warning() });
}

/// Whether the order of two writes makes a difference.
fn matters(one: &Write<'_>, other: &Write<'_>) -> bool {
    let both = |how| one.how == how && other.how == how;
    let same = both(How::Set) && one.value.is_some() && one.value == other.value;
    !same && !both(How::Count)
}

/// Whether both surely run: no condition, loop or switch decides about one of them.
fn is_certain(view: &View<'_>, one: ActionId, other: ActionId) -> bool {
    let Some((a, b)) = order::siblings(view.flow, one, other) else { return false };
    let plain = |id: ActionId, top: ActionId| {
        view.flow
            .ancestors(id)
            .take_while(|_| id != top)
            .take_while(|it| view.flow.action(*it).parent != view.flow.action(top).parent)
            .chain((id != top).then_some(top))
            .all(|it| matches!(view.flow.action(it).kind, ActionKind::Scope(_)))
    };
    plain(one, a) && plain(other, b)
}

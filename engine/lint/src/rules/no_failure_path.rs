//! A flow that changes something outside, and in which nothing happens when that fails.

use base::{Diagnostic, Sink, Status, code};
use flow::{ActionKind, TriggerKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
    work::writes,
};

pub(super) const RULE: Rule = Rule {
    code: code::NO_FAILURE_PATH,
    phase: Phase::File,
    summary: "A flow changes something outside, and nothing in it runs when that fails.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let flow = view.flow;
    let handles = flow.actions.iter().flat_map(|it| &it.run_after).any(|it| {
        [Status::Failed, Status::TimedOut].iter().any(|status| it.statuses.contains(*status))
    });
    // Somebody waits for the answer, or for the end, and learns of the failure.
    let has_caller = flow.actions.iter().any(|it| matches!(it.kind, ActionKind::Response(_)))
        || flow.triggers.iter().any(|it| match &it.kind {
            TriggerKind::Flow(_) | TriggerKind::Manual(_) => true,
            TriggerKind::Request(it) => {
                it.kind.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case("Http"))
            }
            _ => false,
        });
    if handles || has_caller {
        return;
    }
    let Some(first) = flow.actions.iter().find(|it| writes(&it.kind)) else { return };
    let message = format!("nothing in this flow runs when `{}` fails", first.display);
    let found = Diagnostic::new(RULE.code, first.name_span, message);
    sink.push(
        found.hint("put it into a `scope`, and behind that an action that runs after `Failed`"),
    );
}

//! A caller that is answered only after something that may take longer than it waits.

use base::{Diagnostic, Duration, Sink, code, limits};
use flow::{ActionId, ActionKind, TriggerKind, actions::wait::Wait};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
    work::{asks_service, inside},
};

pub(super) const RULE: Rule = Rule {
    code: code::LATE_ACKNOWLEDGE,
    phase: Phase::File,
    summary: "A caller is answered only after something that may take longer than it waits.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let flow = view.flow;
    if !flow.triggers.iter().any(|it| matches!(it.kind, TriggerKind::Request(_))) {
        return;
    }
    let is_response = |id: &ActionId| {
        let action = flow.action(*id);
        matches!(action.kind, ActionKind::Response(_)) && !action.has_option("Asynchronous")
    };
    let mut responses = (0..flow.actions.len()).filter(is_response);
    let late = responses.find_map(|id| {
        let slow = (0..flow.actions.len()).find_map(|slow| {
            let reason = reason(view, slow)?;
            view.upstream.is_before(slow, id).then_some((slow, reason))
        });
        Some((id, slow?))
    });
    let Some((id, (slow, reason))) = late else { return };
    let slow = flow.action(slow);
    let seconds = patience(view);
    let message = format!("the caller waits for `{}`, {reason}", slow.display);
    let found = Diagnostic::new(RULE.code, flow.action(id).name_span, message);
    sink.push(
        found
            .label(slow.name_span, "this comes before the answer")
            .hint(format!("answer before: callers give up after {seconds} seconds")),
    );
}

/// Why an action may take longer than a caller waits.
fn reason(view: &View<'_>, id: ActionId) -> Option<&'static str> {
    let kind = &view.flow.action(id).kind;
    match kind {
        ActionKind::Wait(wait) => {
            is_long(wait, patience(view)).then_some("which takes longer than callers wait")
        }
        ActionKind::Until(_) => inside(view, id)
            .any(|it| matches!(view.flow.action(it).kind, ActionKind::Wait(_)))
            .then_some("which looks again and again until something has happened"),
        ActionKind::Foreach(_) => inside(view, id)
            .any(|it| {
                let action = view.flow.action(it);
                asks_service(&action.kind)
                    && view.flow.ancestors(it).filter(|it| is_foreach(view, *it)).count() > 1
            })
            .then_some("which asks a service for every item of a list in a list"),
        _ if kind.waits_for_call() => Some("which goes on only when somebody calls back"),
        _ => None,
    }
}

fn is_foreach(view: &View<'_>, id: ActionId) -> bool {
    matches!(view.flow.action(id).kind, ActionKind::Foreach(_))
}

/// Seconds that callers wait.
fn patience(view: &View<'_>) -> usize {
    let usual = usize::try_from(limits::ANSWER_WAIT_SECONDS).unwrap_or(usize::MAX);
    view.settings.number(RULE.code.slug, "seconds", usual)
}

fn is_long(wait: &Wait, longest: usize) -> bool {
    let longest = i64::try_from(longest).unwrap_or(i64::MAX);
    let seconds = match wait {
        Wait::Duration(tree) => {
            let text = tree.constant().and_then(|it| it.as_str().map(str::to_owned));
            text.and_then(|it| Duration::parse_iso(&it)).map(Duration::ticks)
        }
        Wait::Interval { count, unit } => {
            let count = count.constant().and_then(|it| it.as_i64());
            let unit = unit.constant().and_then(|it| it.as_str().and_then(seconds_of));
            count.zip(unit).map(|(count, unit)| {
                Duration::seconds(1).ticks().saturating_mul(count.saturating_mul(unit))
            })
        }
        Wait::Until(_) => None,
    };
    seconds.is_some_and(|it| Duration::seconds(longest).ticks() <= it)
}

fn seconds_of(unit: &str) -> Option<i64> {
    const UNITS: &[(&str, i64)] = &[
        ("second", 1),
        ("minute", 60),
        ("hour", 3_600),
        ("day", 86_400),
        ("week", 604_800),
        ("month", 2_592_000),
    ];
    UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, seconds)| *seconds)
}

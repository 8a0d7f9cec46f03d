//! A cron expression that cannot be read, never fires, or fires at other times than it seems.

use base::{Diagnostic, Severity, Sink, Span, Timestamp, code};
use flow::{Schedule, Trigger, TriggerKind, triggers::recurrence::Recurrence};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::INVALID_CRON,
    phase: Phase::File,
    summary: "A cron expression that cannot be read, never fires, or fires at other times than it seems.",
    hooks: Hooks { trigger: Some(check), found: Some(example), ..Hooks::NONE },
};

/// Firings that are told.
const TOLD: usize = 3;

fn check(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let TriggerKind::Recurrence(recurrence) = &trigger.kind else { return };
    let Recurrence::Cron { expression, .. } = recurrence else { return };
    // What cannot be read was reported by the reader.
    let Ok(schedule) = Schedule::new(recurrence) else { return };
    let span = place(view, trigger);
    let firings = firings(&schedule, view.settings.now());
    if firings.is_empty() {
        let found = Diagnostic::new(RULE.code, span, format!("`{expression}` never fires"));
        sink.push(found.hint("there is no such day in any year"));
    } else if let Some(fault) = misleading(expression) {
        let mut found = Diagnostic::new(RULE.code, span, fault);
        found.severity = Severity::Warning;
        sink.push(found.hint(format!("next: {}", firings.join(", "))));
    }
}

/// What can be read, beside what cannot.
const EXAMPLE: &str = "0 8 * * 1-5";

fn example(view: &View<'_>, found: &mut Diagnostic) {
    let example = Recurrence::Cron { expression: EXAMPLE.to_owned(), time_zone: None };
    let Ok(schedule) = Schedule::new(&example) else { return };
    let firings = firings(&schedule, view.settings.now()).join(", ");
    found.hint = Some(format!(
        "minute, hour, day of the month, month and day of the week: `{EXAMPLE}` fires {firings}"
    ));
}

/// Where the expression stands.
fn place(view: &View<'_>, trigger: &Trigger) -> Span {
    let recurrence = view.locator().entry(trigger.span, &["recurrence"]);
    let cron = recurrence.and_then(|it| it.value.get("cron"));
    cron.map_or(trigger.span, |it| it.span)
}

/// The next firings as clocks show them in UTC.
fn firings(schedule: &Schedule, now: Timestamp) -> Vec<String> {
    let next = |at: &Timestamp| schedule.next(now, *at);
    let all = std::iter::successors(next(&now), next).take(TOLD);
    all.map(|it| it.to_string()).map(|it| minutes(&it)).collect()
}

/// An instant without what is always zero.
fn minutes(instant: &str) -> String {
    let (seconds, _) = instant.split_once('.').unwrap_or((instant.trim_end_matches('Z'), ""));
    let short = seconds.strip_suffix(":00").unwrap_or(seconds);
    format!("{}Z", short.replace('T', " "))
}

/// What people write when they mean something else.
fn misleading(expression: &str) -> Option<String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let (second, rest) = match fields.as_slice() {
        [second, rest @ ..] if rest.len() == 5 => (Some(*second), rest),
        rest => (None, rest),
    };
    let [minute, hour, month_day, _, week_day] = rest else { return None };
    let is_any = |it: &str| it == "*" || it == "?";
    if second.is_some_and(is_any) {
        return Some("of six fields the first is the second: this fires every second".to_owned());
    }
    if is_any(minute) && !is_any(hour) {
        return Some(format!("the minute is `{minute}`: this fires every minute of that hour"));
    }
    if !is_any(month_day) && !is_any(week_day) {
        let message = "a day of the month and a day of the week: this fires on either of them";
        return Some(message.to_owned());
    }
    let uneven =
        [("minute", *minute, 60), ("hour", *hour, 24)].into_iter().find(|(_, it, whole)| {
            let step = it.strip_prefix("*/").and_then(|it| it.parse::<u32>().ok());
            step.is_some_and(|it| 0 < it && it < *whole && whole % it != 0)
        });
    uneven.map(|(unit, field, whole)| {
        format!("`{field}` begins anew with every {}: {whole} cannot be divided by it", above(unit))
    })
}

fn above(unit: &str) -> &'static str {
    if unit == "minute" { "hour" } else { "day" }
}

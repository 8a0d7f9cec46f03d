//! Whoever starts the flow decides which host it calls.

use base::{Diagnostic, Sink, code};
use flow::{ActionId, ActionKind, Trigger};

use crate::{
    given::{self, Use},
    rule::{Hooks, Phase, Rule},
    sources::Part,
    taint,
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::SSRF,
    phase: Phase::Types,
    summary: "The host of a request is taken from the trigger.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    if is_checked(view, id) {
        return;
    }
    let place = Place::start(Owner::Action(id));
    for (to, tree) in given::values(view.flow.action(id)) {
        if to != Use::Request("uri") {
            continue;
        }
        given::placed(tree, &mut |_, placed| {
            let parts = view.parts(placed, place);
            for (nth, part) in parts.iter().enumerate() {
                let Part::Value(range, all) = part else { continue };
                let encoded = ["encodeUriComponent", "uriComponent"];
                let loose = all
                    .iter()
                    .any(|it| taint::is_any_text(it) && !taint::passes(it, &encoded, &[]));
                if !loose || !is_before_host(&parts, nth) {
                    continue;
                }
                let message = "the trigger decides which host is called";
                let found = Diagnostic::new(RULE.code, placed.place(range), message);
                sink.push(found.hint(
                    "write the host, or take it from a parameter; else compare `uriHost(…)` with \
                     those that are meant, before",
                ));
            }
        });
    }
}

/// Whether the host of an address is not over where this part stands.
pub(super) fn is_before_host(parts: &[Part], nth: usize) -> bool {
    let before = parts.iter().take(nth).map(|it| match it {
        Part::Text(text) => text.as_str(),
        Part::Value(..) => "x",
    });
    let before: String = before.collect();
    match before.trim_start().split_once("://") {
        Some((_, rest)) => !rest.contains(['/', '?', '#']),
        // A value that is no text from outside may be the whole beginning of the address.
        None => !before.contains(['/', '?', '#']) && nth == 0,
    }
}

/// Whether a condition has looked at the host, or at how the address begins.
fn is_checked(view: &View<'_>, id: ActionId) -> bool {
    let flow = view.flow;
    let looks = |text: &str| {
        let text = text.to_lowercase();
        text.contains("urihost(") || text.contains("startswith(") || text.contains("startswith\"")
    };
    let asks = |trigger: &Trigger| trigger.conditions.iter().any(|it| looks(it.template.source()));
    if flow.triggers.iter().any(asks) {
        return true;
    }
    let conditions = flow.actions.iter().enumerate().filter_map(|(at, action)| {
        let ActionKind::Condition(it) = &action.kind else { return None };
        let around = flow.ancestors(id).any(|it| it == at);
        (around || view.upstream.is_before(at, id)).then_some(&it.condition)
    });
    conditions.into_iter().any(|condition| {
        let mut found = has_starts_with(condition);
        condition.templates(&mut |placed| found |= looks(placed.template.source()));
        found
    })
}

fn has_starts_with(condition: &expr::condition::Condition) -> bool {
    use expr::condition::{Condition, Operator};
    match condition {
        Condition::Template(_) => false,
        Condition::And(all) | Condition::Or(all) => all.iter().any(has_starts_with),
        Condition::Not(inner) => has_starts_with(inner),
        Condition::Compare { operator, .. } => *operator == Operator::StartsWith,
    }
}

//! An operand in single quotes that is not an expression: it is compared with its quotes.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code};
use expr::{Tree, condition::Condition};
use serde_json::Value;

use crate::{
    locate,
    rule::{Asked, Hooks, Phase, Rule},
    view::{Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::QUOTED_LITERAL,
    phase: Phase::File,
    summary: "An operand has single quotes around it, which are compared with the rest.",
    hooks: Hooks { condition: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let mut operands = Vec::new();
    collect(asked.condition, &mut operands);
    if operands.is_empty() {
        return;
    }
    let owner = match asked.place.owner {
        Owner::Action(id) => view.flow.action(id),
        // The other conditions are one string.
        Owner::Trigger | Owner::Outputs | Owner::Mapping => return,
    };
    // The condition alone: the actions in its branches have operands of their own.
    let entry =
        view.locator().entry(owner.name_span, &["if", "until", "filter", "expression", "inputs"]);
    let mut places: BTreeMap<&str, std::vec::IntoIter<Span>> = BTreeMap::new();
    for text in operands {
        let texts = || entry.map(|it| locate::texts(&it.value, text)).unwrap_or_default();
        let span = places.entry(text).or_insert_with(|| texts().into_iter()).next();
        let inner = text.trim_matches('\'');
        let message = format!("the quotes are part of the value: this is compared with `{text}`");
        let found = Diagnostic::new(RULE.code, span.unwrap_or(owner.name_span), message);
        sink.push(found.hint(format!("write `{inner}`: texts need quotes in expressions only")));
    }
}

fn collect<'a>(condition: &'a Condition, found: &mut Vec<&'a str>) {
    match condition {
        Condition::Template(_) => {}
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|it| collect(it, found)),
        Condition::Not(inner) => collect(inner, found),
        Condition::Compare { operands, .. } => found.extend(operands.iter().filter_map(quoted)),
    }
}

/// A text that begins and ends with a quote and has none between: not words such as `'tis`, nor an
/// expression whose `@` was forgotten.
fn quoted(operand: &Tree) -> Option<&str> {
    let Tree::Value(Value::String(text)) = operand else { return None };
    let inner = text.strip_prefix('\'').and_then(|it| it.strip_suffix('\''))?;
    (!inner.contains('\'')).then_some(text)
}

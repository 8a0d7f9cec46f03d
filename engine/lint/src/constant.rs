//! Conditions and values whose result is known before the flow runs.

use base::Span;
use expr::{
    Context, Notation, Placed, Template, Tree, What,
    condition::{Condition, Operator},
    functions::{self, Eval},
};
use serde_json::Value;

use crate::{
    rule::Asked,
    view::{Owner, View},
};

/// Nothing can be asked.
struct Nothing;

impl Context for Nothing {}

/// What a condition always gives, if that can be known.
pub(crate) fn truth(condition: &Condition) -> Option<bool> {
    match condition {
        Condition::Template(placed) => value(&placed.template)?.as_bool(),
        Condition::Not(inner) => truth(inner).map(|it| !it),
        Condition::And(all) => join(all, false),
        Condition::Or(all) => join(all, true),
        Condition::Compare { operator, operands } => {
            if *operator == Operator::Equals && is_same(operands) {
                return Some(true);
            }
            operands.iter().all(is_constant).then_some(())?;
            condition.eval(&Nothing).ok()
        }
    }
}

/// One part decides if it is `decisive`; else all must be known.
fn join(parts: &[Condition], decisive: bool) -> Option<bool> {
    let truths: Vec<Option<bool>> = parts.iter().map(truth).collect();
    if truths.contains(&Some(decisive)) {
        return Some(decisive);
    }
    truths.iter().all(Option::is_some).then_some(!decisive)
}

/// Whether two operands are the same text, and give the same each time they are computed.
fn is_same(operands: &[Tree]) -> bool {
    let [Tree::Template(one), Tree::Template(other)] = operands else { return false };
    let is_stable = |it: &expr::Use| match &it.what {
        What::Function { name, .. } => {
            functions::find(name).is_some_and(|it| !CHANGING.contains(&it.name))
        }
        _ => true,
    };
    one.template.source() == other.template.source() && one.template.uses().iter().all(is_stable)
}

/// Functions that may give something else each time.
pub(crate) const CHANGING: &[&str] = &["guid", "rand", "utcNow"];

fn is_constant(tree: &Tree) -> bool {
    match tree {
        Tree::Value(_) => true,
        Tree::Template(placed) => value(&placed.template).is_some(),
        Tree::Array(items) => items.iter().all(is_constant),
        Tree::Object(entries) => {
            let is_plain = |key: &expr::Key| matches!(key, expr::Key::Plain(_));
            entries.iter().all(|(key, tree)| is_plain(key) && is_constant(tree))
        }
    }
}

/// What a string always gives, if it asks for nothing.
fn value(template: &Template) -> Option<Value> {
    if let Some(literal) = template.literal() {
        return Some(literal.clone());
    }
    if !matches!(template.notation(), Notation::Expression | Notation::Interpolation) {
        return None;
    }
    let is_pure = |it: &expr::Use| match &it.what {
        What::Function { name, .. } => {
            functions::find(name).is_some_and(|it| matches!(it.eval, Eval::Pure(_) | Eval::Lazy(_)))
        }
        _ => false,
    };
    if !template.uses().iter().all(is_pure) {
        return None;
    }
    template.eval(&Nothing).ok()
}

/// Whether the reader has put this in the place of a condition that it could not read.
pub(crate) fn is_made_up(view: &View<'_>, condition: &Condition) -> bool {
    let Condition::Template(placed) = condition else { return false };
    let source = placed.template.source();
    let text = view.source.text().get(placed.span.start..placed.span.end).unwrap_or("");
    ["true", "false"].contains(&source) && !text.trim().eq_ignore_ascii_case(source)
}

/// Where a condition stands: its first string in which something is computed, else the key that it
/// belongs to.
pub(crate) fn place_of(view: &View<'_>, asked: &Asked<'_>, condition: &Condition) -> Option<Span> {
    let mut first: Option<Span> = None;
    condition.templates(&mut |placed: &Placed| {
        first.get_or_insert(placed.span);
    });
    if first.is_some_and(|it| it != Span::default()) {
        return first;
    }
    let Owner::Action(id) = asked.place.owner else { return None };
    let name = view.flow.action(id).name_span;
    let entry = view.locator().entry(name, &["if", "until", "filter", "expression"]);
    Some(entry.map_or(name, |it| it.key.span))
}

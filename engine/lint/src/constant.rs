//! Conditions and values whose result is known before the flow runs.

use std::borrow::Cow;

use base::Span;
use expr::{
    Context, Notation, Placed, Template, Tree, What,
    condition::{Condition, Operator},
    functions::{self, Eval},
};
use serde_json::{Map, Value, json};

use crate::{
    rule::Asked,
    view::{Owner, View},
};

/// What is known of a run before it starts: nothing, or the trigger that has started it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// The trigger's name.
    pub(crate) trigger: Option<&'a str>,
}

impl Context for Known<'_> {
    fn trigger(&self) -> Option<Cow<'_, Value>> {
        self.trigger.map(|name| Cow::Owned(json!({ "name": name })))
    }
}

/// What a condition always gives, if that can be known.
pub(crate) fn truth(condition: &Condition) -> Option<bool> {
    Known::default().truth(condition)
}

impl Known<'_> {
    /// What a condition gives in each such run, if that can be known.
    pub(crate) fn truth(&self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::Template(placed) => self.value(&placed.template)?.as_bool(),
            Condition::Not(inner) => self.truth(inner).map(|it| !it),
            Condition::And(all) => self.join(all, false),
            Condition::Or(all) => self.join(all, true),
            Condition::Compare { operator, operands } => {
                if *operator == Operator::Equals && is_same(operands) {
                    return Some(true);
                }
                let operands: Option<Vec<Value>> =
                    operands.iter().map(|it| self.value_of(it)).collect();
                let operands = operands?.into_iter().map(Tree::Value).collect();
                Condition::Compare { operator: *operator, operands }.eval(self).ok()
            }
        }
    }

    /// One part decides if it is `decisive`; else all must be known.
    fn join(&self, parts: &[Condition], decisive: bool) -> Option<bool> {
        let truths: Vec<Option<bool>> = parts.iter().map(|it| self.truth(it)).collect();
        if truths.contains(&Some(decisive)) {
            return Some(decisive);
        }
        truths.iter().all(Option::is_some).then_some(!decisive)
    }

    /// What a value is in each such run, if that can be known.
    pub(crate) fn value_of(&self, tree: &Tree) -> Option<Value> {
        match tree {
            Tree::Value(value) => Some(value.clone()),
            Tree::Template(placed) => self.value(&placed.template),
            Tree::Array(items) => items.iter().map(|it| self.value_of(it)).collect(),
            Tree::Object(entries) => {
                let entries = entries.iter().map(|(key, tree)| match key {
                    expr::Key::Plain(key) => Some((key.clone(), self.value_of(tree)?)),
                    expr::Key::Computed(_) => None,
                });
                entries.collect::<Option<Map<String, Value>>>().map(Value::Object)
            }
        }
    }

    /// What a string gives in each such run, if it asks for nothing else.
    fn value(&self, template: &Template) -> Option<Value> {
        if let Some(literal) = template.literal() {
            return Some(literal.clone());
        }
        match template.notation() {
            Notation::Expression | Notation::Interpolation => {}
            Notation::JsonPath if template.source() == "$.trigger.name" => {
                return self.trigger.map(Value::from);
            }
            Notation::JsonPath | Notation::Handlebars | Notation::Literal => return None,
        }
        let is_known = |it: &expr::Use| match &it.what {
            What::Function { name, .. } if name.eq_ignore_ascii_case("trigger") => {
                self.trigger.is_some() && asks_for_name(template.source())
            }
            What::Function { name, .. } => functions::find(name)
                .is_some_and(|it| matches!(it.eval, Eval::Pure(_) | Eval::Lazy(_))),
            _ => false,
        };
        template.uses().iter().all(is_known).then(|| template.eval(self).ok())?
    }
}

/// Whether a string asks for nothing of the trigger but its name.
fn asks_for_name(source: &str) -> bool {
    let folded: String = source.chars().filter(|it| !it.is_whitespace()).collect();
    let folded = folded.to_ascii_lowercase();
    folded.split("trigger()").skip(1).all(|behind| {
        let behind = behind.strip_prefix('?').unwrap_or(behind);
        let member = behind.strip_prefix(".name");
        behind.starts_with("['name']")
            || member.is_some_and(|it| !it.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
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

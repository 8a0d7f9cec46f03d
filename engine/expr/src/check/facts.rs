//! What a condition that holds, or does not, says about the values in it.

use serde_json::Value;

use super::Checker;
use crate::ast::{Base, Call, Expr, Node};
use crate::types::Type;

/// What is known of a value in one branch.
pub(super) struct Fact<'e> {
    about: &'e Expr,
    known: Known,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Known {
    Null,
    NotNull,
    /// Not null, and not empty if it is a list.
    Filled,
}

/// More are not remembered: each is compared with every expression after it.
const FACTS_MAX: usize = 200;

impl<'e> Checker<'e> {
    /// Remembers what follows from a condition; forget it with [`Self::forget`].
    pub(super) fn learn(&mut self, condition: &'e Expr, holds: bool) {
        let Node::Call(call) = &condition.node else {
            if holds {
                self.note(condition, Known::NotNull);
            }
            return;
        };
        let arguments = call.arguments.as_slice();
        match (call.canonical_name(), arguments) {
            ("not", [inner]) => self.learn(inner, !holds),
            ("and", all) if holds => all.iter().for_each(|it| self.learn(it, true)),
            ("or", all) if !holds => all.iter().for_each(|it| self.learn(it, false)),
            ("empty", [list]) if !holds => self.note(list, Known::Filled),
            ("contains", [holder, _]) if holds => self.note(holder, Known::NotNull),
            ("equals", [a, b]) => {
                self.learn_equal(a, b, holds);
                self.learn_equal(b, a, holds);
            }
            (name, [a, b]) => self.learn_count(name, a, b, holds),
            _ => {}
        }
    }

    fn learn_equal(&mut self, value: &'e Expr, other: &'e Expr, holds: bool) {
        let Node::Literal(literal) = &other.node else { return };
        match literal {
            Value::Null if holds => self.note(value, Known::Null),
            Value::Null => self.note(value, Known::NotNull),
            Value::Bool(truth) => self.learn(value, holds == *truth),
            _ if holds => self.note(value, Known::NotNull),
            _ => match &value.node {
                Node::Call(Call { arguments, .. }) if is_call(value, "length") => {
                    if literal == &Value::from(0)
                        && let [list] = arguments.as_slice()
                    {
                        self.note(list, Known::Filled);
                    }
                }
                Node::Call(Call { arguments, .. }) if is_call(value, "coalesce") => {
                    if let [value, otherwise] = arguments.as_slice()
                        && same(otherwise, other)
                    {
                        self.note(value, Known::NotNull);
                    }
                }
                _ => {}
            },
        }
    }

    /// `greater(length(list), 0)` and its like.
    fn learn_count(&mut self, name: &str, a: &'e Expr, b: &'e Expr, holds: bool) {
        let (name, a, b) = match name {
            "less" => ("greater", b, a),
            "lessOrEquals" => ("greaterOrEquals", b, a),
            name => (name, a, b),
        };
        // `length(list)` is at least so much.
        let (count, least) = match (name, holds, integer(a), integer(b)) {
            ("greater", true, _, Some(b)) => (a, b.saturating_add(1)),
            ("greaterOrEquals", true, _, Some(b)) => (a, b),
            ("greater", false, Some(a), _) => (b, a),
            ("greaterOrEquals", false, Some(a), _) => (b, a.saturating_add(1)),
            _ => return,
        };
        if let (true, Node::Call(Call { arguments, .. }), 1..) =
            (is_call(count, "length"), &count.node, least)
            && let [list] = arguments.as_slice()
        {
            self.note(list, Known::Filled);
        }
    }

    /// Remembers a fact and what follows from it for the values it is taken out of.
    pub(super) fn note(&mut self, about: &'e Expr, known: Known) {
        if FACTS_MAX <= self.facts.len() {
            return;
        }
        self.facts.push(Fact { about, known });
        if known == Known::Null {
            return;
        }
        match &about.node {
            Node::Access { object, .. } => self.note(object, Known::NotNull),
            Node::Call(Call { arguments, .. })
                if is_call(about, "first") || is_call(about, "last") =>
            {
                if let [list] = arguments.as_slice() {
                    self.note(list, Known::Filled);
                }
            }
            Node::Call(_) | Node::Literal(_) | Node::Path(_) | Node::Query(_) => {}
        }
    }

    /// The number of facts, to go back to.
    pub(super) const fn facts(&self) -> usize {
        self.facts.len()
    }

    pub(super) fn forget(&mut self, since: usize) {
        self.facts.truncate(since);
    }

    /// Takes away the facts that a block of Handlebars does not share: inside of it, a path from
    /// the block starts elsewhere.
    pub(super) fn facts_for_block(&mut self) -> Vec<Fact<'e>> {
        let outer = std::mem::take(&mut self.facts);
        let shared = |fact: &&Fact<'e>| match &fact.about.node {
            Node::Path(path) => path.base == Base::Root,
            Node::Literal(_) | Node::Call(_) | Node::Access { .. } | Node::Query(_) => false,
        };
        let copied = |fact: &Fact<'e>| Fact { about: fact.about, known: fact.known };
        self.facts = outer.iter().filter(shared).map(copied).collect();
        outer
    }

    /// What is left of a type after all that is known.
    pub(super) fn narrowed(&self, expr: &Expr, ty: Type) -> Type {
        self.facts.iter().filter(|fact| same(fact.about, expr)).fold(ty, |ty, fact| {
            match fact.known {
                Known::Null if ty.is_nullable() || ty.is_unknown() => Type::Null,
                Known::Null => Type::Never,
                Known::NotNull => ty.non_null(),
                Known::Filled => ty.non_null().filled(),
            }
        })
    }

    /// Whether a value is known to be there.
    pub(super) fn is_present(&self, expr: &Expr) -> bool {
        self.facts.iter().any(|fact| fact.known != Known::Null && same(fact.about, expr))
    }
}

pub(super) fn is_call(expr: &Expr, name: &str) -> bool {
    match &expr.node {
        Node::Call(call) => call.canonical_name() == name,
        Node::Literal(_) | Node::Access { .. } | Node::Path(_) | Node::Query(_) => false,
    }
}

fn integer(expr: &Expr) -> Option<i64> {
    match &expr.node {
        Node::Literal(value) => value.as_i64(),
        Node::Call(_) | Node::Access { .. } | Node::Path(_) | Node::Query(_) => None,
    }
}

/// Whether two expressions give the same value. `?` is not looked at: where both give a value it
/// is the same one.
fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.node, &b.node) {
        (Node::Literal(a), Node::Literal(b)) => a == b,
        (Node::Call(a), Node::Call(b)) => {
            a.canonical_name() == b.canonical_name()
                && !matches!(a.canonical_name(), "guid" | "rand")
                && a.arguments.len() == b.arguments.len()
                && a.arguments.iter().zip(&b.arguments).all(|(a, b)| same(a, b))
        }
        (
            Node::Access { object, key, .. },
            Node::Access { object: other_object, key: other_key, .. },
        ) => same(object, other_object) && same(key, other_key),
        (Node::Path(a), Node::Path(b)) => a.base == b.base && a.segments == b.segments,
        _ => false,
    }
}

//! Two keys are compared that may both be null, and then are equal.

use base::{Diagnostic, Sink, Span, code};
use expr::{
    Placed, Tree,
    check::{Given, Paths, Piece},
    condition::{Condition, Operator},
};
use flow::{ActionId, ActionKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::NULL_JOIN_KEY,
    phase: Phase::Types,
    summary: "A filter compares two keys that may both be null, and null equals null.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let ActionKind::Query(query) = &view.flow.action(id).kind else { return };
    let place = Place::start(Owner::Action(id)).each();
    let mut texts = String::new();
    query.condition.templates(&mut |placed| texts.push_str(placed.template.source()));
    // Somebody has thought of null, or of empty keys.
    let lower = texts.to_lowercase();
    if ["empty(", "null", "coalesce("].iter().any(|it| lower.contains(it)) {
        return;
    }
    let mut found = Vec::new();
    joins(view, &query.condition, place, &mut found);
    for span in found {
        let message =
            "if both keys are null they are equal, so that everything without a key matches";
        let diagnostic = Diagnostic::new(RULE.code, span, message);
        sink.push(diagnostic.hint("add `not(empty(…))` for one of them"));
    }
}

fn joins(view: &View<'_>, condition: &Condition, place: Place, found: &mut Vec<Span>) {
    match condition {
        Condition::Template(placed) => {
            let types = view.types_at(place);
            let calls = placed.template.calls(&["equals", "not"], &types, Paths::Run);
            let (opposites, equals): (Vec<_>, Vec<_>) =
                calls.into_iter().partition(|it| it.function == "not");
            for call in equals {
                let inside = |it: &Given| {
                    it.range.start <= call.range.start && call.range.end <= it.range.end
                };
                if !opposites.iter().any(inside) && call.arguments.iter().all(|it| may_be_null(it))
                {
                    found.push(placed.place(&call.range));
                }
            }
        }
        Condition::And(all) => all.iter().for_each(|it| joins(view, it, place, found)),
        Condition::Compare { operator: Operator::Equals, operands } => {
            let types = view.types_at(place);
            let both: Vec<&Placed> = operands
                .iter()
                .filter_map(|it| match it {
                    Tree::Template(placed) => Some(placed),
                    Tree::Value(_) | Tree::Array(_) | Tree::Object(_) => None,
                })
                .collect();
            let nullable = |it: &&Placed| may_be_null(&it.template.pieces(&types, Paths::Run));
            if let [one, other] = both.as_slice()
                && nullable(one)
                && nullable(other)
            {
                found.push(one.span);
            }
        }
        // One of several, or the opposite, is no join.
        Condition::Or(_) | Condition::Not(_) | Condition::Compare { .. } => {}
    }
}

/// Whether a side is a field that nobody knows to be there.
fn may_be_null(pieces: &[Piece]) -> bool {
    let [Piece::Value(_, origins)] = pieces else { return false };
    let [origin] = origins.as_slice() else { return false };
    let field = origin.path.iter().any(|it| it != "body");
    field && origin.through.is_empty() && (origin.ty.is_unknown() || origin.ty.is_nullable())
}

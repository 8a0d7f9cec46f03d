//! How two actions of a flow stand to each other: one after the other, one or the other, side by side.

use std::collections::{BTreeMap, BTreeSet};

use base::{Status, StatusSet};
use flow::{ActionId, Flow};

use crate::view::View;

/// How two actions stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// One is over before the other starts, or stands inside it.
    After,
    /// Never both in one pass.
    Either,
    /// Side by side.
    Parallel,
}

/// How two actions stand to each other.
pub(crate) fn between(view: &View<'_>, one: ActionId, other: ActionId) -> Order {
    let flow = view.flow;
    if view.upstream.is_before(one, other) || view.upstream.is_before(other, one) {
        return Order::After;
    }
    let Some((one, other)) = siblings(flow, one, other) else { return Order::After };
    if !beside(flow, one, other) {
        return Order::Either;
    }
    let (first, second) = (required(flow, one), required(flow, other));
    let excludes = |(id, statuses): (&ActionId, &StatusSet)| {
        second.get(id).is_some_and(|it| both(*it, *statuses).iter().next().is_none())
    };
    if first.iter().any(excludes) { Order::Either } else { Order::Parallel }
}

/// The two, or the containers around them, that stand in the same container; none if one is
/// inside the other.
pub(crate) fn siblings(
    flow: &Flow,
    one: ActionId,
    other: ActionId,
) -> Option<(ActionId, ActionId)> {
    let chain = |id: ActionId| {
        let mut chain: Vec<ActionId> = std::iter::once(id).chain(flow.ancestors(id)).collect();
        chain.reverse();
        chain
    };
    chain(one).into_iter().zip(chain(other)).find(|(a, b)| a != b)
}

/// Whether two children of a container stand in the same block of it.
fn beside(flow: &Flow, one: ActionId, other: ActionId) -> bool {
    let Some(parent) = flow.action(one).parent else { return true };
    let blocks = flow.action(parent).kind.blocks();
    blocks.iter().any(|it| it.actions.contains(&one) && it.actions.contains(&other))
}

/// How actions of its block must have ended for an action to start, as far as is known.
pub(crate) fn required(flow: &Flow, id: ActionId) -> BTreeMap<ActionId, StatusSet> {
    let mut all = BTreeMap::new();
    let mut seen = BTreeSet::from([id]);
    let mut open = vec![id];
    while let Some(id) = open.pop().filter(|_| seen.len() <= SEEN_MAX) {
        for after in &flow.action(id).run_after {
            let statuses = all.entry(after.predecessor).or_insert_with(|| after.statuses);
            *statuses = both(*statuses, after.statuses);
            let has_run = ![Status::Skipped, Status::Cancelled]
                .iter()
                .any(|status| after.statuses.contains(*status));
            if has_run && seen.insert(after.predecessor) {
                open.push(after.predecessor);
            }
        }
    }
    all
}

/// Predecessors that are looked at; what is known of fewer is true, too.
const SEEN_MAX: usize = 1_000;

/// The statuses in both sets.
fn both(one: StatusSet, other: StatusSet) -> StatusSet {
    one.iter().filter(|it| other.contains(*it)).collect()
}

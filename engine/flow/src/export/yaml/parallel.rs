//! Branches that start together and are waited for together: what `parallel` says in one place.

use std::collections::{BTreeMap, BTreeSet};

use base::StatusSet;

use crate::model::{Action, ActionId, Flow};

/// Whether an action runs after exactly these have succeeded, in this order.
pub(super) fn follows(action: &Action, before: &[ActionId]) -> bool {
    let after = &action.run_after;
    after.len() == before.len()
        && after
            .iter()
            .zip(before)
            .all(|(link, id)| link.predecessor == *id && link.statuses == StatusSet::SUCCEEDED)
}

/// Who waits for whom among the actions of a block.
pub(super) struct Waiting(BTreeMap<ActionId, Vec<ActionId>>);

impl Waiting {
    pub(super) fn of(flow: &Flow, block: &[ActionId]) -> Self {
        let mut waiting: BTreeMap<ActionId, Vec<ActionId>> = BTreeMap::new();
        for id in block {
            for link in &flow.action(*id).run_after {
                waiting.entry(link.predecessor).or_default().push(*id);
            }
        }
        Self(waiting)
    }

    /// The branches that begin with the first of some actions, which stand in the order of their
    /// runs; none if `parallel` would not say the same. `before` is what they all run after.
    pub(super) fn branches(
        &self,
        flow: &Flow,
        actions: &[ActionId],
        before: &[ActionId],
    ) -> Vec<Vec<ActionId>> {
        let heads = actions.iter().copied().filter(|id| follows(flow.action(*id), before));
        let heads: Vec<ActionId> = heads.collect();
        if heads.len() < 2 || heads.first() != actions.first() {
            return Vec::new();
        }
        let mut branches: Vec<Vec<ActionId>> =
            heads.into_iter().map(|id| self.chain(flow, id)).collect();
        let inside: BTreeSet<ActionId> = branches.iter().flatten().copied().collect();
        let next = actions.iter().find(|id| !inside.contains(id));
        let Some(next) = next.map(|id| flow.action(*id)) else { return branches };
        // What comes next waits for the ends of the branches, which are put in its order.
        let places: BTreeMap<ActionId, usize> =
            next.run_after.iter().enumerate().map(|(place, it)| (it.predecessor, place)).collect();
        branches.sort_by_key(|branch| branch.last().and_then(|it| places.get(it)).copied());
        let ends: Vec<ActionId> = branches.iter().filter_map(|it| it.last().copied()).collect();
        if follows(next, &ends) { branches } else { Vec::new() }
    }

    /// An action and those behind it, as far as nothing else waits for one of them.
    fn chain(&self, flow: &Flow, head: ActionId) -> Vec<ActionId> {
        let mut chain = vec![head];
        let mut last = head;
        while let Some([next]) = self.0.get(&last).map(Vec::as_slice)
            && follows(flow.action(*next), &[last])
        {
            chain.push(*next);
            last = *next;
        }
        chain
    }
}

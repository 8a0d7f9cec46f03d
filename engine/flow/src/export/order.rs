//! The order in which the actions of a block are written: each follows what it runs after.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ActionId, Block, Flow};

/// The actions of a block as they run: an action is followed by what runs after it, as far as
/// that is possible, else by the next of the file. Written and read again, they stay in this order.
pub(super) fn order(flow: &Flow, block: &Block) -> Vec<ActionId> {
    let mut left = Vec::with_capacity(block.actions.len());
    let mut successors: BTreeMap<ActionId, Vec<usize>> = BTreeMap::new();
    for (nth, id) in block.actions.iter().enumerate() {
        let before = flow.action(*id).run_after.iter().map(|it| it.predecessor);
        let before: BTreeSet<ActionId> = before.collect();
        left.push(before.len());
        for it in before {
            successors.entry(it).or_default().push(nth);
        }
    }
    let is_ready = |nth: &usize, left: &[usize]| left.get(*nth) == Some(&0);
    let mut ready: BTreeSet<usize> = (0..left.len()).filter(|nth| is_ready(nth, &left)).collect();
    let mut waiting: BTreeSet<usize> = (0..left.len()).collect();
    let mut ordered = Vec::with_capacity(left.len());
    let mut next = ready.pop_first();
    while let Some(nth) = next {
        waiting.remove(&nth);
        ready.remove(&nth);
        let Some(id) = block.actions.get(nth) else { break };
        ordered.push(*id);
        let after = successors.get(id).map(Vec::as_slice).unwrap_or_default();
        for nth in after {
            if let Some(left) = left.get_mut(*nth) {
                *left -= 1;
            }
        }
        ready.extend(after.iter().filter(|nth| is_ready(nth, &left)));
        let follows = after.iter().copied().find(|nth| is_ready(nth, &left));
        next = follows.or_else(|| ready.pop_first());
    }
    // Actions that wait for each other have been reported; they come as they are.
    ordered.extend(waiting.into_iter().filter_map(|nth| block.actions.get(nth)));
    ordered
}

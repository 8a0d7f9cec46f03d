//! The order of a block's actions that `runAfter` asks for, and cycles that allow none.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ActionId, Block, Flow};

/// The actions of a block, each behind those it runs after, otherwise as in the file. Actions of a
/// cycle, and those behind them, come last.
pub fn order(flow: &Flow, block: &Block) -> Vec<ActionId> {
    let predecessors =
        |id| flow.action(id).run_after.iter().map(|it| it.predecessor).collect::<Vec<_>>();
    let (mut ordered, stuck) = sort(block.actions.iter().copied(), &predecessors);
    ordered.extend(stuck);
    ordered
}

/// Cycles among the actions of one block, each once, beginning with its first action in the file.
pub(crate) fn cycles(
    block: impl Iterator<Item = ActionId>,
    predecessors: impl Fn(ActionId) -> Vec<ActionId>,
) -> Vec<Vec<ActionId>> {
    let (_, mut stuck) = sort(block, &predecessors);
    let mut cycles = Vec::new();
    while let Some(start) = stuck.first().copied() {
        let path = walk_back(start, &stuck, &predecessors);
        for id in &path.passed {
            stuck.remove(id);
        }
        if let Some(cycle) = path.cycle {
            cycles.push(cycle);
        }
    }
    cycles
}

struct Path {
    passed: Vec<ActionId>,
    cycle: Option<Vec<ActionId>>,
}

/// From an action that could not be ordered to one before it, until one comes up again.
fn walk_back(
    start: ActionId,
    stuck: &BTreeSet<ActionId>,
    predecessors: &impl Fn(ActionId) -> Vec<ActionId>,
) -> Path {
    let mut passed = vec![start];
    let mut places = BTreeMap::from([(start, 0)]);
    let mut last = start;
    loop {
        let Some(next) = predecessors(last).into_iter().find(|it| stuck.contains(it)) else {
            // It waits for a cycle that has been reported already.
            return Path { passed, cycle: None };
        };
        if let Some(at) = places.get(&next) {
            let mut cycle: Vec<ActionId> = passed.iter().skip(*at).copied().collect();
            let least = cycle.iter().enumerate().min_by_key(|(_, id)| **id);
            let least = least.map_or(0, |(at, _)| at);
            cycle.rotate_left(least);
            return Path { passed, cycle: Some(cycle) };
        }
        places.insert(next, passed.len());
        passed.push(next);
        last = next;
    }
}

/// Sorts a block so that predecessors come first; the second part could not be sorted.
fn sort(
    block: impl Iterator<Item = ActionId>,
    predecessors: &impl Fn(ActionId) -> Vec<ActionId>,
) -> (Vec<ActionId>, BTreeSet<ActionId>) {
    let mut waiting = BTreeMap::new();
    let mut successors: BTreeMap<ActionId, Vec<ActionId>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for id in block {
        let before: BTreeSet<ActionId> = predecessors(id).into_iter().collect();
        if before.is_empty() {
            ready.insert(id);
        }
        for it in &before {
            successors.entry(*it).or_default().push(id);
        }
        waiting.insert(id, before.len());
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(id) = ready.pop_first() {
        waiting.remove(&id);
        ordered.push(id);
        for next in successors.get(&id).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(next) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(*next);
                }
            }
        }
    }
    (ordered, waiting.into_keys().collect())
}

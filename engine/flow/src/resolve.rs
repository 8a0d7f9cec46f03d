//! What an expression may refer to from where it stands: actions that are over, loops around.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use crate::{
    actions::ActionKind,
    graph,
    model::{ActionId, Block, Flow},
};

/// Which actions are certainly over (whatever their status) when another one starts.
pub struct Upstream<'a> {
    flow: &'a Flow,
    /// Place of each action in an order of its block: what has a higher place cannot be before. Many flows
    /// of a project are looked at without it.
    ranks: OnceLock<BTreeMap<ActionId, usize>>,
}

impl<'a> Upstream<'a> {
    /// Prepares the answers for a flow.
    pub const fn new(flow: &'a Flow) -> Self {
        Self { flow, ranks: OnceLock::new() }
    }

    fn ranks(&self) -> &BTreeMap<ActionId, usize> {
        self.ranks.get_or_init(|| {
            let inner = self.flow.actions.iter().flat_map(|it| it.kind.blocks());
            let rank = |block: &Block| graph::order(self.flow, block).into_iter().enumerate();
            let ranks = std::iter::once(&self.flow.root).chain(inner).flat_map(rank);
            ranks.map(|(rank, id)| (id, rank)).collect()
        })
    }

    /// Whether `earlier` is certainly over when `later` starts: it, or a container around it, is
    /// among those that `later`, or a container around that, runs after.
    pub fn is_before(&self, earlier: ActionId, later: ActionId) -> bool {
        // A container is not over while something in it starts.
        if earlier == later || self.flow.ancestors(later).any(|it| it == earlier) {
            return false;
        }
        let around: Vec<ActionId> =
            std::iter::once(earlier).chain(self.flow.ancestors(earlier)).collect();
        let mut inner = std::iter::once(later).chain(self.flow.ancestors(later));
        inner.any(|it| self.reaches(it, &around))
    }

    /// Every action that is certainly over when `id` starts, in the order of the file.
    pub fn before(&self, id: ActionId) -> Vec<ActionId> {
        (0..self.flow.actions.len()).filter(|it| self.is_before(*it, id)).collect()
    }

    /// Whether one of `wanted` is among the direct and indirect predecessors of `id`.
    fn reaches(&self, id: ActionId, wanted: &[ActionId]) -> bool {
        let parent = self.flow.action(id).parent;
        let Some(wanted) = wanted.iter().find(|it| self.flow.action(**it).parent == parent) else {
            return false;
        };
        let ranks = self.ranks();
        let least = ranks.get(wanted);
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for after in &self.flow.action(id).run_after {
                let before = after.predecessor;
                if before == *wanted {
                    return true;
                }
                if least <= ranks.get(&before) && seen.insert(before) {
                    open.push(before);
                }
            }
        }
        false
    }
}

/// The loops around an action, innermost first.
pub fn loops(flow: &Flow, id: ActionId) -> impl Iterator<Item = ActionId> + '_ {
    flow.ancestors(id).filter(|it| is_loop(&flow.action(*it).kind))
}

/// Whether a kind repeats its block.
pub fn is_loop(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Foreach(_) | ActionKind::Until(_))
}

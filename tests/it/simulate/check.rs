//! What holds of every run that has ended, worked out once more from its records alone.

use base::Status;
use flow::{ActionId, ActionKind};
use interp::{Plan, Record, Run, view, view::Node};

/// What is wrong with the records of a run that has ended.
pub(crate) fn records(plan: &Plan, run: &Run) -> Vec<String> {
    let mut checker = Checker { plan, run, wrong: Vec::new() };
    let Some(end) = run.end() else { return vec!["it has not ended".to_owned()] };
    checker.block(None, 0, &[]);
    let cut_short = end.status == Status::Cancelled || checker.terminated();
    if !cut_short {
        let status = checker.leaves(None, 0, &[]);
        checker.expect("the run", end.status, status);
    }
    for node in view::tree(plan, run) {
        checker.shown(&node);
    }
    checker.wrong
}

struct Checker<'a> {
    plan: &'a Plan,
    run: &'a Run,
    wrong: Vec<String>,
}

impl<'a> Checker<'a> {
    fn members(&self, parent: Option<ActionId>, branch: usize) -> &'a [ActionId] {
        match parent {
            None => &self.plan.flow.root.actions,
            Some(id) => {
                let blocks = self.plan.flow.action(id).kind.blocks();
                blocks.get(branch).map_or(&[], |block| &block.actions)
            }
        }
    }

    fn record(&self, id: ActionId, passes: &[u32]) -> Option<&'a Record> {
        self.run.record(id, passes)
    }

    fn expect(&mut self, place: &str, actual: Status, expected: Status) {
        if actual != expected {
            self.wrong.push(format!("{place} is {actual:?}, its leaves say {expected:?}"));
        }
    }

    /// Whether a Terminate has ended the run.
    fn terminated(&self) -> bool {
        let actions = self.plan.flow.actions.iter().enumerate();
        let mut ends = actions.filter(|(_, it)| matches!(it.kind, ActionKind::Terminate(_)));
        ends.any(|(id, _)| self.record(id, &[]).is_some_and(|it| it.status == Status::Succeeded))
    }

    /// Every action of a block that was entered has one record; so has everything inside.
    fn block(&mut self, parent: Option<ActionId>, branch: usize, passes: &[u32]) {
        for id in self.members(parent, branch) {
            let name = &self.plan.flow.action(*id).name;
            let Some(record) = self.record(*id, passes) else {
                self.wrong.push(format!("{name} has no record in {passes:?}"));
                continue;
            };
            if record.end < record.start && record.status == Status::Skipped {
                self.wrong.push(format!("{name} ended before it began"));
            }
            self.inside(*id, record, passes);
        }
    }

    fn inside(&mut self, id: ActionId, record: &Record, passes: &[u32]) {
        let action = self.plan.flow.action(id);
        let place = format!("{} in {passes:?}", action.name);
        let ended_by_itself =
            matches!(record.status, Status::Succeeded | Status::Failed | Status::TimedOut)
                && matches!(&*record.code, "NotSpecified" | "ActionFailed" | "ActionTimedOut")
                && record.failure.as_ref().is_none_or(|it| it.message.starts_with("An action "));
        match &action.kind {
            ActionKind::Foreach(_) | ActionKind::Until(_) => {
                let count = self.passes(id, passes);
                let mut statuses = Vec::new();
                for pass in 0..count {
                    let inner = [passes, &[pass]].concat();
                    self.block(Some(id), 0, &inner);
                    statuses.push(self.leaves(Some(id), 0, &inner));
                }
                let own = record.repetitions.filter(|_| ended_by_itself && 0 < count);
                let Some(own) = own else { return };
                if own != count as usize {
                    self.wrong.push(format!("{place} says {own} passes, records say {count}"));
                }
                let expected = if matches!(action.kind, ActionKind::Until(_)) {
                    statuses.last().copied()
                } else {
                    statuses.iter().copied().max_by_key(|it| gravity(*it))
                };
                self.expect(&place, record.status, expected.unwrap_or(Status::Succeeded));
            }
            ActionKind::Scope(_) | ActionKind::Condition(_) | ActionKind::Switch(_) => {
                let branches = action.kind.blocks().len();
                for branch in 0..branches {
                    // A switch over another type than its cases records no more than their actions.
                    let mismatch = matches!(action.kind, ActionKind::Switch(_))
                        && record.status == Status::Failed
                        && self.all_failed(id, passes);
                    if !mismatch {
                        self.block(Some(id), branch, passes);
                    }
                }
                let taken = (0..branches).find(|branch| self.taken(id, *branch, passes));
                if ended_by_itself && let Some(branch) = taken {
                    let expected = self.leaves(Some(id), branch, passes);
                    self.expect(&place, record.status, expected);
                }
            }
            _ => {}
        }
    }

    fn all_failed(&self, id: ActionId, passes: &[u32]) -> bool {
        let blocks = self.plan.flow.action(id).kind.blocks();
        let mut all = blocks.iter().flat_map(|it| &it.actions);
        all.all(|id| self.record(*id, passes).is_some_and(|it| it.code == "InternalServerError"))
    }

    fn taken(&self, id: ActionId, branch: usize, passes: &[u32]) -> bool {
        let members = self.members(Some(id), branch);
        let left = |id: &ActionId| {
            let failure = self.record(*id, passes).and_then(|it| it.failure.as_ref());
            failure.is_some_and(|it| {
                matches!(
                    it.code.as_str(),
                    "ActionBranchingConditionNotSatisfied" | "ActionDependencyFailed"
                )
            })
        };
        !members.is_empty() && !members.iter().any(left)
    }

    /// Passes that have begun: those of which any action of the block has a record.
    fn passes(&self, id: ActionId, passes: &[u32]) -> u32 {
        let begun = |pass: u32| {
            let inner = [passes, &[pass]].concat();
            self.members(Some(id), 0).iter().any(|it| self.record(*it, &inner).is_some())
        };
        (0..u32::MAX).find(|pass| !begun(*pass)).unwrap_or(0)
    }

    /// The status of a block by its leaves: those skipped stand for what they ran after.
    fn leaves(&self, parent: Option<ActionId>, branch: usize, passes: &[u32]) -> Status {
        let members = self.members(parent, branch);
        let runs_after = |id: &ActionId, other: &ActionId| {
            let links = &self.plan.flow.action(*other).run_after;
            links.iter().any(|link| link.predecessor == *id)
        };
        let leaves = members.iter().filter(|id| !members.iter().any(|it| runs_after(id, it)));
        let statuses = leaves.map(|id| self.weight(*id, passes));
        statuses.max_by_key(|it| gravity(*it)).unwrap_or(Status::Succeeded)
    }

    fn weight(&self, id: ActionId, passes: &[u32]) -> Status {
        let status = self.record(id, passes).map_or(Status::Succeeded, |it| it.status);
        match status {
            Status::Skipped => {
                let before = self.plan.flow.action(id).run_after.iter();
                let before = before.map(|link| self.weight(link.predecessor, passes));
                before.max_by_key(|it| gravity(*it)).unwrap_or(Status::Succeeded)
            }
            Status::Cancelled => Status::Failed,
            Status::Succeeded | Status::Failed | Status::TimedOut => status,
        }
    }

    /// What people are shown of a run that has ended has ended.
    fn shown(&mut self, node: &Node) {
        if node.status.is_none() {
            self.wrong.push(format!("{} is shown without a status", node.name));
        }
        for node in node.blocks.iter().flat_map(|(_, nodes)| nodes) {
            self.shown(node);
        }
    }
}

const fn gravity(status: Status) -> u8 {
    match status {
        Status::Failed => 2,
        Status::TimedOut => 1,
        Status::Succeeded | Status::Skipped | Status::Cancelled => 0,
    }
}

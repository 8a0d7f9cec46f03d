//! Which actions may start, which are skipped, and how a block has ended.

use std::collections::BTreeSet;

use base::{Failure, Status};
use flow::{ActionId, model::RunAfter};

use crate::{
    exec::{Ended, Exec, Work},
    plan::Plan,
    record::Record,
    run::{BlockKey, Key, Run, Slot},
};

impl Exec<'_> {
    /// After an action has ended: starts or skips its successors, closes its block.
    pub(crate) fn settle(&mut self, key: &Key) {
        let mut skipped = Vec::new();
        self.settle_one(key, &mut skipped);
        while let Some(key) = skipped.pop() {
            self.settle_one(&key, &mut skipped);
        }
    }

    fn settle_one(&mut self, key: &Key, skipped: &mut Vec<Key>) {
        for id in self.plan.successors(key.action) {
            let next = Key { action: *id, passes: key.passes.clone() };
            match self.readiness(&next) {
                Readiness::Waits => {}
                Readiness::Ready => self.work.push_back(Work::Begin(next)),
                Readiness::Skipped(failure) => {
                    self.skip(&next, failure);
                    skipped.push(next);
                }
            }
        }
        self.count_down(key);
    }

    fn count_down(&mut self, key: &Key) {
        let parent = self.action(key).parent;
        let branch = self.plan.branch(key.action);
        let block = BlockKey { parent, branch, passes: key.passes.clone() };
        if let Some(open) = self.run.open.get_mut(&block) {
            *open -= 1;
            if *open == 0 {
                self.work.push_back(Work::Leave(block));
            }
        }
    }

    fn readiness(&self, key: &Key) -> Readiness {
        if self.run.slots.contains_key(key) {
            return Readiness::Waits;
        }
        let action = self.action(key);
        let ended = |link: &RunAfter| self.run.record(link.predecessor, &key.passes);
        // Those that begin together mostly end in order: who is waited for is found from behind.
        if action.run_after.iter().rev().any(|link| ended(link).is_none()) {
            return Readiness::Waits;
        }
        let unsatisfied = action.run_after.iter().find_map(|link| {
            let status = ended(link)?.status;
            (!link.statuses.contains(status)).then_some((link, status))
        });
        let Some((link, actual)) = unsatisfied else { return Readiness::Ready };
        let expected: Vec<&str> = link.statuses.iter().map(Status::name).collect();
        Readiness::Skipped(Failure::new(
            "ActionConditionFailed",
            format!(
                "The execution of template action '{}' is skipped: the 'runAfter' condition for \
                 action '{}' is not satisfied. Expected status values '{}' and actual value '{}'.",
                action.name,
                self.plan.flow.action(link.predecessor).name,
                expected.join(", "),
                actual.name()
            ),
        ))
    }

    /// Records an action as skipped, with everything in it. Its block is not told.
    pub(crate) fn skip(&mut self, key: &Key, failure: Failure) {
        let record = Record::skipped(failure, "ActionSkipped", self.now);
        self.run.slots.insert(key.clone(), Slot::Done(record));
        self.skip_inside(key, "status 'Skipped' and code 'ActionSkipped'");
    }

    /// Records everything in an action that was not entered as skipped; `how` the action has ended.
    pub(crate) fn skip_inside(&mut self, key: &Key, how: &str) {
        for id in self.plan.descendants(key.action) {
            let action = self.plan.flow.action(id);
            let container = action.parent.map_or("", |it| self.plan.flow.action(it).name.as_str());
            let is_own = action.parent == Some(key.action);
            let how = if is_own { how } else { "status 'Skipped' and code 'ActionSkipped'" };
            let failure = Failure::new(
                "ActionDependencyFailed",
                format!(
                    "The execution of template action '{}' is skipped: dependant action '{container}' \
                     completed with {how}.",
                    action.name
                ),
            );
            let record = Record::skipped(failure, "ActionSkipped", self.now);
            let child = Key { action: id, passes: key.passes.clone() };
            self.run.slots.insert(child, Slot::Done(record));
        }
    }

    /// Records everything in a container that failed before it could enter a branch.
    pub(crate) fn skip_failed(&mut self, key: &Key, ended: &Ended) {
        self.skip_inside(key, &format!("status 'Failed' and code '{}'", ended.code));
    }

    /// Records a branch that was not taken.
    pub(crate) fn skip_branch(&mut self, key: &Key, branch: usize) {
        let plan = self.plan;
        for id in plan.members(Some(key.action), branch) {
            let failure = Failure::new(
                "ActionBranchingConditionNotSatisfied",
                format!(
                    "The execution of template action '{}' skipped: the branching condition for \
                     this action is not satisfied.",
                    plan.flow.action(*id).name
                ),
            );
            self.skip(&Key { action: *id, passes: key.passes.clone() }, failure);
        }
    }
}

enum Readiness {
    Waits,
    Ready,
    Skipped(Failure),
}

/// The leaf rule: take the actions nobody runs after; one that was skipped counts as those before
/// it do; any Failed wins over any `TimedOut`, that over Succeeded.
pub(crate) fn block_status(plan: &Plan, run: &Run, block: &BlockKey) -> Status {
    let members = plan.members(block.parent, block.branch);
    // Loops pass through blocks of one action very often.
    if let [only] = members
        && plan.flow.action(*only).run_after.is_empty()
    {
        let status = run.record(*only, &block.passes).map(|it| it.status);
        return worse(Status::Succeeded, status.unwrap_or(Status::Succeeded));
    }
    let leaves = members.iter().copied().filter(|id| plan.successors(*id).is_empty());
    let mut pending: Vec<ActionId> = leaves.collect();
    let mut seen: BTreeSet<ActionId> = pending.iter().copied().collect();
    let mut worst = Status::Succeeded;
    while let Some(id) = pending.pop() {
        let status = run.record(id, &block.passes).map_or(Status::Succeeded, |it| it.status);
        if status == Status::Skipped {
            let before = plan.flow.action(id).run_after.iter().map(|link| link.predecessor);
            pending.extend(before.filter(|id| seen.insert(*id)));
        } else {
            worst = worse(worst, status);
        }
    }
    worst
}

/// The graver of two statuses for the block around them.
pub(crate) const fn worse(a: Status, b: Status) -> Status {
    match (a, b) {
        (Status::Failed | Status::Cancelled, _) | (_, Status::Failed | Status::Cancelled) => {
            Status::Failed
        }
        (Status::TimedOut, _) | (_, Status::TimedOut) => Status::TimedOut,
        (Status::Succeeded | Status::Skipped, Status::Succeeded | Status::Skipped) => {
            Status::Succeeded
        }
    }
}

//! Ends before the end: Terminate, cancellation, an action's time-out.

use std::sync::Arc;

use base::{Failure, Status};
use serde_json::Value;

use crate::{
    effect::Effect,
    exec::{Ended, Exec, Work},
    record::Record,
    run::{BlockKey, Key, OpenSlot, RunEnd, Slot},
};

impl Exec<'_> {
    /// Ends the run at once: open actions are cancelled, those not reached are skipped.
    ///
    /// `own` is the Terminate action, whose record is written already.
    pub(crate) fn terminate(
        &mut self,
        status: Status,
        failure: Option<&Failure>,
        own: Option<&Key>,
    ) {
        let reason = own.map_or_else(
            || "the run was stopped".to_owned(),
            |key| format!("the run was ended by the action '{}'", self.action(key).name),
        );
        self.close_open(|_| true, &reason);
        self.skip_unreached(|_| true, "Terminated", &reason);
        self.finish(status, failure);
    }

    /// The run is over.
    pub(crate) fn finish(&mut self, status: Status, failure: Option<&Failure>) {
        let error = failure.map(Failure::to_json);
        self.run.end = Some(RunEnd { status, error: error.clone(), at: self.now });
        self.run.open.clear();
        let response = self.run.response.clone();
        self.effects.push(Effect::Finish { status, error, response });
    }

    /// An action has taken longer than it may.
    pub(crate) fn expire(&mut self, key: &Key) {
        let action = self.action(key);
        let inside = self.plan.descendants(key.action);
        let reason = format!("the action '{}' around it took longer than it may", action.name);
        let within = |it: &Key| inside.contains(&it.action) && it.passes.starts_with(&key.passes);
        self.close_open(within, &reason);
        let of_action = |block: &BlockKey| {
            let inside = block.parent.is_some_and(|id| id == key.action || inside.contains(&id));
            inside && block.passes.starts_with(&key.passes)
        };
        self.skip_unreached(of_action, "ActionTimedOut", &reason);
        self.run.open.retain(|block, _| !of_action(block));
        let failure = Failure::new(
            "ActionTimedOut",
            format!(
                "the action '{}' took longer than its timeout of {}",
                action.name,
                action.timeout.map(|it| it.to_string()).unwrap_or_default()
            ),
        );
        self.disarm_pause(key);
        if let Some(Slot::Open(slot)) = self.run.slots.get_mut(key) {
            // It is this timer that has gone off.
            slot.has_deadline = false;
        }
        let attempts = self.state_mut(key).map_or_else(Vec::new, |it| it.attempts().to_vec());
        let ended = Ended { status: Status::TimedOut, attempts, ..Ended::failed(failure) };
        self.complete(key, ended);
    }

    /// Cancels the open actions that `which` selects.
    fn close_open(&mut self, which: impl Fn(&Key) -> bool, reason: &str) {
        let open = self.run.slots.iter().filter_map(|(key, slot)| match slot {
            Slot::Open(open) if which(key) => Some((key, cancelled(open, reason, self.now))),
            Slot::Open(_) | Slot::Done(_) => None,
        });
        let closed: Vec<_> = open.map(|(key, record)| (key.clone(), record)).collect();
        for (key, record) in closed {
            self.disarm_pause(&key);
            self.disarm_deadline(&key);
            self.run.slots.insert(key, Slot::Done(record));
        }
    }

    /// Records the actions that were not reached in those open blocks that `which` selects.
    fn skip_unreached(&mut self, which: impl Fn(&BlockKey) -> bool, code: &str, reason: &str) {
        let entering = self.work.iter().filter_map(|work| match work {
            Work::Enter(block) => Some(block),
            Work::Begin(_) | Work::Leave(_) => None,
        });
        let blocks = self.run.open.keys().chain(entering).filter(|block| which(block));
        let blocks: Vec<BlockKey> = blocks.cloned().collect();
        for block in blocks {
            for id in self.plan.members(block.parent, block.branch) {
                let key = Key { action: *id, passes: block.passes.clone() };
                if self.run.slots.contains_key(&key) {
                    continue;
                }
                self.skip(&key, Failure::new(code, reason));
                if let Some(Slot::Done(record)) = self.run.slots.get_mut(&key) {
                    code.clone_into(&mut record.code);
                }
            }
        }
    }
}

fn cancelled(open: &OpenSlot, reason: &str, now: base::Timestamp) -> Record {
    let inputs: Option<Arc<Value>> = open.inputs.as_ref().map(crate::record::sanitized);
    Record {
        status: Status::Cancelled,
        code: "ActionCancelled".to_owned(),
        inputs,
        outputs: None,
        failure: Some(Failure::new("ActionCancelled", reason)),
        start: open.start,
        end: now,
        attempts: open.state.attempts().to_vec(),
        repetitions: None,
        tracked: None,
    }
}

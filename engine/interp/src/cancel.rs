//! Ends before the end: Terminate, cancellation, an action's time-out.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use base::{Failure, Status};
use flow::{ActionId, ActionKind};
use serde_json::Value;

use crate::{
    actions::{api_connection, http_webhook},
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
        for id in 0..self.plan.flow.actions.len() {
            self.close_open(id, &[], &reason);
        }
        let blocks: Vec<BlockKey> = self.run.open.keys().cloned().chain(self.entering()).collect();
        self.skip_unreached(&blocks, "Terminated", &reason);
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
        // The time of a paused run stands still; what is left of it is set anew when it goes on.
        if self.run.paused.is_some() || !self.is_due(key, true) {
            return;
        }
        let action = self.action(key);
        let inside: BTreeSet<ActionId> = self.plan.descendants(key.action).into_iter().collect();
        let reason = format!("the action '{}' around it took longer than it may", action.name);
        for id in &inside {
            self.close_open(*id, &key.passes, &reason);
        }
        let blocks = self.blocks_of(key, &inside);
        self.skip_unreached(&blocks, "ActionTimedOut", &reason);
        for block in &blocks {
            self.run.open.remove(block);
        }
        let failure = Failure::new(
            "ActionTimedOut",
            format!(
                "the action '{}' took longer than its timeout of {}",
                action.name,
                action.timeout.map(|it| it.to_string()).unwrap_or_default()
            ),
        );
        let failure = self.give_up(key, failure);
        self.disarm_pause(key);
        let attempts = self.state_mut(key).map_or_else(Vec::new, |it| it.attempts().to_vec());
        let ended = Ended { status: Status::TimedOut, attempts, ..Ended::failed(failure) };
        self.complete(key, ended);
    }

    /// Cancels an action wherever it is open in these passes.
    fn close_open(&mut self, action: ActionId, passes: &[u32], reason: &str) {
        let open = self.run.within(action, passes).filter_map(|(key, slot)| match slot {
            Slot::Open(open) => Some((key, cancelled(open, reason, self.now))),
            Slot::Done(_) => None,
        });
        let closed: Vec<_> = open.map(|(key, record)| (key.clone(), record)).collect();
        for (key, mut record) in closed {
            record.failure = record.failure.map(|it| Box::new(self.give_up(&key, *it)));
            self.disarm_pause(&key);
            self.disarm_deadline(&key);
            self.run.slots.insert(key, Slot::Done(record));
        }
    }

    /// Whoever was to call back an open action is told that nobody waits any more.
    fn give_up(&mut self, key: &Key, mut failure: Failure) -> Failure {
        let reason = match &self.action(key).kind {
            ActionKind::HttpWebhook(it) => http_webhook::give_up(self, key, it),
            ActionKind::ApiConnection(it) if it.webhook => {
                api_connection::give_up(self, key);
                None
            }
            _ => None,
        };
        if let Some(reason) = reason {
            failure.message = format!("{}; its service cannot be told: {reason}", failure.message);
        }
        failure
    }

    /// Blocks of an action and of what is inside it that are open or about to be.
    fn blocks_of(&self, key: &Key, inside: &BTreeSet<ActionId>) -> Vec<BlockKey> {
        let of_action = |block: &BlockKey| {
            let inside = block.parent.is_some_and(|id| id == key.action || inside.contains(&id));
            inside && block.passes.starts_with(&key.passes)
        };
        let mut blocks: Vec<BlockKey> = self.entering().filter(|it| of_action(it)).collect();
        for id in inside.iter().copied().chain([key.action]) {
            for branch in 0..self.plan.branches(id) {
                let at = |passes| BlockKey { parent: Some(id), branch, passes };
                let (first, last) = (key.passes.clone(), key.passes.and(u32::MAX));
                let open = self.run.open.range(at(first)..=at(last));
                blocks.extend(open.map(|(block, _)| block.clone()));
            }
        }
        blocks
    }

    fn entering(&self) -> impl Iterator<Item = BlockKey> {
        self.work.iter().filter_map(|work| match work {
            Work::Enter(block) => Some(block.clone()),
            Work::Begin(_) | Work::Leave(_) => None,
        })
    }

    /// Records the actions of these blocks that were not reached.
    fn skip_unreached(&mut self, blocks: &[BlockKey], code: &'static str, reason: &str) {
        for block in blocks {
            for id in self.plan.members(block.parent, block.branch) {
                let key = Key { action: *id, passes: block.passes.clone() };
                if self.run.slots.contains_key(&key) {
                    continue;
                }
                self.skip(&key, Failure::new(code, reason));
                if let Some(Slot::Done(record)) = self.run.slots.get_mut(&key) {
                    record.code = Cow::Borrowed(code);
                }
            }
        }
    }
}

fn cancelled(open: &OpenSlot, reason: &str, now: base::Timestamp) -> Record {
    let inputs: Option<Arc<Value>> = open.inputs.as_ref().map(crate::record::sanitized);
    Record {
        status: Status::Cancelled,
        code: Cow::Borrowed("ActionCancelled"),
        inputs,
        outputs: None,
        failure: Some(Box::new(Failure::new("ActionCancelled", reason))),
        start: open.start,
        end: now,
        attempts: open.state.attempts().to_vec(),
        repetitions: None,
        tracked: None,
    }
}

//! A run for pages: its actions without what went in and came out, loops without their passes.

use base::{ErrorClass, Status, Timestamp};
use flow::ActionId;
use journal::Path;
use serde_json::{Value, json};

use crate::{
    Secrets,
    passes::Passes,
    plan::{Plan, is_loop},
    ready::block_status,
    retry::retries_max,
    run::{BlockKey, Key, OpenSlot, Phase, Run, Slot, State},
    view::{self, Node},
};

/// The top level of a run. A loop tells how its passes ended as one letter each (see [`letter`]), so
/// that a run with very many of them is no larger than its flow and a text.
pub fn overview(plan: &Plan, run: &Run) -> Vec<Value> {
    Overview { plan, run, secrets: Secrets::of(plan) }.block(None, 0, &Passes::new())
}

/// The actions of one pass of a loop; `None` if there is no such loop.
pub fn pass(plan: &Plan, run: &Run, path: &Path, number: u32) -> Option<Vec<Value>> {
    let (id, passes) = plan.locate(path)?;
    if !is_loop(&plan.flow.action(id).kind) {
        return None;
    }
    Some(Overview { plan, run, secrets: Secrets::of(plan) }.block(Some(id), 0, &passes.and(number)))
}

/// One action with what went in and came out, without what is inside; `None` if there is none there.
pub fn action(plan: &Plan, run: &Run, path: &Path) -> Option<Node> {
    let (id, passes) = plan.locate(path)?;
    let mut node = view::own(plan, run, id, &passes).0;
    view::redact(&mut node, &Secrets::of(plan));
    Some(node)
}

/// Where what made the run fail stands: the first action that failed, inside of those that failed
/// around it.
pub fn first_failure(plan: &Plan, run: &Run) -> Option<Path> {
    let failed = run.end().is_some_and(|it| is_bad(it.status));
    let mut found = None;
    let mut next = if failed { first_failed(plan, run, None, &Passes::new()) } else { None };
    while let Some((id, passes)) = next {
        next = inside(plan, run, id, &passes);
        found = Some((id, passes));
    }
    found.map(|(id, passes)| plan.path(id, &passes))
}

const fn is_bad(status: Status) -> bool {
    matches!(status, Status::Failed | Status::TimedOut)
}

fn inside(plan: &Plan, run: &Run, id: ActionId, passes: &Passes) -> Option<(ActionId, Passes)> {
    if !is_loop(&plan.flow.action(id).kind) {
        return first_failed(plan, run, Some(id), passes);
    }
    let mut numbers = 0..view::passes_of(plan, run, id, passes);
    numbers.find_map(|number| {
        let passes = passes.and(number);
        let block = BlockKey { parent: Some(id), branch: 0, passes };
        is_bad(block_status(plan, run, &block))
            .then(|| first_failed(plan, run, Some(id), &block.passes))
            .flatten()
    })
}

fn first_failed(
    plan: &Plan,
    run: &Run,
    parent: Option<ActionId>,
    passes: &Passes,
) -> Option<(ActionId, Passes)> {
    let branches = 0..parent.map_or(1, |id| plan.branches(id));
    let all = branches.flat_map(|branch| plan.members(parent, branch));
    let failed = all.filter_map(|id| {
        let record = run.record(*id, passes).filter(|it| is_bad(it.status))?;
        Some((record.end, *id))
    });
    failed.min_by_key(|(end, _)| *end).map(|(_, id)| (id, passes.clone()))
}

/// One pass in one letter: how it ended, or `r` while it runs.
pub const fn letter(status: Option<Status>) -> char {
    match status {
        None => 'r',
        Some(Status::Succeeded) => 's',
        Some(Status::Failed) => 'f',
        Some(Status::TimedOut) => 't',
        Some(Status::Skipped) => 'k',
        Some(Status::Cancelled) => 'c',
    }
}

struct Overview<'a> {
    plan: &'a Plan,
    run: &'a Run,
    secrets: Secrets<'a>,
}

impl Overview<'_> {
    fn block(&self, parent: Option<ActionId>, branch: usize, passes: &Passes) -> Vec<Value> {
        let members = view::members(self.plan, parent, branch);
        members.into_iter().map(|id| self.node(id, passes)).collect()
    }

    fn node(&self, id: ActionId, passes: &Passes) -> Value {
        let action = self.plan.flow.action(id);
        let (node, is_reached) = view::own(self.plan, self.run, id, passes);
        let error = node.failure.as_ref().map(|failure| {
            let mut message = failure.message.clone();
            self.secrets.redact_text(&mut message);
            json!({ "code": failure.code, "message": message })
        });
        let mut shown = json!({
            "name": node.name,
            "path": self.plan.path(id, passes).as_str(),
            "kind": action.kind.key(),
            "status": node.status.map(Status::name),
            "waitsFor": node.waits_for,
            "code": node.code,
            "startTime": node.start.map(|it| it.to_string()),
            "endTime": node.end.map(|it| it.to_string()),
            "error": error,
        });
        if let Some(waits) = self.waits(id, passes) {
            shown["waits"] = waits;
        }
        if !node.attempts.is_empty() {
            let attempts = node.attempts.iter().map(|it| {
                json!([
                    it.start.to_string(),
                    it.end.to_string(),
                    it.failure.as_ref().map(|it| &it.code),
                    it.sent.map(|it| it.to_string())
                ])
            });
            shown["attempts"] = attempts.collect();
        }
        if is_loop(&action.kind) {
            shown["loop"] = self.passes(id, passes);
        } else if is_reached && 0 < self.plan.branches(id) {
            let blocks = (0..self.plan.branches(id)).map(|branch| {
                let actions = self.block(Some(id), branch, passes);
                json!({ "label": view::label(action, branch), "actions": actions })
            });
            shown["blocks"] = blocks.collect();
        }
        shown
    }

    /// Until when an open action waits, for which attempt of how many, and why.
    fn waits(&self, id: ActionId, passes: &Passes) -> Option<Value> {
        let key = Key { action: id, passes: passes.clone() };
        let Slot::Open(open) = self.run.slots.get(&key)? else { return None };
        let OpenSlot { state, alarm, deadline, .. } = open.as_ref();
        let text = |it: &Option<Timestamp>| it.map(|it| it.to_string());
        let mut shown = json!({ "until": text(alarm), "atMost": text(deadline), "attempt": null });
        if let State::Asking(asking) = state
            && matches!(asking.phase, Phase::Pausing { follow: None })
        {
            shown["attempt"] = (asking.history.len() + 1).into();
            if let Some(failure) = asking.history.last().and_then(|it| it.failure.as_ref()) {
                let policy = self.plan.flow.action(id).retry.as_ref();
                shown["attempts"] = (retries_max(policy, failure) + 1).into();
                shown["code"] = failure.code.as_str().into();
                shown["isThrottled"] = (failure.class == Some(ErrorClass::Throttled)).into();
            }
        }
        Some(shown)
    }

    /// `{passes, items, strip, totalMs, slowestMs, slowest}` of a loop.
    fn passes(&self, id: ActionId, passes: &Passes) -> Value {
        let count = view::passes_of(self.plan, self.run, id, passes);
        let key = Key { action: id, passes: passes.clone() };
        let items = match self.run.slots.get(&key) {
            Some(Slot::Open(open)) => match &open.state {
                State::Foreach { items, .. } => Some(items.len()),
                State::Block | State::Until { .. } | State::Asking(_) | State::Waiting => None,
            },
            Some(Slot::Done(record)) => record.repetitions,
            None => None,
        };
        let mut strip = String::with_capacity(count as usize);
        let (mut total, mut slowest) = (0_i64, (0_i64, 0_u32));
        for number in 0..count {
            let within = passes.and(number);
            let (status, took) = self.pass_end(id, within);
            strip.push(letter(status));
            total = total.saturating_add(took);
            if slowest.0 < took {
                slowest = (took, number);
            }
        }
        json!({
            "passes": count,
            "items": items,
            "strip": strip,
            "totalMs": total,
            "slowestMs": slowest.0,
            "slowest": slowest.1,
        })
    }

    /// How a pass ended and how many milliseconds it took.
    fn pass_end(&self, id: ActionId, passes: Passes) -> (Option<Status>, i64) {
        let members = self.plan.members(Some(id), 0);
        let (mut start, mut end): (Option<Timestamp>, Option<Timestamp>) = (None, None);
        let mut all_skipped = true;
        for member in members {
            let Some(record) = self.run.record(*member, &passes) else { return (None, 0) };
            start = Some(start.map_or(record.start, |it| it.min(record.start)));
            end = Some(end.map_or(record.end, |it| it.max(record.end)));
            all_skipped &= record.status == Status::Skipped;
        }
        let took = start.zip(end).map_or(0, |(start, end)| end.since(start).as_milliseconds());
        let block = BlockKey { parent: Some(id), branch: 0, passes };
        let status = if all_skipped && !members.is_empty() {
            Status::Skipped
        } else {
            block_status(self.plan, self.run, &block)
        };
        (Some(status), took)
    }
}

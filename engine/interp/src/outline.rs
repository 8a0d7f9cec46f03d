//! A run from outside, however large it is: actions without their bodies, loops without their passes, and each
//! of these by itself.

use std::collections::BTreeMap;

use base::{Failure, Status, Timestamp};
use flow::ActionId;
use journal::Path;
use serde_json::{Value, json};

use crate::{
    HIDDEN, Secrets,
    passes::Passes,
    plan::{Plan, is_loop},
    ready::block_status,
    run::{BlockKey, Key, Run, Slot},
    view::{self, Node},
};

/// What is said of what has not ended.
const RUNNING: &str = "Running";

/// The top level of a run as the API shows it.
pub fn outline(plan: &Plan, run: &Run) -> Vec<Value> {
    Outline { plan, run, secrets: Secrets::of(plan) }.block(None, 0, &Passes::new())
}

/// One action with its bodies, as the API shows it; none if the flow has no such place.
pub fn action(plan: &Plan, run: &Run, path: &Path) -> Option<Value> {
    let (id, passes) = plan.locate(path)?;
    let outline = Outline { plan, run, secrets: Secrets::of(plan) };
    let (node, is_reached) = outline.own(id, &passes);
    let mut shown = node.to_json();
    if is_reached && is_loop(&plan.flow.action(id).kind) {
        shown["iterations"] = outline.iterations(id, &passes);
    }
    Some(shown)
}

/// One pass of a loop.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// From 0 on, as in paths.
    pub index: u32,
    /// How it ended; none while it is open.
    pub status: Option<Status>,
    /// When its first action began.
    pub start: Option<Timestamp>,
    /// When its last action ended; none while it is open.
    pub end: Option<Timestamp>,
    /// Why it failed: the first action's reason.
    pub failure: Option<Failure>,
}

impl Pass {
    /// As the API shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "index": self.index,
            "status": self.status.map(Status::name),
            "startTime": self.start.map(|it| it.to_string()),
            "endTime": self.end.map(|it| it.to_string()),
            "error": self.failure.as_ref().map(Failure::to_json),
        })
    }

    /// The name of its status.
    pub fn status_name(&self) -> &'static str {
        self.status.map_or(RUNNING, Status::name)
    }
}

/// The passes of a loop that have begun; none if there is no loop at this place.
pub fn passes(plan: &Plan, run: &Run, path: &Path) -> Option<Vec<Pass>> {
    let (id, outer) = plan.locate(path)?;
    let outline = Outline { plan, run, secrets: Secrets::of(plan) };
    let is_loop = is_loop(&plan.flow.action(id).kind);
    is_loop.then(|| outline.passes(id, &outer).collect())
}

/// How many passes there are, and how many of each status, as the API shows it.
pub fn counted(passes: impl Iterator<Item = Pass>) -> Value {
    let mut statuses: BTreeMap<&'static str, u32> = BTreeMap::new();
    for pass in passes {
        *statuses.entry(pass.status_name()).or_default() += 1;
    }
    json!({ "count": statuses.values().sum::<u32>(), "statuses": statuses })
}

/// The actions of one pass of a loop; none if there is no such pass.
pub fn pass(plan: &Plan, run: &Run, path: &Path, index: u32) -> Option<(Pass, Vec<Value>)> {
    let (id, outer) = plan.locate(path)?;
    let is_begun =
        is_loop(&plan.flow.action(id).kind) && index < view::passes_of(plan, run, id, &outer);
    let outline = is_begun.then(|| Outline { plan, run, secrets: Secrets::of(plan) })?;
    let pass = outline.pass(id, &outer, index);
    let inner = outer.and(index);
    Some((pass, outline.block(Some(id), 0, &inner)))
}

/// What the trigger gave the run, as people are shown it.
pub fn trigger_outputs(plan: &Plan, run: &Run) -> Value {
    if plan.flow.trigger(run.trigger()).is_some_and(|it| it.secure_outputs) {
        return HIDDEN.into();
    }
    let mut outputs = run.trigger_outputs().clone();
    Secrets::of(plan).redact(&mut outputs);
    outputs
}

struct Outline<'a> {
    plan: &'a Plan,
    run: &'a Run,
    secrets: Secrets<'a>,
}

impl Outline<'_> {
    fn block(&self, parent: Option<ActionId>, branch: usize, passes: &Passes) -> Vec<Value> {
        let members = view::members(self.plan, parent, branch);
        members.into_iter().map(|id| self.node(id, passes)).collect()
    }

    fn own(&self, id: ActionId, passes: &Passes) -> (Node, bool) {
        let (mut node, is_reached) = view::own(self.plan, self.run, id, passes);
        view::redact(&mut node, &self.secrets);
        (node, is_reached)
    }

    fn node(&self, id: ActionId, passes: &Passes) -> Value {
        let action = self.plan.flow.action(id);
        // Bodies are not copied to take secrets out of them that are not shown.
        let (mut node, is_reached) = view::own(self.plan, self.run, id, passes);
        let attempts = node.attempts.iter_mut().filter_map(|it| it.failure.as_mut());
        for failure in node.failure.iter_mut().chain(attempts) {
            self.secrets.redact_text(&mut failure.message);
        }
        let is_loop = is_loop(&action.kind);
        let branches = if is_reached && !is_loop { self.plan.branches(id) } else { 0 };
        let blocks = (0..branches).map(|branch| {
            let actions = self.block(Some(id), branch, passes);
            json!({ "label": view::label(action, branch), "actions": actions })
        });
        let mut shown = json!({
            "name": node.name,
            "path": node.path.as_str(),
            "kind": node.kind,
            "status": node.status.map(Status::name),
            "waitsFor": node.waits_for,
            "code": node.code,
            "startTime": node.start.map(|it| it.to_string()),
            "endTime": node.end.map(|it| it.to_string()),
            "hasInputs": node.inputs.is_some(),
            "hasOutputs": node.outputs.is_some(),
            "error": node.failure.as_ref().map(Failure::to_json),
            "attempts": node.attempts_json(),
            "blocks": blocks.collect::<Vec<_>>(),
        });
        if is_loop && is_reached {
            shown["iterations"] = self.iterations(id, passes);
        }
        shown
    }

    fn iterations(&self, id: ActionId, passes: &Passes) -> Value {
        counted(self.passes(id, passes))
    }

    fn passes(&self, id: ActionId, outer: &Passes) -> impl Iterator<Item = Pass> {
        let count = view::passes_of(self.plan, self.run, id, outer);
        (0..count).map(move |index| self.pass(id, outer, index))
    }

    fn pass(&self, id: ActionId, outer: &Passes, index: u32) -> Pass {
        let passes = outer.and(index);
        let members = self.plan.members(Some(id), 0);
        let slots = members.iter().filter_map(|member| {
            self.run.slots.get(&Key { action: *member, passes: passes.clone() })
        });
        let mut pass = Pass { index, status: None, start: None, end: None, failure: None };
        let mut ended = 0;
        for slot in slots {
            let start = match slot {
                Slot::Open(open) => open.start,
                Slot::Done(record) => {
                    ended += 1;
                    pass.end = pass.end.max(Some(record.end));
                    if matches!(record.status, Status::Failed | Status::TimedOut) {
                        pass.failure = pass.failure.or_else(|| record.failure.as_deref().cloned());
                    }
                    record.start
                }
            };
            pass.start = Some(pass.start.map_or(start, |it| it.min(start)));
        }
        if ended == members.len() {
            let block = BlockKey { parent: Some(id), branch: 0, passes };
            pass.status = Some(block_status(self.plan, self.run, &block));
        } else {
            pass.end = None;
        }
        if pass.status == Some(Status::Succeeded) {
            // What failed was taken care of.
            pass.failure = None;
        }
        if let Some(failure) = &mut pass.failure {
            self.secrets.redact_text(&mut failure.message);
        }
        pass
    }
}

//! A run as a tree of its actions in the order of the file: what the terminal, tests and pages show.

use std::sync::Arc;

use base::{Failure, Status, Timestamp};
use expr::Dialect;
use flow::{Action, ActionId, ActionKind, Block};
use journal::{Event, EventKind, Path};
use serde_json::{Value, json};

use crate::{
    HIDDEN, Secrets,
    passes::Passes,
    plan::Plan,
    record::{Attempt, Record},
    run::{Key, OpenSlot, Phase, Run, Slot, State},
};

/// One action in one pass of its loops.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name as the file writes it.
    pub name: String,
    /// Where it is in the run.
    pub path: Path,
    /// The key of its kind in flow files.
    pub kind: &'static str,
    /// How it ended; none while it is open or not reached.
    pub status: Option<Status>,
    /// What an open action waits for, in words.
    pub waits_for: Option<&'static str>,
    /// Code as the cloud writes it.
    pub code: String,
    /// When it began.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// Inputs; secure ones are replaced.
    pub inputs: Option<Arc<Value>>,
    /// Outputs; secure ones are replaced.
    pub outputs: Option<Arc<Value>>,
    /// Why it failed or was skipped.
    pub failure: Option<Failure>,
    /// Attempts at asking.
    pub attempts: Vec<Attempt>,
    /// Tracked properties; hidden if the inputs or outputs are, from which they are made.
    pub tracked: Option<Value>,
    /// The blocks inside: a label (`then`, `else`, a case, `pass 3`) and the actions.
    pub blocks: Vec<(String, Vec<Node>)>,
}

impl Node {
    /// The node with everything inside, as the API shows it.
    pub fn to_json(&self) -> Value {
        let blocks = self.blocks.iter().map(|(label, nodes)| {
            json!({ "label": label, "actions": nodes.iter().map(Self::to_json).collect::<Vec<_>>() })
        });
        json!({
            "name": self.name,
            "path": self.path.as_str(),
            "kind": self.kind,
            "status": self.status.map(Status::name),
            "waitsFor": self.waits_for,
            "code": self.code,
            "startTime": self.start.map(|it| it.to_string()),
            "endTime": self.end.map(|it| it.to_string()),
            "inputs": self.inputs.as_deref(),
            "outputs": self.outputs.as_deref(),
            "error": self.failure.as_ref().map(Failure::to_json),
            "attempts": self.attempts_json(),
            "trackedProperties": self.tracked,
            "blocks": blocks.collect::<Vec<_>>(),
        })
    }

    /// The attempts at asking, as the API shows them.
    pub(crate) fn attempts_json(&self) -> Value {
        let attempts = self.attempts.iter().map(|it| {
            let retry_after = it.failure.as_ref().and_then(|it| it.retry_after);
            json!({
                "startTime": it.start.to_string(),
                "sentTime": it.sent.map(|it| it.to_string()),
                "endTime": it.end.to_string(),
                "error": it.failure.as_ref().map(Failure::to_json),
                "pause": it.pause.map(|it| it.to_string()),
                "retryAfter": retry_after.map(|it| it.to_string()),
            })
        });
        attempts.collect()
    }
}

/// The top level of a run. Values of secure parameters are replaced wherever they stand.
pub fn tree(plan: &Plan, run: &Run) -> Vec<Node> {
    let mut nodes = block(plan, run, None, 0, &Passes::new());
    let secrets = Secrets::of(plan);
    if !secrets.is_empty() {
        for node in &mut nodes {
            redact(node, &secrets);
        }
    }
    nodes
}

/// An event as people are shown it: without what is secure, and without the key of a run's addresses.
pub fn event(plan: &Plan, event: &Event) -> Value {
    let mut event = event.clone();
    let action = plan.locate(&event.path).map(|(id, _)| plan.flow.action(id));
    match &mut event.kind {
        EventKind::Started { trigger, outputs, callback, .. } => {
            *callback = None;
            if plan.flow.trigger(trigger).is_some_and(|it| it.secure_outputs) {
                *outputs = Arc::new(HIDDEN.into());
            }
        }
        EventKind::Answered { outcome, .. } => {
            if outcome.outputs.is_some() && action.is_some_and(|it| it.secure_outputs) {
                outcome.outputs = Some(HIDDEN.into());
            }
        }
        EventKind::Called { outputs } => {
            if action.is_some_and(|it| it.secure_outputs) {
                *outputs = HIDDEN.into();
            }
        }
        EventKind::Finished { response, .. } => {
            let is_secure = |it: &Action| {
                matches!(it.kind, ActionKind::Response(_))
                    && (it.secure_inputs || it.secure_outputs)
            };
            if response.is_some() && plan.flow.actions.iter().any(is_secure) {
                *response = Some(Arc::new(HIDDEN.into()));
            }
        }
        EventKind::Intended { .. }
        | EventKind::Unknown { .. }
        | EventKind::Woken
        | EventKind::Expired
        | EventKind::Paused { .. }
        | EventKind::Continued { .. }
        | EventKind::Cancelled { .. }
        | EventKind::Began
        | EventKind::Resumed => {}
    }
    let mut shown = serde_json::to_value(&event).unwrap_or_default();
    Secrets::of(plan).redact(&mut shown);
    shown
}

pub(crate) fn redact(node: &mut Node, secrets: &Secrets<'_>) {
    for value in [&mut node.inputs, &mut node.outputs].into_iter().flatten() {
        let mut copy = Value::clone(value);
        secrets.redact(&mut copy);
        *value = Arc::new(copy);
    }
    if let Some(tracked) = &mut node.tracked {
        secrets.redact(tracked);
    }
    let attempts = node.attempts.iter_mut().filter_map(|it| it.failure.as_mut());
    for failure in node.failure.iter_mut().chain(attempts) {
        secrets.redact_text(&mut failure.message);
    }
    for node in node.blocks.iter_mut().flat_map(|(_, nodes)| nodes) {
        redact(node, secrets);
    }
}

fn block(
    plan: &Plan,
    run: &Run,
    parent: Option<ActionId>,
    branch: usize,
    passes: &Passes,
) -> Vec<Node> {
    members(plan, parent, branch).into_iter().map(|id| node(plan, run, id, passes)).collect()
}

/// The actions of a block in the order in which they are shown.
pub fn members(plan: &Plan, parent: Option<ActionId>, branch: usize) -> Vec<ActionId> {
    let members = plan.members(parent, branch).to_vec();
    // Definitions in JSON have no order of their own; what runs first is shown first.
    match plan.flow.dialect {
        Dialect::Flowright => members,
        Dialect::Wdl => flow::graph::order(&plan.flow, &Block { actions: members }),
    }
}

fn node(plan: &Plan, run: &Run, id: ActionId, passes: &Passes) -> Node {
    let (mut node, reached) = own(plan, run, id, passes);
    if reached {
        node.blocks = blocks(plan, run, id, passes);
    }
    node
}

/// An action without what is inside, and whether what is inside may have been reached.
pub(crate) fn own(plan: &Plan, run: &Run, id: ActionId, passes: &Passes) -> (Node, bool) {
    let action = plan.flow.action(id);
    let slot = run.slots.get(&Key { action: id, passes: passes.clone() });
    let mut node = match slot {
        Some(Slot::Done(record)) => of_record(record),
        Some(Slot::Open(open)) => of_open(open),
        None => blank(),
    };
    node.name.clone_from(&action.display);
    node.path = plan.path(id, passes);
    node.kind = action.kind.key();
    if action.secure_inputs {
        hide(&mut node.inputs);
    }
    // Some outputs are the inputs once more.
    let repeats = matches!(
        action.kind,
        ActionKind::Compose(_) | ActionKind::ParseJson(_) | ActionKind::Response(_)
    );
    if action.secure_outputs || (action.secure_inputs && repeats) {
        hide(&mut node.outputs);
    }
    if node.tracked.is_some() && (action.secure_inputs || action.secure_outputs) {
        node.tracked = Some(HIDDEN.into());
    }
    let reached = slot.is_some_and(
        |slot| !matches!(slot, Slot::Done(record) if record.status == Status::Skipped),
    );
    (node, reached)
}

fn hide(value: &mut Option<Arc<Value>>) {
    if value.is_some() {
        *value = Some(Arc::new(HIDDEN.into()));
    }
}

fn blocks(plan: &Plan, run: &Run, id: ActionId, passes: &Passes) -> Vec<(String, Vec<Node>)> {
    let action = plan.flow.action(id);
    if crate::plan::is_loop(&action.kind) {
        let count = passes_of(plan, run, id, passes);
        let numbered = (0..count).map(|pass| {
            let inner = passes.and(pass);
            (format!("pass {}", pass + 1), block(plan, run, Some(id), 0, &inner))
        });
        return numbered.collect();
    }
    (0..plan.branches(id))
        .map(|branch| (label(action, branch), block(plan, run, Some(id), branch, passes)))
        .collect()
}

/// What a block of an action is called.
pub fn label(action: &Action, branch: usize) -> String {
    match &action.kind {
        ActionKind::Condition(_) => if branch == 0 { "yes" } else { "no" }.to_owned(),
        ActionKind::Switch(it) => {
            it.cases.get(branch).map_or_else(|| "default".to_owned(), |case| case.name.clone())
        }
        _ => String::new(),
    }
}

/// How many passes of a loop have begun.
pub(crate) fn passes_of(plan: &Plan, run: &Run, id: ActionId, passes: &Passes) -> u32 {
    let depth = passes.len();
    let members = plan.members(Some(id), 0);
    let begun = members.iter().filter_map(|member| {
        let (key, _) = run.within(*member, passes).next_back()?;
        key.passes.get(depth).map(|pass| pass + 1)
    });
    begun.max().unwrap_or(0)
}

fn blank() -> Node {
    Node {
        name: String::new(),
        path: Path::run(),
        kind: "",
        status: None,
        waits_for: None,
        code: String::new(),
        start: None,
        end: None,
        inputs: None,
        outputs: None,
        failure: None,
        attempts: Vec::new(),
        tracked: None,
        blocks: Vec::new(),
    }
}

fn of_record(record: &Record) -> Node {
    Node {
        status: Some(record.status),
        code: record.code.to_string(),
        start: Some(record.start),
        end: Some(record.end),
        inputs: record.inputs.clone(),
        outputs: record.outputs.clone(),
        failure: record.failure.as_deref().cloned(),
        attempts: record.attempts.clone(),
        tracked: record.tracked.as_deref().cloned(),
        ..blank()
    }
}

fn of_open(open: &OpenSlot) -> Node {
    let (waits_for, attempts) = match &open.state {
        State::Block | State::Foreach { .. } | State::Until { .. } => ("its actions", Vec::new()),
        State::Waiting => ("time to pass", Vec::new()),
        State::Asking(asking) => {
            let what = match asking.phase {
                Phase::Asked { .. } => "an answer",
                Phase::Subscribed { .. } => "a call back",
                Phase::Pausing { follow: Some(_) } => "the result of an accepted request",
                Phase::Pausing { follow: None } if open.alarm.is_none() => "the run to go on",
                Phase::Pausing { follow: None } => "the next attempt",
            };
            (what, asking.history.clone())
        }
    };
    Node {
        waits_for: Some(waits_for),
        start: Some(open.start),
        inputs: open.inputs.as_ref().map(crate::record::sanitized),
        attempts,
        ..blank()
    }
}

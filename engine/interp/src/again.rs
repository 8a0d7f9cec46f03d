//! Doing a run once more from some of its actions on: what is taken over, and what happens again.
//!
//! A new run begins with the first event of the old one, at its time and with its random numbers, and
//! goes through the events of every action that is taken over: so it comes to the same state as the
//! old one, without asking anybody. Everything else is held until `Resumed`, and then happens as if it
//! had not happened before. Expressions, conditions and variables are computed anew on the way.

use std::{collections::BTreeSet, fmt};

use base::Status;
use flow::{ActionId, ActionKind};
use journal::{Again, Event, EventKind, Path};
use serde_json::Value;

use crate::{
    passes::Passes,
    plan::{Plan, is_loop},
    record::Record,
    run::{BlockKey, Run, Slot},
    step::{replay, step},
};

/// A run that begins with a part of another one's past.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Names of the actions from which on everything happens again, as the file writes them.
    pub from: Vec<String>,
    /// Names of the actions that are taken over with their ends.
    pub kept: Vec<String>,
    /// Names of actions that did something which will be there twice.
    pub repeated: Vec<String>,
    /// The sets of actions for [`Again::held`].
    pub held: Vec<Vec<String>>,
    /// What follows the first event: the events that are taken over, without the last `Resumed`.
    pub events: Vec<Event>,
}

/// Why a run cannot be done again from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryError {
    /// Nothing says where to begin.
    NothingFailed,
    /// There is no such action.
    UnknownAction(String),
    /// What should be taken over has no place in the other version of the flow.
    Missing(Vec<String>),
    /// The run would end without coming to the action.
    NotReached(Vec<String>),
}

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingFailed => {
                f.write_str("no action of the run has failed: name the one to begin with")
            }
            Self::UnknownAction(name) => write!(f, "the flow has no action `{name}`"),
            Self::Missing(paths) => write!(
                f,
                "the new version of the flow has no place for what is to be taken over: {}",
                list(paths)
            ),
            Self::NotReached(names) => write!(
                f,
                "with what is taken over, the run ends before it comes to {}",
                list(names)
            ),
        }
    }
}

impl std::error::Error for RetryError {}

/// Names in a message.
const NAMES_MAX: usize = 10;

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|it| format!("`{it}`")).collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// Plans a run that does another one again, with the version of the flow that `new` is. Without
/// `from` it begins with the actions that made the run fail.
///
/// # Errors
/// If there is no place to begin with, or the version has no place for what is to be taken over.
pub fn retry(old: (&Plan, &[Event]), new: &Plan, from: Option<&str>) -> Result<Retry, RetryError> {
    let (plan, events) = old;
    let run = replay(plan, events);
    let first = first_actions((plan, &run), new, from)?;
    let also = depending((plan, &run), events, &first)?;
    let past = Past::new((plan, &run), new, first, &also);
    let (held, kept) = past.take_over(events)?;
    let retry = Retry {
        from: past.starts(),
        kept: past.kept(),
        repeated: repeated(plan, &run, |id| !past.is_kept(id)),
        held,
        events: kept,
    };
    check(new, events, &retry)?;
    Ok(retry)
}

/// Names of the actions of a run that did something which will be there twice if everything happens
/// again.
pub fn repeated_by_all(plan: &Plan, events: &[Event]) -> Vec<String> {
    repeated(plan, &replay(plan, events), |_| true)
}

/// The run must come to what it is done again for.
fn check(plan: &Plan, events: &[Event], retry: &Retry) -> Result<(), RetryError> {
    let run = begin(plan, events, (&retry.held, &retry.events));
    if run.end().is_some() { Err(RetryError::NotReached(retry.from.clone())) } else { Ok(()) }
}

/// A run that does another one again, with what it takes over behind it.
fn begin(plan: &Plan, events: &[Event], (held, kept): (&[Vec<String>], &[Event])) -> Run {
    let mut run = Run::default();
    let Some(mut started) = events.first().cloned() else { return run };
    if let EventKind::Started { again, .. } = &mut started.kind {
        *again = Some(Again { held: held.to_vec(), ..Again::default() });
    }
    for event in std::iter::once(&started).chain(kept) {
        step(plan, &mut run, event);
    }
    run
}

/// Folded names of the actions to begin with; of one in a loop, the loop: it happens again as a whole.
fn first_actions(
    (plan, run): (&Plan, &Run),
    new: &Plan,
    from: Option<&str>,
) -> Result<Vec<String>, RetryError> {
    let outermost = |plan: &Plan, id| {
        let id = plan.loops(id).first().copied().unwrap_or(id);
        plan.flow.action(id).name.folded().to_owned()
    };
    let mut first = Vec::new();
    if let Some(wanted) = from {
        let unknown = || RetryError::UnknownAction(wanted.to_owned());
        first.push(outermost(new, new.flow.find(wanted).ok_or_else(unknown)?));
        first.extend(plan.flow.find(wanted).map(|id| outermost(plan, id)));
    } else {
        first.extend(causes(plan, run).into_iter().map(|id| outermost(plan, id)));
        if let Some(lost) = first.iter().find(|it| new.flow.find(it).is_none()) {
            return Err(RetryError::UnknownAction(lost.clone()));
        }
    }
    first.dedup();
    if first.is_empty() { Err(RetryError::NothingFailed) } else { Ok(first) }
}

/// Folded names of actions that come after nothing which happens again, and still do not end as they
/// did without it: they look at it, or at variables that it sets.
fn depending(
    (plan, run): (&Plan, &Run),
    events: &[Event],
    first: &[String],
) -> Result<Vec<String>, RetryError> {
    let mut also = Vec::new();
    loop {
        let past = Past::new((plan, run), plan, first.to_vec(), &also);
        let (held, kept) = past.take_over(events)?;
        let begun = begin(plan, events, (&held, &kept));
        let outside = (0..plan.flow.actions.len()).filter(|id| plan.loops(*id).is_empty());
        let is_other = |id: &ActionId| match (run.record(*id, &[]), begun.record(*id, &[])) {
            (Some(was), Some(is)) => (was.status, &was.outputs) != (is.status, &is.outputs),
            (_, is) => is.is_none(),
        };
        let other = outside.filter(|id| past.is_kept(*id) && is_other(id));
        let other: Vec<String> =
            other.map(|id| plan.flow.action(id).name.folded().to_owned()).collect();
        if other.is_empty() {
            return Ok(also);
        }
        also.extend(other);
    }
}

fn earlier_holds(events: &[Event]) -> Vec<Vec<String>> {
    let first = events.first().map(|it| &it.kind);
    match first {
        Some(EventKind::Started { again: Some(again), .. }) => again.held.clone(),
        _ => Vec::new(),
    }
}

/// What has happened, seen with what is to happen again.
struct Past<'a> {
    plan: &'a Plan,
    run: &'a Run,
    new: &'a Plan,
    /// Folded names of the first actions.
    from: Vec<String>,
    /// Folded names of actions that happen again.
    again: BTreeSet<String>,
    /// Folded names of the groups around them, which are entered and end again.
    around: BTreeSet<String>,
}

impl<'a> Past<'a> {
    fn new(
        (plan, run): (&'a Plan, &'a Run),
        new: &'a Plan,
        from: Vec<String>,
        also: &[String],
    ) -> Self {
        let (mut again, mut around) = (BTreeSet::new(), BTreeSet::new());
        for plan in [plan, new] {
            let name = |id: ActionId| plan.flow.action(id).name.folded().to_owned();
            for id in from.iter().chain(also).filter_map(|it| plan.flow.find(it)) {
                again.extend(following(plan, id).into_iter().map(name));
                around.extend(plan.flow.ancestors(id).map(name));
            }
        }
        Self { plan, run, new, from, again, around }
    }

    /// What is held, and the events that are taken over.
    fn take_over(&self, events: &[Event]) -> Result<(Vec<Vec<String>>, Vec<Event>), RetryError> {
        let mut held = earlier_holds(events);
        held.push(self.held());
        Ok((held, self.events(events)?))
    }

    /// Display names of the first actions.
    fn starts(&self) -> Vec<String> {
        let ids = self.from.iter().filter_map(|it| self.new.flow.find(it));
        ids.map(|id| self.new.flow.action(id).display.clone()).collect()
    }

    /// Whether an action of the old version is taken over with its end: it, or a group or loop around
    /// it, which is taken over as a whole.
    fn is_kept(&self, id: ActionId) -> bool {
        let flow = &self.plan.flow;
        std::iter::once(id).chain(flow.ancestors(id)).any(|id| {
            let action = flow.action(id);
            let name = action.name.folded();
            !self.again.contains(name)
                && !self.around.contains(name)
                && !matches!(action.kind, ActionKind::Terminate(_))
                && self.plan.loops(id).is_empty()
                && self.run.record(id, &[]).is_some_and(has_ended_by_itself)
        })
    }

    /// Whether it was entered, as a group whose actions may be taken over one by one.
    fn is_entered(&self, id: ActionId) -> bool {
        let action = self.plan.flow.action(id);
        let is_group = !is_loop(&action.kind) && 0 < self.plan.branches(id);
        is_group
            && !self.again.contains(action.name.folded())
            && match self.run.slots.get(&crate::run::Key { action: id, passes: Passes::new() }) {
                Some(Slot::Open(_)) => true,
                Some(Slot::Done(record)) => record.status != Status::Skipped,
                None => false,
            }
    }

    fn same(&self, id: ActionId, name: &str) -> bool {
        let kind = |plan: &Plan, id| std::mem::discriminant(&plan.flow.action(id).kind);
        self.new.flow.find(name).is_some_and(|it| kind(self.new, it) == kind(self.plan, id))
    }

    /// The events of all that is taken over.
    fn events(&self, events: &[Event]) -> Result<Vec<Event>, RetryError> {
        let (mut kept, mut missing) = (Vec::new(), BTreeSet::new());
        let mut paused = false;
        for event in events {
            if event.path == Path::run() {
                match &event.kind {
                    EventKind::Paused { .. } => paused = true,
                    EventKind::Continued { .. } => paused = false,
                    EventKind::Began | EventKind::Resumed => {}
                    _ => continue,
                }
                kept.push(event.clone());
                continue;
            }
            let Some((id, _)) = self.plan.locate(&event.path) else { continue };
            if !self.is_kept(id) {
                continue;
            }
            let name = self.plan.flow.action(id).name.as_str();
            if self.new.locate(&event.path).is_some() && self.same(id, name) {
                kept.push(event.clone());
            } else {
                missing.insert(event.path.to_string());
            }
        }
        // One that was stopped during a pause is not paused when it is done again.
        if let Some(last) = events.last().filter(|_| paused) {
            let kind = EventKind::Continued { reason: "the run is done again".to_owned() };
            kept.push(Event { at: last.at, path: Path::run(), kind });
        }
        if missing.is_empty() {
            Ok(kept)
        } else {
            Err(RetryError::Missing(missing.into_iter().collect()))
        }
    }

    /// Names of the actions of the new version that wait for `Resumed`. What is in one of them or in
    /// a loop does not begin without it.
    fn held(&self) -> Vec<String> {
        let flow = &self.new.flow;
        let is_free = |id: ActionId| {
            let name = flow.action(id).name.as_str();
            let known = self.plan.flow.find(name).filter(|it| self.plan.loops(*it).is_empty());
            known.is_some_and(|it| self.same(it, name) && (self.is_kept(it) || self.is_entered(it)))
        };
        let outside = (0..flow.actions.len()).filter(|id| self.new.loops(*id).is_empty());
        let held = outside.filter(|id| !is_free(*id) && flow.ancestors(*id).all(is_free));
        held.map(|id| flow.action(id).name.as_str().to_owned()).collect()
    }

    /// Display names of what is taken over and did something.
    fn kept(&self) -> Vec<String> {
        let outside =
            (0..self.plan.flow.actions.len()).filter(|it| self.plan.loops(*it).is_empty());
        let kept = outside.filter(|id| {
            let record = self.run.record(*id, &[]);
            self.is_kept(*id) && record.is_some_and(|it| it.status != Status::Skipped)
        });
        kept.map(|id| self.plan.flow.action(id).display.clone()).collect()
    }
}

/// An action with all that is in it, and everything that comes after it.
fn following(plan: &Plan, id: ActionId) -> BTreeSet<ActionId> {
    let mut found = BTreeSet::from([id]);
    found.extend(plan.descendants(id));
    let mut pending: Vec<ActionId> = plan.successors(id).to_vec();
    pending.extend(plan.flow.ancestors(id).flat_map(|it| plan.successors(it).to_vec()));
    while let Some(next) = pending.pop() {
        if found.insert(next) {
            found.extend(plan.descendants(next));
            pending.extend(plan.successors(next));
        }
    }
    found
}

/// Whether it did not end because its run or what is around it did.
fn has_ended_by_itself(record: &Record) -> bool {
    match record.status {
        Status::Succeeded | Status::Failed | Status::TimedOut => true,
        Status::Skipped => record.code == "ActionSkipped",
        Status::Cancelled => false,
    }
}

/// The actions that made a run fail, in the order of the file: those that the status of the run comes
/// from, else the first one that failed and whose failure was dealt with.
pub fn causes(plan: &Plan, run: &Run) -> Vec<ActionId> {
    let root = BlockKey::root();
    let mut found = BTreeSet::new();
    let ended_by_itself = run.end().is_none_or(|it| it.status != Status::Cancelled);
    if ended_by_itself {
        of_block(plan, run, &root, &mut found);
    }
    if found.is_empty() {
        let failed = (0..plan.flow.actions.len()).filter(|id| plan.branches(*id) == 0);
        let failed = failed.flat_map(|id| run.records(id).map(move |(_, record)| (record, id)));
        let failed = failed.filter(|(record, _)| has_failed(record.status));
        let first = failed.min_by_key(|(record, id)| (record.end, *id));
        let cut = || (0..plan.flow.actions.len()).find(|id| was_cut_off(plan, run, *id));
        found.extend(first.map(|(_, id)| id).or_else(cut));
    }
    found.into_iter().collect()
}

/// An action that was under way when the run was stopped.
fn was_cut_off(plan: &Plan, run: &Run, id: ActionId) -> bool {
    plan.branches(id) == 0 && run.records(id).any(|(_, it)| it.status == Status::Cancelled)
}

const fn has_failed(status: Status) -> bool {
    matches!(status, Status::Failed | Status::TimedOut)
}

/// Goes the way that the status of a block has come, backwards.
fn of_block(plan: &Plan, run: &Run, block: &BlockKey, found: &mut BTreeSet<ActionId>) {
    let members = plan.members(block.parent, block.branch).iter().copied();
    let mut pending: Vec<ActionId> = members.filter(|id| plan.successors(*id).is_empty()).collect();
    let mut seen: BTreeSet<ActionId> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        let Some(record) = run.record(id, &block.passes) else { continue };
        if record.status == Status::Skipped {
            let before = plan.flow.action(id).run_after.iter().map(|link| link.predecessor);
            pending.extend(before.filter(|id| seen.insert(*id)));
        } else if has_failed(record.status) {
            let before = found.len();
            inside(plan, run, (id, &block.passes), found);
            if found.len() == before {
                found.insert(id);
            }
        }
    }
}

fn inside(
    plan: &Plan,
    run: &Run,
    (id, passes): (ActionId, &[u32]),
    found: &mut BTreeSet<ActionId>,
) {
    for branch in 0..plan.branches(id) {
        let mut all = BTreeSet::from([Passes::from(passes)]);
        if is_loop(&plan.flow.action(id).kind) {
            let members = plan.members(Some(id), branch);
            let keys = members.iter().flat_map(|it| run.within(*it, passes).map(|(key, _)| key));
            all = keys.filter_map(|it| it.passes.get(..=passes.len()).map(Passes::from)).collect();
        }
        for passes in all {
            of_block(plan, run, &BlockKey { parent: Some(id), branch, passes }, found);
        }
    }
}

/// Display names of actions that did something which another run would do a second time: its
/// questions are asked under the name of that run.
fn repeated(plan: &Plan, run: &Run, happens: impl Fn(ActionId) -> bool) -> Vec<String> {
    let did = |id: ActionId, record: &Record| {
        let answered = record.status == Status::Succeeded;
        // Nobody knows whether it happened.
        let unclear = record.status == Status::TimedOut || record.code == "UnknownOutcome";
        (answered || unclear) && makes_something(plan, id, record)
    };
    let all = (0..plan.flow.actions.len()).filter(|id| happens(*id));
    let made = all.filter(|id| run.records(*id).any(|(_, record)| did(*id, record)));
    made.map(|id| plan.flow.action(id).display.clone()).collect()
}

fn makes_something(plan: &Plan, id: ActionId, record: &Record) -> bool {
    match &plan.flow.action(id).kind {
        ActionKind::ApiConnection(_) => plan.creating_calls.contains(&id),
        ActionKind::Http(_) => {
            let method = record.inputs.as_ref().and_then(|it| it.get("method"));
            let method = method.and_then(Value::as_str).unwrap_or_default();
            ["POST", "PATCH"].iter().any(|it| it.eq_ignore_ascii_case(method))
        }
        ActionKind::Workflow(_) | ActionKind::SendToBatch(_) => true,
        _ => false,
    }
}

//! Parents and children: the runs that a run starts, and what it is told of them.

use std::sync::Arc;

use base::{Outcome, RunId};
use interp::effect::Ask;
use journal::{Admitted, EventKind, Parent, Path, Post, StoreError};

use crate::{
    admit::{Fresh, admission, begin},
    child::{self, CHILD_DEPTH_MAX, Called, child_outcome, too_deep},
    engine::{Inner, Message},
    lanes::Entry,
    off,
    patient::{self, load},
    pump::{Planned, Task},
    queue::entry_of,
    telemetry,
};

impl Task {
    /// Child runs are rows of the same commit. The path of a caller that is told something at once
    /// is that of its run: it waits for none of them.
    pub(crate) fn plan_child(&mut self, ask: &Ask, planned: &mut Planned) {
        self.calling.insert(ask.path.clone());
        let flows = self.inner.flows();
        let called = if CHILD_DEPTH_MAX <= planned.depth {
            Err(too_deep())
        } else {
            let traceparent = self.traceparent(&ask.path);
            let about = (self.run.tracking_id(), traceparent.as_deref());
            child::call(&flows, ask, about, self.inner.now())
        };
        let outcome = match called {
            Ok(Called { flow, .. }) if self.inner.is_off(&flow.name) => {
                Some(Outcome::failed(off::is_off(&flow.name)))
            }
            Ok(Called { flow, trigger, firings, at_once }) => {
                let path = if at_once.is_some() { Path::run() } else { ask.path.clone() };
                for firing in firings {
                    let parent = Parent { run: self.origin.run.clone(), path: path.clone() };
                    let trigger = trigger.name.as_str();
                    let admission = admission(&self.inner, flow, trigger, firing, Some(parent));
                    planned.entries.push(entry_of(flow, &admission));
                    planned.children.push(admission);
                    planned.waiting.push(path.clone());
                }
                at_once
            }
            Err(failure) => Some(Outcome::failed(failure)),
        };
        if let Some(outcome) = outcome {
            let kind = EventKind::Answered { attempt: ask.attempt, outcome, sent: None };
            self.inner.deliver(&self.origin.run, Message::event(ask.path.clone(), kind));
        }
    }

    /// How many flows have called each other down to this run.
    pub(crate) async fn depth(&self) -> Result<usize, StoreError> {
        let mut depth = 0;
        let mut parent = self.origin.parent.clone();
        while let Some(above) = parent
            && depth < CHILD_DEPTH_MAX
        {
            depth += 1;
            parent = load(&self.inner, &above.run).await?.and_then(|(row, _)| row.parent);
        }
        Ok(depth)
    }

    /// Starts new children; one that was started before has perhaps answered without our knowing.
    pub(crate) async fn enter_children(
        &self,
        admitted: Vec<Admitted>,
        children: impl Iterator<Item = ((Entry, Fresh), Path)>,
    ) -> Result<(), StoreError> {
        for (admitted, ((entry, fresh), path)) in admitted.into_iter().zip(children) {
            let is_new = matches!(admitted, Admitted::New(_));
            telemetry::admitted(&self.inner, &fresh.origin, is_new);
            match admitted {
                Admitted::New(_) => begin(&self.inner, entry, fresh),
                Admitted::Duplicate(child) => {
                    let Some((row, events)) = load(&self.inner, &child).await? else { continue };
                    let plan = patient::plan(&self.inner, &row.flow, &row.sha).await?;
                    let state = interp::replay(&plan, &events);
                    // One that has answered may sleep long after that.
                    if row.status.is_some() || state.response().is_some() {
                        let outcome = child_outcome(&state, self.inner.now());
                        let parent = Parent { run: self.origin.run.clone(), path };
                        answer_parent(&self.inner, &parent.run, &parent, outcome);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A question to another flow is never asked again, so its answer is always to the first attempt.
fn answer_of_child(outcome: Outcome) -> EventKind {
    EventKind::Answered { attempt: 1, outcome, sent: None }
}

/// Tells a parent that the same process looks after; another one is left a note, see
/// [`post_to_parent`]. A parent that was told something at once does not wait.
pub(crate) fn answer_parent(inner: &Arc<Inner>, run: &RunId, parent: &Parent, outcome: Outcome) {
    if parent.path != Path::run() && inner.are_together(run, &parent.run) {
        let message = Message::event(parent.path.clone(), answer_of_child(outcome));
        inner.deliver(&parent.run, message);
    }
}

/// What is left for the parent of a run, if another process may look after it: durable together with
/// what it tells of.
pub(crate) fn post_to_parent(
    inner: &Inner,
    run: &RunId,
    parent: &Parent,
    outcome: &Outcome,
) -> Option<Post> {
    let waits = parent.path != Path::run() && !inner.are_together(run, &parent.run);
    let kind = || answer_of_child(outcome.clone());
    waits.then(|| Post::event(&parent.run, parent.path.clone(), kind()))
}

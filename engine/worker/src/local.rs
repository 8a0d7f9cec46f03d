//! One run driven to its end in this process, without a store: `flowright run` and tests.

use std::{collections::BTreeMap, sync::Arc};

use base::{Duration, Failure, Outcome, Timestamp};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    step,
};
use journal::{Event, EventKind, Path};
use serde_json::Value;

use crate::{clock::Clock, deploy::Deployed, perform::Performer};

/// How time passes.
pub enum Time {
    /// Pauses take no time; the clock jumps to the next timer.
    Virtual(Timestamp),
    /// Pauses are waited for.
    Real(Arc<dyn Clock>),
}

/// Everything a run needs besides its plan and its first event.
pub struct Driver<'a> {
    /// Who answers.
    pub performer: &'a dyn Performer,
    /// How time passes.
    pub time: Time,
    /// Other flows by name, for `runFlow`.
    pub flows: &'a BTreeMap<String, Arc<Deployed>>,
    /// Told of every event, as soon as it has been taken in.
    pub watch: &'a mut (dyn FnMut(&Event, &Run) + Send),
}

/// A run that has ended, or that waits for something that cannot happen here.
#[derive(Debug)]
pub struct Driven {
    /// Its state.
    pub run: Run,
    /// Its journal.
    pub events: Vec<Event>,
}

/// When each timer is due, by path and whether it is a deadline.
type Timers = BTreeMap<(Path, bool), Timestamp>;

#[derive(Default)]
struct Progress {
    run: Run,
    events: Vec<Event>,
    timers: Timers,
}

/// How deep flows may call each other.
pub(crate) const CHILD_DEPTH_MAX: usize = 8;

impl Driver<'_> {
    /// Takes in the events, then drives the run on until it ends.
    pub async fn drive(&mut self, plan: &Plan, events: Vec<Event>) -> Driven {
        self.drive_at(plan, events, 0).await
    }

    async fn drive_at(&mut self, plan: &Plan, events: Vec<Event>, depth: usize) -> Driven {
        let mut progress = Progress::default();
        for event in events {
            self.take(plan, &mut progress, event);
        }
        let mut asks = progress.run.outstanding(plan);
        for (path, attempt) in progress.run.unknown(plan) {
            let event = Event { at: self.now(), path, kind: EventKind::Unknown { attempt } };
            asks.extend(self.take(plan, &mut progress, event));
        }
        while progress.run.end().is_none() {
            let event = if let Some(ask) = next_ask(&mut asks) {
                let outcome = self.answer(plan, &ask, depth).await;
                let kind = EventKind::Answered { attempt: ask.attempt, outcome };
                Event { at: self.now(), path: ask.path, kind }
            } else if let Some(event) = self.next_timer(&progress.timers).await {
                event
            } else {
                break;
            };
            asks.extend(self.take(plan, &mut progress, event));
        }
        Driven { run: progress.run, events: progress.events }
    }

    fn take(&mut self, plan: &Plan, progress: &mut Progress, event: Event) -> Vec<Effect> {
        let effects = step(plan, &mut progress.run, &event);
        settle_timer(&mut progress.timers, &event);
        arm(&mut progress.timers, &effects);
        (self.watch)(&event, &progress.run);
        progress.events.push(event);
        effects
    }

    async fn answer(&mut self, plan: &Plan, ask: &Ask, depth: usize) -> Outcome {
        match &ask.request {
            Request::Flow { flow, trigger, inputs } => {
                Box::pin(self.child(ask, (flow, trigger.as_deref()), inputs, depth)).await
            }
            Request::Operation { .. } | Request::Route { .. } | Request::Http { .. } => {
                self.performer.perform(plan, ask, self.now()).await
            }
        }
    }

    async fn child(
        &mut self,
        ask: &Ask,
        (flow, trigger): (&str, Option<&str>),
        inputs: &Value,
        depth: usize,
    ) -> Outcome {
        let flows = self.flows;
        let Some(child) = find_flow(flows, flow) else { return Outcome::failed(no_flow(flow)) };
        let plan = &child.plan;
        if CHILD_DEPTH_MAX <= depth {
            return Outcome::failed(too_deep());
        }
        let named = trigger.map(ToOwned::to_owned);
        let trigger = named
            .or_else(|| plan.flow.triggers.first().map(|it| it.name.as_str().to_owned()))
            .unwrap_or_default();
        let kind = EventKind::Started {
            trigger,
            outputs: inputs.clone(),
            parameters: child.parameters.clone(),
            seed: 0,
            run: format!("{}/child", ask.idempotency_key),
        };
        let started = Event { at: self.now(), path: Path::run(), kind };
        let driven = self.drive_at(plan, vec![started], depth + 1).await;
        child_outcome(&driven.run, self.now())
    }

    fn now(&self) -> Timestamp {
        match &self.time {
            Time::Virtual(now) => *now,
            Time::Real(clock) => clock.now(),
        }
    }

    /// Waits for the earliest timer.
    async fn next_timer(&mut self, timers: &Timers) -> Option<Event> {
        let ((path, deadline), due) = timers.iter().min_by_key(|(_, due)| **due)?;
        match &mut self.time {
            Time::Virtual(now) => *now = (*now).max(*due),
            Time::Real(clock) => {
                let pause = due.since(clock.now()).max(Duration::ZERO);
                tokio::time::sleep(pause.to_std()).await;
            }
        }
        let kind = if *deadline { EventKind::Expired } else { EventKind::Woken };
        Some(Event { at: self.now(), path: path.clone(), kind })
    }
}

/// What a parent gets from a child that has ended.
pub(crate) fn child_outcome(run: &Run, now: Timestamp) -> Outcome {
    if let Some(response) = run.response() {
        return Outcome::of_response(Value::clone(response), now);
    }
    let error = run.end().and_then(|end| end.error.clone());
    let text = |name: &str| {
        let value = error.as_ref().and_then(|error| error.get(name));
        value.and_then(Value::as_str).map(ToOwned::to_owned)
    };
    let (code, message) = match (text("code"), text("message")) {
        (Some(code), Some(message)) => (code, message),
        _ => (
            "NoResponse".to_owned(),
            "the flow ended without a `respond` action that was reached".to_owned(),
        ),
    };
    Outcome::failed(Failure::new(code, message))
}

/// A flow by its folder below the project's flows, or by the last part of that or of an id of the
/// cloud's (`/subscriptions/…`), if only one flow is called so.
pub(crate) fn find_flow<'a, T>(flows: &'a BTreeMap<String, T>, wanted: &str) -> Option<&'a T> {
    if let Some(found) = flows.get(wanted) {
        return Some(found);
    }
    let short = if wanted.starts_with('/') { wanted.rsplit('/').next()? } else { wanted };
    let mut called = flows.iter().filter(|(name, _)| name.rsplit('/').next() == Some(short));
    match (called.next(), called.next()) {
        (Some((_, only)), None) => Some(only),
        _ => None,
    }
}

pub(crate) fn too_deep() -> Failure {
    let message = format!("flows call each other more than {CHILD_DEPTH_MAX} deep");
    Failure::new("ChildFlowTooDeep", message)
}

pub(crate) fn no_flow(name: &str) -> Failure {
    Failure::new("WorkflowNotFound", format!("there is no flow `{name}` in this project"))
}

fn next_ask(effects: &mut Vec<Effect>) -> Option<Ask> {
    while !effects.is_empty() {
        if let Effect::Ask(ask) = effects.remove(0) {
            return Some(ask);
        }
    }
    None
}

fn settle_timer(timers: &mut Timers, event: &Event) {
    match event.kind {
        EventKind::Woken => timers.remove(&(event.path.clone(), false)),
        EventKind::Expired => timers.remove(&(event.path.clone(), true)),
        _ => None,
    };
}

fn arm(timers: &mut Timers, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Arm { path, deadline, due } => {
                timers.insert((path.clone(), *deadline), *due);
            }
            Effect::Disarm { path, deadline } => {
                timers.remove(&(path.clone(), *deadline));
            }
            Effect::Ask(_) | Effect::Respond { .. } | Effect::Finish { .. } => {}
        }
    }
}

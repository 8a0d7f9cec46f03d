//! One run driven to its end in this process, without a store: `flowright run` and tests.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use base::{Duration, Failure, Outcome, Timestamp};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    step,
};
use journal::{Callback, Event, EventKind, Path};

use crate::{
    child::{self, CHILD_DEPTH_MAX, child_outcome, too_deep},
    clock::Clock,
    deploy::Deployed,
    perform::Performer,
};

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
    /// Where services would call back; without it, actions that wait for a call fail.
    pub callback: Option<Callback>,
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

/// When each timer is due, by path and whether it is a deadline; and the same by time.
#[derive(Default)]
struct Timers {
    due: BTreeMap<(Path, bool), Timestamp>,
    order: BTreeSet<(Timestamp, (Path, bool))>,
}

impl Timers {
    fn set(&mut self, key: (Path, bool), due: Timestamp) {
        self.remove(&key);
        self.order.insert((due, key.clone()));
        self.due.insert(key, due);
    }

    fn remove(&mut self, key: &(Path, bool)) {
        if let Some(due) = self.due.remove(key) {
            self.order.remove(&(due, key.clone()));
        }
    }
}

#[derive(Default)]
struct Progress {
    run: Run,
    events: Vec<Event>,
    timers: Timers,
}

/// The run that calls another flow.
#[derive(Clone, Copy)]
struct Caller<'a> {
    tracking_id: &'a str,
    /// How many flows have called each other down to it.
    depth: usize,
}

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
        let mut asks: VecDeque<Effect> = progress.run.outstanding(plan).into();
        for (path, attempt) in progress.run.unknown(plan) {
            let event = Event { at: self.now(), path, kind: EventKind::Unknown { attempt } };
            asks.extend(self.take(plan, &mut progress, event));
        }
        while progress.run.end().is_none() && !progress.run.is_halted(plan) {
            let event = if let Some(ask) = next_ask(&mut asks) {
                let tracking_id = progress.run.tracking_id();
                let outcome = self.answer(plan, &ask, Caller { tracking_id, depth }).await;
                let kind = EventKind::Answered { attempt: ask.attempt, outcome, sent: None };
                Event { at: self.now(), path: ask.path, kind }
            } else if let Some(event) = self.next_call(plan, &progress.run) {
                event
            } else if let Some(event) = self.next_timer(&progress.timers).await {
                event
            } else {
                break;
            };
            let effects = self.take(plan, &mut progress, event);
            self.unsubscribe(plan, &effects).await;
            asks.extend(effects);
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

    /// Tells services that nobody waits for their calls any more.
    async fn unsubscribe(&self, plan: &Plan, effects: &[Effect]) {
        for effect in effects {
            let Effect::Unsubscribe(ask) = effect else { continue };
            let outcome = self.performer.perform(plan, ask, self.now()).await;
            if let Some(Failure { code, message, .. }) = outcome.failure {
                tracing::warn!(path = %ask.path, code, reason = message, "A service was not told that a wait is over.");
            }
        }
    }

    async fn answer(&mut self, plan: &Plan, ask: &Ask, caller: Caller<'_>) -> Outcome {
        let is_flow = matches!(ask.request, Request::Flow { .. });
        if is_flow && !self.performer.answers(plan, ask) {
            return Box::pin(self.child(ask, caller)).await;
        }
        self.performer.perform(plan, ask, self.now()).await
    }

    /// Drives every run that the call starts; time passes for the caller, too.
    async fn child(&mut self, ask: &Ask, Caller { tracking_id, depth }: Caller<'_>) -> Outcome {
        if CHILD_DEPTH_MAX <= depth {
            return Outcome::failed(too_deep());
        }
        let flows = self.flows;
        let called = match child::call(flows, ask, (tracking_id, None), self.now()) {
            Ok(called) => called,
            Err(failure) => return Outcome::failed(failure),
        };
        let mut answer = called.at_once;
        for (index, firing) in called.firings.into_iter().enumerate() {
            let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            let kind = EventKind::Started {
                trigger: called.trigger.name.as_str().to_owned(),
                outputs: firing.outputs,
                parameters: Arc::clone(&called.flow.parameters),
                seed: 0,
                run: format!("{}/child{number}", ask.idempotency_key),
                callback: self.callback.clone(),
                again: None,
                by: None,
            };
            let started = Event { at: self.now(), path: Path::run(), kind };
            let driven = self.drive_at(&called.flow.plan, vec![started], depth + 1).await;
            answer = answer.or_else(|| Some(child_outcome(&driven.run, self.now())));
        }
        answer.unwrap_or_default()
    }

    /// The call of a service that the run waits for, if it can be known here.
    fn next_call(&self, plan: &Plan, run: &Run) -> Option<Event> {
        let mut subscribed = run.subscribed(plan).into_iter();
        let (path, outputs) =
            subscribed.find_map(|ask| Some((ask.path.clone(), self.performer.call_back(&ask)?)))?;
        Some(Event { at: self.now(), path, kind: EventKind::Called { outputs } })
    }

    fn now(&self) -> Timestamp {
        match &self.time {
            Time::Virtual(now) => *now,
            Time::Real(clock) => clock.now(),
        }
    }

    /// Waits for the earliest timer.
    async fn next_timer(&mut self, timers: &Timers) -> Option<Event> {
        let (due, (path, deadline)) = timers.order.first()?;
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

fn next_ask(effects: &mut VecDeque<Effect>) -> Option<Ask> {
    while let Some(effect) = effects.pop_front() {
        if let Effect::Ask(ask) = effect {
            return Some(ask);
        }
    }
    None
}

fn settle_timer(timers: &mut Timers, event: &Event) {
    match event.kind {
        EventKind::Woken => timers.remove(&(event.path.clone(), false)),
        EventKind::Expired => timers.remove(&(event.path.clone(), true)),
        _ => {}
    }
}

fn arm(timers: &mut Timers, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Arm { path, deadline, due } => {
                timers.set((path.clone(), *deadline), *due);
            }
            Effect::Disarm { path, deadline } => {
                timers.remove(&(path.clone(), *deadline));
            }
            Effect::Ask(_)
            | Effect::Respond { .. }
            | Effect::Unsubscribe(_)
            | Effect::Finish { .. } => {}
        }
    }
}

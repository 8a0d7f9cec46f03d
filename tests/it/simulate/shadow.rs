//! What the store must know by now: every event that became durable, taken in once more, and what is
//! wrong with anything that does not follow from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base::{RunId, Timestamp};
use interp::{Effect, Plan, Run, effect::Ask, step};
use journal::{Append, Event, EventKind, Parent, Path, Timer};
use worker::Flows;

/// One run as its durable events have it.
#[derive(Default)]
struct Seen {
    flow: String,
    parent: Option<Parent>,
    run: Run,
    events: usize,
    finished: bool,
    /// Every question that durable events led to.
    asks: Vec<Ask>,
    intended: Vec<(Path, u32)>,
    /// How often each question that must not be repeated was asked.
    asked: BTreeMap<(Path, u32), usize>,
    timers: BTreeMap<(Path, bool), Timestamp>,
    /// What services are told when nobody waits for their calls any more.
    unsubscribed: Vec<Ask>,
}

/// All runs of a simulation, and what was found to be wrong.
pub(crate) struct Shadow {
    flows: Flows,
    runs: Mutex<BTreeMap<RunId, Seen>>,
    wrong: Mutex<Vec<String>>,
}

impl Shadow {
    pub(crate) fn new(flows: Flows) -> Arc<Self> {
        Arc::new(Self { flows, runs: Mutex::default(), wrong: Mutex::default() })
    }

    pub(crate) fn complain(&self, message: String) {
        self.wrong.lock().unwrap().push(message);
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    fn plan(&self, flow: &str) -> Arc<Plan> {
        Arc::clone(&self.flows[flow].plan)
    }

    /// A run has become durable with its first event.
    pub(crate) fn begun(&self, run: &RunId, flow: &str, parent: Option<Parent>, started: &Event) {
        let mut seen = Seen { flow: flow.to_owned(), parent, ..Seen::default() };
        let effects = step(&self.plan(flow), &mut seen.run, started);
        seen.events = 1;
        seen.follow(effects);
        if self.runs.lock().unwrap().insert(run.clone(), seen).is_some() {
            self.complain(format!("{run} has begun twice"));
        }
    }

    /// A step has become durable; `stored` are the timers that the store has of the run now.
    pub(crate) fn appended(&self, append: &Append, stored: &[Timer]) {
        let mut runs = self.runs.lock().unwrap();
        let run = &append.run;
        let Some(seen) = runs.get_mut(run) else {
            return self.complain(format!("{run} goes on and has not begun"));
        };
        let plan = self.plan(&seen.flow);
        let flow = seen.flow.clone();
        let going_on = append.events.iter().any(|it| !is_switch(it));
        let one_by_one = plan.flow.triggers.iter().any(|it| it.concurrency.is_some());
        for event in &append.events {
            if let Some(wrong) = seen.take(&plan, event) {
                self.complain(format!("{run} ({}): {wrong}: {event:?}", seen.flow));
            }
        }
        self.check_end(append, seen, stored);
        let overlaps = |(other, it): &(&RunId, &Seen)| {
            *other != run && it.flow == flow && 1 < it.events && !it.finished
        };
        if one_by_one
            && going_on
            && let Some((other, _)) = runs.iter().find(overlaps)
        {
            self.complain(format!("{run} of {flow} goes on while {other} does"));
        }
    }

    fn check_end(&self, append: &Append, seen: &Seen, stored: &[Timer]) {
        let run = &append.run;
        if seen.run.end().is_some() != seen.finished {
            self.complain(format!("{run}: its end and its last event are not stored together"));
        }
        if seen.finished {
            if !stored.is_empty() {
                self.complain(format!("{run} has ended and has timers: {stored:?}"));
            }
            return;
        }
        for ((path, deadline), due) in &seen.timers {
            let known = |it: &&Timer| it.path == *path && it.deadline == *deadline;
            match stored.iter().find(known) {
                Some(timer) if timer.due == *due => {}
                found => self.complain(format!("{run}: {path} should wake at {due}: {found:?}")),
            }
        }
    }

    /// A service is asked.
    pub(crate) fn asked(&self, ask: &Ask) {
        let key = ask.idempotency_key.strip_suffix(":unsubscribe");
        let is_courtesy = key.is_some();
        let key = key.unwrap_or(&ask.idempotency_key);
        let run = key.strip_suffix(&format!(":{}", ask.path));
        let mut runs = self.runs.lock().unwrap();
        let Some(seen) = run.and_then(|run| runs.get_mut(&RunId::new(run))) else {
            return self.complain(format!("the key is not made of run and path: {ask:?}"));
        };
        if is_courtesy {
            if !seen.unsubscribed.contains(ask) {
                self.complain(format!("a wait is given up before that is durable: {ask:?}"));
            }
            return;
        }
        if !seen.asks.contains(ask) {
            self.complain(format!("asked before it was durable, or in another way: {ask:?}"));
        }
        if ask.intent {
            let once = (ask.path.clone(), ask.attempt);
            if !seen.intended.contains(&once) {
                self.complain(format!("asked without a durable intent: {ask:?}"));
            }
            let times = seen.asked.entry(once).or_default();
            *times += 1;
            if 1 < *times {
                self.complain(format!("asked {times} times, which may be asked once: {ask:?}"));
            }
        }
    }

    /// Visits every run: its name that does not depend on chance, its flow and its state.
    pub(crate) fn each(&self, mut visit: impl FnMut(&RunId, &str, &Plan, &Run)) {
        let runs = self.runs.lock().unwrap();
        for (id, seen) in runs.iter() {
            visit(id, &name(&runs, id), &self.plan(&seen.flow), &seen.run);
        }
    }
}

/// Whether it only pauses a run, or ends a pause.
fn is_switch(event: &Event) -> bool {
    matches!(event.kind, EventKind::Paused { .. } | EventKind::Continued { .. })
}

/// A run's own id if it was fired, else that of its parent and the action that called it.
fn name(runs: &BTreeMap<RunId, Seen>, id: &RunId) -> String {
    match runs.get(id).and_then(|it| it.parent.as_ref()) {
        Some(parent) => format!("{} > {}", name(runs, &parent.run), parent.path),
        None => id.to_string(),
    }
}

impl Seen {
    /// Takes an event in; what is wrong with it, if something is.
    fn take(&mut self, plan: &Plan, event: &Event) -> Option<&'static str> {
        if self.finished {
            return Some("an event after the end");
        }
        self.events += usize::from(!is_switch(event));
        let timer = match event.kind {
            EventKind::Woken => Some(false),
            EventKind::Expired => Some(true),
            _ => None,
        };
        let due = timer.and_then(|deadline| self.timers.remove(&(event.path.clone(), deadline)));
        let early = due.is_some_and(|due| event.at < due);
        if let EventKind::Intended { attempt } = event.kind {
            self.intended.push((event.path.clone(), attempt));
        }
        if let EventKind::Finished { status, error, response } = &event.kind {
            self.finished = true;
            let same = self.run.end().is_some_and(|end| {
                let mut error = error.clone();
                // Which actions failed is told besides.
                error
                    .as_mut()
                    .and_then(serde_json::Value::as_object_mut)
                    .map(|it| it.remove("details"));
                end.status == *status
                    && end.error == error
                    && self.run.response() == response.as_ref()
            });
            return (!same).then_some("it is not the end that the events lead to");
        }
        // Where everything can be computed the start has led to an end, from which nothing came.
        let begins = matches!(event.kind, EventKind::Began);
        let before = self.run.end().is_some() && !begins;
        if begins {
            if self.events != 2 || !self.asked.is_empty() {
                return Some("it begins, and something of it has begun before");
            }
            (self.asks, self.unsubscribed, self.timers) = Default::default();
        }
        if matches!(event.kind, EventKind::Paused { unbegun: true, .. }) {
            if self.events != 1 || !self.asked.is_empty() {
                return Some("it is paused before it begins, and something of it has begun");
            }
            (self.asks, self.unsubscribed, self.timers) = Default::default();
        }
        let effects = step(plan, &mut self.run, event);
        let is_new = |it: &Effect| matches!(it, Effect::Ask(ask) if ask.follow.is_none());
        if self.run.paused().is_some() && effects.iter().any(is_new) {
            return Some("it is paused, and something begins");
        }
        let repeats = effects.iter().any(|it| matches!(it, Effect::Arm { .. }));
        self.follow(effects);
        if early && !repeats {
            return Some("a timer went off early and was not set again");
        }
        before.then_some("an event between the end and `finished`")
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(ask) => self.asks.push(ask),
                Effect::Arm { path, deadline, due } => {
                    self.timers.insert((path, deadline), due);
                }
                Effect::Disarm { path, deadline } => {
                    self.timers.remove(&(path, deadline));
                }
                Effect::Unsubscribe(ask) => self.unsubscribed.push(ask),
                Effect::Respond { .. } | Effect::Finish { .. } => {}
            }
        }
    }
}

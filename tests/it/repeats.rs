//! Every case again, with everything delivered more than once and answers out of order: the same end.

use std::collections::BTreeMap;

use base::{Outcome, Timestamp};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    step,
};
use journal::{Event, EventKind, Path};

use crate::{
    prefixes::difference,
    support::{Case, case::Driven, trace},
};

/// In which order open questions are answered.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// As they were asked.
    First,
    /// The latest question first.
    Last,
}

#[test]
fn events_that_come_twice_and_answers_out_of_order_change_nothing() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let plan = &case.flow.plan;
        for driven in case.runs() {
            let expected = trace::end_of(plan, &driven.run);
            for order in [Order::First, Order::Last] {
                let mut world = World::new(plan, &driven, order);
                world.run_to_its_end();
                let actual = trace::end_of(plan, &world.run);
                if actual != expected {
                    let ends = difference(&expected, &actual);
                    wrong.push(format!("{} answered {order:?}\n{ends}", case.name));
                }
                if let Some(effect) = world.repeated {
                    wrong.push(format!("{}: what was repeated made it {effect:?}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A world that repeats itself. It knows the answers from a run that went well.
struct World<'a> {
    plan: &'a Plan,
    run: Run,
    now: Timestamp,
    order: Order,
    asked: &'a [Ask],
    answers: BTreeMap<(Path, u32), Outcome>,
    calls: Vec<Event>,
    asks: Vec<Ask>,
    timers: BTreeMap<(Path, bool), Timestamp>,
    delivered: Vec<Event>,
    repeated: Option<Effect>,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, driven: &'a Driven, order: Order) -> Self {
        let events = &driven.events;
        let answers = events.iter().filter_map(|event| match &event.kind {
            EventKind::Answered { attempt, outcome, .. } => {
                Some(((event.path.clone(), *attempt), outcome.clone()))
            }
            _ => None,
        });
        let mut world = Self {
            plan,
            run: Run::default(),
            now: events[0].at,
            order,
            asked: &driven.asked,
            answers: answers.collect(),
            calls: events.iter().filter(|it| is_call(it)).cloned().collect(),
            asks: Vec::new(),
            timers: BTreeMap::new(),
            delivered: Vec::new(),
            repeated: None,
        };
        world.deliver(events[0].clone());
        world
    }

    fn run_to_its_end(&mut self) {
        while self.run.end().is_none() {
            let asked = match self.order {
                Order::First if !self.asks.is_empty() => Some(self.asks.remove(0)),
                Order::First => None,
                Order::Last => self.asks.pop(),
            };
            let event = match asked {
                Some(ask) => self.answer(&ask),
                None => self.call().or_else(|| self.timer()),
            };
            let Some(event) = event else { return };
            self.deliver(event);
        }
    }

    /// Takes an event in, then this one and all earlier ones once more: none of them may do anything.
    fn deliver(&mut self, event: Event) {
        let effects = step(self.plan, &mut self.run, &event);
        self.delivered.push(event);
        let latest = self.delivered.len() - 1;
        for (index, again) in self.delivered.iter().enumerate().rev() {
            // The timer of an earlier pause is gone when the next pause begins.
            let timed = matches!(again.kind, EventKind::Woken | EventKind::Expired);
            if timed && index < latest {
                continue;
            }
            let again = Event { at: self.now, ..again.clone() };
            let more = step(self.plan, &mut self.run, &again);
            self.repeated = self.repeated.take().or(more.into_iter().next());
        }
        for effect in effects {
            match effect {
                Effect::Ask(ask) => self.asks.push(ask),
                Effect::Arm { path, deadline, due } => {
                    self.timers.insert((path, deadline), due);
                }
                Effect::Disarm { path, deadline } => {
                    self.timers.remove(&(path, deadline));
                }
                Effect::Respond { .. } | Effect::Unsubscribe(_) | Effect::Finish { .. } => {}
            }
        }
    }

    fn answer(&mut self, ask: &Ask) -> Option<Event> {
        let is_flow = matches!(ask.request, Request::Flow { .. });
        if !is_flow && !self.asked.contains(ask) {
            self.repeated.get_or_insert(Effect::Ask(ask.clone()));
        }
        let outcome = self.answers.get(&(ask.path.clone(), ask.attempt))?.clone();
        let kind = EventKind::Answered { attempt: ask.attempt, outcome, sent: None };
        Some(Event { at: self.now, path: ask.path.clone(), kind })
    }

    /// The call of a service that the run waits for.
    fn call(&mut self) -> Option<Event> {
        let subscribed = self.run.subscribed(self.plan);
        let is_due = |it: &Event| subscribed.iter().any(|ask| ask.path == it.path);
        let awaited = self.calls.iter().position(is_due);
        awaited.map(|index| self.calls.remove(index))
    }

    fn timer(&mut self) -> Option<Event> {
        let first = self.timers.iter().min_by_key(|(_, due)| **due);
        let ((path, deadline), due) = first.map(|(key, due)| (key.clone(), *due))?;
        self.timers.remove(&(path.clone(), deadline));
        self.now = self.now.max(due);
        let kind = if deadline { EventKind::Expired } else { EventKind::Woken };
        Some(Event { at: self.now, path, kind })
    }
}

fn is_call(event: &Event) -> bool {
    matches!(event.kind, EventKind::Called { .. })
}

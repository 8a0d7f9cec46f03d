//! The interpreter by itself: its events come twice, late, before their time, and its process dies
//! between any two of them.

use std::collections::BTreeMap;

use base::Timestamp;
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    replay, step,
};
use journal::{Event, EventKind, Path, codec};
use serde_json::json;

use super::{check, make::Made, process, random::Random};
use crate::{prefixes::difference, support::trace};

/// Events of one run; loops are short and retries few.
const EVENTS_MAX: usize = 20_000;

/// What is wrong with the runs of a seed.
pub(crate) fn wrongs(seed: u64, made: &Made) -> Vec<String> {
    let flows = process::deployed(made);
    let mut wrong = Vec::new();
    for admission in process::admissions(seed, made, &flows) {
        let flow = &flows[&admission.flow];
        let mut post = Post::new(seed, &flow.plan, &admission.started, None);
        post.run_to_its_end();
        wrong.append(&mut post.wrong);
        let expected = trace::end_of(&flow.plan, &post.run);
        let calm = post.asked;
        let chance = Random::new(seed, admission.run.as_str());
        let mut post = Post::new(seed, &flow.plan, &admission.started, Some((chance, calm)));
        post.run_to_its_end();
        wrong.append(&mut post.wrong);
        wrong.extend(check::records(&flow.plan, &post.run));
        let actual = trace::end_of(&flow.plan, &post.run);
        if !made.racy && !post.unknown && actual != expected {
            wrong.push(difference(&expected, &actual));
        }
    }
    wrong
}

/// Whoever brings a run its events.
struct Post<'a> {
    seed: u64,
    plan: &'a Plan,
    run: Run,
    now: Timestamp,
    journal: Vec<Event>,
    asks: Vec<Ask>,
    timers: BTreeMap<(Path, bool), Timestamp>,
    /// Every question so far.
    asked: Vec<Ask>,
    /// What decides about mistakes, and what a calm run asked.
    mistakes: Option<(Random, Vec<Ask>)>,
    unknown: bool,
    wrong: Vec<String>,
}

impl<'a> Post<'a> {
    fn new(
        seed: u64,
        plan: &'a Plan,
        started: &Event,
        mistakes: Option<(Random, Vec<Ask>)>,
    ) -> Self {
        let mut post = Self {
            seed,
            plan,
            run: Run::default(),
            now: started.at,
            journal: Vec::new(),
            asks: Vec::new(),
            timers: BTreeMap::new(),
            asked: Vec::new(),
            mistakes,
            unknown: false,
            wrong: Vec::new(),
        };
        post.deliver(started);
        post
    }

    fn run_to_its_end(&mut self) {
        while self.run.end().is_none() {
            if EVENTS_MAX < self.journal.len() {
                return self.wrong.push(format!("after {EVENTS_MAX} events it has not ended"));
            }
            self.blunder();
            if self.run.end().is_some() {
                break;
            }
            let index = match &mut self.mistakes {
                Some((chance, _)) => chance.index(self.asks.len()),
                None => 0,
            };
            if index < self.asks.len() {
                let ask = self.asks.remove(index);
                self.answer(&ask);
            } else if let Some(ask) = self.run.subscribed(self.plan).first() {
                self.call_back(ask);
            } else if self.run.paused().is_some() || self.run.is_unbegun() {
                self.go_on();
            } else if !self.wake() {
                return self.wrong.push("it waits for nothing".to_owned());
            }
        }
        self.say_it_all_again();
    }

    /// Something goes wrong, or nothing.
    fn blunder(&mut self) {
        let Some((chance, calm)) = &mut self.mistakes else { return };
        match chance.below(14) {
            0 | 1 => {
                let again = chance.pick(&self.journal).clone();
                self.deliver(&again);
            }
            2 => {
                let early = calm.is_empty().then_some(None);
                let early = early.unwrap_or_else(|| Some(chance.pick(calm).clone()));
                // What was not asked yet is answered already.
                if let Some(ask) = early.filter(|it| it.attempt == 1 && !it.intent)
                    && !self.asked.iter().any(|it| it.path == ask.path)
                {
                    self.answer(&ask);
                }
            }
            3 => {
                let path = chance.pick(&self.journal).path.clone();
                let kind = if chance.chance(50) { EventKind::Woken } else { EventKind::Expired };
                // No timer of this is due now.
                if self.timers.get(&(path.clone(), kind == EventKind::Expired)) != Some(&self.now) {
                    self.deliver(&Event { at: self.now, path, kind });
                }
            }
            4 | 5 => self.die(),
            6 => {
                let seconds = chance.below(100);
                let most = self.timers.values().min().copied().unwrap_or(self.now);
                let later = self.now.after(base::Duration::seconds(seconds.cast_signed()));
                self.now = later.min(most.max(self.now));
            }
            7 => {
                let unbegun = self.journal.len() == 1 && chance.chance(50);
                self.pause(unbegun);
            }
            8 => self.go_on(),
            _ => {}
        }
    }

    fn answer(&mut self, ask: &Ask) {
        let outcome = match &ask.request {
            Request::Flow { .. } | Request::Batch { .. } => {
                let body = json!({ "n": 1 });
                let response = json!({ "statusCode": 200, "headers": {}, "body": body });
                base::Outcome::of_response(response, self.now)
            }
            Request::Operation { .. }
            | Request::Route { .. }
            | Request::Unsubscribe { .. }
            | Request::Approval { .. }
            | Request::Http { .. } => {
                process::answer(self.seed, &self.plan.flow.name, ask, self.now)
            }
        };
        let kind = EventKind::Answered { attempt: ask.attempt, outcome, sent: None };
        self.deliver(&Event { at: self.now, path: ask.path.clone(), kind });
    }

    fn call_back(&mut self, ask: &Ask) {
        let outputs = process::call(self.seed, &self.plan.flow.name, ask);
        let (at, path) = (self.now, ask.path.clone());
        self.deliver(&Event { at, path, kind: EventKind::Called { outputs } });
    }

    /// Nobody has been told what there was to do, if nothing of it has `unbegun`.
    fn pause(&mut self, unbegun: bool) {
        if unbegun {
            self.asks.clear();
            self.asked.clear();
            self.timers.clear();
            self.journal.truncate(1);
        }
        let kind = EventKind::Paused { reason: "a while".to_owned(), unbegun };
        self.deliver(&Event { at: self.now, path: Path::run(), kind });
    }

    fn go_on(&mut self) {
        let kind = EventKind::Continued { reason: "enough".to_owned() };
        self.deliver(&Event { at: self.now, path: Path::run(), kind });
        if self.run.is_unbegun() {
            self.deliver(&Event { at: self.now, path: Path::run(), kind: EventKind::Began });
        }
    }

    fn wake(&mut self) -> bool {
        let first = self.timers.iter().min_by_key(|(_, due)| **due);
        let Some(((path, deadline), due)) = first.map(|(key, due)| (key.clone(), *due)) else {
            return false;
        };
        self.now = self.now.max(due);
        let kind = if deadline { EventKind::Expired } else { EventKind::Woken };
        self.deliver(&Event { at: self.now, path, kind });
        true
    }

    fn deliver(&mut self, event: &Event) {
        let text = codec::encode(event).unwrap();
        let event = codec::decode(&text).unwrap();
        let timer = match event.kind {
            EventKind::Woken => Some(false),
            EventKind::Expired => Some(true),
            _ => None,
        };
        if let Some(deadline) = timer {
            self.timers.remove(&(event.path.clone(), deadline));
        }
        let effects = step(self.plan, &mut self.run, &event);
        self.journal.push(event);
        for effect in effects {
            match effect {
                Effect::Ask(ask) => {
                    // What an early event has answered need not be asked.
                    let open = self.run.asks(self.plan, &ask.path, ask.attempt);
                    self.asked.push(ask.clone());
                    if open {
                        if ask.intent {
                            self.intend(&ask);
                        }
                        self.asks.push(ask);
                    }
                }
                Effect::Arm { path, deadline, due } => {
                    self.timers.insert((path, deadline), due);
                }
                Effect::Disarm { path, deadline } => {
                    self.timers.remove(&(path, deadline));
                }
                Effect::Unsubscribe(_) | Effect::Respond { .. } | Effect::Finish { .. } => {}
            }
        }
    }

    fn intend(&mut self, ask: &Ask) {
        let kind = EventKind::Intended { attempt: ask.attempt };
        let event = Event { at: self.now, path: ask.path.clone(), kind };
        if !step(self.plan, &mut self.run, &event).is_empty() {
            self.wrong.push(format!("an intent has an effect: {}", ask.path));
        }
        self.journal.push(event);
    }

    /// The state is lost; the journal gives it back with the same open questions.
    fn die(&mut self) {
        let before = trace::end_of(self.plan, &self.run);
        self.run = replay(self.plan, &self.journal);
        let after = trace::end_of(self.plan, &self.run);
        if before != after {
            self.wrong.push(format!("read again\n{}", difference(&before, &after)));
        }
        let mut open: Vec<(Path, u32)> = Vec::new();
        for effect in self.run.outstanding(self.plan) {
            if let Effect::Ask(ask) = effect {
                if !self.asked.contains(&ask) {
                    self.wrong.push(format!("it is asked in another way: {ask:?}"));
                }
                open.push((ask.path, ask.attempt));
            }
        }
        let unknown = self.run.unknown(self.plan);
        open.extend(unknown.iter().cloned());
        let mut known: Vec<_> = self.asks.iter().map(|it| (it.path.clone(), it.attempt)).collect();
        known.retain(|(path, attempt)| self.run.asks(self.plan, path, *attempt));
        open.sort();
        known.sort();
        if open != known {
            self.wrong.push(format!("open questions: {known:?}, read again {open:?}"));
        }
        for (path, attempt) in unknown {
            self.unknown = true;
            self.asks.retain(|it| it.path != path || it.attempt != attempt);
            let kind = EventKind::Unknown { attempt };
            self.deliver(&Event { at: self.now, path, kind });
        }
    }

    /// A run that has ended does nothing, whatever comes.
    fn say_it_all_again(&mut self) {
        let before = trace::end_of(self.plan, &self.run);
        for event in &self.journal {
            if !step(self.plan, &mut self.run, event).is_empty() {
                self.wrong.push(format!("after the end, {event:?} has effects"));
            }
        }
        if before != trace::end_of(self.plan, &self.run) {
            self.wrong.push("after the end, events change it".to_owned());
        }
    }
}

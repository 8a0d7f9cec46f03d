//! Every case, paused after each of its events and resumed later, also by another process: the same end.
//! And the engine: runs that are paused at any time, and whose processes die meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, Status, Timestamp};
use interp::{Effect, Plan, Run, effect::Ask, step};
use journal::{Event, EventKind, MemoryStore, Path, RunFilter};
use serde_json::{Value, json};
use worker::{Engine, Performer};

use crate::{
    crash::{Moment, Mortal},
    engine::{end, fire, flows, start},
    prefixes::difference,
    support::{Case, case::Driven, service::PATIENCE, trace},
};

fn paused(at: Timestamp, unbegun: bool) -> Event {
    Event {
        at,
        path: Path::run(),
        kind: EventKind::Paused { reason: "a while".to_owned(), unbegun },
    }
}

fn continued(at: Timestamp) -> Event {
    Event { at, path: Path::run(), kind: EventKind::Continued { reason: "enough".to_owned() } }
}

/// The first events of a run with a pause behind them.
fn with_pause(driven: &Driven, length: usize, unbegun: bool) -> Vec<Event> {
    let mut events = driven.events[..length].to_vec();
    let at = events.last().unwrap().at;
    events.extend([paused(at, unbegun), continued(at)]);
    if unbegun {
        events.push(Event { at, path: Path::run(), kind: EventKind::Began });
    }
    events
}

#[test]
fn a_run_that_is_paused_anywhere_ends_as_if_it_had_not_been() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let plan = &case.flow.plan;
        for driven in case.runs() {
            let expected = trace::end_of(plan, &driven.run);
            // What ends in one step has no time to pause in.
            let last = driven.events.len() - 1;
            let all =
                (1..last).map(|length| (length, false)).chain((1 < last).then_some((1, true)));
            for (length, unbegun) in all {
                let again = case.drive(with_pause(&driven, length, unbegun));
                let actual = trace::end_of(plan, &again.run);
                if actual != expected {
                    let ends = difference(&expected, &actual);
                    wrong.push(format!("{} after {length} events, {unbegun}\n{ends}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whatever was asked is answered during the pause, and nothing else is asked.
#[test]
fn a_paused_run_asks_nothing_new() {
    let mut wrong = Vec::new();
    let mut answered = 0;
    for case in Case::all() {
        let plan = &case.flow.plan;
        for driven in case.runs() {
            for length in 1..driven.events.len() {
                let mut run = Run::default();
                for event in &driven.events[..length] {
                    step(plan, &mut run, event);
                }
                let at = driven.events[length - 1].at;
                step(plan, &mut run, &paused(at, false));
                for event in &driven.events[length..] {
                    answered += usize::from(matches!(event.kind, EventKind::Answered { .. }));
                    let effects = step(plan, &mut run, event);
                    let is_new = |it: &Effect| match it {
                        Effect::Ask(ask) => ask.follow.is_none(),
                        _ => false,
                    };
                    if effects.iter().any(is_new) {
                        wrong.push(format!("{} after {length} events: {effects:?}", case.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(100 < answered, "only {answered} answers came during pauses");
}

const STEPS: &str = "
flow: Steps
triggers:
  - { name: Go, manual: {}, concurrency: { key: \"@triggerBody()?['key']\", runs: 1 } }
actions:
  - { name: First, http: { method: GET, uri: 'https://service.example/' } }
  - { name: Second, http: { method: POST, uri: 'https://service.example/' } }
  - { name: Nap, wait: PT0.05S }
  - { name: Third, http: { method: GET, uri: 'https://service.example/' } }
";

/// Answers when it is allowed to, and remembers what it was asked.
#[derive(Default)]
struct Desk {
    asked: Mutex<Vec<String>>,
    /// Paths that are not answered before they are taken out.
    held: Mutex<Vec<&'static str>>,
}

impl Desk {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn is_asked(&self, path: &str) {
        tokio::time::timeout(PATIENCE, async {
            while !self.asked().iter().any(|it| it == path) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("`{path}` is not asked"));
    }

    fn hold(&self, paths: &[&'static str]) {
        *self.held.lock().unwrap() = paths.to_vec();
    }
}

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        let path = ask.path.to_string();
        self.asked.lock().unwrap().push(path.clone());
        while self.held.lock().unwrap().contains(&path.as_str()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let response = json!({ "statusCode": 200, "headers": {}, "body": path });
        Outcome::of_response(response, Timestamp::default())
    }
}

async fn set_paused(engine: &Engine, run: &base::RunId, paused: bool) {
    if paused {
        engine.pause(run, "a while");
    } else {
        engine.resume(run, "enough");
    }
    let told = tokio::time::timeout(PATIENCE, engine.wait_for_pause(run, paused)).await;
    let row = told.expect("nobody listens").unwrap();
    assert!(row.paused == paused || row.status.is_some(), "{row:?}");
}

async fn listed(engine: &Engine, paused: Option<bool>) -> usize {
    let filter = RunFilter { open: true, paused, ..RunFilter::default() };
    engine.runs(&filter, 100).await.unwrap().len()
}

/// Longer than anything here takes that is to happen.
const A_WHILE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_run_that_is_paused_finishes_what_it_has_asked() {
    let (store, desk) = (MemoryStore::new(), Arc::new(Desk::default()));
    desk.hold(&["First"]);
    let all = || flows(&[("steps", STEPS)]);
    let engine = start(Arc::new(store.reopen()), &desk, all(), 9).await;
    let run = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
    desk.is_asked("First").await;
    set_paused(&engine, &run, true).await;
    desk.hold(&[]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(desk.asked(), ["First"]);
    let (row, _, shown) = engine.show(&run).await.unwrap();
    assert!(row.paused && row.asleep && row.turn && row.status.is_none());
    assert_eq!(shown.paused().unwrap().1, "a while");
    assert_eq!((listed(&engine, Some(true)).await, listed(&engine, Some(false)).await), (1, 0));
    // The one behind it waits: what is paused keeps its turn.
    let next = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
    // Whoever takes it up leaves it alone.
    engine.stop();
    let engine = start(Arc::new(store.reopen()), &desk, all(), 9).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(desk.asked(), ["First"]);
    set_paused(&engine, &run, false).await;
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
    assert_eq!(end(&engine, &next).await.status, Some(Status::Succeeded));
    assert_eq!(desk.asked(), ["First", "Second", "Third", "First", "Second", "Third"]);
}

#[tokio::test]
async fn a_run_that_is_paused_before_its_turn_begins_when_both_have_come() {
    for (resumes_first, dies) in [(true, false), (true, true), (false, false), (false, true)] {
        let (store, desk) = (MemoryStore::new(), Arc::new(Desk::default()));
        desk.hold(&["First"]);
        let all = || flows(&[("steps", STEPS)]);
        let mut engine = start(Arc::new(store.reopen()), &desk, all(), 9).await;
        let first = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
        desk.is_asked("First").await;
        let second = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
        set_paused(&engine, &second, true).await;
        if resumes_first {
            set_paused(&engine, &second, false).await;
        }
        if dies {
            engine.stop();
            engine = start(Arc::new(store.reopen()), &desk, all(), 9).await;
        }
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(desk.asked().len(), 1 + usize::from(dies), "only the first has begun");
        desk.hold(&[]);
        assert_eq!(end(&engine, &first).await.status, Some(Status::Succeeded));
        if !resumes_first {
            tokio::time::sleep(A_WHILE).await;
            assert_eq!(desk.asked().len(), 3 + usize::from(dies), "it is paused");
            set_paused(&engine, &second, false).await;
        }
        assert_eq!(end(&engine, &second).await.status, Some(Status::Succeeded));
        assert_eq!(desk.asked().len(), 6 + usize::from(dies));
    }
}

#[tokio::test]
async fn a_paused_run_can_be_cancelled_and_lets_the_next_one_begin() {
    let desk = Arc::new(Desk::default());
    desk.hold(&["First"]);
    let engine = start(Arc::new(MemoryStore::new()), &desk, flows(&[("steps", STEPS)]), 9).await;
    let run = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
    let next = fire(&engine, "steps", json!({ "key": "a" })).await.unwrap();
    desk.is_asked("First").await;
    set_paused(&engine, &run, true).await;
    set_paused(&engine, &next, true).await;
    engine.cancel(&run, "enough");
    assert_eq!(end(&engine, &run).await.status, Some(Status::Cancelled));
    engine.cancel(&next, "enough");
    assert_eq!(end(&engine, &next).await.status, Some(Status::Cancelled));
    assert_eq!(desk.asked(), ["First"]);
}

/// One life that dies at a write, and what the next one makes of the run; whether it died at all.
async fn paused_and_dead(death: (usize, Moment)) -> bool {
    let (store, desk) = (MemoryStore::new(), Arc::new(Desk::default()));
    let all = || flows(&[("steps", STEPS)]);
    let mortal = Mortal::new(Arc::new(store.reopen()));
    let engine = start(mortal.clone(), &desk, all(), 9).await;
    mortal.arm(Some(death));
    let fired = fire(&engine, "steps", json!({ "key": "a" })).await;
    if let Ok(run) = &fired {
        for paused in [true, false] {
            if paused {
                engine.pause(run, "a while");
            } else {
                engine.resume(run, "enough");
            }
            let told = engine.wait_for_pause(run, paused);
            drop(tokio::time::timeout(Duration::from_millis(50), told).await);
        }
        drop(tokio::time::timeout(Duration::from_millis(300), engine.wait(run)).await);
    }
    engine.stop();
    let engine = start(Arc::new(store.reopen()), &desk, all(), 9).await;
    for row in engine.runs(&RunFilter::default(), 10).await.unwrap() {
        if row.status.is_none() {
            set_paused(&engine, &row.run, true).await;
            set_paused(&engine, &row.run, false).await;
        }
        assert_eq!(end(&engine, &row.run).await.status, Some(Status::Succeeded), "{death:?}");
        let (_, plan, run) = engine.show(&row.run).await.unwrap();
        for name in ["First", "Second", "Third"] {
            let id = plan.flow.find(name).unwrap();
            let body = run.record(id, &[]).and_then(|it| it.outputs.clone()).unwrap();
            assert_eq!(body["body"], Value::from(name), "{death:?}");
        }
    }
    mortal.is_dead()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_survive_a_death_at_every_write() {
    for moment in [Moment::Before, Moment::After] {
        let mut write = 1;
        while paused_and_dead((write, moment)).await {
            write += 1;
        }
        assert!(4 < write, "it died at {write} writes only");
    }
}

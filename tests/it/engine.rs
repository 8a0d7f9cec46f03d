//! The engine by itself: order, pauses, children, versions, faults of its own; no service is called.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, RunId, Source, Status, Timestamp};
use connector::Catalog;
use interp::{Plan, effect::Ask};
use journal::{Admission, Event, EventKind, MemoryStore, RunFilter, RunRow, Store};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use worker::{AdmitError, Deployed, Engine, Flows, Incoming, Performer, SystemClock};

use crate::{
    crash::{Moment, Mortal},
    support::service::{PATIENCE, action},
};

/// Answers every question, and remembers it.
#[derive(Default)]
struct Oracle {
    asked: Mutex<Vec<String>>,
    together: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Performer for Oracle {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        self.asked.lock().unwrap().push(ask.path.to_string());
        assert!(!ask.path.as_str().contains("Faulty"), "a fault of the test");
        let together = self.together.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(together, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.together.fetch_sub(1, Ordering::SeqCst);
        Outcome::of_response(
            json!({ "statusCode": 200, "headers": {}, "body": "answer" }),
            Timestamp::default(),
        )
    }
}

impl Oracle {
    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

pub(crate) fn flows(texts: &[(&str, &str)]) -> Flows {
    let one = |(name, text): &(&str, &str)| {
        let file = format!("flows/{name}/flow.yaml");
        let package = flow::package::read(&Source::new(&file, text), &[]);
        assert!(!package.has_errors(), "{name}: {:?}", package.diagnostics);
        let files = vec![(file, (*text).to_owned())];
        let catalog = Catalog::new(Vec::new());
        let flow = Deployed::new(name, files, package, &catalog, &Map::new());
        ((*name).to_owned(), Arc::new(flow))
    };
    texts.iter().map(one).collect::<BTreeMap<_, _>>()
}

pub(crate) async fn start<P: Performer + 'static>(
    store: Arc<dyn Store>,
    performer: &Arc<P>,
    flows: Flows,
    most: usize,
) -> Engine {
    let performer = Arc::clone(performer) as Arc<dyn Performer>;
    let clock = Arc::new(SystemClock::default());
    let options =
        worker::Options { store, performer, clock, flows, active_max: most, addresses: None };
    Engine::start(options).await.unwrap()
}

pub(crate) async fn fire(engine: &Engine, flow: &str, body: Value) -> Result<RunId, AdmitError> {
    let incoming = Incoming {
        flow: flow.to_owned(),
        trigger: "Go".to_owned(),
        outputs: json!({ "headers": {}, "body": body }).into(),
        by: None,
    };
    let receipt = engine.fire(incoming).await?;
    Ok(match receipt.runs.first().unwrap() {
        journal::Admitted::New(run) | journal::Admitted::Duplicate(run) => run.clone(),
    })
}

pub(crate) async fn end(engine: &Engine, run: &RunId) -> RunRow {
    tokio::time::timeout(PATIENCE, engine.wait(run)).await.expect("the run does not end").unwrap()
}

pub(crate) async fn shown(engine: &Engine, run: &RunId) -> Vec<Value> {
    let (_, plan, run) = engine.show(run).await.unwrap();
    interp::view::tree(&plan, &run).iter().map(interp::view::Node::to_json).collect()
}

pub(crate) const SLEEPER: &str = "
flow: Sleeper
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Nap, wait: PT1H }
";

const QUICK: &str = "
flow: Quick
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Said, compose: one }
";

const ASKING: &str = "
flow: Asking
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Ask, http: { method: GET, uri: 'https://service.example/' } }
";

#[tokio::test]
async fn sleeping_runs_hold_nobody_up() {
    let oracle = Arc::new(Oracle::default());
    let store = MemoryStore::new();
    let all = || flows(&[("sleeper", SLEEPER), ("quick", QUICK)]);
    let engine = start(Arc::new(store.reopen()), &oracle, all(), 2).await;
    for _ in 0..10 {
        fire(&engine, "sleeper", json!({})).await.unwrap();
    }
    let run = fire(&engine, "quick", json!({})).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
    engine.stop();
    // The same when they are taken up again.
    let engine = start(Arc::new(store.reopen()), &oracle, all(), 2).await;
    let run = fire(&engine, "quick", json!({})).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
    let open = RunFilter { open: true, ..RunFilter::default() };
    assert_eq!(engine.runs(&open, 100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn no_more_runs_are_worked_on_than_may_be() {
    let oracle = Arc::new(Oracle::default());
    let engine =
        start(Arc::new(MemoryStore::new()), &oracle, flows(&[("asking", ASKING)]), 3).await;
    let mut runs = Vec::new();
    for _ in 0..30 {
        runs.push(fire(&engine, "asking", json!({})).await.unwrap());
    }
    for run in &runs {
        assert_eq!(end(&engine, run).await.status, Some(Status::Succeeded));
    }
    assert_eq!(oracle.asked(), 30);
    assert_eq!(oracle.most.load(Ordering::SeqCst), 3);
}

const QUEUED: &str = "
flow: Queued
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, maxWaiting: 2 } }
actions:
  - { name: Ask, http: { method: GET, uri: 'https://service.example/' } }
  - { name: Nap, wait: PT1H }
";

#[tokio::test]
async fn a_run_that_is_stopped_before_its_turn_asks_nothing() {
    let oracle = Arc::new(Oracle::default());
    let engine =
        start(Arc::new(MemoryStore::new()), &oracle, flows(&[("queued", QUEUED)]), 9).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(fire(&engine, "queued", json!({})).await.unwrap());
    }
    let full = fire(&engine, "queued", json!({})).await;
    assert!(matches!(full, Err(AdmitError::QueueFull(2))), "{full:?}");
    engine.cancel(&runs[1], "not needed");
    assert_eq!(end(&engine, &runs[1]).await.status, Some(Status::Cancelled));
    while oracle.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(oracle.asked(), 1, "only the first has begun");
    engine.cancel(&runs[0], "enough");
    assert_eq!(end(&engine, &runs[0]).await.status, Some(Status::Cancelled));
    while oracle.asked() == 1 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    engine.cancel(&runs[2], "enough");
    assert_eq!(end(&engine, &runs[2]).await.status, Some(Status::Cancelled));
    assert_eq!(oracle.asked(), 2);
}

/// A flow of a group, whose runs ask and sleep.
const IN_A_GROUP: &str = "
flow: In a group
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, key: \"@triggerBody()['deal']\", group: deals, maxWaiting: 2 } }
actions:
  - { name: Ask, http: { method: GET, uri: 'https://service.example/' } }
  - { name: Nap, wait: PT1H }
";

#[tokio::test]
async fn flows_of_a_group_share_keys_queues_and_turns() {
    let store = MemoryStore::new();
    let all = || flows(&[("left", IN_A_GROUP), ("right", IN_A_GROUP), ("queued", QUEUED)]);
    let oracle = Arc::new(Oracle::default());
    let engine = start(Arc::new(store.reopen()), &oracle, all(), 9).await;
    let deal = |n: u64| json!({ "deal": n });
    let first = fire(&engine, "left", deal(1)).await.unwrap();
    let second = fire(&engine, "right", deal(1)).await.unwrap();
    let third = fire(&engine, "left", deal(1)).await.unwrap();
    let full = fire(&engine, "right", deal(1)).await;
    assert!(matches!(full, Err(AdmitError::QueueFull(2))), "{full:?}");
    // Another deal, and a flow that is not of the group, wait for nobody.
    fire(&engine, "right", deal(2)).await.unwrap();
    fire(&engine, "queued", deal(1)).await.unwrap();
    let asked = async |oracle: &Oracle, count: usize| {
        while oracle.asked() < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(oracle.asked(), count);
    };
    asked(&oracle, 3).await;
    engine.stop();
    // The next process has the same order.
    let oracle = Arc::new(Oracle::default());
    let engine = start(Arc::new(store.reopen()), &oracle, all(), 9).await;
    for (run, so_far) in [(&first, 1), (&second, 2)] {
        engine.cancel(run, "enough");
        assert_eq!(end(&engine, run).await.status, Some(Status::Cancelled));
        asked(&oracle, so_far).await;
    }
    engine.cancel(&third, "enough");
    assert_eq!(end(&engine, &third).await.status, Some(Status::Cancelled));
}

const LONG: &str = "
flow: Long
triggers:
  - { name: Go, manual: {} }
actions:
  - name: Each
    foreach: '@range(0, 10000)'
    actions:
      - { name: One, compose: '@add(item(), 1)' }
      - { name: Two, compose: { n: \"@outputs('One')\" } }
      - { name: Three, compose: \"@outputs('Two')?['n']\" }
";

#[tokio::test]
async fn what_a_run_can_compute_again_is_not_stored() {
    let oracle = Arc::new(Oracle::default());
    let engine = start(Arc::new(MemoryStore::new()), &oracle, flows(&[("long", LONG)]), 1).await;
    let run = fire(&engine, "long", json!({})).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
    let (_, events) = engine.load(&run).await.unwrap();
    assert_eq!(events.len(), 2, "its beginning and its end");
    let (_, plan, run) = engine.show(&run).await.unwrap();
    let three = plan.flow.find("Three").unwrap();
    assert_eq!(run.records(three).count(), 10_000);
}

#[tokio::test]
async fn a_run_that_ends_in_its_first_step_has_ended_though_it_is_stopped() {
    let oracle = Arc::new(Oracle::default());
    let store = Arc::new(MemoryStore::new());
    let all = flows(&[("quick", QUICK)]);
    store.put_flow(all["quick"].version()).await.unwrap();
    let kind = EventKind::Started {
        trigger: "Go".to_owned(),
        outputs: json!({}).into(),
        parameters: Map::new().into(),
        seed: 1,
        run: "a".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    let started = Event { at: Timestamp::default(), path: journal::Path::run(), kind };
    let admission = Admission {
        run: RunId::new("a"),
        flow: "quick".to_owned(),
        sha: all["quick"].sha.clone(),
        trigger: "Go".to_owned(),
        dedupe: None,
        key: None,
        parent: None,
        started,
        packed: None,
        then: Vec::new(),
    };
    store.admit(vec![admission]).await.unwrap();
    let engine = start(store, &oracle, all, 1).await;
    // The task of the run has not had its turn yet: this is in its mail when it has.
    engine.cancel(&RunId::new("a"), "too late");
    assert_eq!(end(&engine, &RunId::new("a")).await.status, Some(Status::Succeeded));
}

const FAULTY: &str = "
flow: Faulty
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Faulty, http: { method: GET, uri: 'https://service.example/' } }
  - name: After
    runAfter: { Faulty: [Failed] }
    compose: reached
";

#[tokio::test]
async fn a_fault_of_the_engine_fails_one_action() {
    let oracle = Arc::new(Oracle::default());
    let all = flows(&[("faulty", FAULTY), ("asking", ASKING)]);
    let engine = start(Arc::new(MemoryStore::new()), &oracle, all, 9).await;
    let run = fire(&engine, "faulty", json!({})).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
    let actions = shown(&engine, &run).await;
    assert_eq!(action(&actions, "Faulty").unwrap()["error"]["code"], "InternalError");
    assert_eq!(action(&actions, "After").unwrap()["status"], "Succeeded");
    let run = fire(&engine, "asking", json!({})).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
}

const NAPS: &str = "
flow: Naps
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: One, wait: PT0.01S }
  - { name: Two, wait: PT0.3S }
  - name: Besides
    runAfter: {}
    wait: PT0.2S
";

#[tokio::test]
async fn pauses_are_as_long_as_they_should_be() {
    let oracle = Arc::new(Oracle::default());
    let engine = start(Arc::new(MemoryStore::new()), &oracle, flows(&[("naps", NAPS)]), 9).await;
    let mut runs = Vec::new();
    for _ in 0..50 {
        runs.push(fire(&engine, "naps", json!({})).await.unwrap());
    }
    for run in &runs {
        let row = end(&engine, run).await;
        assert_eq!(row.status, Some(Status::Succeeded));
        let took = row.finished.unwrap().since(row.created).to_std().as_millis();
        assert!((310..3_000).contains(&took), "{took} ms");
    }
}

const FIRST: &str = "
flow: Versioned
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Nap, wait: PT0.4S }
  - { name: Said, compose: first }
";

#[tokio::test]
async fn a_run_stays_with_its_version() {
    let oracle = Arc::new(Oracle::default());
    let store = MemoryStore::new();
    let second = FIRST.replace("compose: first", "compose: second").replace("PT0.4S", "PT0.01S");
    let engine = start(Arc::new(store.reopen()), &oracle, flows(&[("v", FIRST)]), 9).await;
    let old = fire(&engine, "v", json!({})).await.unwrap();
    engine.deploy(flows(&[("v", &second)])).await.unwrap();
    let new = fire(&engine, "v", json!({})).await.unwrap();
    assert_eq!(end(&engine, &new).await.status, Some(Status::Succeeded));
    engine.stop();
    // Not even the flow is there any more.
    let engine = start(Arc::new(store.reopen()), &oracle, flows(&[("quick", QUICK)]), 9).await;
    assert_eq!(end(&engine, &old).await.status, Some(Status::Succeeded));
    for (run, said) in [(&old, "first"), (&new, "second")] {
        let actions = shown(&engine, run).await;
        assert_eq!(action(&actions, "Said").unwrap()["outputs"], said);
    }
}

const PARENT: &str = "
flow: Parent
triggers:
  - { name: Go, manual: {} }
actions:
  - name: Each
    foreach: '@createArray(1, 2, 3)'
    concurrency: 2
    actions:
      - { name: Call, runFlow: child, with: { n: '@item()' } }
      - { name: Got, compose: $.actions.Call.body.n }
  - name: All
    select: \"@first(item()?['outputs'])?['outputs']\"
    from: \"@result('Each')\"
  - { name: Fan out, runFlow: fan, with: [1, 2] }
";

const FAN: &str = "
flow: Fan
triggers:
  - { name: Go, request: {}, splitOn: '@triggerBody()' }
actions:
  - { name: Nap, wait: PT0.01S }
  - { name: Answer, respond: { body: nobody waits } }
";

const CHILD: &str = "
flow: Child
triggers:
  - { name: Go, request: {} }
actions:
  - { name: Nap, wait: PT0.01S }
  - { name: Ask, http: { method: GET, uri: 'https://service.example/' } }
  - name: Answer
    respond: { status: 200, body: { n: \"@mul(triggerBody()?['n'], 10)\" } }
  - { name: Late, wait: PT0.01S }
";

/// One parent with its children, with one death on the way; whether it died, and how often it asked.
async fn family(death: (usize, Moment)) -> (bool, usize) {
    let oracle = Arc::new(Oracle::default());
    let store = MemoryStore::new();
    let all = || flows(&[("parent", PARENT), ("child", CHILD), ("fan", FAN)]);
    let mortal = Mortal::new(Arc::new(store.reopen()));
    let mut engine = start(mortal.clone(), &oracle, all(), 9).await;
    mortal.arm(Some(death));
    let run = match fire(&engine, "parent", json!({})).await {
        Ok(run) => Some(run),
        Err(AdmitError::Store(_)) => None,
        Err(error) => panic!("{error}"),
    };
    let done = async {
        match &run {
            Some(run) => {
                end(&engine, run).await;
                idle(&engine).await;
            }
            None => std::future::pending().await,
        }
    };
    let died = tokio::select! {
        biased;
        () = mortal.death() => true,
        () = done => false,
    };
    if died {
        tokio::time::timeout(PATIENCE, engine.stopped()).await.expect("a fenced engine stops");
        engine = start(Arc::new(store.reopen()), &oracle, all(), 9).await;
    }
    idle(&engine).await;
    let rows = engine.runs(&RunFilter::default(), 100).await.unwrap();
    for row in &rows {
        assert_eq!(row.status, Some(Status::Succeeded), "{death:?} {row:#?}");
    }
    let parents: Vec<&RunRow> = rows.iter().filter(|it| it.flow == "parent").collect();
    // An event whose writing failed before anything was stored is the caller's to send again.
    assert_eq!(parents.len(), usize::from(death != (1, Moment::Before)), "{death:?}");
    assert_eq!(rows.len(), parents.len() * 6, "{death:?}");
    for parent in parents {
        let actions = shown(&engine, &parent.run).await;
        let all = action(&actions, "Each").unwrap();
        let got: Vec<&Value> = all["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pass| &action(pass["actions"].as_array().unwrap(), "Got").unwrap()["outputs"])
            .collect();
        assert_eq!(got, [10, 20, 30], "{death:?}");
    }
    engine.stop();
    (died, oracle.asked())
}

async fn idle(engine: &Engine) {
    let open = RunFilter { open: true, ..RunFilter::default() };
    let empty = async {
        while !engine.runs(&open, 1).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("a run does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_and_pauses_survive_a_death_at_every_write() {
    let mut deaths = 0;
    for first in (1..).step_by(8) {
        let mut families = JoinSet::new();
        for at in first..first + 8 {
            for moment in [Moment::Before, Moment::After] {
                families.spawn(async move { ((at, moment), family((at, moment)).await) });
            }
        }
        let mut lived = false;
        while let Some(family) = families.join_next().await {
            let (death, (died, asked)) = family.unwrap();
            // Two children are at work at a time, so two questions may have been under way.
            let most = if died { 5 } else { 3 };
            let least = if death == (1, Moment::Before) { 0 } else { 3 };
            assert!((least..=most).contains(&asked), "{death:?}: asked {asked} times");
            deaths += usize::from(died);
            lived |= !died;
        }
        if lived {
            break;
        }
    }
    assert!(20 <= deaths, "{deaths}");
}

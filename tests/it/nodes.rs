//! Several engines share one store, in one process: whatever is asked of one is done by whoever has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, RunId, Status, Timestamp};
use interp::{
    Plan,
    effect::{Ask, Request},
};
use journal::{Admitted, EventKind, MemoryStore, NodeState, RunFilter, Shard, Store};
use serde_json::{Value, json};
use store_postgres::{PostgresStore, cluster};
use tokio::time::sleep;
use worker::{AdmitError, Engine, Incoming, Performer, Receipt, SystemClock};

use crate::{crash::until, engine::flows, support::open_only};

/// Two questions one after the other; runs of one key wait for each other.
const ORDERED: &str = "
flow: Ordered
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, key: \"@triggerBody()['key']\" } }
actions:
  - { name: First, http: { method: POST, uri: 'https://service.example/', body: $.trigger.body } }
  - { name: Pause, wait: PT0.02S }
  - { name: Second, http: { method: POST, uri: 'https://service.example/', body: $.trigger.body } }
";

/// The same of two flows that share their keys.
const GROUPED: &str = "
flow: Grouped
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, key: \"@triggerBody()['key']\", group: records, maxWaiting: 200 } }
actions:
  - { name: First, http: { method: POST, uri: 'https://service.example/', body: $.trigger.body } }
  - { name: Pause, wait: PT0.02S }
  - { name: Second, http: { method: POST, uri: 'https://service.example/', body: $.trigger.body } }
";

const PARENT: &str = "
flow: Parent
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Call, runFlow: child, with: { key: $.trigger.body.key } }
  - { name: Got, compose: $.actions.Call.body.said }
";

/// Its runs are ordered by a key, so most of them are not with their parents.
const CHILD: &str = "
flow: Child
triggers:
  - { name: Go, request: {}, concurrency: { runs: 1, key: \"@triggerBody()['key']\" } }
actions:
  - { name: Ask, http: { method: POST, uri: 'https://service.example/', body: $.trigger.body } }
  - { name: Answer, respond: { body: { said: $.trigger.body.key } } }
  - { name: Nap, wait: PT0.05S }
";

const NAP: &str = "
flow: Nap
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, key: \"@triggerBody()['key']\" } }
actions:
  - { name: Nap, wait: PT1H }
";

const NARROW: &str = "
flow: Narrow
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, maxWaiting: 1 } }
actions:
  - { name: Nap, wait: PT1H }
";

const SENDER: &str = "
flow: Sender
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Send, sendToBatch: receiver, batch: all, with: $.trigger.body.key }
";

const RECEIVER: &str = "
flow: Receiver
triggers:
  - { name: Batch, batch: { all: { messageCount: 12 } } }
actions:
  - { name: Count, compose: \"@length(triggerBody()?['items'])\" }
";

const TICK: &str = "
flow: Tick
triggers:
  - { name: Every, recurrence: { frequency: Second, interval: 1, slidingWindow: true } }
actions:
  - { name: A, compose: one }
";

const FLOWS: &[(&str, &str)] = &[
    ("ordered", ORDERED),
    ("left", GROUPED),
    ("right", GROUPED),
    ("parent", PARENT),
    ("child", CHILD),
    ("nap", NAP),
    ("narrow", NARROW),
    ("sender", SENDER),
    ("receiver", RECEIVER),
];

/// Who asked what, in order: node, body, idempotency key, and whether it is the answer.
type Ledger = Arc<Mutex<Vec<(String, Value, String, bool)>>>;

struct Desk {
    node: String,
    ledger: Ledger,
}

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        let Request::Http { inputs } = &ask.request else { panic!("{ask:?}") };
        let note = |is_answer| {
            let (node, key) = (self.node.clone(), ask.idempotency_key.clone());
            self.ledger.lock().unwrap().push((node, inputs["body"].clone(), key, is_answer));
        };
        note(false);
        sleep(Duration::from_millis(3)).await;
        note(true);
        let answer = json!({ "statusCode": 200, "headers": {}, "body": "well" });
        Outcome::of_response(answer, Timestamp::default())
    }
}

/// Where the stores of a world are.
enum Ground {
    Memory(MemoryStore),
    Server(String),
}

impl Ground {
    async fn join(&self, name: &str) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.join(name)),
            Self::Server(url) => {
                let name = name.to_owned();
                let options = store_postgres::Options { name, follow: false, ..Default::default() };
                Arc::new(PostgresStore::connect(url, options).await.unwrap())
            }
        }
    }

    fn lose(&self, name: &str) {
        match self {
            Self::Memory(store) => store.lose(name),
            Self::Server(url) => {
                let sql = format!("UPDATE flowright.node SET gone = 'lost' WHERE name = '{name}'");
                cluster::shared().unwrap().ask(url, &sql);
            }
        }
    }
}

struct World {
    ground: Ground,
    ledger: Ledger,
    engines: BTreeMap<String, (Engine, Arc<dyn Store>)>,
}

impl World {
    /// So many engines, each with its share.
    async fn of(ground: Ground, count: usize) -> Self {
        let mut world = Self { ground, ledger: Arc::default(), engines: BTreeMap::new() };
        for n in 0..count {
            world.add(&format!("node-{n}"), FLOWS).await;
        }
        world.balanced().await;
        world
    }

    async fn memory(count: usize) -> Self {
        Self::of(Ground::Memory(MemoryStore::new()), count).await
    }

    async fn add(&mut self, name: &str, texts: &[(&str, &str)]) {
        let store = self.ground.join(name).await;
        let performer = Desk { node: name.to_owned(), ledger: Arc::clone(&self.ledger) };
        let engine = Engine::start(worker::Options {
            store: Arc::clone(&store),
            performer: Arc::new(performer),
            clock: Arc::new(SystemClock::default()),
            flows: flows(texts),
            active_max: 50,
            addresses: None,
        });
        self.engines.insert(name.to_owned(), (engine.await.unwrap(), store));
    }

    fn engine(&self, n: usize) -> &Engine {
        &self.engines[&format!("node-{n}")].0
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.engines.values().next().unwrap().1
    }

    /// Returns when all have about the same.
    async fn balanced(&self) {
        let fair = 64_usize.div_ceil(self.engines.len());
        until("all have their share", async || {
            let rows = self.store().shared().unwrap().nodes().await.unwrap();
            let alive = rows.iter().filter(|it| it.state == NodeState::Alive);
            let shares: Vec<usize> = alive.map(|it| it.shards).collect();
            shares.len() == self.engines.len()
                && shares.iter().sum::<usize>() == 64
                && shares.iter().all(|it| *it <= fair)
        })
        .await;
    }

    async fn fire(&self, n: usize, flow: &str, body: Value) -> Result<Receipt, AdmitError> {
        let outputs = Arc::new(json!({ "headers": {}, "body": body }));
        let incoming =
            Incoming { flow: flow.to_owned(), trigger: "Go".to_owned(), outputs, by: None };
        self.engine(n).fire(incoming).await
    }

    async fn run(&self, n: usize, flow: &str, body: Value) -> RunId {
        let receipt = self.fire(n, flow, body).await.unwrap();
        let [Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
        run.clone()
    }

    async fn quiet(&self) {
        until("all runs have ended", async || {
            self.store().runs(&open_only(), journal::Page::Newest, 1).await.unwrap().is_empty()
        })
        .await;
    }

    async fn status(&self, run: &RunId) -> Option<Status> {
        self.store().load(run).await.unwrap().unwrap().0.status
    }

    fn stop(&self) {
        self.engines.values().for_each(|(engine, _)| engine.stop());
    }

    /// That runs of one key came one after the other, in the order in which they were acknowledged: no
    /// question of one is asked after the first of the next one was.
    fn check_order(&self, count: u64) {
        let ledger = self.ledger.lock().unwrap();
        let mut of_keys: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (_, body, idempotency_key, _) in ledger.iter().filter(|(.., is_answer)| !is_answer) {
            let (key, n) = (body["key"].to_string(), body["n"].as_u64().unwrap());
            seen.insert((n, idempotency_key.clone()));
            of_keys.entry(key).or_default().push(n);
        }
        for (key, numbers) in &of_keys {
            assert!(numbers.is_sorted(), "{key}: {numbers:?}");
        }
        // Two questions of each run, each under its own name.
        assert_eq!(seen.len() as u64, count * 2);
    }
}

/// Events of some flows come in one after the other, at any of the nodes.
async fn ordered(world: &World, of: &[&str], count: u64, keys: u64) {
    for n in 0..count {
        let turn = usize::try_from(n).unwrap();
        // Every key has events of every flow.
        let flow = of[(turn / usize::try_from(keys).unwrap()) % of.len()];
        let at = turn % world.engines.len();
        world.run(at, flow, json!({ "key": format!("key {}", n % keys), "n": n })).await;
    }
}

async fn keeps_order(ground: Ground, of: &[&str], count: u64) {
    let world = World::of(ground, 3).await;
    ordered(&world, of, count, 12).await;
    world.quiet().await;
    world.check_order(count);
    let nodes: BTreeSet<String> =
        world.ledger.lock().unwrap().iter().map(|(node, ..)| node.clone()).collect();
    assert_eq!(nodes.len(), 3, "each has worked");
    world.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_a_key_keep_their_order() {
    keeps_order(Ground::Memory(MemoryStore::new()), &["ordered"], 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_a_key_keep_their_order_on_a_server() {
    if let Some(cluster) = cluster::shared() {
        keeps_order(Ground::Server(cluster.database()), &["ordered"], 90).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_a_group_keep_their_order_over_flows() {
    keeps_order(Ground::Memory(MemoryStore::new()), &["left", "right"], 150).await;
    if let Some(cluster) = cluster::shared() {
        keeps_order(Ground::Server(cluster.database()), &["left", "right"], 60).await;
    }
}

/// Nodes come and are lost, and come back, while events come in.
async fn keeps_order_in_trouble(ground: Ground, rounds: usize) {
    let mut world = World::of(ground, 2).await;
    let each = 24;
    let mut n = 0_u64;
    for round in 0..rounds {
        let lost = format!("node-{}", round % 2);
        for _ in 0..each {
            let at = usize::try_from(n).unwrap() % 2;
            world.run(at, "ordered", json!({ "key": format!("key {}", n % 6), "n": n })).await;
            n += 1;
            if n % 16 == 8 {
                // It lives, and does not know yet.
                world.ground.lose(&lost);
            }
        }
        if round == 0 {
            world.add("node-2", FLOWS).await;
        }
    }
    world.quiet().await;
    world.check_order(n);
    world.balanced().await;
    assert!(world.engines.values().all(|(engine, _)| !engine.is_stopped()), "all are there");
    world.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_lost_and_come_back_keep_the_order() {
    keeps_order_in_trouble(Ground::Memory(MemoryStore::new()), 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_lost_and_come_back_keep_the_order_on_a_server() {
    if let Some(cluster) = cluster::shared() {
        keeps_order_in_trouble(Ground::Server(cluster.database()), 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn called_flows_answer_from_wherever_they_are() {
    let world = World::memory(3).await;
    let mut parents = Vec::new();
    for n in 0..30_usize {
        let body = json!({ "key": format!("key {n}"), "n": n });
        parents.push((n, world.run(n % 3, "parent", body).await));
    }
    world.quiet().await;
    let mut elsewhere = 0;
    for row in world.store().runs(&RunFilter::default(), journal::Page::Newest, 100).await.unwrap()
    {
        assert_eq!(row.status, Some(Status::Succeeded), "{row:?}");
        if let Some(parent) = &row.parent {
            elsewhere += usize::from(Shard::of_run(&parent.run) != Shard::of_run(&row.run));
        }
    }
    assert!(20 < elsewhere, "{elsewhere} of 30 were elsewhere");
    for (n, run) in parents {
        let (_, plan, state) = world.engine(n % 3).show(&run).await.unwrap();
        let shown = interp::view::tree(&plan, &state);
        let got = shown.iter().map(interp::view::Node::to_json).find(|it| it["name"] == "Got");
        assert_eq!(got.unwrap()["outputs"], format!("key {n}"));
    }
    until("all notes were taken", async || {
        let shared = world.store().shared().unwrap();
        shared.mail(journal::Shards::ALL, 100).await.unwrap().is_empty()
    })
    .await;
    world.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_a_request_gives_its_answer() {
    let world = World::memory(3).await;
    for n in 0..9_usize {
        let body = json!({ "key": format!("key {n}"), "n": n });
        let receipt = world.fire(n % 3, "child", body).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(20), receipt.answer.unwrap()).await;
        assert_eq!(answer.unwrap().unwrap()["body"], json!({ "said": format!("key {n}") }));
    }
    world.quiet().await;
    world.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_stopped_and_counted_from_anywhere() {
    let world = World::memory(2).await;
    let mut runs = Vec::new();
    for n in 0..6_usize {
        runs.push(world.run(n % 2, "nap", json!({ "key": format!("key {n}") })).await);
    }
    for (n, run) in runs.iter().enumerate() {
        world.engine((n + 1) % 2).cancel(run, "enough");
        world.engine(n % 2).cancel(run, "enough");
    }
    for run in &runs {
        until("it is stopped", async || world.status(run).await == Some(Status::Cancelled)).await;
    }
    // One runs, one waits, and a third is refused by whoever is asked.
    let first = world.run(0, "narrow", json!({})).await;
    until("it naps", async || world.store().load(&first).await.unwrap().unwrap().0.asleep).await;
    world.run(1, "narrow", json!({})).await;
    sleep(Duration::from_millis(1_500)).await;
    for n in 0..2 {
        let refused = world.fire(n, "narrow", json!({})).await;
        assert!(matches!(refused, Err(AdmitError::QueueFull(1))), "{refused:?}");
    }
    world.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_collected_by_all() {
    let world = World::memory(3).await;
    for n in 0..24_usize {
        world.run(n % 3, "sender", json!({ "key": n })).await;
    }
    let received = RunFilter { flow: Some("receiver".to_owned()), ..RunFilter::default() };
    until("two batches are full", async || {
        world.store().runs(&received, journal::Page::Newest, 9).await.unwrap().len() == 2
    })
    .await;
    let mut numbers = Vec::new();
    for row in world.store().runs(&received, journal::Page::Newest, 9).await.unwrap() {
        let (_, events) = world.store().load(&row.run).await.unwrap().unwrap();
        let EventKind::Started { outputs, .. } = &events[0].kind else { panic!("{row:?}") };
        let items = outputs["body"]["items"].as_array().unwrap().iter();
        numbers.extend(items.map(|it| it["content"].as_u64().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..24).collect::<Vec<_>>(), "each once");
    world.quiet().await;
    world.stop();
}

/// Every window fires once, though its node is lost now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_on_one_of_them() {
    let ground = Ground::Memory(MemoryStore::new());
    let mut world = World { ground, ledger: Arc::default(), engines: BTreeMap::new() };
    for n in 0..3 {
        world.add(&format!("node-{n}"), &[("tick", TICK)]).await;
    }
    for n in 0..3 {
        sleep(Duration::from_millis(1_500)).await;
        world.ground.lose(&format!("node-{n}"));
    }
    sleep(Duration::from_millis(2_500)).await;
    world.quiet().await;
    let mut windows = Vec::new();
    for row in world.store().runs(&RunFilter::default(), journal::Page::Newest, 100).await.unwrap()
    {
        let (_, events) = world.store().load(&row.run).await.unwrap().unwrap();
        let EventKind::Started { outputs, .. } = &events[0].kind else { panic!("{row:?}") };
        let text = |name: &str| outputs[name].as_str().unwrap().to_owned();
        windows.push((text("windowStartTime"), text("windowEndTime")));
    }
    windows.sort();
    assert!(4 < windows.len(), "{windows:?}");
    assert!(windows.is_sorted_by(|one, next| one.1 == next.0), "{windows:?}");
    world.stop();
}

/// What is being asked when a node leaves is answered there, and what follows is asked elsewhere: no
/// question is asked twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_asks_nothing_twice() {
    let mut world = World::memory(2).await;
    for n in 0..60_u64 {
        world.run(0, "ordered", json!({ "key": format!("key {}", n % 30), "n": n })).await;
    }
    let (engine, store) = &world.engines["node-1"];
    engine.hand_over().await;
    engine.stop();
    store.shared().unwrap().leave().await.unwrap();
    world.engines.remove("node-1");
    world.quiet().await;
    world.check_order(60);
    let ledger = world.ledger.lock().unwrap();
    let asked = ledger.iter().filter(|(.., is_answer)| !is_answer).count();
    assert_eq!(asked, 120, "each question once");
    drop(ledger);
    world.stop();
}

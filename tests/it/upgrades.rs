//! Databases that an earlier engine has left with runs under way, `tests/journals/sqlite-*.db`: they are
//! opened for ever, and the runs go on to the ends that they would have had.
//!
//! There is one for each version of the schema, which its name has. `UPDATE_EXPECT=1` adds the one of the
//! present version and never changes one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, Secret, Timestamp};
use interp::{Plan, effect::Ask};
use journal::{Admitted, RunFilter, RunRow};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use worker::{Addresses, Engine, Incoming, Performer};

use crate::{
    crash::until,
    engine::{flows, shown},
    support::service::action,
    triggers::ManualClock,
};

const KEPT: &str = "2026-03-01T00:00:00Z";

/// Everything that a run may be doing when its process is replaced. Each says at its end which version
/// of its flow it is of.
const FLOWS: &[(&str, &str)] = &[
    (
        "ended",
        "
flow: Ended
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Said, compose: first }
  - { name: Stop, terminate: { status: Failed, code: Broken, message: it had to } }
",
    ),
    (
        "sleeps",
        "
flow: Sleeps
triggers: [{ name: Go, manual: {}, dedupe: \"@triggerBody()?['n']\" }]
actions:
  - { name: Nap, wait: PT1H }
  - { name: Said, compose: \"@concat('first ', length(triggerBody()?['text']))\" }
",
    ),
    (
        "retries",
        "
flow: Retries
triggers: [{ name: Go, manual: {} }]
actions:
  - name: Busy
    http: { method: GET, uri: 'https://service.example/' }
    retryPolicy: { type: fixed, count: 3, interval: PT1H }
  - { name: Said, compose: \"@concat('first ', body('Busy'))\" }
",
    ),
    (
        "asks",
        "
flow: Asks
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Count, initialize: { name: count, type: integer, value: 41 } }
  - { name: More, increment: { name: count, value: 1 } }
  - { name: Ask, http: { method: GET, uri: 'https://service.example/' } }
  - { name: Said, compose: \"@concat('first ', body('Ask'), ' ', variables('count'))\" }
",
    ),
    (
        "ordered",
        "
flow: Ordered
triggers:
  - { name: Go, manual: {}, concurrency: { runs: 1, key: \"@triggerBody()?['key']\" } }
actions:
  - { name: Nap, wait: PT1H }
  - { name: Said, compose: \"@concat('first ', triggerBody()?['n'])\" }
",
    ),
    (
        "parent",
        "
flow: Parent
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Call, runFlow: child, with: { n: 4 } }
  - { name: Said, compose: \"@concat('first ', body('Call'))\" }
",
    ),
    (
        "child",
        "
flow: Child
triggers: [{ name: Called, request: {} }]
actions:
  - { name: Nap, wait: PT1H }
  - { name: Said, compose: first child }
  - { name: Answer, respond: { body: \"@mul(triggerBody()?['n'], 10)\" } }
",
    ),
    (
        "waits",
        "
flow: Waits
triggers: [{ name: Go, manual: {} }]
actions:
  - name: Wait
    timeout: PT2H
    httpWebhook:
      subscribe: { method: POST, uri: 'https://service.example/', body: \"@listCallbackUrl()\" }
  - { name: Said, runAfter: { Wait: [TimedOut] }, compose: first }
",
    ),
    (
        "loops",
        "
flow: Loops
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: List, initialize: { name: list, type: array, value: [] } }
  - name: Each
    foreach: [1, 2, 3]
    concurrency: 1
    actions:
      - { name: Square, append: { name: list, value: '@mul(item(), item())' } }
      - { name: Nap, wait: PT1H }
  - { name: Said, compose: \"@concat('first ', join(variables('list'), ','))\" }
",
    ),
];

/// How the runs end: the flow, the status, and what was said. Sorted.
const ENDS: [&str; 11] = [
    "asks Succeeded first answer 42",
    "child Succeeded first child",
    "ended Failed first",
    "loops Succeeded first 1,4,9",
    "ordered Succeeded first 1",
    "ordered Succeeded first 2",
    "ordered Succeeded first 3",
    "parent Succeeded first 40",
    "retries Succeeded first answer",
    "sleeps Succeeded first 20000",
    "waits Succeeded first",
];

/// A service that answers nothing for good before it is open.
#[derive(Default)]
struct Desk {
    open: AtomicBool,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        self.asked.lock().unwrap().push(ask.path.to_string());
        let answer = |status: u16| {
            let response = json!({ "statusCode": status, "headers": {}, "body": "answer" });
            Outcome::of_response(response, Timestamp::default())
        };
        match ask.path.as_str() {
            "Busy" if !self.open.load(Ordering::SeqCst) => answer(503),
            "Ask" if !self.open.load(Ordering::SeqCst) => std::future::pending().await,
            _ => answer(200),
        }
    }
}

/// An engine over a file.
struct World {
    engine: Engine,
    desk: Arc<Desk>,
    clock: Arc<ManualClock>,
}

impl World {
    /// Whether the service answers is said first: what a database has left is asked at once.
    async fn start(database: &Path, texts: &[(&str, &str)], open: bool) -> Self {
        let store = SqliteStore::open(database, store_sqlite::Options::default()).unwrap();
        let (desk, clock) = (Arc::new(Desk::default()), ManualClock::at(KEPT));
        desk.open.store(open, Ordering::SeqCst);
        let key = Secret::new("the key of the tests".to_owned());
        let options = worker::Options {
            store: Arc::new(store),
            performer: Arc::clone(&desk) as Arc<dyn Performer>,
            clock: Arc::<ManualClock>::clone(&clock),
            flows: flows(texts),
            active_max: 100,
            addresses: Some(Addresses::new("http://127.0.0.1:1", key)),
        };
        Self { engine: Engine::start(options).await.unwrap(), desk, clock }
    }

    async fn fire(&self, flow: &str, body: Value) -> Admitted {
        let outputs = Arc::new(json!({ "headers": {}, "body": body }));
        let incoming =
            Incoming { flow: flow.to_owned(), trigger: "Go".to_owned(), outputs, by: None };
        self.engine.fire(incoming).await.unwrap().runs.remove(0)
    }

    /// Oldest first.
    async fn rows(&self) -> Vec<RunRow> {
        let mut rows = self.engine.runs(&RunFilter::default(), 1_000).await.unwrap();
        rows.reverse();
        rows
    }

    async fn said(&self, row: &RunRow) -> String {
        let actions = shown(&self.engine, &row.run).await;
        let said = action(&actions, "Said").map(|it| it["outputs"].clone()).unwrap_or_default();
        let status = row.status.map_or("open", base::Status::name);
        format!("{} {status} {}", row.flow, said.as_str().unwrap_or("nothing"))
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journals")
}

/// The version of a database's schema, which its first page has.
fn schema(database: &Path) -> u32 {
    let bytes = fs::read(database).unwrap();
    u32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

/// Leaves a database with every kind of run in it.
async fn keep(database: &Path) {
    let world = World::start(database, FLOWS, false).await;
    for (flow, _) in FLOWS {
        let bodies = match *flow {
            "child" => Vec::new(),
            "sleeps" => vec![json!({ "n": "1", "text": "long".repeat(5_000) })],
            "ordered" => ["1", "2", "3"].map(|n| json!({ "key": "k", "n": n })).into(),
            _ => vec![json!({})],
        };
        for body in bodies {
            world.fire(flow, body).await;
        }
    }
    until("all that can be asked is asked", async || world.desk.asked.lock().unwrap().len() == 3)
        .await;
    // What was answered is stored some moments later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let open = world.rows().await.iter().filter(|it| it.status.is_none()).count();
    assert_eq!((world.rows().await.len(), open), (ENDS.len(), ENDS.len() - 1));
    // Nothing is ended in good order: what is there is what there was.
    world.engine.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_earlier_engines_go_on() {
    let place = tempfile::tempdir().unwrap();
    let present = place.path().join("present.db");
    drop(SqliteStore::open(&present, store_sqlite::Options::default()).unwrap());
    let path = folder().join(format!("sqlite-{}.db", schema(&present)));
    if !path.exists() && std::env::var_os("UPDATE_EXPECT").is_some() {
        let left = place.path().join("left.db");
        keep(&left).await;
        store_sqlite::backup(&left, &path).unwrap();
    }
    assert!(path.exists(), "`UPDATE_EXPECT=1` keeps a database of the present version");
    let all = fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path());
    let mut all: Vec<PathBuf> =
        all.filter(|it| it.extension().is_some_and(|it| it == "db")).collect();
    all.sort();
    for path in all {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(name, format!("sqlite-{}", schema(&path)));
        let copy = place.path().join(format!("{name}.db"));
        fs::copy(&path, &copy).unwrap();
        goes_on(&copy, name).await;
    }
}

/// The flows have changed since, and one is no longer there.
async fn goes_on(database: &Path, name: &str) {
    let changed: Vec<(&str, String)> = FLOWS
        .iter()
        .filter(|(flow, _)| *flow != "asks")
        .map(|(flow, text)| (*flow, text.replace("first", "second").replace("PT1H", "PT5H")))
        .collect();
    let changed: Vec<(&str, &str)> = changed.iter().map(|(flow, text)| (*flow, &**text)).collect();
    let world = World::start(database, &changed, true).await;
    let known = world.fire("sleeps", json!({ "n": "1", "text": "" })).await;
    assert!(matches!(known, Admitted::Duplicate(_)), "{name}: {known:?}");
    let before = world.rows().await;
    assert_eq!(before.len(), ENDS.len(), "{name}");
    until("all runs have ended", async || {
        world.clock.go(3_600);
        tokio::time::sleep(Duration::from_millis(20)).await;
        world.rows().await.iter().all(|it| it.status.is_some())
    })
    .await;
    let rows = world.rows().await;
    let mut found = Vec::new();
    for row in &rows {
        found.push(world.said(row).await);
    }
    found.sort();
    assert_eq!(found, ENDS, "{name}");
    let mut finished: BTreeMap<Option<String>, Vec<Option<Timestamp>>> = BTreeMap::new();
    for row in rows.iter().filter(|it| it.key.is_some()) {
        finished.entry(row.key.clone()).or_default().push(row.finished);
    }
    for (key, times) in finished {
        // Each sleeps its hour, from its own turn on.
        assert!(times.is_sorted_by(|a, b| a < b), "{name}: {key:?} {times:?}");
    }
    // What had been answered is not asked again.
    let asked = world.desk.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|it| *it == "Wait").count(), 0, "{name}: {asked:?}");
    assert_eq!(asked.len(), 2, "{name}: {asked:?}");
    // New runs are of the new version.
    let Admitted::New(run) = world.fire("ended", json!({})).await else { panic!("it is new") };
    let row = world.engine.wait(&run).await.unwrap();
    assert_eq!(world.said(&row).await, "ended Failed second", "{name}");
    world.engine.stop();
}

//! Runs that sleep cost nothing: they are not read when the engine starts, and wake in time.

use std::{io::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use base::{Outcome, RunId, Status, Timestamp};
use interp::{Plan, effect::Ask};
use journal::{Admission, Append, Event, EventKind, MemoryStore, Path, Store, Timer};
use serde_json::{Map, json};
use store_postgres::{PostgresStore, cluster};
use store_sqlite::SqliteStore;
use tokio::time::Instant;
use worker::{Engine, Flows, Incoming, Performer};

use crate::{
    crash::{Mortal, Process, free_port, until},
    engine::flows,
    triggers::ManualClock,
};

const NOW: &str = "2026-03-01T00:00:00Z";
const SLEEPERS: usize = 100_000;

/// Naps take an hour; `Ordered` naps one at a time; the parent waits for its child, which answers
/// before its nap.
const FLOWS: &[(&str, &str)] = &[
    (
        "nap",
        "
flow: Nap
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Nap, wait: PT1H }
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
",
    ),
    (
        "parent",
        "
flow: Parent
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Call, runFlow: child }
  - { name: Nap, wait: PT1H }
",
    ),
    (
        "child",
        "
flow: Child
triggers:
  - { name: Called, request: {} }
actions:
  - { name: Answer, respond: { body: done } }
  - { name: Nap, wait: PT2H }
",
    ),
];

/// Nobody is asked anything.
struct Nobody;

#[async_trait]
impl Performer for Nobody {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        panic!("{} asks", ask.path)
    }
}

fn sample() -> Flows {
    flows(FLOWS)
}

async fn start(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> (Engine, Arc<Mortal>) {
    let store = Mortal::new(store);
    let options = worker::Options {
        store: Arc::<Mortal>::clone(&store),
        performer: Arc::new(Nobody),
        clock: Arc::<ManualClock>::clone(clock),
        flows: sample(),
        active_max: 10,
        addresses: None,
    };
    (Engine::start(options).await.unwrap(), store)
}

async fn fire(engine: &Engine, flow: &str, key: &str) -> RunId {
    let outputs = Arc::new(json!({ "headers": {}, "body": { "key": key } }));
    let incoming = Incoming { flow: flow.to_owned(), trigger: "Go".to_owned(), outputs, by: None };
    let receipt = engine.fire(incoming).await.unwrap();
    match receipt.runs.first().unwrap() {
        journal::Admitted::New(run) | journal::Admitted::Duplicate(run) => run.clone(),
    }
}

async fn asleep(store: &MemoryStore, run: &RunId) -> bool {
    store.load(run).await.unwrap().is_some_and(|(row, _)| row.asleep)
}

async fn status(store: &MemoryStore, run: &RunId) -> Option<Status> {
    store.load(run).await.unwrap().unwrap().0.status
}

/// A run as the engine leaves it when it sleeps.
fn sleeper(sha: &str, name: &str, n: usize, due: Timestamp) -> (Admission, Append) {
    let run = RunId::new(format!("{name}-{n}"));
    let at = Timestamp::parse(NOW).unwrap();
    let kind = EventKind::Started {
        trigger: "Go".to_owned(),
        outputs: Arc::new(json!({ "headers": {}, "body": { "n": n } })),
        parameters: Arc::new(Map::new()),
        seed: 1,
        run: run.to_string(),
        callback: None,
        again: None,
        by: None,
    };
    let admission = Admission {
        run: run.clone(),
        flow: "nap".to_owned(),
        sha: sha.to_owned(),
        trigger: "Go".to_owned(),
        dedupe: None,
        key: None,
        parent: None,
        started: Event { at, path: Path::run(), kind },
        packed: None,
        then: Vec::new(),
    };
    let timer = Timer { run: run.clone(), path: Path::new([], "Nap"), deadline: false, due };
    (admission, Append { arm: vec![timer], asleep: true, ..Append::new(run) })
}

async fn put_sleepers(store: &dyn Store, count: usize, due: Timestamp) {
    let flows = sample();
    for flow in flows.values() {
        store.put_flow(flow.version()).await.unwrap();
    }
    let sha = &flows["nap"].sha;
    for first in (0..count).step_by(5_000) {
        let page = (first..count.min(first + 5_000)).map(|n| sleeper(sha, "sleeper", n, due));
        let (admissions, naps): (Vec<_>, Vec<_>) = page.unzip();
        store.admit(admissions).await.unwrap();
        store.append(naps).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_reads_no_run_that_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let options = store_sqlite::Options::default();
    let store = SqliteStore::open(&folder.path().join("runs.db"), options).unwrap();
    let clock = ManualClock::at(NOW);
    let far = Timestamp::parse("2026-04-01T00:00:00Z").unwrap();
    put_sleepers(&store, SLEEPERS, far).await;
    let begun = Instant::now();
    let (engine, store) = start(Arc::new(store), &clock).await;
    let took = begun.elapsed();
    println!("{SLEEPERS} runs sleep; the engine has started after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let run = fire(&engine, "nap", "").await;
    until("the run sleeps", async || store.load(&run).await.unwrap().unwrap().0.asleep).await;
    engine.stop();
    // The test itself has looked at one.
    let looks = store.loads();
    let (engine, store) = start(store, &clock).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((store.loads(), looks > 0), (0, true));
    engine.stop();
}

/// How late runs are woken while many others sleep, and what the service needs meanwhile.
/// Only with `RUN_SLOW_TESTS=1`: it takes minutes to put the runs there.
async fn measure(database: &str, store: &dyn Store, count: usize) {
    const WOKEN: usize = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let (name, text) = FLOWS[0];
    std::fs::create_dir_all(folder.path().join("flows").join(name)).unwrap();
    std::fs::write(folder.path().join("flows/nap/flow.yaml"), text).unwrap();
    std::fs::write(folder.path().join("flowright.yaml"), "flows: [flows]\n").unwrap();
    let sha = &sample()["nap"].sha;
    // They are due over a minute, which begins when the service has settled.
    let clock = worker::SystemClock::default();
    let first = worker::Clock::now(&clock).after(base::Duration::seconds(60));
    let due =
        |n: usize| first.after(base::Duration::from_ticks(i64::try_from(n).unwrap() * 60_000));
    for page in (0..WOKEN).collect::<Vec<_>>().chunks(1_000) {
        let all = page.iter().map(|n| sleeper(sha, "woken", *n, due(*n)));
        let (admissions, naps): (Vec<_>, Vec<_>) = all.unzip();
        store.admit(admissions).await.unwrap();
        store.append(naps).await.unwrap();
    }
    if let Some(shared) = store.shared() {
        shared.leave().await.unwrap();
    }
    let begun = Instant::now();
    let process = Process::start_on(database, folder.path(), free_port());
    let ready = begun.elapsed();
    let (id, before) = (process.id(), ticks(process.id()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = ticks(id) - before;
    let now = worker::Clock::now(&clock);
    assert!(now < first, "the runs were due before the service was ready");
    let is_over = async |n: usize| {
        let run = RunId::new(format!("woken-{n}"));
        store.load(&run).await.unwrap().unwrap().0.status.is_some()
    };
    while !(is_over(0).await && is_over(WOKEN / 2).await && is_over(WOKEN - 1).await) {
        assert!(begun.elapsed() < Duration::from_mins(5), "they do not wake");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let memory = resident(id);
    let mut late = Vec::new();
    for n in 0..WOKEN {
        let run = RunId::new(format!("woken-{n}"));
        let (_, events) = store.load(&run).await.unwrap().unwrap();
        let woken = events.iter().find(|it| it.kind == EventKind::Woken);
        late.push(woken.map_or(i64::MAX, |it| it.at.since(due(n)).ticks() / 10_000));
    }
    late.sort_unstable();
    let (median, tail) = (late[WOKEN / 2], late[WOKEN * 99 / 100]);
    say(&format!(
        "{count} runs sleep: ready after {ready:?}, {idle} hundredths of a second of CPU in ten idle \
         seconds, {memory} MB; of {WOKEN} that were due half were woken within {median} ms, 99 of \
         100 within {tail} ms, the last after {} ms",
        late[WOKEN - 1]
    ));
    assert!(late[0] >= 0, "one was woken too early");
    assert!(idle < 20 && memory < 300 && tail < 1_000);
    // Files of less are looked through for damage first, which an unoptimised build is slow at.
    assert!(count < 1_000_000 || ready < Duration::from_secs(10), "{ready:?}");
}

/// Hundredths of a second of CPU that a process has used.
fn ticks(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Megabytes of memory that a process has.
fn resident(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find(|it| it.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

fn is_slow() -> bool {
    std::env::var_os("RUN_SLOW_TESTS").is_some()
}

fn sleepers(usual: usize) -> usize {
    std::env::var("SLEEPERS").map_or(usual, |it| it.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_sleepers_in_a_file_cost_nothing() {
    if !is_slow() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = SqliteStore::open(&path, store_sqlite::Options::default()).unwrap();
    let far = Timestamp::parse("2096-04-01T00:00:00Z").unwrap();
    let count = sleepers(1_000_000);
    put_sleepers(&store, count, far).await;
    measure(path.to_str().unwrap(), &store, count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_million_sleepers_on_a_server_cost_nothing() {
    let Some(cluster) = cluster::shared().filter(|_| is_slow()) else { return };
    let url = cluster.database();
    let store = PostgresStore::connect(&url, store_postgres::Options::default()).await.unwrap();
    put_sleepers(&store, 1, Timestamp::parse("2096-04-01T00:00:00Z").unwrap()).await;
    let count = sleepers(10_000_000);
    // Of these nothing but what the database looks at when others are woken.
    let sql = format!(
        "SET search_path = flowright, pg_catalog;
        INSERT INTO run (position, shard, run, sha, flow, trigger_name, created, asleep)
        SELECT nextval('run_position_seq'), get_byte(sha256(convert_to('s-' || n, 'UTF8')), 0) % 64,
            's-' || n, (SELECT sha FROM flow_version WHERE flow = 'nap'), 'nap', 'Go', 0, true
        FROM generate_series(1, {count}) AS n;
        INSERT INTO timer (run, shard, path_sha, deadline, path, due)
        SELECT position, shard, sha256('Nap'), false, 'Nap', {far} + position FROM run
        WHERE run LIKE 's-%';
        ANALYZE run; ANALYZE timer",
        far = Timestamp::parse("2096-04-01T00:00:00Z").unwrap().ticks()
    );
    tokio::task::block_in_place(|| cluster.ask(&url, &sql));
    measure(&url, &store, count).await;
}

#[tokio::test]
async fn a_run_that_sleeps_is_left_until_its_time() {
    let memory = Arc::new(MemoryStore::new());
    let clock = ManualClock::at(NOW);
    let (engine, _) = start(Arc::<MemoryStore>::clone(&memory), &clock).await;
    let nap = fire(&engine, "nap", "").await;
    let first = fire(&engine, "ordered", "k").await;
    let second = fire(&engine, "ordered", "k").await;
    let parent = fire(&engine, "parent", "").await;
    for run in [&nap, &first, &parent] {
        until("it sleeps", async || asleep(&memory, run).await).await;
    }
    assert!(!asleep(&memory, &second).await, "it has not begun");
    engine.stop();
    let (engine, store) = start(Arc::new(memory.reopen()), &clock).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.loads(), 0, "a start reads nobody");
    assert_eq!(memory.load(&second).await.unwrap().unwrap().1.len(), 1, "it waits for its turn");

    clock.go(3_600);
    for run in [&nap, &first, &parent] {
        until("it wakes", async || status(&memory, run).await == Some(Status::Succeeded)).await;
    }
    until("the next one has its turn", async || asleep(&memory, &second).await).await;
    engine.stop();
    // Its hour counts from its turn, for whoever takes it up, too.
    let (engine, _) = start(Arc::new(memory.reopen()), &clock).await;
    clock.go(3_599);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&memory, &second).await, None);
    clock.go(1);
    until("it ends", async || status(&memory, &second).await == Some(Status::Succeeded)).await;
    let (row, events) = memory.load(&second).await.unwrap().unwrap();
    assert_eq!(row.finished.map(|it| it.since(row.created)), Some(base::Duration::seconds(7_200)));
    assert_eq!(events.get(1).map(|it| &it.kind), Some(&EventKind::Began));
    engine.stop();
}

/// The process dies after the child's answer is durable and before its parent hears of it.
#[tokio::test]
async fn the_answer_of_a_child_that_sleeps_is_not_lost() {
    let memory = Arc::new(MemoryStore::new());
    let clock = ManualClock::at(NOW);
    let (engine, store) = start(Arc::<MemoryStore>::clone(&memory), &clock).await;
    // The parent's step with its child, then the child's own.
    store.arm(Some((3, crate::crash::Moment::After)));
    let parent = fire(&engine, "parent", "").await;
    store.death().await;
    engine.stop();
    assert!(!asleep(&memory, &parent).await, "it waits for its child");
    let (engine, _) = start(Arc::new(memory.reopen()), &clock).await;
    until("it has its answer", async || asleep(&memory, &parent).await).await;
    clock.go(3_600);
    until("it ends", async || status(&memory, &parent).await == Some(Status::Succeeded)).await;
    engine.stop();
}

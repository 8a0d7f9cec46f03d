//! Clocks that jump: timers and schedules are neither early nor late for it, nor twice.

use std::{sync::Arc, time::Duration};

use base::{Status, Timestamp};
use journal::{Admitted, MemoryStore, NodeRow, NodeState, RunFilter, Store};
use serde_json::json;
use store_postgres::{Options, PostgresStore, cluster};
use worker::{Clock, Engine, Flows, Incoming, Mocks};

use crate::{
    crash::until,
    engine::flows,
    support::{service::PATIENCE, troubled::Troubled},
    triggers::ManualClock,
};

const SLEEPER: &str = "
flow: Sleeper
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Nap, wait: PT1H }
  - { name: Awake, compose: \"@utcNow()\" }
";

const DAILY: &str = "
flow: Daily
triggers:
  - name: Every morning
    recurrence:
      frequency: Day
      interval: 1
      schedule: { hours: [2], minutes: [30] }
      startTime: 2025-01-01T00:00:00
      timeZone: W. Europe Standard Time
actions:
  - { name: Done, compose: done }
";

async fn start(store: Arc<dyn Store>, clock: &Arc<ManualClock>, flows: Flows) -> Engine {
    let options = worker::Options {
        store,
        performer: Arc::new(Mocks::new(&json!({})).unwrap()),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        flows,
        active_max: 10,
        addresses: None,
    };
    Engine::start(options).await.unwrap()
}

async fn begin(engine: &Engine) -> base::RunId {
    let (flow, trigger) = ("sleeper".to_owned(), "Go".to_owned());
    let receipt =
        engine.fire(Incoming { flow, trigger, outputs: json!({}).into(), by: None }).await.unwrap();
    let [Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
    run.clone()
}

/// Long enough for everything that is due to happen: the tasks of the engine look every few
/// milliseconds when time is given by hand.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Starts a run that naps for an hour, lets the clock jump, and says after which jumps it is awake.
async fn check(jumps: &[i64], awake: &[bool]) {
    let clock = ManualClock::at("2026-03-01T00:00:00Z");
    let store = MemoryStore::new();
    let mut engine = start(Arc::new(store.reopen()), &clock, flows(&[("sleeper", SLEEPER)])).await;
    let run = begin(&engine).await;
    let began = clock.now();
    settle().await;
    for (jump, awake) in jumps.iter().zip(awake) {
        clock.go(*jump);
        // A process that starts after the jump finds the timer as another has left it.
        engine.stop();
        engine = start(Arc::new(store.reopen()), &clock, flows(&[("sleeper", SLEEPER)])).await;
        settle().await;
        let row = if *awake {
            tokio::time::timeout(PATIENCE, engine.wait(&run)).await.unwrap().unwrap()
        } else {
            engine.load(&run).await.unwrap().0
        };
        assert_eq!(row.status.is_some(), *awake, "{jumps:?} at {jump}");
    }
    let (row, events) = engine.load(&run).await.unwrap();
    assert_eq!(row.status, Some(Status::Succeeded));
    let woken = events.iter().filter(|it| matches!(it.kind, journal::EventKind::Woken));
    let woken: Vec<Timestamp> = woken.map(|it| it.at).collect();
    assert_eq!(woken.len(), 1, "{jumps:?}");
    assert!(began.after(base::Duration::seconds(3_600)) <= woken[0], "{jumps:?}");
    engine.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_once_and_not_before_its_time() {
    const DAY: i64 = 86_400;
    tokio::join!(
        check(&[30 * DAY], &[true]),
        check(&[1_800, -3_600, 3_600, 1_801], &[false, false, false, true]),
        check(&[3_601, -3_600, 3_600], &[true, true, true]),
        check(&[-30 * DAY, 30 * DAY, 3_601], &[false, false, true]),
    );
}

/// How many runs a daily trigger has started when the clock, from the first time on, has gone to
/// each of these.
async fn daily(from: &str, steps: &[(i64, usize)]) {
    let clock = ManualClock::at(from);
    let engine = start(Arc::new(MemoryStore::new()), &clock, flows(&[("daily", DAILY)])).await;
    settle().await;
    for (step, expected) in steps {
        clock.go(*step);
        settle().await;
        let rows = engine.runs(&RunFilter::default(), 100).await.unwrap();
        assert_eq!(rows.len(), *expected, "{from} {step}");
    }
    engine.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_once_a_day_whatever_the_clocks_do() {
    const HOUR: i64 = 3_600;
    tokio::join!(
        // 02:30 does not exist on the 29th of March, and is there twice on the 25th of October.
        daily("2026-03-28T22:00:00Z", &[(5 * HOUR, 1), (24 * HOUR, 2), (24 * HOUR, 3)]),
        daily("2026-10-24T22:00:00Z", &[(150 * 60, 1), (HOUR, 1), (24 * HOUR, 2)]),
        // Back by an hour, and forth again: the same morning is not had twice.
        daily("2026-01-05T00:00:00Z", &[(2 * HOUR, 1), (-HOUR, 1), (HOUR, 1), (24 * HOUR, 2)]),
        // What was missed in a month is made up for once.
        daily("2026-01-05T00:00:00Z", &[(30 * 24 * HOUR, 1), (24 * HOUR, 2)]),
    );
}

#[tokio::test]
async fn a_run_whose_version_cannot_be_read_waits_for_the_store() {
    let clock = ManualClock::at("2026-03-01T00:00:00Z");
    let store = Troubled::new();
    let engine = start(Arc::clone(&store) as _, &clock, flows(&[("sleeper", SLEEPER)])).await;
    let run = begin(&engine).await;
    settle().await;
    // The run stays with its version, which only the store has from now on.
    let newer = SLEEPER.replace("PT1H", "PT2H");
    engine.deploy(flows(&[("sleeper", &newer)])).await.unwrap();
    store.flows_failing.store(2, std::sync::atomic::Ordering::SeqCst);
    clock.go(3_601);
    let row = tokio::time::timeout(PATIENCE, engine.wait(&run)).await.unwrap().unwrap();
    assert_eq!(row.status, Some(Status::Succeeded));
    assert_eq!(store.flows_failing.load(std::sync::atomic::Ordering::SeqCst), 0);
    engine.stop();
}

/// Two engines share a server. The clock of one jumps, and nobody loses or gets anything by it: leases
/// are a matter of the server's clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_change_no_lease() {
    const DAY: i64 = 86_400;
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let lease = Duration::from_secs(2);
    let join = |name: &str| Options { name: name.to_owned(), lease, ..Options::default() };
    let right = Arc::new(PostgresStore::connect(&url, join("right")).await.unwrap());
    let wrong = Arc::new(PostgresStore::connect(&url, join("wrong")).await.unwrap());
    let now = ManualClock::at("2026-03-01T00:00:00Z");
    let clock = ManualClock::at("2026-03-01T00:00:00Z");
    let first = start(Arc::clone(&right) as _, &now, flows(&[("sleeper", SLEEPER)])).await;
    let second = start(wrong, &clock, flows(&[("sleeper", SLEEPER)])).await;
    let shared = right.shared().unwrap();
    let nodes = async || shared.nodes().await.unwrap();
    let share = |it: &NodeRow| (it.state, it.shards) == (NodeState::Alive, 32);
    until("they share", async || nodes().await.iter().filter(|it| share(it)).count() == 2).await;
    let moved = "SELECT string_agg(xmin::text, ' ' ORDER BY shard) FROM flowright.shard";
    let ask = || tokio::task::block_in_place(|| cluster.ask(&url, moved));
    let before = ask();
    for jump in [30 * DAY, -31 * DAY, 3_600, -3_600] {
        clock.go(jump);
        tokio::time::sleep(lease + Duration::from_millis(500)).await;
        let rows = nodes().await;
        assert!(rows.len() == 2 && rows.iter().all(share), "{jump}: {rows:?}");
        assert_eq!(ask(), before, "{jump}: a shard has changed hands");
    }
    first.stop();
    second.stop();
}

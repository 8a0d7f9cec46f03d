//! What was acknowledged is there, once, after the process or the server was killed.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use journal::{Admitted, Store as _, StoreError};
use serde_json::{Value, json};

use super::{admission, bodies, noise, open, put_flow, step};
use crate::{
    Options, PostgresStore,
    cluster::{self, Cluster},
};

const DATABASE: &str = "STORE_POSTGRES_CRASH_DATABASE";
const ROUND: &str = "STORE_POSTGRES_CRASH_ROUND";

/// This test binary as a process that writes until it is told to stop.
pub(super) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// By run, how many events were acknowledged.
    acknowledged: BTreeMap<String, i64>,
    pub(super) is_fenced: bool,
}

impl Process {
    pub(super) fn start(database: &str, round: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::writes_until_killed", "--nocapture"])
            .env(DATABASE, database)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut new = Self { child, lines, acknowledged: BTreeMap::new(), is_fenced: false };
        while new.acknowledged.is_empty() {
            assert!(new.read_line(), "the process ended before it wrote anything");
        }
        new
    }

    fn read_line(&mut self) -> bool {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        // Only whole lines: the last may have been cut.
        if let Some(line) = line.strip_suffix('\n') {
            self.is_fenced |= line == "fenced";
            if let Some((run, n_events)) =
                line.strip_prefix("ack ").and_then(|it| it.split_once(' '))
            {
                let known = self.acknowledged.entry(run.to_owned()).or_insert(0);
                *known = n_events.parse::<i64>().unwrap().max(*known);
            }
        }
        !line.is_empty()
    }

    pub(super) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        // One that has been killed is there until it is waited for.
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Reads what it has still said. One that does not end by itself is ended.
    pub(super) fn end(mut self) -> Self {
        let id = self.child.id().to_string();
        let patience = Command::new("sh").args(["-c", "sleep 20; kill -KILL $0", &id]).spawn();
        let mut patience = patience.unwrap();
        while self.read_line() {}
        patience.kill().unwrap();
        patience.wait().unwrap();
        self.child.wait().unwrap();
        self
    }
}

/// Events by run, as they are in the tables.
fn stored(cluster: &Cluster, database: &str) -> BTreeMap<String, i64> {
    let sql = "SELECT run.run, count(*) FROM flowright.run
        JOIN flowright.event ON event.run = run.position GROUP BY run.run";
    let line = |line: &str| {
        let (run, count) = line.split_once('|').unwrap();
        (run.to_owned(), count.parse().unwrap())
    };
    cluster.ask(database, sql).lines().map(line).collect()
}

/// What was acknowledged and is not there.
fn lost(acknowledged: &BTreeMap<String, i64>, stored: &BTreeMap<String, i64>) -> Vec<String> {
    let of = |run: &str| stored.get(run).copied().unwrap_or(0);
    let lost = acknowledged.iter().filter(|(run, n_events)| of(run) < **n_events);
    let told = lost.map(|(run, n)| format!("run {run}: {n} acknowledged, {} stored", of(run)));
    told.collect()
}

fn check(acknowledged: &BTreeMap<String, i64>, stored: &BTreeMap<String, i64>) {
    let lost = lost(acknowledged, stored);
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn acknowledged_events_survive_kills() {
    let Some(cluster) = cluster::shared() else { return };
    let database = cluster.database();
    let mut acknowledged = BTreeMap::new();
    for round in 0..10 {
        let process = Process::start(&database, round);
        std::thread::sleep(Duration::from_millis(60 + round * 37 % 150));
        process.signal("-KILL");
        acknowledged.extend(process.end().acknowledged);
        check(&acknowledged, &stored(cluster, &database));
    }
    let n_events: i64 = acknowledged.values().sum();
    println!("{} runs with {n_events} events acknowledged, 0 lost", acknowledged.len());
    // A database that had lost something would have been found out.
    let run = acknowledged.keys().next().unwrap();
    let forget = format!(
        "DELETE FROM flowright.event WHERE number = 1
            AND run = (SELECT position FROM flowright.run WHERE run = '{run}')"
    );
    cluster.ask(&database, &forget);
    assert_eq!(lost(&acknowledged, &stored(cluster, &database)).len(), 1);
}

/// Several copies of the server are made while events come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_server_has_what_was_acknowledged_before() {
    let Some(cluster) = Cluster::start() else { return };
    let database = cluster.database();
    let mut process = Process::start(&database, 0);
    for _ in 0..2 {
        let until = process.acknowledged.len() + 50;
        while process.acknowledged.len() < until {
            assert!(process.read_line(), "the process has ended");
        }
        let before = process.acknowledged.clone();
        let copy = tokio::task::block_in_place(|| cluster.copy());
        check(&before, &stored(&copy, &database));
        // It is a store like any other.
        let store = open(&copy.over_network(&database)).await;
        store.admit(vec![admission("new")]).await.unwrap();
        assert_eq!(stored(&copy, &database).get("new"), Some(&1));
        assert_eq!(stored(&cluster, &database).get("new"), None);
    }
    process.signal("-KILL");
    check(&process.end().acknowledged, &stored(&cluster, &database));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_frozen_writes_nothing_more() {
    let Some(cluster) = cluster::shared() else { return };
    let database = cluster.database();
    for round in 0..4 {
        let process = Process::start(&database, round);
        tokio::time::sleep(Duration::from_millis(50 + round * 17)).await;
        process.signal("-STOP");
        let store = open(&database).await;
        let at_takeover = stored(cluster, &database);
        let name = format!("new-{round}");
        store.admit(vec![admission(&name)]).await.unwrap();
        process.signal("-CONT");
        let process = process.end();
        assert!(process.is_fenced, "it was told so");
        check(&process.acknowledged, &at_takeover);
        let mut now = stored(cluster, &database);
        assert_eq!(now.remove(&name), Some(1));
        assert_eq!(now, at_takeover, "nothing came after the takeover");
        store.append(vec![step(&name, json!(1))]).await.unwrap();
    }
}

/// Not a test of its own: what a `Process` runs.
#[test]
fn writes_until_killed() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    let round = std::env::var(ROUND).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = PostgresStore::connect(&database, super::standby::short()).await;
        let store = Arc::new(store.unwrap());
        put_flow(&*store).await;
        say("\n");
        let tasks = (0..16).map(|task| {
            let store = Arc::clone(&store);
            let round = round.clone();
            tokio::spawn(async move {
                for n in 0..100_000 {
                    if write_run(&store, &format!("{round}-{task}-{n}"), n).await.is_err() {
                        return say("fenced\n");
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

async fn write_run(store: &PostgresStore, name: &str, n: u64) -> Result<(), StoreError> {
    let refused = |error| match error {
        StoreError::Fenced => error,
        other => panic!("{other:?}"),
    };
    let admitted = store.admit(vec![admission(name)]).await.map_err(refused)?;
    assert!(matches!(admitted[..], [Admitted::New(_)]));
    say(&format!("ack {name} 1\n"));
    for n_events in 2..5 {
        let length = if n_events == 4 { 10_000 } else { 300 };
        store.append(vec![step(name, json!(noise(length, n)))]).await.map_err(refused)?;
        say(&format!("ack {name} {n_events}\n"));
    }
    Ok(())
}

/// One write for one line, so that lines of several tasks do not mix.
fn say(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Repeats what failed, as the engine does. Gives how often it failed.
async fn insist<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> u64 {
    let mut failures = 0;
    loop {
        match call().await {
            Ok(_) => return failures,
            Err(StoreError::Io(_)) => failures += 1,
            Err(other) => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_and_doubles_nothing() {
    const N_TASKS: u64 = 16;
    let Some(cluster) = Cluster::start() else { return };
    let database = cluster.database();
    let options = Options { patience: Duration::from_secs(10), ..Options::default() };
    let store = Arc::new(PostgresStore::connect(&database, options).await.unwrap());
    put_flow(&*store).await;
    let enough = Arc::new(AtomicBool::new(false));
    let tasks = (0..N_TASKS).map(|task| {
        let (store, enough) = (Arc::clone(&store), Arc::clone(&enough));
        tokio::spawn(async move {
            let name = format!("run-{task}");
            let mut failures = insist(|| store.admit(vec![admission(&name)])).await;
            let mut n = 0_u64;
            while !enough.load(Ordering::Relaxed) {
                failures += insist(|| store.append(vec![step(&name, json!(n))])).await;
                n += 1;
            }
            (name, n, failures)
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for round in 0..5 {
        tokio::time::sleep(Duration::from_millis(300 + round * 37)).await;
        tokio::task::block_in_place(|| cluster.crash());
        let reading = store.awake_runs(journal::Shards::ALL, 0, 10).await;
        assert!(matches!(reading, Err(StoreError::Io(_))), "{reading:?}");
        tokio::task::block_in_place(|| cluster.resume());
        insist(|| store.append(Vec::new())).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    enough.store(true, Ordering::Relaxed);
    let mut failures = 0;
    let mut n_events = 0;
    for task in tasks {
        let (name, n, failed) = task.await.unwrap();
        let expected: Vec<Value> = (0..n).map(|n| json!(n)).collect();
        assert_eq!(bodies(&store, &name).await, expected, "{name}");
        failures += failed;
        n_events += n;
    }
    println!("{n_events} events, {failures} calls failed, nothing lost or doubled");
    assert!(failures > 0 && n_events > N_TASKS);
}

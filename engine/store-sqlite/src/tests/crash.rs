//! What was acknowledged is there after the process was killed, wherever that was.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use journal::{Admitted, Store as _};
use rusqlite::Connection;
use serde_json::json;

use super::{Folder, admission, n_events, noise, open, put_flow, step};

const DATABASE: &str = "STORE_SQLITE_CRASH_DATABASE";
const ROUND: &str = "STORE_SQLITE_CRASH_ROUND";
/// With this, some of what is acknowledged is not written.
const FORGETS: &str = "STORE_SQLITE_CRASH_FORGETS";

#[test]
fn acknowledged_events_survive_kills() {
    let folder = Folder::new();
    let mut acknowledged = BTreeMap::new();
    for round in 0..30_u64 {
        let n_before = acknowledged.len();
        let mut writer = writer(&folder.database(), round);
        take_in(&mut acknowledged, run_and_kill(&mut writer, 60 + round * 37 % 150));
        assert!(n_before < acknowledged.len(), "round {round} did nothing before it was killed");
        let lost = lost(&folder.database(), &acknowledged);
        assert!(lost.is_empty(), "{lost:#?}");
    }
    let n_events: i64 = acknowledged.values().sum();
    println!("{} runs with {n_events} events acknowledged, 0 lost", acknowledged.len());
}

#[test]
fn a_writer_that_forgets_is_found_out() {
    let folder = Folder::new();
    let mut acknowledged = BTreeMap::new();
    let mut writer = writer(&folder.database(), 0);
    take_in(&mut acknowledged, run_and_kill(writer.env(FORGETS, "1"), 200));
    let lost = lost(&folder.database(), &acknowledged);
    assert!(!lost.is_empty() && lost.len() < acknowledged.len(), "{lost:#?}");
}

/// By run, how many events were acknowledged.
fn take_in(acknowledged: &mut BTreeMap<String, i64>, lines: Vec<String>) {
    for line in lines {
        let (run, n_events) = line.split_once(' ').unwrap();
        let n_events: i64 = n_events.parse().unwrap();
        let known = acknowledged.entry(run.to_owned()).or_insert(0);
        *known = n_events.max(*known);
    }
}

/// This test binary as a writer.
fn writer(database: &Path, round: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::crash::writes_until_killed", "--nocapture"]);
    command.env(DATABASE, database).env(ROUND, round.to_string()).stdout(Stdio::piped());
    command
}

/// Starts a writer, kills it, gives the lines that it acknowledged.
fn run_and_kill(writer: &mut Command, milliseconds: u64) -> Vec<String> {
    let mut child = writer.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let killer = std::thread::spawn(move || {
        let until_ready = Instant::now() + Duration::from_secs(10);
        let mut bytes = Vec::new();
        let mut byte = [0];
        // The first acknowledgement starts the clock.
        while !bytes.ends_with(b"\nack ") && Instant::now() < until_ready {
            if stdout.read(&mut byte).unwrap() == 0 {
                break;
            }
            bytes.extend(byte);
        }
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        let reader = std::thread::spawn(move || {
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap()
    });
    let text = String::from_utf8(killer.join().unwrap()).unwrap();
    // Only whole lines: the last may have been cut.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| line.trim_end().strip_prefix("ack ")).map(str::to_owned).collect()
}

/// What was acknowledged and is not there. Looks at the file as it is, before the store has touched it
/// again.
fn lost(database: &Path, acknowledged: &BTreeMap<String, i64>) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let whole: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let sql = "SELECT run.run, count(*) FROM run JOIN event ON event.run = run.position
        GROUP BY run.position";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let stored: BTreeMap<String, i64> = rows.map(Result::unwrap).collect();
    let of = |run: &str| stored.get(run).copied().unwrap_or(0);
    let lost = acknowledged.iter().filter(|(run, n_events)| of(run) < **n_events);
    let told = lost.map(|(run, n)| format!("run {run}: {n} acknowledged, {} stored", of(run)));
    told.collect()
}

/// Not a test of its own: what `run_and_kill` runs.
#[test]
fn writes_until_killed() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    let round = std::env::var(ROUND).unwrap();
    let forgets = std::env::var_os(FORGETS).is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(open(Path::new(&database)));
        put_flow(&*store).await;
        acknowledge("\n");
        let tasks = (0..16).map(|task| {
            let store = Arc::clone(&store);
            let round = round.clone();
            tokio::spawn(async move {
                for n in 0..100_000 {
                    let name = format!("{round}-{task}-{n}");
                    let admitted = store.admit(vec![admission(&name)]).await.unwrap();
                    assert!(matches!(admitted[..], [Admitted::New(_)]));
                    acknowledge(&format!("ack {name} 1\n"));
                    for n_events in 2..5 {
                        let length = if n_events == 4 { 10_000 } else { 300 };
                        let body = json!(noise(length, n));
                        if !(forgets && n_events == 4 && n % 3 == 0) {
                            store.append(vec![step(&name, body)]).await.unwrap();
                        }
                        acknowledge(&format!("ack {name} {n_events}\n"));
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

/// One write for one line, so that lines of several tasks do not mix.
fn acknowledge(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_store_that_was_dropped_has_written_what_waited() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder.database()));
    put_flow(&*store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    // Nobody waits for the answer; the request was made.
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.append(vec![step("a", json!(1))]).await }
    });
    tokio::task::yield_now().await;
    writing.abort();
    assert!(writing.await.is_err() || n_events(&store, "a").await == 2);
    drop(store);
    let log = folder.database().with_extension("db-wal");
    assert!(!log.exists(), "the log is taken up when the store is closed");
    assert_eq!(n_events(&open(&folder.database()), "a").await, 2);
}

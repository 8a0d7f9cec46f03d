//! Damaged files: what is lost is noticed, what is read is what was written.

use std::{fs, path::Path};

use base::RunId;
use journal::{Event, Store as _, StoreError};
use serde_json::json;

use super::{Folder, admission, noise, open, put_flow, step};
use crate::{Options, SqliteStore};

const N_RUNS: usize = 12;

/// Writes some runs; gives what loading them gives.
async fn fill(path: &Path) -> Vec<(RunId, Vec<Event>)> {
    let store = open(path);
    put_flow(&store).await;
    let mut written = Vec::new();
    for n in 0..N_RUNS {
        let name = format!("run-{n}");
        store.admit(vec![admission(&name)]).await.unwrap();
        for (length, seed) in [(200, 1), (9_000, 2)] {
            store.append(vec![step(&name, json!(noise(length, seed + n as u64)))]).await.unwrap();
        }
        let (row, events) = store.load(&RunId::new(name)).await.unwrap().unwrap();
        written.push((row.run, events));
    }
    written
}

#[tokio::test]
async fn flipped_bits_never_change_an_event() {
    let folder = Folder::new();
    let path = folder.database();
    let written = fill(&path).await;
    let whole = fs::read(&path).unwrap();
    let (mut n_refused, mut n_found, mut n_harmless) = (0, 0, 0);
    for n in 0..48 {
        let mut bytes = whole.clone();
        let place = (n * 7_919 * 31 + n) % bytes.len();
        bytes[place] ^= 1 << (n % 8);
        fs::write(&path, bytes).unwrap();
        for suffix in ["db-wal", "db-mark"] {
            fs::remove_file(path.with_extension(suffix)).ok();
        }
        let store = match SqliteStore::open(&path, Options::default()) {
            Ok(store) => store,
            Err(StoreError::Corrupt(_)) => {
                n_refused += 1;
                continue;
            }
            Err(error) => panic!("byte {place}: {error:?}"),
        };
        let mut is_harmless = true;
        for (run, events) in &written {
            match store.load(run).await {
                Ok(Some((_, loaded))) => assert_eq!(loaded, *events, "byte {place}"),
                Ok(None) => panic!("byte {place}: run {run} is gone"),
                Err(StoreError::Corrupt(_)) => is_harmless = false,
                Err(error) => panic!("byte {place}: {error:?}"),
            }
        }
        if is_harmless { n_harmless += 1 } else { n_found += 1 }
    }
    println!("{n_refused} refused at the start, {n_found} when read, {n_harmless} harmless");
    assert!(n_refused > 0 && n_found > 0);
}

/// Copies the database while it is open, as it would be found after a crash.
fn copy_open(from: &Path, to: &Path) {
    for suffix in ["db", "db-wal", "db-mark"] {
        fs::copy(from.with_extension(suffix), to.with_extension(suffix)).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_was_cut_short_is_noticed() {
    let (folder, crashed) = (Folder::new(), Folder::new());
    let store = open(&folder.database());
    put_flow(&store).await;
    for n in 0..20 {
        store.admit(vec![admission(&format!("run-{n}"))]).await.unwrap();
    }
    let log = crashed.database().with_extension("db-wal");
    let length = folder.database().with_extension("db-wal").metadata().unwrap().len();
    for cut in [length, length - 100, length / 2, 33, 32, 0] {
        copy_open(&folder.database(), &crashed.database());
        let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
        file.set_len(cut).unwrap();
        let result = SqliteStore::open(&crashed.database(), Options::default());
        if cut == length {
            let rows = result.unwrap().awake_runs(journal::Shards::ALL, 0, 100).await.unwrap();
            assert_eq!(rows.len(), 20);
            continue;
        }
        let error = result.unwrap_err().to_string();
        assert!(error.contains("has lost its last"), "{cut} bytes left: {error}");
        // Refusing has written nothing: with the whole log back, the whole store is back.
        fs::copy(folder.database().with_extension("db-wal"), &log).unwrap();
        let rows =
            open(&crashed.database()).awake_runs(journal::Shards::ALL, 0, 100).await.unwrap();
        assert_eq!(rows.len(), 20, "{cut}");
    }
}

#[tokio::test]
async fn a_lost_tail_can_be_given_up_on_purpose() {
    let (folder, crashed) = (Folder::new(), Folder::new());
    let store = open(&folder.database());
    put_flow(&store).await;
    let mut logs = Vec::new();
    for n in 0..20 {
        store.admit(vec![admission(&format!("run-{n}"))]).await.unwrap();
        logs.push(folder.database().with_extension("db-wal").metadata().unwrap().len());
    }
    copy_open(&folder.database(), &crashed.database());
    let log = fs::OpenOptions::new().write(true).open(crashed.database().with_extension("db-wal"));
    log.unwrap().set_len(logs[12] + 10).unwrap();
    fs::remove_file(crashed.database().with_extension("db-mark")).unwrap();
    let store = open(&crashed.database());
    let rows = store.awake_runs(journal::Shards::ALL, 0, 100).await.unwrap();
    let names: Vec<_> = rows.iter().map(|row| row.run.to_string()).collect();
    let expected: Vec<_> = (0..13).map(|n| format!("run-{n}")).collect();
    assert_eq!(names, expected, "what is left is what came first, without a hole");
}

#[tokio::test]
async fn a_blob_that_was_changed_is_noticed() {
    let folder = Folder::new();
    let path = folder.database();
    fill(&path).await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    let bomb = zstd::bulk::compress(&vec![b' '; 50 << 20], 1).unwrap();
    connection.execute("UPDATE blob SET zstd = ?1 WHERE id = 1", [&bomb]).unwrap();
    connection.execute("UPDATE blob SET zstd = x'00' WHERE id = 2", []).unwrap();
    connection.execute("UPDATE blob SET length = 9000000000000 WHERE id = 3", []).unwrap();
    let other = "UPDATE blob SET (zstd, length) = (SELECT zstd, length FROM blob WHERE id = 5)
        WHERE id = 4";
    connection.execute(other, []).unwrap();
    let edit = "UPDATE event SET text = replace(text, 'run', 'Run') WHERE run = 5";
    connection.execute(edit, []).unwrap();
    drop(connection);
    let store = open(&path);
    for n in 0..5 {
        let result = store.load(&RunId::new(format!("run-{n}"))).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{n}: {result:?}");
    }
}

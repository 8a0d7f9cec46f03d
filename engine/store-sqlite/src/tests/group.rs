//! Many callers at a time share commits.

use std::{sync::Arc, time::Instant};

use journal::{Admitted, Store as _};
use rusqlite::Connection;
use serde_json::json;

use super::{Folder, admission, n_events, noise, open, put_flow, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_appenders_share_commits() {
    const N_APPENDERS: i64 = 64;
    const N_EACH: i64 = 100;
    let folder = Folder::new();
    let store = Arc::new(open(&folder.database()));
    put_flow(&*store).await;
    let commits = || -> i64 {
        let connection = Connection::open(folder.database()).unwrap();
        connection.query_row("SELECT commits FROM owner", [], |row| row.get(0)).unwrap()
    };
    let before = commits();
    let begun = Instant::now();
    let tasks = (0..N_APPENDERS).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = format!("run-{n}");
            store.admit(vec![admission(&name)]).await.unwrap();
            let body = json!(noise(500, n.unsigned_abs()));
            for _ in 1..N_EACH {
                store.append(vec![step(&name, body.clone())]).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let (seconds, n_commits) = (begun.elapsed().as_secs_f64(), commits() - before);
    let n_records = N_APPENDERS * N_EACH;
    println!(
        "{n_records} records in {n_commits} commits, {:.0} records/s",
        f64::from(i32::try_from(n_records).unwrap()) / seconds
    );
    assert!(n_commits * 2 < n_records, "{n_commits} commits for {n_records} records");
    assert_eq!(n_events(&store, "run-63").await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_starts_one_run_whoever_asks() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder.database()));
    put_flow(&*store).await;
    let mut tasks = Vec::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let new = journal::Admission {
                dedupe: Some(format!("event {}", n % 4)),
                ..admission(&format!("run-{n}"))
            };
            store.admit(vec![new]).await.unwrap().remove(0)
        }));
    }
    let mut n_new = 0;
    for task in tasks {
        if matches!(task.await.unwrap(), Admitted::New(_)) {
            n_new += 1;
        }
    }
    assert_eq!(n_new, 4);
    assert_eq!(store.awake_runs(journal::Shards::ALL, 0, 1_000).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_refused_take_nobody_along() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder.database()));
    put_flow(&*store).await;
    for n in 0..100 {
        store.admit(vec![admission(&format!("run-{n}"))]).await.unwrap();
    }
    // All of them wait for the same commits; every seventh is about a run that is not there, in its
    // second half, so that what its first half did has to go.
    let tasks = (0..100).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut batch = vec![step(&format!("run-{n}"), json!(n))];
            if n % 7 == 0 {
                batch.push(step("nobody", json!(n)));
            }
            (n, store.append(batch).await)
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        let (n, answer) = task.await.unwrap();
        assert_eq!(answer.is_ok(), n % 7 != 0, "{n}: {answer:?}");
        let expected = if n % 7 == 0 { 1 } else { 2 };
        assert_eq!(n_events(&store, &format!("run-{n}")).await, expected, "{n}");
    }
}

//! Many callers at a time share commits.

use std::{sync::Arc, time::Instant};

use journal::{Admitted, Store as _, StoreError};
use serde_json::json;

use super::{admission, bodies, noise, open, put_flow, step};
use crate::cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_appenders_share_commits() {
    const N_APPENDERS: u64 = 64;
    const N_EACH: u64 = 100;
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let store = Arc::new(open(&url).await);
    put_flow(&*store).await;
    let commits = || cluster.ask(&url, "SELECT batch FROM flowright.node").parse::<u64>().unwrap();
    let before = commits();
    let begun = Instant::now();
    let tasks = (0..N_APPENDERS).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = format!("run-{n}");
            store.admit(vec![admission(&name)]).await.unwrap();
            let body = json!(noise(500, n));
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
        f64::from(u32::try_from(n_records).unwrap()) / seconds
    );
    assert!(n_commits * 2 < n_records, "{n_commits} commits for {n_records} records");
    assert_eq!(bodies(&store, "run-63").await.len(), 99);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_starts_one_run_whoever_asks() {
    let Some(cluster) = cluster::shared() else { return };
    let store = Arc::new(open(&cluster.database()).await);
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

#[tokio::test]
async fn keys_may_be_anything() {
    let Some(cluster) = cluster::shared() else { return };
    let store = open(&cluster.database()).await;
    put_flow(&store).await;
    for (n, key) in ["a\0b", "a", "", &noise(100_000, 1), "ü 'x' \"y\" \\"].iter().enumerate() {
        let (dedupe, key) = (Some((*key).to_owned()), Some((*key).to_owned()));
        let new = |name| journal::Admission {
            dedupe: dedupe.clone(),
            key: key.clone(),
            ..admission(name)
        };
        let (first, again) = (format!("run-{n}"), format!("again-{n}"));
        let admitted = store.admit(vec![new(&first), new(&again)]).await.unwrap();
        let id = base::RunId::new(first);
        assert_eq!(admitted, [Admitted::New(id.clone()), Admitted::Duplicate(id.clone())]);
        let filter = journal::RunFilter { key: key.clone(), ..Default::default() };
        let rows = store.runs(&filter, journal::Page::Newest, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| (&row.run, &row.key)).collect::<Vec<_>>(), [(&id, &key)]);
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_stored_is_refused_alone() {
    let Some(cluster) = cluster::shared() else { return };
    let store = open(&cluster.database()).await;
    put_flow(&store).await;
    let odd = journal::Admission { trigger: "a\0b".to_owned(), ..admission("a") };
    let refused = store.admit(vec![admission("b"), odd]).await;
    assert!(matches!(refused, Err(StoreError::IllegalEvent { .. })), "{refused:?}");
    assert!(bodies(&store, "b").await.is_empty());
    let filter = journal::RunFilter { flow: Some("a\0b".to_owned()), ..Default::default() };
    assert_eq!(store.runs(&filter, journal::Page::Newest, 10).await.unwrap(), []);
    store.admit(vec![admission("b")]).await.unwrap();
}

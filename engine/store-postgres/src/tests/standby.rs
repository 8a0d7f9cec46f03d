//! Who waits for a database gets it when its owner is gone, and not before.

use std::time::{Duration, Instant};

use journal::{Store as _, StoreError};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{admission, bodies, crash::Process, put_flow, step};
use crate::{Claim, Options, PostgresStore, cluster};

const LEASE: Duration = Duration::from_secs(2);

pub(super) fn short() -> Options {
    Options { lease: LEASE, ..Options::default() }
}

fn wait_for(url: &str) -> JoinHandle<PostgresStore> {
    let url = url.to_owned();
    let options = Options { claim: Claim::WhenFree, ..short() };
    tokio::spawn(async move { PostgresStore::connect(&url, options).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_is_waited_for_until_it_lets_go() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    // Nobody has a new database.
    let first = wait_for(&url).await.unwrap();
    put_flow(&first).await;
    first.admit(vec![admission("a")]).await.unwrap();
    let waiting = [wait_for(&url), wait_for(&url), wait_for(&url)];
    // It has nothing to write and is there all the same.
    tokio::time::sleep(LEASE * 2).await;
    assert!(waiting.iter().all(|it| !it.is_finished()));
    first.append(vec![step("a", json!(1))]).await.unwrap();

    let begun = Instant::now();
    first.release().await.unwrap();
    let late = first.append(vec![step("a", json!(2))]).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    while !waiting.iter().any(JoinHandle::is_finished) {
        assert!(begun.elapsed() < LEASE, "nobody goes on");
        tokio::time::sleep(LEASE / 20).await;
    }
    tokio::time::sleep(LEASE / 2).await;
    let (next, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(JoinHandle::is_finished);
    assert_eq!((next.len(), others.len()), (1, 2), "one goes on");
    for next in next {
        let next = next.await.unwrap();
        next.append(vec![step("a", json!(3))]).await.unwrap();
        assert_eq!(bodies(&next, "a").await, [json!(1), json!(3)]);
    }
    others.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_owner_is_followed_when_its_lease_is_over() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    for (round, signal) in [(0, "-KILL"), (1, "-STOP")] {
        let process = Process::start(&url, round);
        let waiting = wait_for(&url);
        tokio::time::sleep(LEASE).await;
        assert!(!waiting.is_finished());
        process.signal(signal);
        let begun = Instant::now();
        let next = waiting.await.unwrap();
        let took = begun.elapsed();
        assert!(took < LEASE + Duration::from_secs(2), "{signal}: {took:?}");
        process.signal("-CONT");
        assert_eq!(process.end().is_fenced, signal == "-STOP");
        next.append(Vec::new()).await.unwrap();
        next.release().await.unwrap();
    }
}

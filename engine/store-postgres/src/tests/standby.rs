//! Who shares a database goes on with what another one had, when that is gone and not before.

use std::time::{Duration, Instant};

use journal::{Nodes as _, Shard, Shards, Store as _, StoreError};
use serde_json::json;

use super::{admission, bodies, crash::Process, put_flow, step};
use crate::{Options, PostgresStore, cluster};

const LEASE: Duration = Duration::from_secs(2);

pub(super) fn short() -> Options {
    Options { lease: LEASE, ..Options::default() }
}

/// A process of another name than those of `Process`.
async fn other(url: &str) -> PostgresStore {
    let options = Options { name: "other".to_owned(), follow: false, ..short() };
    PostgresStore::connect(url, options).await.unwrap()
}

/// Returns when a store has everything, as an engine would ask.
async fn has_all(store: &PostgresStore) {
    while store.lease().await.unwrap().owned != Shards::ALL {
        tokio::time::sleep(LEASE / 10).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_is_taken_at_once() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let first = PostgresStore::connect(&url, short()).await.unwrap();
    put_flow(&first).await;
    first.admit(vec![admission("a")]).await.unwrap();
    let next = other(&url).await;
    // It has nothing to write and is there all the same.
    tokio::time::sleep(LEASE * 2).await;
    assert!(next.lease().await.unwrap().owned.is_empty());
    first.append(vec![step("a", json!(1))]).await.unwrap();

    first.leave().await.unwrap();
    let late = first.append(vec![step("a", json!(2))]).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    assert_eq!(next.lease().await.unwrap().owned, Shards::ALL);
    next.append(vec![step("a", json!(3))]).await.unwrap();
    assert_eq!(bodies(&next, "a").await, [json!(1), json!(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_are_followed_when_their_lease_is_over() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    for (round, signal) in [(0, "-KILL"), (1, "-STOP")] {
        let process = Process::start(&url, round);
        let next = other(&url).await;
        tokio::time::sleep(LEASE).await;
        assert!(next.lease().await.unwrap().owned.is_empty());
        process.signal(signal);
        let begun = Instant::now();
        has_all(&next).await;
        let took = begun.elapsed();
        println!("{signal}: everything was taken after {took:?}");
        assert!(took < LEASE + Duration::from_secs(1), "{signal}: {took:?}");
        process.signal("-CONT");
        assert_eq!(process.end().is_fenced, signal == "-STOP");
        next.append(Vec::new()).await.unwrap();
        next.leave().await.unwrap();
    }
}

/// A process that was given up while it lived does not end: it comes back with nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_given_up_comes_back() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let first = PostgresStore::connect(&url, short()).await.unwrap();
    put_flow(&first).await;
    first.admit(vec![admission("a")]).await.unwrap();
    let next = other(&url).await;
    cluster.ask(&url, "UPDATE flowright.node SET heard = '-infinity' WHERE name = 'flowright'");
    has_all(&next).await;
    let late = first.append(vec![step("a", json!(1))]).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    assert!(!first.owns(Shard::new(1)));
    assert_eq!(first.lease().await.unwrap().lost, Shards::ALL);
    // Events are taken in meanwhile.
    first.admit(vec![admission("b")]).await.unwrap();
    assert_eq!(next.mail(Shards::ALL, 9).await.unwrap().len(), 1);
    first.release(Shards::ALL).await.unwrap();
    let given = Shards::ALL.iter().take(next.lease().await.unwrap().surplus).collect();
    next.release(given).await.unwrap();
    assert_eq!(first.lease().await.unwrap().owned, given);
    assert_eq!(cluster.ask(&url, "SELECT count(*) FROM flowright.node WHERE gone IS NULL"), "2");
}

//! The store in a database keeps every promise.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use journal::{
    Store,
    conformance::{
        CASES,
        nodes::{self, Party},
        takeover,
    },
};
use tokio::runtime::Runtime;

use crate::{Options, PostgresStore, cluster};

#[test]
fn keeps_every_promise() {
    let Some(cluster) = cluster::shared() else { return };
    let next = AtomicUsize::new(0);
    let work = || {
        let runtime = Runtime::new().unwrap();
        while let Some((name, case)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{name}");
            let url = cluster.database();
            runtime.block_on(async {
                case(&PostgresStore::connect(&url, Options::default()).await.unwrap()).await;
            });
        }
    };
    // Most of the time goes into waiting for the disk, which several can do at once.
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        assert!(workers.into_iter().all(|worker| worker.join().is_ok()), "see above");
    });
    assert!(CASES.len() <= next.into_inner());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_fenced_when_taken_over() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let old = PostgresStore::connect(&url, Options::default()).await.unwrap();
    let new = PostgresStore::connect(&url, Options::default()).await.unwrap();
    takeover(&old, &new).await;
}

/// The address of a database that processes may join.
struct Shared(String);

#[async_trait]
impl Party for Shared {
    async fn join(&self, name: &str) -> Box<dyn Store> {
        let options = Options { name: name.to_owned(), follow: false, ..Options::default() };
        Box::new(PostgresStore::connect(&self.0, options).await.unwrap())
    }

    async fn lose(&self, name: &str) {
        let sql = format!(
            "UPDATE flowright.node SET gone = 'lost' WHERE name = '{name}' AND gone IS NULL"
        );
        cluster::shared().unwrap().ask(&self.0, &sql);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_every_promise_among_nodes() {
    let Some(cluster) = cluster::shared() else { return };
    for (name, case) in nodes::CASES {
        println!("{name}");
        case(&Shared(cluster.database())).await;
    }
}

//! The store in a database keeps every promise.

use std::sync::atomic::{AtomicUsize, Ordering};

use journal::conformance::{CASES, takeover};
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

//! The store in a file keeps every promise.

use std::sync::atomic::{AtomicUsize, Ordering};

use journal::conformance::{CASES, takeover};
use tokio::runtime::Runtime;

use super::{Folder, open};

#[test]
fn keeps_every_promise() {
    let next = AtomicUsize::new(0);
    let work = || {
        let runtime = Runtime::new().unwrap();
        while let Some((name, case)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{name}");
            let folder = Folder::new();
            runtime.block_on(case(&open(&folder.database())));
        }
    };
    // Most of the time goes into waiting for the disk, which several can do at once.
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        assert!(workers.into_iter().all(|worker| worker.join().is_ok()), "see above");
    });
    assert!(CASES.len() <= next.into_inner());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_fenced_when_taken_over() {
    let folder = Folder::new();
    let old = open(&folder.database());
    let new = open(&folder.database());
    takeover(&old, &new).await;
}

//! What is deleted gives its room back.

use base::Timestamp;
use journal::{Event, EventKind, Expiry, Path as ActionPath, Store as _};
use serde_json::json;

use super::{Folder, admission, noise, open, put_flow, step};

const N_RUNS: u64 = 60;

/// Pages that the file keeps free, with all that a few runs take.
const BYTES_MAX: u64 = 8 << 20;

#[tokio::test]
async fn a_file_gets_shorter_when_runs_are_deleted() {
    let folder = Folder::new();
    let path = folder.database();
    let store = open(&path);
    put_flow(&store).await;
    for n in 0..N_RUNS {
        let name = format!("run-{n}");
        store.admit(vec![admission(&name)]).await.unwrap();
        let mut last = step(&name, json!(noise(400_000, n)));
        let kind =
            EventKind::Finished { status: base::Status::Succeeded, error: None, response: None };
        let at = Timestamp::from_ticks(1_000);
        last.events.push(Event { at, path: ActionPath::run(), kind });
        store.append(vec![last]).await.unwrap();
    }
    let full = store.size().await.unwrap().unwrap();
    assert!(N_RUNS * 150_000 < full, "{full}");
    let (ended, known) = (Timestamp::from_ticks(2_000), Timestamp::from_ticks(0));
    let mut n_deleted = 0;
    while n_deleted < 58 {
        n_deleted +=
            store.expire(Expiry { key: None, ended, known, limit: 29 }).await.unwrap().runs;
    }
    let left = store.size().await.unwrap().unwrap();
    assert!(left < full / 10, "{left} of {full}");
    assert_eq!(store.count(&journal::RunFilter::default(), 100).await.unwrap(), 2);
    drop(store);
    let length = path.metadata().unwrap().len();
    assert!(length < BYTES_MAX, "the file has {length} bytes");
}

//! How soon a page of a long list is there: only with `RUN_SLOW_TESTS=1`, which puts a million runs into a file.

use std::{
    env,
    time::{Duration, Instant},
};

use base::{Status, Timestamp};
use journal::{
    Event, EventKind, Path, Store as _,
    conformance::samples::{admission, put_flow},
};
use store_sqlite::SqliteStore;

/// Runs in the file.
const RUNS: usize = 1_000_000;
/// Runs that are put there at a time.
const BATCH: usize = 5_000;

/// Ended runs of a hundred flows, one in a thousand of which has failed.
async fn fill(store: &SqliteStore, runs: usize) {
    put_flow(store).await;
    for batch in 0..runs / BATCH {
        let admissions = (0..BATCH).map(|at| {
            let n = batch * BATCH + at;
            let mut admission = admission(&format!("run-{n}"));
            admission.flow = format!("flow-{}", n % 100);
            admission.key = Some(format!("key-{}", n % 50_000));
            let created =
                Timestamp::default().after(base::Duration::seconds(n.try_into().unwrap()));
            admission.started.at = created;
            let failed = n % 1_000 == 7;
            let status = if failed { Status::Failed } else { Status::Succeeded };
            let error = failed.then(|| serde_json::json!({ "code": format!("Code{}", n % 7) }));
            let kind = EventKind::Finished { status, error, response: None };
            admission.then = vec![Event { at: created, path: Path::run(), kind }];
            admission
        });
        store.admit(admissions.collect()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_million_runs_is_there_at_once() {
    let is_slow = env::var_os("RUN_SLOW_TESTS").is_some();
    let runs = if is_slow { RUNS } else { 2 * BATCH };
    let api = super::Api::open().await;
    let path = api.folder.path().join("runs.db");
    // The service goes on with the file afterwards; reading is not fenced.
    let store = SqliteStore::open(&path, store_sqlite::Options::default()).unwrap();
    fill(&store, runs).await;
    for query in [
        "",
        "?limit=500",
        "?status=Failed",
        "?flow=flow-7",
        "?flow=flow-7&status=Failed",
        "?flow=flow-8&status=Failed",
        "?flow=nothing",
        "?status=Running",
        "?status=TimedOut,Cancelled",
        "?error=Code3",
        "?flow=flow-7&error=Code3",
        "?key=key-4711",
        "?since=1970-01-01T00:10:00Z&until=1970-01-01T00:20:00Z",
        "?flow=flow-7&status=Failed&since=1970-01-01T00:10:00Z&until=1970-01-01T00:20:00Z",
        "?trigger=Nothing",
        "?status=Failed&count=true",
        "?flow=flow-7&status=Succeeded&count=true",
        "?before=5000&flow=flow-7&status=Failed",
    ] {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            api.get(&format!("/api/v1/runs{query}")).await;
            best = best.min(begun.elapsed());
        }
        if is_slow {
            let path = format!("/api/v1/runs{query}");
            println!("{best:>10.1?} {path}");
            // Of a build without optimisation, on a machine that others use.
            assert!(best < Duration::from_millis(300), "{path} {best:?}");
        }
    }
}

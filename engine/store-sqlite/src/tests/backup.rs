//! Copies made under load have everything that was acknowledged before, and are put back whole.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use base::RunId;
use journal::Store as _;
use serde_json::json;

use super::{Folder, admission, noise, open, put_flow, step};
use crate::{BackupError, backup, restore};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_under_load_has_every_run_that_was_acknowledged_before() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder.database()));
    put_flow(&*store).await;
    let (acknowledged, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (store, acknowledged, stop) =
            (Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                n += 1;
                let name = format!("run-{writer}-{n}");
                store.admit(vec![admission(&name)]).await.unwrap();
                let body = json!(noise(if n % 5 == 0 { 20_000 } else { 200 }, n));
                store.append(vec![step(&name, body)]).await.unwrap();
                acknowledged.lock().unwrap().push(name);
            }
        }));
    }
    let mut copies = Vec::new();
    for n in 0..5 {
        while acknowledged.lock().unwrap().len() < (n + 1) * 20 {
            tokio::task::yield_now().await;
        }
        let before = acknowledged.lock().unwrap().clone();
        let (from, to) = (folder.database(), folder.0.path().join(format!("copy-{n}.db")));
        let copy = to.clone();
        tokio::task::spawn_blocking(move || backup(&from, &copy).unwrap()).await.unwrap();
        copies.push((to, before));
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    for (copy, before) in copies {
        let place = Folder::new();
        restore(&copy, &place.database(), false).unwrap();
        let store = open(&place.database());
        for name in &before {
            let (_, events) = store.load(&RunId::new(name.clone())).await.unwrap().unwrap();
            assert_eq!(events.len(), 2, "{name}");
        }
        // It is a store like any other.
        store.admit(vec![admission("new")]).await.unwrap();
    }
}

#[tokio::test]
async fn copies_overwrite_nothing_and_are_for_their_owner_only() {
    let (folder, other) = (Folder::new(), Folder::new());
    let copy = folder.0.path().join("copy.db");
    assert!(matches!(backup(&folder.database(), &copy), Err(BackupError::Missing(_))));
    let store = open(&folder.database());
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    backup(&folder.database(), &copy).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(matches!(backup(&folder.database(), &copy), Err(BackupError::Exists(_))));

    // A database that somebody has is left alone, even with force.
    store.admit(vec![admission("b")]).await.unwrap();
    let refused = restore(&copy, &folder.database(), false);
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
    let refused = restore(&copy, &folder.database(), true);
    assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
    store.admit(vec![admission("c")]).await.unwrap();
    drop(store);
    restore(&copy, &folder.database(), true).unwrap();
    let rows = open(&folder.database()).awake_runs(journal::Shards::ALL, 0, 9).await.unwrap();
    assert_eq!(rows.iter().map(|it| it.run.as_str()).collect::<Vec<_>>(), ["a"]);

    // A damaged database gives way, a damaged copy does not.
    fs::write(other.database(), b"this is no database at all, whatever it is called").unwrap();
    restore(&copy, &other.database(), true).unwrap();
    assert_eq!(
        open(&other.database()).awake_runs(journal::Shards::ALL, 0, 9).await.unwrap().len(),
        1
    );
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::write(&copy, bytes).unwrap();
    let refused = restore(&copy, &other.database(), true);
    assert!(matches!(refused, Err(BackupError::Store(_))), "{refused:?}");
    fs::write(&copy, b"").unwrap();
    assert!(restore(&copy, &other.database(), true).is_err());
    assert_eq!(
        open(&other.database()).awake_runs(journal::Shards::ALL, 0, 9).await.unwrap().len(),
        1
    );
}

//! A full disk: nothing is acknowledged that is not stored, and room brings the store back.

use std::sync::Arc;

use journal::{Store as _, StoreError};
use serde_json::json;

use super::{Folder, admission, chain, n_events, noise, open, put_flow, step};
use crate::{Options, SqliteStore};

fn open_small(folder: &Folder) -> SqliteStore {
    let options = Options { bytes_max: Some(1 << 20), ..Options::default() };
    SqliteStore::open(&folder.database(), options).unwrap()
}

/// Appends until there is no more room; gives how many were acknowledged.
async fn fill(store: &SqliteStore) -> usize {
    for n in 0.. {
        // All different, so that none is kept once for several.
        let body = json!(noise(20_000, n));
        match store.append(vec![step("a", body)]).await {
            Ok(_) => assert!(n < 100, "a file of 1 MB has taken 2 MB"),
            Err(error) => {
                assert!(matches!(error, StoreError::Io(_)), "{error:?}");
                let text = chain(&error);
                assert!(text.contains("could not write to the database"), "{text}");
                assert!(text.contains("full"), "{text}");
                return usize::try_from(n).unwrap();
            }
        }
    }
    unreachable!("a bounded file takes no endless number of events")
}

#[tokio::test]
async fn a_full_disk_refuses_until_there_is_room() {
    let folder = Folder::new();
    let store = open_small(&folder);
    put_flow(&store).await;
    store.admit(vec![admission("a"), admission("b")]).await.unwrap();
    let n_acknowledged = fill(&store).await;
    assert!(n_acknowledged > 10);
    assert_eq!(n_events(&store, "a").await, n_acknowledged + 1);
    let again = store.append(vec![step("a", json!(noise(20_000, 1_000)))]).await;
    assert!(matches!(again, Err(StoreError::Io(_))), "{again:?}");

    // Somebody makes room: the same store goes on.
    let other = rusqlite::Connection::open(folder.database()).unwrap();
    other.execute("DELETE FROM event WHERE id BETWEEN 4 AND 9", []).unwrap();
    other
        .execute("DELETE FROM blob WHERE id NOT IN (SELECT blob FROM event WHERE blob > 0)", [])
        .unwrap();
    store.append(vec![step("a", json!(noise(20_000, 1_000)))]).await.unwrap();
    assert_eq!(n_events(&store, "a").await, n_acknowledged + 2 - 6);

    drop(store);
    let store = open(&folder.database());
    store.append(vec![step("b", json!(noise(1_500_000, 1)))]).await.unwrap();
    assert_eq!(n_events(&store, "a").await, n_acknowledged + 2 - 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_room_does_not_spoil_others() {
    let folder = Folder::new();
    let store = Arc::new(open_small(&folder));
    put_flow(&*store).await;
    store.admit(vec![admission("large"), admission("small")]).await.unwrap();
    let mut tasks = Vec::new();
    for n in 0..60 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let is_large = n % 12 == 0;
            let new = if is_large {
                vec![step("small", json!("never")), step("large", json!(noise(1_600_000, n)))]
            } else {
                vec![step("small", json!(n))]
            };
            assert_eq!(store.append(new).await.is_err(), is_large, "{n}");
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(n_events(&store, "small").await, 1 + 55);
    assert_eq!(n_events(&store, "large").await, 1);
}

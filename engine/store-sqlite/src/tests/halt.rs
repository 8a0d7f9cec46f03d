//! After a failure that leaves the disk in doubt nothing is written until the next start.

use journal::{Store as _, StoreError};
use serde_json::json;

use super::{Folder, admission, chain, n_events, open, put_flow, step};
use crate::{Options, SqliteStore, open::open_owned, readers::Readers, writer::Writer};

/// A store whose writes fail in a way that does not pass by itself.
fn open_failing(folder: &Folder) -> SqliteStore {
    let owned = open_owned(&folder.database(), &Options::default()).unwrap();
    owned.connection.pragma_update(None, "query_only", true).unwrap();
    let readers = Readers::new(&folder.database(), Options::default());
    SqliteStore { readers, writer: Writer::spawn(owned, 8).unwrap() }
}

#[tokio::test]
async fn a_doubtful_failure_stops_all_writing() {
    let folder = Folder::new();
    let store = open(&folder.database());
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    drop(store);

    let store = open_failing(&folder);
    let first = store.append(vec![step("a", json!("hunter2"))]).await.unwrap_err();
    let second = store.admit(vec![admission("b")]).await.unwrap_err();
    for error in [&first, &second] {
        assert!(matches!(error, StoreError::Io(_)), "{error:?}");
        let text = chain(error);
        assert!(text.contains("readonly database"), "the cause is named: {text}");
        assert!(!text.contains("hunter2"), "a body is in the message: {text}");
    }
    assert!(chain(&second).contains("nothing is written any more"), "{}", chain(&second));
    assert_eq!(n_events(&store, "a").await, 1, "reading goes on");
    drop(store);

    let store = open(&folder.database());
    store.append(vec![step("a", json!(1))]).await.unwrap();
    assert_eq!(n_events(&store, "a").await, 2);
}

//! Opening: what is ours is opened, what is not is refused and left alone.

use std::fs;

use base::{RunId, Status, Timestamp};
use journal::{
    Event, EventKind, Expired, Expiry, Path as ActionPath, RunFilter, Store as _, StoreError,
    TriggerState,
};
use serde_json::json;

use super::{Folder, admission, chain, n_events, noise, open, put_flow, step};
use crate::{Options, SqliteStore};

#[tokio::test]
async fn what_was_written_is_there_when_opened_again() {
    let folder = Folder::new();
    let store = open(&folder.database());
    put_flow(&store).await;
    store.admit(vec![admission("a"), admission("b")]).await.unwrap();
    let before = store.load(&RunId::new("a")).await.unwrap();
    drop(store);
    for _ in 0..3 {
        let store = open(&folder.database());
        assert_eq!(store.load(&RunId::new("a")).await.unwrap(), before);
        store.append(vec![step("b", json!(noise(20_000, 1)))]).await.unwrap();
    }
    assert_eq!(n_events(&open(&folder.database()), "b").await, 4);
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    let n_blobs: i64 =
        connection.query_row("SELECT count(*) FROM blob", [], |row| row.get(0)).unwrap();
    assert_eq!(n_blobs, 1, "the same text is kept once");
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up_to_date() {
    let folder = Folder::new();
    let path = folder.database();
    let store = open(&path);
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    let error = Some(json!({ "code": "Oops", "message": "no" }));
    let kind = EventKind::Finished { status: Status::Failed, error, response: None };
    let mut end = step("a", json!(1));
    end.events = vec![Event { at: Timestamp::from_ticks(9), path: ActionPath::run(), kind }];
    store.append(vec![end]).await.unwrap();
    let before = store.load(&RunId::new("a")).await.unwrap();
    drop(store);
    // What the first version has not.
    let older = rusqlite::Connection::open(&path).unwrap();
    let later = "PRAGMA foreign_keys = OFF;
        DROP TABLE trigger_state; DROP INDEX inbox_since; DROP TABLE audit;
        DROP INDEX flow_version_flow; ALTER TABLE flow_version DROP COLUMN stored;
        ALTER TABLE inbox DROP COLUMN since; ALTER TABLE owner DROP COLUMN positions;
        CREATE TABLE older (position INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE,
            version INTEGER NOT NULL REFERENCES flow_version (id), flow TEXT NOT NULL,
            trigger_name TEXT NOT NULL, order_key TEXT, parent_run TEXT, parent_path TEXT,
            created INTEGER NOT NULL, finished INTEGER, status TEXT, error TEXT) STRICT;
        INSERT INTO older SELECT position, run, version, flow, trigger_name, order_key, parent_run,
            parent_path, created, finished, status, error FROM run;
        DROP TABLE run;
        ALTER TABLE older RENAME TO run;
        CREATE INDEX run_open ON run (position) WHERE status IS NULL;
        CREATE INDEX run_flow ON run (flow, position);
        CREATE INDEX run_status ON run (status, position) WHERE status IS NOT NULL;
        CREATE INDEX run_key ON run (order_key, position) WHERE order_key IS NOT NULL;
        UPDATE sqlite_sequence SET seq = 7 WHERE name = 'run'; PRAGMA user_version = 1;";
    older.execute_batch(later).unwrap();
    drop(older);
    let state = TriggerState {
        flow: "sample".to_owned(),
        trigger: "Daily".to_owned(),
        state: json!({ "last": 7 }),
        due: None,
    };
    let store = open(&path);
    assert_eq!(store.load(&RunId::new("a")).await.unwrap(), before);
    assert_eq!(store.triggers().await.unwrap(), []);
    let oops = RunFilter { code: Some("Oops".to_owned()), ..RunFilter::default() };
    assert_eq!(store.count(&oops, 9).await.unwrap(), 1);
    // What was known is known as long as if it had come now, or when its run did.
    let (ended, known) = (Timestamp::from_ticks(9), Timestamp::from_ticks(1));
    let expired = store.expire(Expiry { key: None, ended, known, limit: 9 }).await.unwrap();
    assert_eq!(expired, Expired::default());
    store.advance(vec![admission("b")], vec![state.clone()]).await.unwrap();
    // Runs had numbers up to 7.
    assert_eq!(store.load(&RunId::new("b")).await.unwrap().unwrap().0.position, 8);
    drop(store);
    assert_eq!(open(&path).triggers().await.unwrap(), [state]);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let store = open(&folder.database());
    put_flow(&store).await;
    let files: Vec<_> = fs::read_dir(folder.0.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn foreign_files_are_refused_and_left_alone() {
    let folder = Folder::new();
    let other = folder.0.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(connection);
    let ours = folder.0.path().join("ours.db");
    drop(open(&ours));
    let newer = folder.0.path().join("newer.db");
    fs::copy(&ours, &newer).unwrap();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let mut cut = fs::read(&ours).unwrap();
    cut.truncate(cut.len() / 2);

    let files = [
        (
            b"not a database, but long enough to be looked at as one".repeat(100),
            "damaged or is none",
        ),
        (b"short".to_vec(), "damaged or is none"),
        (fs::read(&other).unwrap(), "is a database of another program"),
        (fs::read(&newer).unwrap(), "was written by a newer version"),
        (cut, "damaged"),
    ];
    let path = folder.database();
    for (bytes, expected) in files {
        fs::write(&path, &bytes).unwrap();
        let error = SqliteStore::open(&path, Options::default()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{error}");
    }
}

#[tokio::test]
async fn a_lost_file_is_not_taken_for_a_new_one() {
    let folder = Folder::new();
    let path = folder.database();
    put_flow(&open(&path)).await;
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let error = SqliteStore::open(&path, Options::default()).unwrap_err().to_string();
    assert!(error.contains("has lost its last"), "{error}");

    fs::remove_file(path.with_extension("db-mark")).unwrap();
    fs::write(path.with_extension("db-wal"), &whole).unwrap();
    let error = SqliteStore::open(&path, Options::default()).unwrap_err().to_string();
    assert!(error.contains("there is a write-ahead log beside it"), "{error}");
    assert_eq!(fs::read(path.with_extension("db-wal")).unwrap(), whole);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named_with_its_cause() {
    let folder = Folder::new();
    let path = folder.0.path().join("nowhere").join("runs.db");
    let error = SqliteStore::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error:?}");
    let text = chain(&error);
    assert!(text.starts_with("the store failed: could not open or create the database"), "{text}");
    assert!(text.contains("No such file"), "{text}");
}

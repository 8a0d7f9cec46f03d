//! Tests of the store in a file: every store's promises, and what happens to files.

mod backup;
mod conformance;
mod crash;
mod damage;
mod expire;
mod full;
mod group;
mod halt;
mod opening;

use std::path::{Path, PathBuf};

use base::RunId;
use journal::{
    Store as _,
    conformance::samples::{admission, chain, noise, put_flow, step},
};

use crate::{Options, SqliteStore};

/// A folder for one test's database, removed at its end.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("runs.db")
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Options::default()).unwrap()
}

async fn n_events(store: &SqliteStore, name: &str) -> usize {
    store.load(&RunId::new(name)).await.unwrap().map_or(0, |(_, events)| events.len())
}

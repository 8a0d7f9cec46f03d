//! Tests of the store in a database, on a server of their own: every store's promises, and what
//! happens when the way to the server, the server or the process breaks.

mod address;
mod conformance;
mod crash;
mod damage;
mod group;
mod lost;
mod standby;
mod tls;

use base::RunId;
use journal::{
    Event, EventKind, Store as _,
    conformance::samples::{admission, chain, noise, put_flow, step},
};
use serde_json::Value;

use crate::{Options, PostgresStore};

async fn open(url: &str) -> PostgresStore {
    PostgresStore::connect(url, Options::default()).await.unwrap()
}

/// The bodies of a run's steps, in order.
async fn bodies(store: &PostgresStore, name: &str) -> Vec<Value> {
    let Some((_, events)) = store.load(&RunId::new(name)).await.unwrap() else { return Vec::new() };
    let body = |event: Event| match event.kind {
        EventKind::Called { outputs } => Some(outputs),
        _ => None,
    };
    events.into_iter().filter_map(body).collect()
}

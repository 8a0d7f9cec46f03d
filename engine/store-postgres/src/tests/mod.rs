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

use std::error::Error as _;

use base::{RunId, Timestamp};
use journal::{
    Admission, Append, Event, EventKind, FlowVersion, Path as ActionPath, Store as _, StoreError,
};
use serde_json::{Map, Value, json};

use crate::{Options, PostgresStore};

async fn open(url: &str) -> PostgresStore {
    PostgresStore::connect(url, Options::default()).await.unwrap()
}

async fn put_flow(store: &PostgresStore) {
    let files = vec![("flow.yaml".to_owned(), "actions: {}".to_owned())];
    let flow = FlowVersion { sha: "1".to_owned(), flow: "sample".to_owned(), files };
    store.put_flow(flow).await.unwrap();
}

fn admission(name: &str) -> Admission {
    let kind = EventKind::Started {
        trigger: "manual".to_owned(),
        outputs: json!({ "body": { "name": name } }).into(),
        parameters: Map::new().into(),
        seed: 1,
        run: name.to_owned(),
        callback: None,
        again: None,
    };
    Admission {
        run: RunId::new(name),
        flow: "sample".to_owned(),
        sha: "1".to_owned(),
        trigger: "manual".to_owned(),
        dedupe: Some(name.to_owned()),
        key: None,
        parent: None,
        started: Event { at: Timestamp::from_ticks(1), path: ActionPath::run(), kind },
        then: Vec::new(),
    }
}

fn step(name: &str, body: Value) -> Append {
    let kind = EventKind::Called { outputs: body };
    let event = Event { at: Timestamp::from_ticks(2), path: ActionPath::new([], "A"), kind };
    Append { events: vec![event], ..Append::new(RunId::new(name)) }
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

/// A text that compression leaves as long as it is.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed;
    let digits = std::iter::from_fn(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        Some(char::from(b'0' + u8::try_from(state >> 58).unwrap()))
    });
    digits.take(length).collect()
}

/// The messages of an error and its causes.
fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! What the tests of a store put into it, and how they read what it says.

use std::error::Error as _;

use base::{RunId, Timestamp};
use serde_json::{Map, Value, json};

use crate::{Admission, Append, Event, EventKind, FlowVersion, Path, Store, StoreError};

/// Puts the flow version that the runs belong to.
pub async fn put_flow(store: &dyn Store) {
    let files = vec![("flow.yaml".to_owned(), "actions: {}".to_owned())];
    let flow = FlowVersion { sha: "1".to_owned(), flow: "sample".to_owned(), files };
    store.put_flow(flow).await.unwrap();
}

/// A run of that name, known by it.
pub fn admission(name: &str) -> Admission {
    let kind = EventKind::Started {
        trigger: "manual".to_owned(),
        outputs: json!({ "body": { "name": name } }).into(),
        parameters: Map::new().into(),
        seed: 1,
        run: name.to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    Admission {
        packed: None,
        run: RunId::new(name),
        flow: "sample".to_owned(),
        sha: "1".to_owned(),
        trigger: "manual".to_owned(),
        dedupe: Some(name.to_owned()),
        key: None,
        parent: None,
        started: Event { at: Timestamp::from_ticks(1), path: Path::run(), kind },
        then: Vec::new(),
    }
}

/// A step of that run, with something in it.
pub fn step(name: &str, body: Value) -> Append {
    let kind = EventKind::Called { outputs: body };
    let event = Event { at: Timestamp::from_ticks(2), path: Path::new([], "A"), kind };
    Append { events: vec![event], ..Append::new(RunId::new(name)) }
}

/// A text that compression leaves as long as it is.
pub fn noise(length: usize, seed: u64) -> String {
    let mut state = seed;
    let digits = std::iter::from_fn(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        Some(char::from(b'0' + u8::try_from(state >> 58).unwrap()))
    });
    digits.take(length).collect()
}

/// The messages of an error and its causes.
pub fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! The store in memory keeps every promise.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;

use crate::{
    MemoryStore, Nodes as _, Shards, Store,
    conformance::{self, nodes::Party},
};

/// Drives a future that never waits for anything outside.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut ctx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut ctx) {
            return value;
        }
    }
}

#[test]
fn keeps_every_promise() {
    for (name, case) in conformance::CASES {
        println!("{name}");
        block_on(case(&MemoryStore::new()));
    }
}

#[test]
fn is_fenced_when_taken_over() {
    let old = MemoryStore::new();
    block_on(conformance::takeover(&old, &old.reopen()));
}

#[async_trait]
impl Party for MemoryStore {
    async fn join(&self, name: &str) -> Box<dyn Store> {
        Box::new(Self::join(self, name))
    }

    async fn lose(&self, name: &str) {
        Self::lose(self, name);
    }
}

#[test]
fn keeps_every_promise_among_nodes() {
    for (name, case) in conformance::nodes::CASES {
        println!("{name}");
        block_on(case(&MemoryStore::new()));
    }
    for (name, case) in conformance::CASES {
        println!("{name}");
        block_on(case(&MemoryStore::new().join("only")));
    }
}

#[test]
fn a_node_is_lost_when_its_lease_is_over() {
    let store = MemoryStore::new();
    let (one, other) = (store.join("one"), store.join("other"));
    store.pass(5_000);
    assert!(block_on(other.lease()).unwrap().owned.is_empty(), "it may still be there");
    store.pass(1);
    assert_eq!(block_on(other.lease()).unwrap().owned, Shards::ALL);
    assert_eq!(block_on(one.lease()).unwrap().lost, Shards::ALL);
}

//! The store in memory keeps every promise.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::{MemoryStore, conformance};

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

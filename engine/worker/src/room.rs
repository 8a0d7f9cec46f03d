//! Room in memory for the runs that are worked on: a bound for all, and a smaller one for each flow.
//!
//! Runs that wait for a slow service keep their room. Without the second bound those of one flow would
//! soon have all of it, and runs of others would wait for that service, too.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::lock;

/// The room of an engine.
pub(crate) struct Room {
    all: Arc<Semaphore>,
    all_max: usize,
    /// What each flow may have of it.
    shares: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// The place of one run, given back when it is dropped.
pub(crate) struct Place {
    _of_flow: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Room for a look at a run.
pub(crate) struct Visit(OwnedSemaphorePermit);

impl Room {
    pub(crate) fn new(runs: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(runs)), all_max: runs, shares: Mutex::default() }
    }

    /// Runs that have a place.
    pub(crate) fn taken(&self) -> usize {
        self.all_max.saturating_sub(self.all.available_permits())
    }

    /// Waits until a run may be looked at of which only the name is known.
    pub(crate) async fn visit(&self) -> Option<Visit> {
        Arc::clone(&self.all).acquire_owned().await.ok().map(Visit)
    }

    /// Makes a visit to a place, if the flow of the run has room left.
    pub(crate) fn settle(&self, visit: Visit, flow: &str) -> Option<Place> {
        let of_flow = self.share(flow).try_acquire_owned().ok()?;
        Some(Place { _of_flow: of_flow, _of_all: visit.0 })
    }

    /// Waits until a run of the flow may be in memory. Neither semaphore is ever closed, so there
    /// is a place in the end.
    pub(crate) async fn enter(&self, flow: &str) -> Option<Place> {
        // In this order: who waits for the share of its flow keeps no others out.
        let of_flow = self.share(flow).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { _of_flow: of_flow, _of_all: of_all })
    }

    /// Three of four places, and all of a few.
    fn share(&self, flow: &str) -> Arc<Semaphore> {
        let mut shares = lock(&self.shares);
        if let Some(share) = shares.get(flow) {
            return Arc::clone(share);
        }
        let share = Arc::new(Semaphore::new(self.all_max - self.all_max / 4));
        shares.insert(flow.to_owned(), Arc::clone(&share));
        share
    }
}

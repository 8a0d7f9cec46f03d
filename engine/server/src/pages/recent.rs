//! Ended runs that were looked at a moment ago, replayed: a page asks for the same run several times.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use base::RunId;
use interp::{Plan, Run};
use journal::{Event, Page, RunFilter, RunRow, StoreError};
use worker::Engine;

/// Runs that are kept.
const RUNS_MAX: usize = 16;
/// What they may weigh together: the bytes of their journals, and so many for each record.
const WEIGHT_MAX: usize = 32 << 20;
const RECORD_WEIGHT: usize = 512;

/// A run as it was when it was looked at.
pub(crate) struct Seen {
    pub row: RunRow,
    pub plan: Arc<Plan>,
    pub events: Vec<Event>,
    pub run: Run,
}

/// The runs, the latest one first, with what they weigh.
#[derive(Default)]
pub(crate) struct Recent(Mutex<VecDeque<(Arc<Seen>, usize)>>);

impl Recent {
    /// A run with its state. One that goes on is read each time.
    pub(crate) async fn show(&self, engine: &Engine, id: &RunId) -> Result<Arc<Seen>, StoreError> {
        if let Some(seen) = self.known(id) {
            if is_there(engine, &seen.row).await? {
                return Ok(seen);
            }
            self.forget(id);
        }
        let (row, plan, events) = engine.history(id).await?;
        let run = interp::replay(&plan, &events);
        let seen = Arc::new(Seen { row, plan, events, run });
        if seen.row.status.is_some() {
            self.keep(&seen);
        }
        Ok(seen)
    }

    fn known(&self, id: &RunId) -> Option<Arc<Seen>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(it, _)| it.row.run == *id)?;
        let found = all.remove(at)?;
        let seen = Arc::clone(&found.0);
        all.push_front(found);
        Some(seen)
    }

    fn forget(&self, id: &RunId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(it, _)| it.row.run != *id);
    }

    fn keep(&self, seen: &Arc<Seen>) {
        let weight = weight(seen);
        if WEIGHT_MAX < weight {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Two may have asked at once.
        all.retain(|(it, _)| it.row.run != seen.row.run);
        all.push_front((Arc::clone(seen), weight));
        while RUNS_MAX < all.len() || WEIGHT_MAX < all.iter().map(|(_, it)| it).sum::<usize>() {
            all.pop_back();
        }
    }
}

/// Whether the store still has it: runs are deleted, and then nobody is to see them any more.
async fn is_there(engine: &Engine, row: &RunRow) -> Result<bool, StoreError> {
    let page = Page::Before(row.position.saturating_add(1));
    let found = engine.page_of_runs(&RunFilter::default(), page, 1).await?;
    Ok(found.first().is_some_and(|it| it.run == row.run))
}

fn weight(seen: &Seen) -> usize {
    let mut bytes = Counted(0);
    for event in &seen.events {
        if serde_json::to_writer(&mut bytes, event).is_err() {
            return usize::MAX;
        }
    }
    let actions = 0..seen.plan.flow.actions.len();
    let records: usize = actions.map(|id| seen.run.records(id).count()).sum();
    bytes.0.saturating_add(records.saturating_mul(RECORD_WEIGHT))
}

/// Counts what is written to it.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

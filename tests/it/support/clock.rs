//! A clock that tests put forward.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use base::Timestamp;
use worker::{Clock, SystemClock};

/// The machine's clock, which can be put forward.
#[derive(Default)]
pub(crate) struct LeapingClock {
    machine: SystemClock,
    ahead: AtomicI64,
}

impl LeapingClock {
    /// Lets time pass at once.
    pub(crate) fn leap(&self, by: Duration) {
        let ticks = i64::try_from(by.as_nanos() / 100).unwrap();
        self.ahead.fetch_add(ticks, Ordering::SeqCst);
    }
}

impl Clock for LeapingClock {
    fn now(&self) -> Timestamp {
        let ahead = base::Duration::from_ticks(self.ahead.load(Ordering::SeqCst));
        self.machine.now().after(ahead)
    }

    fn pause(&self, _until: Timestamp) -> Duration {
        Duration::from_millis(2)
    }
}

//! What time it is: the only place of the engine that asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base::Timestamp;

/// A clock. Tests bring their own.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// How long to sleep, in the machine's own time, before this clock is asked again whether an
    /// instant has come. Never long: a machine's clock may be put right while somebody sleeps.
    fn pause(&self, until: Timestamp) -> Duration {
        until.since(self.now()).to_std().min(SLEEP_MAX)
    }
}

const SLEEP_MAX: Duration = Duration::from_secs(5);

/// The clock of the machine. It never goes back: after a correction it stands still until the
/// machine's time has caught up, because the events of a run must not be out of order.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: std::sync::atomic::AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticks = i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX);
        let before = self.latest.fetch_max(ticks, std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_ticks(ticks.max(before))
    }
}

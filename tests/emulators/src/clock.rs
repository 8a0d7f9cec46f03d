//! The emulators' clock: the real one or a fixed one, and either can be moved forward.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What the emulators take for the present; all clones move together.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    fixed: Option<Timestamp>,
    ahead: SignedDuration,
    last: Timestamp,
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self::new(None)
    }

    /// A clock that stands still until it is advanced.
    pub fn fixed(at: Timestamp) -> Self {
        Self::new(Some(at))
    }

    fn new(fixed: Option<Timestamp>) -> Self {
        let reading = Reading { fixed, ahead: SignedDuration::ZERO, last: Timestamp::MIN };
        Self(Arc::new(Mutex::new(reading)))
    }

    /// Moves the clock forward; tokens, referrals and limits age with it.
    pub fn advance(&self, by: Duration) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        reading.ahead = reading.ahead.saturating_add(by);
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// The present in ticks of 100 ns, never the same one twice: what changes are stamped with.
    pub(crate) fn tick(&self) -> Timestamp {
        let tick = SignedDuration::from_nanos(100);
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = reading.last.saturating_add(tick).unwrap_or(Timestamp::MAX);
        let now = reading.now();
        let odd = i64::from(now.subsec_nanosecond() % 100);
        let now = now.checked_sub(SignedDuration::from_nanos(odd)).unwrap_or(now);
        reading.last = now.max(next);
        reading.last
    }
}

impl Reading {
    fn now(&self) -> Timestamp {
        let base = self.fixed.unwrap_or_else(Timestamp::now);
        base.saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }
}

/// ISO 8601 with the seven fractional digits Microsoft's services write; `zone` is `Z` or `+00:00`.
pub(crate) fn seven_digits(at: Timestamp, zone: &str) -> String {
    format!("{}.{:07}{zone}", at.strftime("%Y-%m-%dT%H:%M:%S"), at.subsec_nanosecond() / 100)
}

/// ISO 8601 with whole seconds, as Dataverse writes instants.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

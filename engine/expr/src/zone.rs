//! What clocks of a place show, for whoever keeps schedules.

use base::{Duration, Timestamp};

use crate::functions::time_zone;

/// A time zone by the names that flows use. Its rules are in the program, never the machine's.
#[derive(Clone, Debug)]
pub struct Zone(time_zone::Zone);

impl Zone {
    /// The zone of a Windows or IANA id, without regard to case.
    pub fn find(name: &str) -> Option<Self> {
        time_zone::Zone::find(name).map(Self)
    }

    /// What clocks show at an instant, as if they showed UTC.
    pub fn shown(&self, at: Timestamp) -> Timestamp {
        at.after(Duration::seconds(self.0.ahead(seconds(at))))
    }

    /// When clocks show this: the first time if they do so twice. A time that they skip is counted
    /// on from before the change, so that 02:30 is when they show 03:30.
    pub fn instant(&self, shown: Timestamp) -> Timestamp {
        shown.after(Duration::seconds(-self.0.ahead_when_shown(seconds(shown))))
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.ticks().div_euclid(Duration::seconds(1).ticks())
}

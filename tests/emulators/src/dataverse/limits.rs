//! Service protection: how much one caller may ask within five minutes.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::oauth::Caller;

const WINDOW: SignedDuration = SignedDuration::from_secs(300);
const REQUESTS_MAX: usize = 6_000;

/// The requests of the last minutes, caller by caller.
#[derive(Clone)]
pub(super) struct Limits {
    max: usize,
    made: BTreeMap<Caller, VecDeque<Timestamp>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max: REQUESTS_MAX, made: BTreeMap::new() }
    }
}

impl Limits {
    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Counts a request: how many are left, or how many seconds until there is one again.
    pub(super) fn take(&mut self, caller: Caller, now: Timestamp) -> Result<usize, i64> {
        let made = self.made.entry(caller).or_default();
        while made.front().is_some_and(|it| it.duration_until(now) >= WINDOW) {
            made.pop_front();
        }
        if made.len() >= self.max {
            let oldest = made.front().copied().unwrap_or(now);
            let left = WINDOW.saturating_sub(oldest.duration_until(now));
            return Err(left.as_secs().max(1));
        }
        made.push_back(now);
        Ok(self.max - made.len())
    }
}

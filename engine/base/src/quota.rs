//! How much may be asked of a service.

use crate::time::Duration;

/// What a service, or its operator, allows of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Requests at a time.
    pub concurrency: Option<usize>,
    /// Requests within any period of a length.
    pub rate: Option<Rate>,
}

/// So many requests within any period of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests; at least one.
    pub calls: usize,
    /// Length of the period.
    pub per: Duration,
}

impl Quota {
    /// This, and of the other what is not said here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { concurrency: self.concurrency.or(other.concurrency), rate: self.rate.or(other.rate) }
    }
}

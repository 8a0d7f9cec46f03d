//! How often one address may ask.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use base::quota::Rate;

/// Addresses that are remembered; those that have long been quiet are forgotten first.
const SOURCES_MAX: usize = 10_000;

/// Counts requests by the address that they come from. As many as there may be in a period may come at
/// once.
#[derive(Debug)]
pub(crate) struct Limiter {
    rate: Rate,
    buckets: Mutex<BTreeMap<IpAddr, Bucket>>,
}

/// What is left of what an address may ask.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    since: Instant,
}

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    fn calls(&self) -> f64 {
        f64::from(u32::try_from(self.rate.calls).unwrap_or(u32::MAX).max(1))
    }

    /// Takes one request of that address.
    ///
    /// # Errors
    /// With the seconds after which there may be the next one.
    pub(crate) fn take(&self, source: IpAddr) -> Result<(), u32> {
        self.take_at(source, Instant::now())
    }

    /// Whether the address has asked too often already; takes nothing.
    pub(crate) fn is_exhausted(&self, source: IpAddr) -> Result<(), u32> {
        let now = Instant::now();
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(&key(source)) {
            Some(bucket) => self.check(self.filled(*bucket, now)),
            None => Ok(()),
        }
    }

    pub(crate) fn take_at(&self, source: IpAddr, now: Instant) -> Result<(), u32> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let source = key(source);
        if SOURCES_MAX <= buckets.len() && !buckets.contains_key(&source) {
            // Whoever may ask as much as a stranger needs no memory.
            let full = self.calls();
            buckets.retain(|_, it| self.filled(*it, now).left < full);
            if SOURCES_MAX <= buckets.len() {
                // So many at once are no usual day: those that come now share what is left.
                return Err(self.seconds(1.0));
            }
        }
        let full = Bucket { left: self.calls(), since: now };
        let bucket = buckets.entry(source).or_insert(full);
        *bucket = self.filled(*bucket, now);
        self.check(*bucket)?;
        bucket.left -= 1.0;
        Ok(())
    }

    fn check(&self, bucket: Bucket) -> Result<(), u32> {
        if 1.0 <= bucket.left { Ok(()) } else { Err(self.seconds(1.0 - bucket.left)) }
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let passed = now.saturating_duration_since(bucket.since).as_secs_f64();
        let full = self.calls();
        let left = (bucket.left + passed * full / self.rate.per.as_seconds()).min(full);
        Bucket { left, since: now }
    }

    /// How long it takes until so much has been given back.
    fn seconds(&self, missing: f64) -> u32 {
        let seconds = missing * self.rate.per.as_seconds() / self.calls();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 3,600"
        )]
        let seconds = seconds.ceil().clamp(1.0, 3_600.0) as u32;
        seconds
    }
}

/// Who has one address of IPv6 has a whole network of them.
fn key(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(it) => IpAddr::V4(it),
        IpAddr::V6(it) => {
            let [a, b, c, d, ..] = it.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

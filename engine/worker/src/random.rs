//! Identities of runs and the seeds of their random numbers.

use base::{RunId, Secret, Timestamp};
use journal::{Shard, Shards};
use uuid::{Timestamp as UuidTime, Uuid};

/// A new run id of one of some shards: UUID version 7, ordered by time.
pub(crate) fn run_id(now: Timestamp, shards: Shards) -> RunId {
    loop {
        // Of one shard it takes 64 attempts in the mean, which is some microseconds.
        let run = RunId::new(uuid(now));
        if shards.is_empty() || shards.contains(Shard::of_run(&run)) {
            return run;
        }
    }
}

fn uuid(now: Timestamp) -> String {
    let ticks = now.ticks().max(0).unsigned_abs();
    let seconds = ticks / 10_000_000;
    let nanoseconds = u32::try_from(ticks % 10_000_000 * 100).unwrap_or(0);
    Uuid::new_v7(UuidTime::from_unix(uuid::NoContext, seconds, nanoseconds)).to_string()
}

/// What a run draws its random numbers from.
pub(crate) fn seed() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}

/// A new key for signing: 256 random bits as text.
pub fn new_key() -> Secret<String> {
    Secret::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
}

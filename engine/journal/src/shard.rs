//! The parts into which runs are divided where several processes share a store.

use base::{RunId, digest::sha256};

/// A part of the runs, and of the triggers, that one process takes care of.
///
/// The shard of a run is in its name, so that everybody who knows the run knows whose it is. Where it
/// matters, a name is chosen that has the wanted shard: see [`Shard::of_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// How many there are. It divides 256, so that all are as likely.
    pub const COUNT: u8 = 64;

    /// The shard of a number; every number has one.
    pub const fn new(number: u8) -> Self {
        Self(number % Self::COUNT)
    }

    /// Where a run belongs, for ever.
    pub fn of_run(run: &RunId) -> Self {
        Self::of_bytes(run.as_str().as_bytes())
    }

    /// Where the state of a flow's triggers belongs.
    pub fn of_flow(flow: &str) -> Self {
        Self::of_bytes(flow.as_bytes())
    }

    /// Where all runs of a flow belong that are ordered by one key: one process has them in order.
    /// Those without a key are with the triggers, which have to know how many there are.
    pub fn of_key(flow: &str, key: &str) -> Self {
        if key.is_empty() {
            return Self::of_flow(flow);
        }
        Self::of_bytes(format!("{flow}\0{key}").as_bytes())
    }

    /// Where all runs belong that are ordered by one key of a group, whatever flow they are of.
    pub fn of_group(group: &str, key: &str) -> Self {
        // A flow's name has no line break.
        Self::of_bytes(format!("{group}\n{key}").as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self::new(sha256(bytes).first().copied().unwrap_or_default())
    }

    /// From 0 on.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A set of shards.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Shards(u64);

impl Shards {
    /// All there are.
    pub const ALL: Self = Self(u64::MAX);
    /// Not one.
    pub const NONE: Self = Self(0);

    /// Whether a shard is among them.
    pub const fn contains(self, shard: Shard) -> bool {
        self.0 & (1 << shard.0) != 0
    }

    /// How many they are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and the others.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These that are not among the others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// These that are among the others, too.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Shard> {
        (0..Shard::COUNT).map(Shard).filter(move |it| self.contains(*it))
    }
}

impl From<Shard> for Shards {
    fn from(shard: Shard) -> Self {
        Self(1 << shard.0)
    }
}

impl FromIterator<Shard> for Shards {
    fn from_iter<I: IntoIterator<Item = Shard>>(all: I) -> Self {
        all.into_iter().fold(Self::NONE, |set, it| set.with(it.into()))
    }
}

impl std::fmt::Debug for Shards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Shard::number)).finish()
    }
}

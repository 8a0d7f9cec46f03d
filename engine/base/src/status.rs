//! How an action, a block or a run ended.

/// The end of an action, a block or a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It did what it says.
    Succeeded,
    /// It did not.
    Failed,
    /// It was not started, because of what happened before it.
    Skipped,
    /// It took longer than it may.
    TimedOut,
    /// It was stopped by a Terminate, by its run's end or by a person.
    Cancelled,
}

impl Status {
    /// Every status, in the order of the names.
    pub const ALL: [Self; 5] =
        [Self::Succeeded, Self::Failed, Self::Skipped, Self::TimedOut, Self::Cancelled];

    /// The name in definitions and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The status of that name; definitions write it in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// A set of statuses, as in `runAfter: {Name: [Failed, TimedOut]}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet(u8);

impl StatusSet {
    /// Only Succeeded: what an action without `runAfter` waits for.
    pub const SUCCEEDED: Self = Self(1);

    /// Whether the set holds a status.
    pub const fn contains(self, status: Status) -> bool {
        self.0 & (1 << status as u8) != 0
    }

    /// Adds a status.
    pub const fn insert(&mut self, status: Status) {
        self.0 |= 1 << status as u8;
    }

    /// The statuses in it.
    pub fn iter(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |it| self.contains(*it))
    }
}

impl FromIterator<Status> for StatusSet {
    fn from_iter<I: IntoIterator<Item = Status>>(statuses: I) -> Self {
        let mut set = Self::default();
        for status in statuses {
            set.insert(status);
        }
        set
    }
}

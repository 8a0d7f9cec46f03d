//! Time zones by the names that flows use: Windows ids as in Power Automate, and IANA ids.

use std::sync::LazyLock;

use jiff::{
    civil,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

use super::windows_zones::ZONES;

/// The database in the program, never the machine's: the same run gives the same times anywhere.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The rules of one zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    rules: TimeZone,
    utc: bool,
}

impl Zone {
    /// The zone of a Windows or IANA id, without regard to case.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let windows = ZONES.iter().find(|(id, _)| id.eq_ignore_ascii_case(name));
        let iana = windows.map_or(name, |(_, iana)| iana);
        let rules = DATABASE.get(iana).ok()?;
        let utc = UTC_NAMES.iter().any(|it| it.eq_ignore_ascii_case(iana));
        Some(Self { rules, utc })
    }

    /// Whether times of this zone are UTC by name, so that they carry a `Z`.
    pub(super) fn is_utc(&self) -> bool {
        self.utc
    }

    /// What clocks of this zone show at an instant of UTC; `None` past the ends of time.
    pub(super) fn local(&self, utc: civil::DateTime) -> Option<civil::DateTime> {
        let instant = Offset::UTC.to_timestamp(utc).ok()?;
        Some(self.rules.to_datetime(instant))
    }

    /// The instant of UTC when clocks of this zone show this. `None` for a time that clocks skip;
    /// of a time that they show twice the later one, in winter time, as .NET has it.
    pub(super) fn utc(&self, local: civil::DateTime) -> Option<civil::DateTime> {
        let offset = match self.rules.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { after, .. } => after,
            AmbiguousOffset::Gap { .. } => return None,
        };
        Some(Offset::UTC.to_datetime(offset.to_timestamp(local).ok()?))
    }

    /// By how many seconds clocks of this zone are ahead of UTC at an instant in seconds since 1970.
    pub(crate) fn ahead(&self, seconds: i64) -> i64 {
        let instant = jiff::Timestamp::from_second(seconds);
        instant.map_or(0, |it| self.rules.to_offset(it).seconds().into())
    }

    /// The same for what clocks show, in seconds as if they showed UTC: of a time that they show
    /// twice at the first, for one that they skip before the change.
    pub(crate) fn ahead_when_shown(&self, seconds: i64) -> i64 {
        let Ok(shown) = jiff::Timestamp::from_second(seconds) else { return 0 };
        let offset =
            match self.rules.to_ambiguous_timestamp(Offset::UTC.to_datetime(shown)).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset,
                AmbiguousOffset::Fold { before, .. } | AmbiguousOffset::Gap { before, .. } => {
                    before
                }
            };
        offset.seconds().into()
    }
}

/// The names of UTC itself; `Etc/GMT` and fixed offsets are ordinary zones.
const UTC_NAMES: &[&str] = &["UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu"];

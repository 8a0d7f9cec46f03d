//! Instants and durations; arithmetic only, nobody here asks what time it is.

use std::fmt;

const TICKS_PER_SECOND: i64 = 10_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A length of time in ticks of 100 nanoseconds, the resolution of the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(TICKS_PER_SECOND))
    }

    /// From milliseconds.
    pub const fn milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(TICKS_PER_SECOND / 1000))
    }

    /// From ticks of 100 nanoseconds.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// In ticks of 100 nanoseconds.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// In milliseconds, rounded down.
    pub const fn as_milliseconds(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND / 1000)
    }

    /// In seconds with their fraction.
    #[allow(clippy::cast_precision_loss, reason = "for display and waiting only")]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }

    /// For timers of the standard library; a negative length is none.
    pub fn to_std(self) -> std::time::Duration {
        let ticks = u64::try_from(self.0).unwrap_or(0);
        std::time::Duration::from_nanos(ticks.saturating_mul(100))
    }

    /// Twice the length, `times` times over, never overflowing.
    #[must_use]
    pub const fn doubled(self, times: u32) -> Self {
        if times < 62 { Self(self.0.saturating_mul(1 << times)) } else { Self(i64::MAX) }
    }

    /// Reads an ISO 8601 duration such as `PT7S`, `P1DT12H` or `PT0.5S`.
    ///
    /// A year is 365 days and a month 30, as .NET's `XmlConvert.ToTimeSpan` has it.
    pub fn parse_iso(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = rest.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        if date.is_empty() && time.is_empty() {
            return None;
        }
        let day = SECONDS_PER_DAY;
        let units = [('Y', 365 * day), ('M', 30 * day), ('W', 7 * day), ('D', day)];
        let days = sum_parts(date, &units)?;
        let clock = sum_parts(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
        let ticks = days.checked_add(clock)?;
        Some(Self(if negative { -ticks } else { ticks }))
    }
}

impl fmt::Display for Duration {
    /// As ISO 8601, in seconds: `PT7.5S`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, ticks) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let fraction = format!("{:07}", ticks % TICKS_PER_SECOND.unsigned_abs());
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}PT{}{point}{fraction}S", ticks / TICKS_PER_SECOND.unsigned_abs())
    }
}

/// Adds up `1D2H`-like parts; units must come in the given order, only the last may have a point.
fn sum_parts(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut rest = text;
    let mut left = units;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit = tail.chars().next()?;
        let index = left.iter().position(|(known, _)| *known == unit)?;
        let seconds = left.get(index)?.1;
        left = left.get(index + 1..)?;
        rest = tail.get(1..)?;
        total = total.checked_add(part_ticks(number, seconds, unit == 'S')?)?;
    }
    Some(total)
}

fn part_ticks(number: &str, unit_seconds: i64, may_have_point: bool) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && (!may_have_point || fraction.is_empty())) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("0000000".chars()).take(7).collect();
    let ticks: i64 = digits.parse().ok()?;
    whole.checked_mul(unit_seconds)?.checked_mul(TICKS_PER_SECOND)?.checked_add(ticks)
}

/// An instant in UTC, in ticks of 100 nanoseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From ticks since 1970.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Ticks since 1970.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Later by a duration; the ends of time hold.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// How long after `earlier` this is.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Reads `2026-01-31T12:00:00.1234567Z`; an offset is converted, more digits are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't', ' '])?;
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || year.len() != 4 {
            return None;
        }
        let days = days_from_civil(year.parse().ok()?, digits(month)?, digits(day)?)?;
        let zone_at = rest.find(['Z', 'z', '+', '-'])?;
        let (clock, zone) = rest.split_at_checked(zone_at)?;
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut parts = clock.split(':');
        let hour = digits(parts.next()?).filter(|hour| *hour < 24)?;
        let minute = digits(parts.next()?).filter(|minute| *minute < 60)?;
        let second = digits(parts.next().unwrap_or("00")).filter(|second| *second < 60)?;
        if parts.next().is_some() {
            return None;
        }
        let clock = i64::from(hour * 3600 + minute * 60 + second);
        let seconds = days * SECONDS_PER_DAY + clock - zone_seconds(zone)?;
        let ticks = part_ticks(&format!("0.{fraction}"), 1, true)?;
        Some(Self(seconds.checked_mul(TICKS_PER_SECOND)?.checked_add(ticks)?))
    }
}

impl fmt::Display for Timestamp {
    /// In UTC with seven digits, as the cloud writes it: `2026-01-31T12:00:00.0000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(TICKS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let clock = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        let ticks = self.0.rem_euclid(TICKS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
    }
}

fn digits(text: &str) -> Option<u32> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * i64::from(digits(hours)? * 3600 + digits(minutes)? * 60))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; `None` if there is no such date.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || last < day {
        return None;
    }
    // Years are counted from March, so that the leap day is the last day of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = i64::from(month);
    let of_year =
        (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month and day of a number of days since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (years + era * 400 + i64::from(month <= 2), month, day)
}

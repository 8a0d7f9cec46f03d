//! Times of day on some days, as clocks show them.

use base::{Timestamp, time::civil_from_days};
use expr::Zone;

use super::{DAY_SECONDS, SECOND};

/// Days that are looked at: 29 February on a certain weekday comes every 40 years at the rarest.
const DAYS_MAX: i64 = 366 * 41;
/// Times that are tried where clocks change: a change of three hours with a firing every second.
const TRIES_MAX: usize = 12_000;
/// Changes of clocks that may come before the next firing is found.
const CHANGES_MAX: usize = 100;
/// No clock is put forward by more, but where a country has skipped a day.
const CHANGE_SECONDS_MAX: i64 = 3 * 3600;

/// Every hour of the day.
pub(super) const ALL_HOURS: u32 = (1 << 24) - 1;

/// Which days, and at which times of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    pub days: Days,
    /// A bit for each hour, and so on.
    pub hours: u32,
    pub minutes: u64,
    pub seconds: u64,
}

/// Which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// Every so many days from one of them.
    Daily { first: i64, interval: i64, filter: Filter },
    /// Some weekdays of every so many weeks, which begin on Monday.
    Weekly { first: i64, interval: i64, filter: Filter },
    /// Some days of every so many months; without any the day of the month of the first, or the
    /// last of a shorter month.
    Monthly { first: i64, interval: i64, filter: Filter },
    /// As cron has them.
    Cron(Box<CronDays>),
}

/// Weekdays and days of the month that count; empty ones let all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// A bit for each weekday, Monday first.
    pub week_days: u8,
    /// Days of the month; negative ones count from its end.
    pub month_days: Vec<i8>,
}

/// The three fields of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CronDays {
    /// A bit for each month, January is bit 1.
    pub months: u16,
    /// Days of the month, from bit 1; none if any day will do.
    pub month_days: Option<u32>,
    /// Whether the last day of the month counts too.
    pub last: bool,
    /// Weekdays, Monday is bit 0; none if any will do.
    pub week_days: Option<u8>,
    /// Weekday and which of the month: 1 to 5, or 0 for the last.
    pub nth: Vec<(u8, u8)>,
}

/// A day with what is asked about it.
struct Day {
    year: i64,
    month: i64,
    of_month: i64,
    /// Days in its month.
    length: i64,
    /// Monday is 0.
    weekday: i64,
}

impl Day {
    fn new(number: i64) -> Self {
        let (year, month, of_month) = civil_from_days(number);
        // The 32nd of a month is as many days into the next as the month is shorter.
        let (.., into_next) = civil_from_days(number - of_month + 32);
        Self { year, month, of_month, length: 32 - into_next, weekday: weekday(number) }
    }

    fn months(&self) -> i64 {
        self.year * 12 + self.month
    }
}

/// Monday is 0; 1970 began on a Thursday.
pub(super) const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

impl Filter {
    /// Whether a day of this number passes.
    pub(super) fn passes(&self, day: i64) -> bool {
        self.week_days == 0 && self.month_days.is_empty() || self.lets(&Day::new(day))
    }

    fn lets(&self, day: &Day) -> bool {
        let month_day = |wanted: &i8| {
            let wanted = i64::from(*wanted);
            wanted == day.of_month || wanted == day.of_month - day.length - 1
        };
        (self.week_days == 0 || self.week_days >> day.weekday & 1 == 1)
            && (self.month_days.is_empty() || self.month_days.iter().any(month_day))
    }
}

impl Days {
    fn contain(&self, number: i64) -> bool {
        let day = Day::new(number);
        match self {
            Self::Daily { first, interval, filter } => {
                (number - first).rem_euclid(*interval) == 0 && filter.lets(&day)
            }
            Self::Weekly { first, interval, filter } => {
                let weeks = (number - day.weekday - (first - weekday(*first))) / 7;
                let is_day = filter.week_days != 0 || day.weekday == weekday(*first);
                weeks.rem_euclid(*interval) == 0 && is_day && filter.lets(&day)
            }
            Self::Monthly { first, interval, filter } => {
                let first = Day::new(*first);
                let is_day =
                    *filter != Filter::default() || day.of_month == first.of_month.min(day.length);
                (day.months() - first.months()).rem_euclid(*interval) == 0
                    && is_day
                    && filter.lets(&day)
            }
            Self::Cron(cron) => cron.contain(&day),
        }
    }
}

impl CronDays {
    /// Of a day of the month and a weekday either will do, as every cron has it.
    fn contain(&self, day: &Day) -> bool {
        if self.months >> day.month & 1 == 0 {
            return false;
        }
        let by_month = self
            .month_days
            .map(|days| days >> day.of_month & 1 == 1 || self.last && day.of_month == day.length);
        let nth = |(weekday, nth): &(u8, u8)| {
            let is_nth = match nth {
                0 => day.length - 7 < day.of_month,
                nth => (day.of_month - 1) / 7 + 1 == i64::from(*nth),
            };
            i64::from(*weekday) == day.weekday && is_nth
        };
        let by_week =
            self.week_days.map(|days| days >> day.weekday & 1 == 1 || self.nth.iter().any(nth));
        match (by_month, by_week) {
            (None, None) => true,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(month), Some(week)) => month || week,
        }
    }
}

impl Calendar {
    /// The first time after an instant.
    pub(super) fn next(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        if self.hours == ALL_HOURS { self.hourly(zone, after) } else { self.daily(zone, after) }
    }

    /// Firings in every hour go by the time that passes: an hour that clocks show twice has them
    /// twice, and none are missing when clocks are put forward.
    fn hourly(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let mut from = seconds_of(after) + 1;
        for _ in 0..CHANGES_MAX {
            let ahead = ahead(zone, from);
            let at = self.next_shown(from + ahead)? - ahead;
            if self::ahead(zone, at) == ahead {
                return Some(instant(at));
            }
            // Clocks change on the way: from there on they show something else.
            let (mut still, mut changed) = (from, at);
            while still + 1 < changed {
                let middle = still + (changed - still) / 2;
                if self::ahead(zone, middle) == ahead { still = middle } else { changed = middle }
            }
            from = changed;
        }
        None
    }

    /// Firings in some hours go by what clocks show: once if they show it twice, and if they skip it
    /// once as long after the time before.
    fn daily(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let now = seconds_of(after);
        let earlier = ahead(zone, now - CHANGE_SECONDS_MAX);
        let mut from = now + earlier.min(ahead(zone, now)) + 1;
        let mut best: Option<Timestamp> = None;
        for _ in 0..TRIES_MAX {
            let Some(shown) = self.next_shown(from) else { break };
            if best.is_some_and(|best| seconds_of(zone.shown(best)) < shown) {
                break;
            }
            from = shown + 1;
            let at = zone.instant(instant(shown));
            if at <= after {
                continue;
            }
            best = Some(best.map_or(at, |best| best.min(at)));
            // Only a time that clocks skip may come after a later one.
            if zone.shown(at) == instant(shown) {
                break;
            }
        }
        best
    }

    /// The first time from a second on, both as clocks show them.
    fn next_shown(&self, from: i64) -> Option<i64> {
        let first = from.div_euclid(DAY_SECONDS);
        for day in first..first + DAYS_MAX {
            if !self.days.contain(day) {
                continue;
            }
            let since = if day == first { from.rem_euclid(DAY_SECONDS) } else { 0 };
            if let Some(second) = self.second_of_day(since) {
                return Some(day * DAY_SECONDS + second);
            }
        }
        None
    }

    fn second_of_day(&self, since: i64) -> Option<i64> {
        let (hour, minute, second) = (since / 3600, since / 60 % 60, since % 60);
        for h in (hour..24).filter(|h| self.hours >> h & 1 == 1) {
            let first = if h == hour { minute } else { 0 };
            for m in (first..60).filter(|m| self.minutes >> m & 1 == 1) {
                let first = if (h, m) == (hour, minute) { second } else { 0 };
                if let Some(s) = (first..60).find(|s| self.seconds >> s & 1 == 1) {
                    return Some(h * 3600 + m * 60 + s);
                }
            }
        }
        None
    }
}

fn seconds_of(at: Timestamp) -> i64 {
    at.ticks().div_euclid(SECOND)
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_ticks(seconds.saturating_mul(SECOND))
}

/// By how many seconds clocks are ahead of UTC.
fn ahead(zone: &Zone, seconds: i64) -> i64 {
    let at = instant(seconds);
    zone.shown(at).since(at).ticks() / SECOND
}

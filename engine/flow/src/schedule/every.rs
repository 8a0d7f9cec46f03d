//! Every so many seconds, hours, weeks, months, with the refinements of a schedule.

use base::{Duration, Timestamp};
use expr::Zone;

use super::{
    DAY_SECONDS, SECOND, before,
    calendar::{ALL_HOURS, Calendar, Days, Filter},
};
use crate::triggers::recurrence::{Every, Frequency};

/// Steps of a grid whose hours or days are refined. Whole days that do not count are one step.
const STEPS_MAX: usize = 100_000;

/// The first firing after an instant that is not before `start`.
pub(super) fn next(
    every: &Every,
    zone: &Zone,
    start: Timestamp,
    after: Timestamp,
) -> Option<Timestamp> {
    let interval = i64::from(every.interval.max(1));
    let filter = filter(every);
    let shown = zone.shown(start).ticks().div_euclid(SECOND);
    let first = shown.div_euclid(DAY_SECONDS);
    let days = match every.frequency {
        Frequency::Second => return Grid::new(every, interval, start).next(zone, after),
        Frequency::Minute => return Grid::new(every, interval * 60, start).next(zone, after),
        Frequency::Hour => {
            let mut grid = Grid::new(every, interval * 3600, start);
            if !every.minutes.is_empty() {
                let into_hour = zone.shown(start).ticks().rem_euclid(3600 * SECOND);
                grid.start = start.after(Duration::from_ticks(-into_hour));
                grid.within = sorted(&every.minutes).map(|it| it * 60 * SECOND).collect();
                grid.minutes = ALL_MINUTES;
            }
            return grid.next(zone, after);
        }
        Frequency::Day => Days::Daily { first, interval, filter },
        Frequency::Week => Days::Weekly { first, interval, filter },
        Frequency::Month => Days::Monthly { first, interval, filter },
        Frequency::Year => Days::Monthly { first, interval: interval * 12, filter },
    };
    let of_day = shown.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let hours = if every.hours.is_empty() { 1 << hour } else { bits(&every.hours) };
    let minutes = if every.minutes.is_empty() { 1 << minute } else { bits(&every.minutes) };
    // Whoever names minutes means whole ones, unless a start names seconds.
    let whole = !every.minutes.is_empty() && every.start_time.is_none();
    let seconds = if whole { 1 } else { 1 << second };
    let hours = u32::try_from(hours).unwrap_or(ALL_HOURS);
    Calendar { days, hours, minutes, seconds }.next(zone, after)
}

const ALL_MINUTES: u64 = (1 << 60) - 1;

fn filter(every: &Every) -> Filter {
    const NAMES: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let position = |name: &String| NAMES.iter().position(|it| it == name);
    let days = every.week_days.iter().filter_map(position);
    let week_days = days.fold(0, |all, day| all | 1 << day);
    Filter { week_days, month_days: every.month_days.clone() }
}

fn bits(numbers: &[u8]) -> u64 {
    numbers.iter().filter(|it| **it < 64).fold(0, |all, number| all | 1 << number)
}

fn sorted(numbers: &[u8]) -> impl Iterator<Item = i64> {
    let set = bits(numbers);
    (0..64).filter(move |number| set >> number & 1 == 1)
}

/// Instants at a fixed distance, whatever clocks show; refinements take some of them away.
struct Grid {
    start: Timestamp,
    step: i64,
    /// Ticks after each step.
    within: Vec<i64>,
    filter: Filter,
    hours: u32,
    minutes: u64,
}

impl Grid {
    fn new(every: &Every, seconds: i64, start: Timestamp) -> Self {
        let hours = if every.hours.is_empty() { u64::from(ALL_HOURS) } else { bits(&every.hours) };
        let minutes = if every.minutes.is_empty() { ALL_MINUTES } else { bits(&every.minutes) };
        Self {
            start,
            step: seconds.saturating_mul(SECOND),
            within: vec![0],
            filter: filter(every),
            hours: u32::try_from(hours).unwrap_or(ALL_HOURS),
            minutes,
        }
    }

    fn next(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let mut after = after;
        for _ in 0..STEPS_MAX {
            let at = self.point(after)?;
            match self.skipped(zone, at) {
                None => return Some(at),
                Some(until) => after = before(until).max(at),
            }
        }
        None
    }

    /// The first point after an instant.
    fn point(&self, after: Timestamp) -> Option<Timestamp> {
        let since = after.since(self.start).ticks();
        let step = since.div_euclid(self.step);
        (step..=step.checked_add(1)?).find_map(|step| {
            let base = self.start.ticks().checked_add(step.checked_mul(self.step)?)?;
            let mut points = self.within.iter().map(|it| Timestamp::from_ticks(base + it));
            points.find(|at| after < *at)
        })
    }

    /// Until when nothing counts, if this point does not.
    fn skipped(&self, zone: &Zone, at: Timestamp) -> Option<Timestamp> {
        let shown = zone.shown(at).ticks().div_euclid(SECOND);
        let of_day = shown.rem_euclid(DAY_SECONDS);
        let rest = if !self.filter.passes(shown.div_euclid(DAY_SECONDS)) {
            let midnight = (shown - of_day + DAY_SECONDS).saturating_mul(SECOND);
            return Some(zone.instant(Timestamp::from_ticks(midnight)));
        } else if self.hours >> (of_day / 3600) & 1 == 0 {
            3600 - of_day % 3600
        } else if self.minutes >> (of_day / 60 % 60) & 1 == 0 {
            60 - of_day % 60
        } else {
            return None;
        };
        let whole = at.ticks().div_euclid(SECOND).checked_add(rest)?.saturating_mul(SECOND);
        Some(Timestamp::from_ticks(whole))
    }
}

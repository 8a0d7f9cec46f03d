//! Days, and the words for spans of days such as `LAST_N_DAYS:7`, all in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::Scalar;

/// One day.
pub(super) fn day(word: &str) -> Option<Scalar> {
    let day: Date = (word.len() == 10).then(|| word.parse().ok())??;
    span(day, day.tomorrow().ok()?)
}

/// A span named by a word; none when the word names no span.
pub(super) fn literal(word: &str, now: Timestamp) -> Option<Scalar> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let upper = word.to_ascii_uppercase();
    if let Some((name, count)) = upper.split_once(':') {
        let count: i64 = count.parse().ok().filter(|it| *it > 0 && *it < 100_000)?;
        return match name {
            "LAST_N_DAYS" => span(plus_days(today, -count)?, today.tomorrow().ok()?),
            "NEXT_N_DAYS" => span(today.tomorrow().ok()?, plus_days(today, count + 1)?),
            _ => None,
        };
    }
    // Weeks begin on Sunday here, as they do for an org in the United States.
    let back = i64::from(today.weekday().to_sunday_zero_offset());
    let (week, month) = (plus_days(today, -back)?, today.first_of_month());
    let year = today.first_of_year();
    let months = |from: Date, count: i32| from.checked_add(count.months()).ok();
    let years = |from: Date, count: i32| from.checked_add(count.years()).ok();
    match upper.as_str() {
        "YESTERDAY" => span(today.yesterday().ok()?, today),
        "TODAY" => span(today, today.tomorrow().ok()?),
        "TOMORROW" => span(today.tomorrow().ok()?, plus_days(today, 2)?),
        "LAST_WEEK" => span(plus_days(week, -7)?, week),
        "THIS_WEEK" => span(week, plus_days(week, 7)?),
        "NEXT_WEEK" => span(plus_days(week, 7)?, plus_days(week, 14)?),
        "LAST_MONTH" => span(months(month, -1)?, month),
        "THIS_MONTH" => span(month, months(month, 1)?),
        "NEXT_MONTH" => span(months(month, 1)?, months(month, 2)?),
        "LAST_YEAR" => span(years(year, -1)?, year),
        "THIS_YEAR" => span(year, years(year, 1)?),
        "NEXT_YEAR" => span(years(year, 1)?, years(year, 2)?),
        _ => None,
    }
}

fn plus_days(day: Date, days: i64) -> Option<Date> {
    day.checked_add(days.days()).ok()
}

/// From the first day on, until before the other one.
fn span(first: Date, after: Date) -> Option<Scalar> {
    let at = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp().as_millisecond());
    Some(Scalar::Span(at(first)?, at(after)? - 1))
}

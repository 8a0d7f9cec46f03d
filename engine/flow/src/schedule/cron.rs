//! Cron expressions: five fields, or six with seconds first.

use super::calendar::{Calendar, CronDays, Days};

/// A field: what it is called, its least and greatest number, names of its numbers.
struct Field {
    name: &'static str,
    least: u32,
    greatest: u32,
    names: &'static [&'static str],
}

const SECONDS: Field = Field { name: "seconds", least: 0, greatest: 59, names: &[] };
const MINUTES: Field = Field { name: "minutes", least: 0, greatest: 59, names: &[] };
const HOURS: Field = Field { name: "hours", least: 0, greatest: 23, names: &[] };
const MONTH_DAYS: Field = Field { name: "days of the month", least: 1, greatest: 31, names: &[] };
const MONTHS: Field = Field {
    name: "months",
    least: 1,
    greatest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// Sunday is 0, and 7 as well.
const WEEK_DAYS: Field = Field {
    name: "days of the week",
    least: 0,
    greatest: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// The calendar of an expression.
///
/// # Errors
/// Names the part that cannot be understood.
pub(super) fn parse(expression: &str) -> Result<Calendar, String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let (seconds, fields) = match fields.as_slice() {
        [seconds, rest @ ..] if rest.len() == 5 => (set(&SECONDS, seconds)?, rest),
        rest => (1, rest),
    };
    let [minutes, hours, month_days, months, week_days] = fields else {
        return Err(format!("`cron` has five or six fields, not {}", fields.len()));
    };
    let mut days = CronDays { months: low(set(&MONTHS, months)?), ..CronDays::default() };
    days.read_month_days(month_days)?;
    days.read_week_days(week_days)?;
    Ok(Calendar {
        days: Days::Cron(Box::new(days)),
        hours: low(set(&HOURS, hours)?),
        minutes: set(&MINUTES, minutes)?,
        seconds,
    })
}

impl CronDays {
    fn read_month_days(&mut self, text: &str) -> Result<(), String> {
        if is_any(text) {
            return Ok(());
        }
        let mut days = 0;
        for part in text.split(',') {
            if part.eq_ignore_ascii_case("L") {
                self.last = true;
            } else {
                days |= range(&MONTH_DAYS, part)?;
            }
        }
        self.month_days = Some(low(days));
        Ok(())
    }

    fn read_week_days(&mut self, text: &str) -> Result<(), String> {
        if is_any(text) {
            return Ok(());
        }
        let mut days = 0;
        for part in text.split(',') {
            let last = part.strip_suffix(['L', 'l']).filter(|it| !it.is_empty());
            if let Some(day) = last {
                self.nth.push((monday_first(number(&WEEK_DAYS, day)?), 0));
            } else if let Some((day, nth)) = part.split_once('#') {
                let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
                let nth =
                    nth.ok_or_else(|| format!("`{part}` names no week of the month from 1 to 5"))?;
                self.nth.push((monday_first(number(&WEEK_DAYS, day)?), nth));
            } else {
                days |= range(&WEEK_DAYS, part)?;
            }
        }
        let days = (0..=7_u32).filter(|day| days >> day & 1 == 1);
        self.week_days = Some(days.fold(0, |all, day| all | 1 << monday_first(day)));
        Ok(())
    }
}

fn is_any(text: &str) -> bool {
    matches!(text, "*" | "?")
}

/// Monday is 0, from cron's Sunday.
fn monday_first(day: u32) -> u8 {
    u8::try_from((day + 6) % 7).unwrap_or(0)
}

/// The lower bits, where the fields of days and hours are.
fn low<T: TryFrom<u64> + Default>(set: u64) -> T {
    T::try_from(set).unwrap_or_default()
}

fn set(field: &Field, text: &str) -> Result<u64, String> {
    text.split(',').try_fold(0, |all, part| Ok(all | range(field, part)?))
}

/// `*`, `a`, `a-b`, each with `/step`; `a/step` goes on to the end.
fn range(field: &Field, part: &str) -> Result<u64, String> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (first, last) = match range.split_once('-') {
        _ if range == "*" || range == "?" => (field.least, field.greatest),
        Some((first, last)) => (number(field, first)?, number(field, last)?),
        None if step.is_some() => (number(field, range)?, field.greatest),
        None => (number(field, range)?, number(field, range)?),
    };
    if last < first {
        return Err(format!("`{part}` runs backwards in the {} of `cron`", field.name));
    }
    let step = step.map_or(Some(1), |step| step.parse::<usize>().ok().filter(|it| 0 < *it));
    let step = step.ok_or_else(|| format!("`{part}` has no step to go by"))?;
    Ok((first..=last).step_by(step).fold(0, |all, number| all | 1 << number))
}

fn number(field: &Field, text: &str) -> Result<u32, String> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let named = named.and_then(|it| u32::try_from(it).ok()).map(|it| it + field.least);
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let number = named.or_else(|| text.parse().ok().filter(|_| is_number));
    let number = number.filter(|it| (field.least..=field.greatest).contains(it));
    number.ok_or_else(|| {
        let Field { name, least, greatest, .. } = field;
        format!("`{text}` is none of the {name} of `cron`, which go from {least} to {greatest}")
    })
}

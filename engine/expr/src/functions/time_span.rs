//! Lengths of time as .NET reads and writes them: `2.01:30:00`.

use std::fmt;

use base::Duration;

const TICKS_PER_SECOND: u64 = 10_000_000;

/// A length of time in ticks of 100 nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeSpan(pub(super) i64);

impl fmt::Display for TimeSpan {
    /// The form that is the same everywhere: days and a fraction only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0.unsigned_abs();
        let (seconds, fraction) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
        let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        f.write_str(if self.0 < 0 { "-" } else { "" })?;
        if self.days() != 0 {
            write!(f, "{}.", self.days())?;
        }
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}")?;
        if fraction == 0 { Ok(()) } else { write!(f, ".{fraction:07}") }
    }
}

impl TimeSpan {
    /// Reads `[-][days.]hours:minutes[:seconds[.fraction]]`, whole days, or an ISO 8601 duration.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(duration) = Duration::parse_iso(text) {
            return Some(Self(duration.ticks()));
        }
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let Some((start, clock)) = rest.split_once(':') else {
            let ticks = number(rest, u64::MAX)?.checked_mul(86_400 * TICKS_PER_SECOND)?;
            return Some(Self(sign * i64::try_from(ticks).ok()?));
        };
        let (days, hours) = start.split_once('.').unwrap_or(("0", start));
        let (minutes, seconds) = clock.split_once(':').unwrap_or((clock, "0"));
        let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        if fraction.is_empty() || 7 < fraction.len() {
            return None;
        }
        let whole_hours = number(days, u64::MAX)?.checked_mul(24)? + number(hours, 23)?;
        let clock = number(minutes, 59)? * 60 + number(seconds, 59)?;
        let ticks = whole_hours.checked_mul(3600)?.checked_add(clock)?;
        let ticks = ticks.checked_mul(TICKS_PER_SECOND)?;
        let ticks = ticks.checked_add(number(&format!("{fraction:0<7}"), u64::MAX)?)?;
        Some(Self(sign * i64::try_from(ticks).ok()?))
    }

    /// Writes it by a standard or custom format; `None` if .NET would refuse the format.
    pub(super) fn format(self, format: &str) -> Option<String> {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ticks = self.0.unsigned_abs() % TICKS_PER_SECOND;
        let shown = match format {
            "" | "c" | "t" | "T" => return Some(self.to_string()),
            "g" => {
                let days = if self.days() == 0 { "" } else { "d\\:" };
                let fraction = if ticks == 0 { "" } else { "\\.FFFFFFF" };
                self.custom(&format!("{days}%h\\:mm\\:ss{fraction}"))?
            }
            "G" => self.custom(r"d\:hh\:mm\:ss\.fffffff")?,
            custom => return self.custom(custom),
        };
        Some(format!("{sign}{shown}"))
    }

    fn days(self) -> u64 {
        self.0.unsigned_abs() / (86_400 * TICKS_PER_SECOND)
    }

    /// Custom formats write no sign, and want every other letter quoted or escaped.
    fn custom(self, format: &str) -> Option<String> {
        let mut out = String::new();
        let mut letters = format.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\'' | '"' => loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' => out.push(letters.next()?),
                        inner => out.push(inner),
                    }
                },
                '\\' => out.push(letters.next()?),
                '%' => out.push_str(&self.field(letters.next()?, 1)?),
                _ => {
                    let mut count = 1;
                    while letters.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    out.push_str(&self.field(letter, count)?);
                }
            }
        }
        Some(out)
    }

    fn field(self, letter: char, count: usize) -> Option<String> {
        let ticks = self.0.unsigned_abs();
        let seconds = ticks / TICKS_PER_SECOND;
        let (number, most) = match letter {
            'd' => (self.days(), 8),
            'h' => (seconds / 3600 % 24, 2),
            'm' => (seconds / 60 % 60, 2),
            's' => (seconds % 60, 2),
            'f' | 'F' => {
                let digits = format!("{:07}", ticks % TICKS_PER_SECOND);
                let digits: String = digits.chars().take(count).collect();
                let trimmed = if letter == 'F' { digits.trim_end_matches('0') } else { &digits };
                return (count <= 7).then(|| trimmed.to_owned());
            }
            _ => return None,
        };
        (count <= most).then(|| format!("{number:0count$}"))
    }
}

/// Digits only, up to a largest value.
fn number(digits: &str, most: u64) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= most)
}

//! .NET date formats: a format taken apart, and a moment written by it.

use super::{
    culture::{Culture, word},
    date_parse::{Kind, Moment},
};

/// What a letter of a format stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Day,
    Fraction,
    /// A fraction without its zeros at the end.
    ShortFraction,
    Era,
    Hour12,
    Hour24,
    /// `Z`, an offset or nothing, as the moment's kind is.
    Zone,
    Minute,
    Month,
    Second,
    Half,
    Year,
    Offset,
}

impl Field {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'd' => Self::Day,
            'f' => Self::Fraction,
            'F' => Self::ShortFraction,
            'g' => Self::Era,
            'h' => Self::Hour12,
            'H' => Self::Hour24,
            'K' => Self::Zone,
            'm' => Self::Minute,
            'M' => Self::Month,
            's' => Self::Second,
            't' => Self::Half,
            'y' => Self::Year,
            'z' => Self::Offset,
            _ => return None,
        })
    }
}

/// One piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Stands for itself.
    Text(char),
    /// A field and how often its letter is written.
    Field(Field, usize),
    DateSeparator,
}

/// A format taken apart, with the culture that its words come from.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) culture: &'static Culture,
    pub(super) parts: Vec<Part>,
}

impl Pattern {
    /// Takes a standard or custom format apart; `None` if .NET would refuse it.
    pub(super) fn new(format: &str, culture: &'static Culture) -> Option<Self> {
        let mut letters = format.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            let format = if format.is_empty() { standard('G', culture)? } else { format.into() };
            return Some(Self { culture, parts: parts(&format)? });
        };
        let everywhere_alike = matches!(letter, 'o' | 'O' | 'r' | 'R' | 's' | 'u');
        let culture = if everywhere_alike { Culture::DEFAULT } else { culture };
        Some(Self { culture, parts: parts(&standard(letter, culture)?)? })
    }

    /// Writes a moment.
    pub(super) fn format(&self, moment: Moment) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push(*text),
                Part::DateSeparator => out.push_str(self.culture.date_separator),
                Part::Field(field, count) => {
                    let text = self.field(*field, *count, moment);
                    // `.FFF` of a whole second writes nothing, not even the point.
                    if *field == Field::ShortFraction && text.is_empty() && out.ends_with('.') {
                        out.pop();
                    }
                    out.push_str(&text);
                }
            }
        }
        out
    }

    fn field(&self, field: Field, count: usize, moment: Moment) -> String {
        let clock = moment.clock;
        let hour = i64::from(clock.hour());
        let two_at_most = |number: i64| format!("{number:0width$}", width = count.min(2));
        match field {
            Field::Day => self.day(count, moment),
            Field::Month => self.month(count, moment),
            Field::Year if count <= 2 => two_at_most(i64::from(clock.year()) % 100),
            Field::Year => format!("{:0count$}", clock.year()),
            Field::Hour12 => two_at_most((hour + 11) % 12 + 1),
            Field::Hour24 => two_at_most(hour),
            Field::Minute => two_at_most(clock.minute().into()),
            Field::Second => two_at_most(clock.second().into()),
            Field::Fraction => fraction(moment, count),
            Field::ShortFraction => fraction(moment, count).trim_end_matches('0').to_owned(),
            Field::Half => {
                let half = self.culture.halves[usize::from(12 <= hour)];
                half.chars().take(if count == 1 { 1 } else { usize::MAX }).collect()
            }
            Field::Era => "A.D.".to_owned(),
            Field::Zone => moment.kind.suffix().to_owned(),
            Field::Offset => ["+0", "+00", "+00:00"][count.min(3) - 1].to_owned(),
        }
    }

    fn day(&self, count: usize, moment: Moment) -> String {
        let words = self.culture.words;
        let weekday = usize::from(moment.clock.weekday().to_sunday_zero_offset().unsigned_abs());
        match count {
            1 | 2 => format!("{:0count$}", moment.clock.day()),
            3 => word(words.short_days, weekday).to_owned(),
            _ => word(words.days, weekday).to_owned(),
        }
    }

    fn month(&self, count: usize, moment: Moment) -> String {
        let words = self.culture.words;
        let month = usize::from(moment.clock.month().unsigned_abs()) - 1;
        let beside_day =
            self.parts.iter().any(|it| matches!(it, Part::Field(Field::Day, count) if *count <= 2));
        match count {
            1 | 2 => format!("{:0count$}", month + 1),
            3 => word(words.short_months, month).to_owned(),
            _ if beside_day => word(words.months_of_day.unwrap_or(words.months), month).to_owned(),
            _ => word(words.months, month).to_owned(),
        }
    }
}

/// The first digits of the fraction of a second, of the seven that there are.
fn fraction(moment: Moment, count: usize) -> String {
    let digits = format!("{:07}", moment.clock.subsec_nanosecond() / 100);
    digits.chars().take(count).collect()
}

impl Kind {
    /// What a printed moment ends with.
    fn suffix(self) -> &'static str {
        match self {
            Self::Utc => "Z",
            Self::Offset => "+00:00",
            Self::Unspecified => "",
        }
    }
}

/// The pattern that a single letter stands for.
fn standard(letter: char, culture: &Culture) -> Option<String> {
    let Culture { short_date, long_date, short_time, long_time, .. } = culture;
    Some(match letter {
        'd' => (*short_date).to_owned(),
        'D' => (*long_date).to_owned(),
        'f' => format!("{long_date} {short_time}"),
        'F' | 'U' => format!("{long_date} {long_time}"),
        'g' => format!("{short_date} {short_time}"),
        'G' => format!("{short_date} {long_time}"),
        'm' | 'M' => culture.month_day.to_owned(),
        'o' | 'O' => "yyyy-MM-ddTHH:mm:ss.fffffffK".to_owned(),
        'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'".to_owned(),
        's' => "yyyy-MM-ddTHH:mm:ss".to_owned(),
        't' => (*short_time).to_owned(),
        'T' => (*long_time).to_owned(),
        'u' => "yyyy-MM-dd HH:mm:ssZ".to_owned(),
        'y' | 'Y' => culture.year_month.to_owned(),
        _ => return None,
    })
}

/// How often a letter may stand in a row: it is the width of a year.
const LETTERS_MAX: usize = 100;

/// The pieces of a custom format.
fn parts(format: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => loop {
                match letters.next()? {
                    end if end == letter => break,
                    '\\' => parts.push(Part::Text(letters.next()?)),
                    inner => parts.push(Part::Text(inner)),
                }
            },
            '\\' => parts.push(Part::Text(letters.next()?)),
            '%' => {
                let single = letters.next().filter(|it| *it != '%')?;
                parts.push(Field::of(single).map_or(Part::Text(single), |it| Part::Field(it, 1)));
            }
            '/' => parts.push(Part::DateSeparator),
            _ => parts.push(match Field::of(letter) {
                Some(field) => {
                    let mut count = 1;
                    while letters.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    Part::Field(field, count)
                }
                None => Part::Text(letter),
            }),
        }
    }
    let refused = |part: &Part| match part {
        Part::Field(Field::Fraction | Field::ShortFraction, count) => 7 < *count,
        Part::Field(_, count) => LETTERS_MAX < *count,
        Part::Text(_) | Part::DateSeparator => false,
    };
    if parts.iter().any(refused) { None } else { Some(parts) }
}

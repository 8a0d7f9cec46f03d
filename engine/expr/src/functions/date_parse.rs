//! Date texts to moments, as .NET reads them: free forms in a culture, and exactly by a format.
//!
//! It is one thing of more than 400 lines because both ways of reading fill the same fields.

use std::{iter::Peekable, str::Chars};

use base::Timestamp;
use jiff::{SignedDuration, Span, civil};

use super::{
    culture::{Culture, Words},
    date_format::{Field, Part, Pattern},
};

/// What a date text said about its zone; it is kept through all functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    #[default]
    Unspecified,
    /// That it is UTC, with a `Z`.
    Utc,
    /// An offset; the moment has been converted to UTC since.
    Offset,
}

/// What the language calls a timestamp: what a clock shows, and which clock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) clock: civil::DateTime,
    pub(super) kind: Kind,
}

/// Where ticks of 100 nanoseconds are counted from.
const EPOCH: civil::DateTime = civil::DateTime::constant(1, 1, 1, 0, 0, 0, 0);
const UNIX_EPOCH_TICKS: i64 = 621_355_968_000_000_000;
/// The resolution of the language.
pub(super) const TICKS_PER_SECOND: i64 = 10_000_000;
/// Longer texts are no dates.
const TEXT_BYTES_MAX: usize = 200;

impl Moment {
    /// An instant, in UTC.
    pub(super) fn at(instant: Timestamp) -> Option<Self> {
        let ticks = instant.ticks().checked_add(UNIX_EPOCH_TICKS)?;
        Self { clock: EPOCH, kind: Kind::Utc }.plus_ticks(ticks)
    }

    /// Ticks since the year 1.
    pub(super) fn ticks(self) -> i64 {
        let since = self.clock.duration_since(EPOCH);
        since.as_secs() * TICKS_PER_SECOND + i64::from(since.subsec_nanos() / 100)
    }

    /// Later by so many ticks; `None` outside the years 1 to 9999.
    pub(super) fn plus_ticks(self, ticks: i64) -> Option<Self> {
        let nanos = i32::try_from(ticks % TICKS_PER_SECOND).ok()? * 100;
        let length = SignedDuration::new(ticks / TICKS_PER_SECOND, nanos);
        self.with(self.clock.checked_add(length).ok()?)
    }

    /// Later by so many months, at the month's last day if it has no such day.
    pub(super) fn plus_months(self, months: i64) -> Option<Self> {
        let length = Span::new().try_months(months).ok()?;
        self.with(self.clock.checked_add(length).ok()?)
    }

    /// Another time of the same kind; `None` outside the years 1 to 9999.
    pub(super) fn with(self, clock: civil::DateTime) -> Option<Self> {
        (EPOCH <= clock).then_some(Self { clock, ..self })
    }
}

/// Reads a text in any form that the culture has; what it leaves open is taken from `today`.
pub(super) fn parse(text: &str, culture: &Culture, today: civil::Date) -> Option<Moment> {
    if TEXT_BYTES_MAX < text.len() {
        return None;
    }
    let text = with_plain_halves(text, culture);
    let mut reader = Free::new(&text, culture);
    while let Some(letter) = reader.letters.peek().copied() {
        if letter.is_ascii_digit() {
            reader.number()?;
        } else if letter.is_alphabetic() {
            reader.word()?;
        } else if matches!(letter, '+' | '-') && reader.after_time {
            reader.letters.next();
            reader.offset(letter)?;
        } else if letter.is_whitespace() || matches!(letter, ',' | '.' | '/' | '-') {
            reader.after_time &= letter.is_whitespace();
            reader.letters.next();
        } else {
            return None;
        }
    }
    reader.finish()?.moment(today)
}

/// The text with `am` and `pm` for what is no single word in this culture, such as `a. m.`.
fn with_plain_halves(text: &str, culture: &Culture) -> String {
    let mut text = text.to_lowercase();
    for (half, plain) in culture.halves.into_iter().zip(["am", "pm"]) {
        if !half.chars().all(char::is_alphabetic) {
            text = text.replace(&half.to_lowercase(), plain);
        }
    }
    text
}

/// Reads a text that must be exactly as a format says.
pub(super) fn parse_exact(text: &str, pattern: &Pattern, today: civil::Date) -> Option<Moment> {
    if TEXT_BYTES_MAX < text.len() {
        return None;
    }
    let mut reader = Exact { rest: text, culture: pattern.culture, fields: Fields::default() };
    for part in &pattern.parts {
        match part {
            Part::Text(letter) => reader.text(letter.encode_utf8(&mut [0; 4]))?,
            Part::DateSeparator => reader.text(pattern.culture.date_separator)?,
            Part::Field(field, count) => reader.field(*field, *count)?,
        }
    }
    if !reader.rest.is_empty() {
        return None;
    }
    if pattern.parts.iter().any(|it| matches!(it, Part::Field(Field::Hour12, _))) {
        reader.fields.afternoon.get_or_insert(false);
    }
    reader.fields.moment(today)
}

/// What a text has said so far.
#[derive(Default)]
struct Fields {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    weekday: Option<usize>,
    hour: Option<i8>,
    minute: Option<i8>,
    second: Option<i8>,
    ticks: i64,
    /// Whether after noon, where that was said.
    afternoon: Option<bool>,
    zone: Option<Zone>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Utc,
    Minutes(i64),
}

impl Fields {
    fn moment(self, today: civil::Date) -> Option<Moment> {
        let date = match (self.year, self.month, self.day) {
            (None, None, None) => today,
            (year, month, day) => {
                let year = year.unwrap_or(today.year());
                civil::Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?
            }
        };
        let weekday = usize::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
        if self.weekday.is_some_and(|it| it != weekday) {
            return None;
        }
        let hour = match (self.afternoon, self.hour.unwrap_or(0)) {
            (None, hour) => hour,
            (Some(_), 13..) => return None,
            (Some(afternoon), hour) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let time = civil::Time::new(hour, minute, second, 0).ok()?;
        let kind = match self.zone {
            None => Kind::Unspecified,
            Some(Zone::Utc) => Kind::Utc,
            Some(Zone::Minutes(_)) => Kind::Offset,
        };
        let moment = Moment { clock: EPOCH, kind }.with(date.to_datetime(time))?;
        let minutes = if let Some(Zone::Minutes(minutes)) = self.zone { minutes } else { 0 };
        moment.plus_ticks(self.ticks - minutes * 60 * TICKS_PER_SECOND)
    }
}

/// Sets what may be said only once.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// A year of two digits is of this century up to 49, as Windows has it.
fn full_year(year: i16) -> i16 {
    match year {
        0..50 => 2000 + year,
        50..100 => 1900 + year,
        _ => year,
    }
}

/// A number in front, and how many digits it is written with.
fn digits(letters: &mut Peekable<Chars<'_>>) -> Option<(i16, usize)> {
    let (mut value, mut count) = (0_i16, 0);
    while let Some(digit) = letters.peek().and_then(|it| it.to_digit(10)) {
        letters.next();
        value = value.checked_mul(10)?.checked_add(i16::try_from(digit).ok()?)?;
        count += 1;
    }
    (0 < count).then_some((value, count))
}

/// A number of one or two digits in front.
fn short(letters: &mut Peekable<Chars<'_>>) -> Option<i8> {
    digits(letters).filter(|(_, count)| *count <= 2).and_then(|(value, _)| value.try_into().ok())
}

/// A fraction of a second in ticks, rounded; it may be a whole second.
fn fraction(digits: &str) -> Option<i64> {
    let seven: String = digits.chars().chain("0000000".chars()).take(7).collect();
    let up = digits.chars().nth(7).is_some_and(|it| '5' <= it);
    Some(seven.parse::<i64>().ok()? + i64::from(up))
}

/// Which month or day a word of a list is, without regard to case and to a point at its end.
fn index_of(list: &str, wanted: &str) -> Option<usize> {
    list.split(' ').position(|it| it.trim_end_matches('.').to_lowercase() == wanted)
}

/// A text being read in free form.
struct Free<'a> {
    letters: Peekable<Chars<'a>>,
    culture: &'a Culture,
    fields: Fields,
    /// Numbers of the date, and how many digits each has.
    numbers: Vec<(i16, usize)>,
    /// Whether the time stands directly before, so that a sign begins an offset.
    after_time: bool,
}

impl<'a> Free<'a> {
    fn new(text: &'a str, culture: &'a Culture) -> Self {
        let letters = text.chars().peekable();
        Self { letters, culture, fields: Fields::default(), numbers: vec![], after_time: false }
    }

    fn number(&mut self) -> Option<()> {
        let (value, count) = digits(&mut self.letters)?;
        self.after_time = false;
        // Danes and Finns write `13.04`, which is a time only where the date is complete.
        let is_complete = 3 <= self.numbers.len() + usize::from(self.fields.month.is_some());
        let dotted = is_complete && self.culture.short_time.contains('.');
        let is_separator = |letter: &char| *letter == ':' || (dotted && *letter == '.');
        if self.letters.next_if(is_separator).is_none() {
            return self.date_number(value, count);
        }
        set(&mut self.fields.hour, i8::try_from(value).ok()?)?;
        set(&mut self.fields.minute, short(&mut self.letters)?)?;
        if self.letters.next_if(is_separator).is_some() {
            set(&mut self.fields.second, short(&mut self.letters)?)?;
            if self.letters.next_if_eq(&'.').is_some() {
                let mut digits = String::new();
                while let Some(digit) = self.letters.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                if digits.is_empty() {
                    return None;
                }
                self.fields.ticks = fraction(&digits)?;
            }
        }
        self.after_time = true;
        Some(())
    }

    /// A number of the date; a letter after it may say which.
    fn date_number(&mut self, value: i16, count: usize) -> Option<()> {
        let letter = self.letters.peek().copied();
        let unit = self.culture.words.units.chars().position(|it| Some(it) == letter);
        if unit.is_some() {
            self.letters.next();
        }
        match unit {
            None => self.numbers.push((value, count)),
            Some(0) if count <= 2 => set(&mut self.fields.year, full_year(value))?,
            Some(0) => set(&mut self.fields.year, value)?,
            Some(1) => set(&mut self.fields.month, value.try_into().ok()?)?,
            Some(_) => set(&mut self.fields.day, value.try_into().ok()?)?,
        }
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let mut word = String::new();
        while let Some(letter) = self.letters.peek().copied() {
            let mut ahead = self.letters.clone();
            let joins = letter == '-' && ahead.nth(1).is_some_and(char::is_alphabetic);
            if !letter.is_alphabetic() && !joins {
                break;
            }
            word.push(letter);
            self.letters.next();
        }
        let between = !self.numbers.is_empty() && self.fields.hour.is_none();
        match word.as_str() {
            "t" if between => return Some(()),
            "z" | "gmt" => return set(&mut self.fields.zone, Zone::Utc),
            _ => {}
        }
        if let Some(afternoon) = self.half(&word) {
            if self.fields.hour.is_none() && !self.culture.short_time.starts_with('t') {
                // `3 PM`: what looked like a day was the hour.
                let (hour, _) = self.numbers.pop().filter(|(_, count)| *count <= 2)?;
                self.fields.hour = hour.try_into().ok();
            }
            self.after_time = true;
            return set(&mut self.fields.afternoon, afternoon);
        }
        self.name(&word)
    }

    fn half(&self, word: &str) -> Option<bool> {
        let is = |half: &str| half.to_lowercase() == word;
        let [before, after] = self.culture.halves;
        match word {
            "am" => Some(false),
            "pm" => Some(true),
            _ if is(before) => Some(false),
            _ if is(after) => Some(true),
            _ => None,
        }
    }

    /// A month, a day, or a word that carries nothing.
    fn name(&mut self, word: &str) -> Option<()> {
        if index_of(self.culture.words.fillers, word).is_some() {
            return Some(());
        }
        for words in [self.culture.words, Culture::DEFAULT.words] {
            let of_day = words.months_of_day.unwrap_or(words.months);
            let lists = [words.months, of_day, words.short_months];
            if let Some(month) = lists.iter().find_map(|list| index_of(list, word)) {
                return set(&mut self.fields.month, i8::try_from(month + 1).ok()?);
            }
            let lists = [words.days, words.short_days];
            if let Some(day) = lists.iter().find_map(|list| index_of(list, word)) {
                return set(&mut self.fields.weekday, day);
            }
        }
        None
    }

    fn offset(&mut self, sign: char) -> Option<()> {
        self.after_time = false;
        let (hours, minutes) = match digits(&mut self.letters)? {
            (both, 4) => (both / 100, both % 100),
            (hours, 1 | 2) if self.letters.next_if_eq(&':').is_some() => {
                (hours, short(&mut self.letters)?.into())
            }
            (hours, 1 | 2) => (hours, 0),
            _ => return None,
        };
        set(&mut self.fields.zone, offset(sign, hours, minutes)?)
    }

    /// Gives the numbers of the date their meaning, by their digits and by the culture's order.
    fn finish(mut self) -> Option<Fields> {
        let is_year = |(_, digits): (i16, usize)| 3 <= digits;
        let mut order = ['y', 'M', 'd'];
        order.sort_by_key(|letter| self.culture.short_date.find(*letter));
        let [first, second] = if order == ['d', 'M', 'y'] { ['d', 'M'] } else { ['M', 'd'] };
        let Fields { year, day, hour, .. } = self.fields;
        let enough = year.is_some() || day.is_some() || hour.is_some();
        let meaning: &[char] = match (self.numbers.as_slice(), self.fields.month) {
            ([], _) if enough => &[],
            ([year], Some(_)) if is_year(*year) => &['y'],
            ([_], Some(_)) => &['d'],
            ([year, _], Some(_)) if is_year(*year) => &['y', 'd'],
            ([_, _], Some(_)) => &['d', 'y'],
            ([year, _], None) if is_year(*year) => &['y', 'M'],
            ([_, year], None) if is_year(*year) => &['M', 'y'],
            ([_, _], None) => &[first, second],
            ([year, _, _], None) if is_year(*year) => &['y', 'M', 'd'],
            ([_, _, year], None) if is_year(*year) => &[first, second, 'y'],
            ([_, _, _], None) => &order,
            _ => return None,
        };
        for (letter, number) in meaning.iter().zip(self.numbers) {
            let (value, count) = number;
            match letter {
                'y' if 4 < count => return None,
                'y' if count <= 2 => set(&mut self.fields.year, full_year(value))?,
                'y' => set(&mut self.fields.year, value)?,
                _ if is_year(number) => return None,
                'M' => set(&mut self.fields.month, value.try_into().ok()?)?,
                _ => set(&mut self.fields.day, value.try_into().ok()?)?,
            }
        }
        Some(self.fields)
    }
}

/// An offset from UTC; zones go as far as 14 hours.
fn offset(sign: char, hours: i16, minutes: i16) -> Option<Zone> {
    let total = i64::from(hours) * 60 + i64::from(minutes);
    let fits = minutes < 60 && total <= 14 * 60;
    fits.then_some(Zone::Minutes(if sign == '-' { -total } else { total }))
}

/// A text being read by a format.
struct Exact<'a> {
    rest: &'a str,
    culture: &'static Culture,
    fields: Fields,
}

impl Exact<'_> {
    fn text(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Between so many and so many digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<&str> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        (least <= count).then_some(digits)
    }

    /// A number of two digits, or of one or two where the letter stands once.
    fn short(&mut self, count: usize) -> Option<i8> {
        self.digits(count.min(2), 2)?.parse().ok()
    }

    fn field(&mut self, field: Field, count: usize) -> Option<()> {
        match field {
            Field::Day if 3 <= count => {
                let words = self.culture.words;
                let day = self.name(if count == 3 { words.short_days } else { words.days })?;
                same(&mut self.fields.weekday, day)
            }
            Field::Month if 3 <= count => {
                let month = self.month(self.culture.words, count)?;
                same(&mut self.fields.month, i8::try_from(month + 1).ok()?)
            }
            Field::Year => {
                let (least, most) = match count {
                    1 => (1, 2),
                    2 => (2, 2),
                    _ => (count, count.max(4)),
                };
                let year = self.digits(least, most)?.parse().ok()?;
                same(&mut self.fields.year, if count <= 2 { full_year(year) } else { year })
            }
            Field::Fraction => {
                self.fields.ticks = fraction(self.digits(count, count)?)?;
                Some(())
            }
            Field::ShortFraction => {
                self.fields.ticks = fraction(self.digits(0, count)?)?;
                Some(())
            }
            Field::Half => self.half(count),
            Field::Era => self.text("A.D."),
            Field::Zone if self.rest.is_empty() => Some(()),
            Field::Zone if self.text("Z").is_some() => same(&mut self.fields.zone, Zone::Utc),
            Field::Zone => self.offset(3),
            Field::Offset => self.offset(count),
            Field::Day
            | Field::Month
            | Field::Hour12
            | Field::Hour24
            | Field::Minute
            | Field::Second => self.number(field, count),
        }
    }

    fn number(&mut self, field: Field, count: usize) -> Option<()> {
        let number = self.short(count)?;
        let fields = &mut self.fields;
        let slot = match field {
            Field::Day => &mut fields.day,
            Field::Month => &mut fields.month,
            Field::Hour12 if 12 < number => return None,
            Field::Hour12 | Field::Hour24 => &mut fields.hour,
            Field::Minute => &mut fields.minute,
            _ => &mut fields.second,
        };
        same(slot, number)
    }

    /// The longest word of a list that the text begins with, without regard to case.
    fn name(&mut self, list: &str) -> Option<usize> {
        let matches = list
            .split(' ')
            .enumerate()
            .filter_map(|(index, word)| strip_word(self.rest, word).map(|rest| (rest, index)));
        let (rest, index) = matches.min_by_key(|(rest, _)| rest.len())?;
        self.rest = rest;
        Some(index)
    }

    fn month(&mut self, words: &Words, count: usize) -> Option<usize> {
        if count == 3 {
            return self.name(words.short_months);
        }
        words.months_of_day.and_then(|list| self.name(list)).or_else(|| self.name(words.months))
    }

    fn half(&mut self, count: usize) -> Option<()> {
        let [before, after] = self.culture.halves;
        let letters = if count == 1 { 1 } else { usize::MAX };
        let short = |half: &str| half.chars().take(letters).collect::<String>();
        let [before, after] = [short(before), short(after)];
        let afternoon = strip_word(self.rest, &after).map(|rest| (rest, true));
        let found = strip_word(self.rest, &before).map(|rest| (rest, false)).or(afternoon);
        let (rest, afternoon) = found?;
        self.rest = rest;
        same(&mut self.fields.afternoon, afternoon)
    }

    /// A sign and hours; from three letters on, minutes too.
    fn offset(&mut self, count: usize) -> Option<()> {
        let sign = self.rest.chars().next().filter(|it| matches!(it, '+' | '-'))?;
        self.text(sign.encode_utf8(&mut [0; 4]))?;
        let hours = self.short(count.min(2))?;
        let minutes = if count < 3 {
            0
        } else {
            self.text(":")?;
            self.short(2)?
        };
        same(&mut self.fields.zone, offset(sign, hours.into(), minutes.into())?)
    }
}

/// Sets what may be said again, but not otherwise.
fn same<T: PartialEq>(slot: &mut Option<T>, value: T) -> Option<()> {
    match slot {
        Some(known) => (*known == value).then_some(()),
        None => set(slot, value),
    }
}

/// What follows a word at the beginning of a text, without regard to case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut letters = text.chars();
    let start: String = letters.by_ref().take(word.chars().count()).collect();
    (!word.is_empty() && start.to_lowercase() == word.to_lowercase()).then_some(letters.as_str())
}

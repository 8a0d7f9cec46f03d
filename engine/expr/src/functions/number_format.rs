//! formatNumber and .NET number formats, standard and custom, on exact decimal digits.
//!
//! It is one thing of more than 400 lines because both kinds of format share the digits.

use std::{iter::Peekable, str::Chars};

use super::{
    Answer, Arguments, Eval, Function, Origin,
    culture::{Numbers, asked, invalid},
    optional, required,
};
use crate::{coerce::Number, types::Type};

pub(super) const FORMAT_NUMBER: Function = Function {
    name: "formatNumber",
    family: "String",
    origin: Origin::Microsoft,
    summary: "A number as a .NET number format and a locale write it.",
    params: &[
        required("number", Type::Number),
        required("format", Type::String),
        optional("locale", Type::String),
    ],
    returns: Type::String,
    eval: Eval::Pure(format_number),
    examples: &[
        ("formatNumber(1234567890, '0,0.00')", "\"1,234,567,890.00\""),
        ("formatNumber(17.35, 'C2', 'de-DE')", "\"17,35 €\""),
    ],
};

fn format_number<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let operand = args.take(0);
    let number =
        Number::of(&operand).ok_or_else(|| args.mismatch(0, "be a number", operand.kind()))?;
    let (pattern, culture) = (args.text(1)?, asked(args, 2)?);
    let text = format(number, &pattern, &culture.numbers);
    Ok(text.ok_or_else(|| invalid(args, "number format", &pattern))?.into())
}

/// Writes a number by a standard or custom format; `None` if .NET would refuse the format.
pub(super) fn format(number: Number, format: &str, culture: &Numbers) -> Option<String> {
    if let Number::Float(float) = number
        && !float.is_finite()
    {
        return Some(
            if float.is_nan() {
                "NaN"
            } else if 0.0 < float {
                "∞"
            } else {
                "-∞"
            }
            .into(),
        );
    }
    let format = if format.is_empty() { "G" } else { format };
    let mut rest = format.chars();
    let digits =
        rest.next().filter(char::is_ascii_alphabetic).map(|letter| (letter, rest.as_str()));
    match digits {
        Some((letter, digits)) if digits.chars().all(|it| it.is_ascii_digit()) => {
            // Three digits of precision are more than any number here has places.
            let precision = match digits.len() {
                0 => None,
                1..=3 => Some(digits.parse().ok()?),
                _ => return None,
            };
            Standard { number, culture, precision }.format(letter)
        }
        _ => Some(custom(number, format, culture)),
    }
}

/// A magnitude as `0.d₁d₂d₃… × 10^exponent` without zeros in front, and its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    figures: Vec<u8>,
    exponent: i32,
    /// Whether the sign survives when nothing else does, as with floats.
    signed_zero: bool,
}

impl Digits {
    /// Every digit that the number has; floats have up to 767.
    fn exact(number: Number) -> Self {
        match number {
            Number::Float(float) => Self::scientific(&format!("{float:.766e}")),
            Number::Integer(integer) => {
                Self::plain(integer < 0, &integer.unsigned_abs().to_string(), 0)
            }
            Number::Decimal(decimal) => {
                let digits = decimal.mantissa().unsigned_abs().to_string();
                Self::plain(decimal.is_sign_negative(), &digits, decimal.scale())
            }
        }
    }

    /// The digits that name the number: the fewest that read back as the same float.
    fn shortest(number: Number) -> Self {
        match number {
            Number::Float(float) => Self::scientific(&format!("{float:e}")),
            Number::Integer(_) | Number::Decimal(_) => Self::exact(number),
        }
    }

    fn plain(negative: bool, digits: &str, scale: u32) -> Self {
        let figures: Vec<u8> = digits.bytes().map(|it| it - b'0').collect();
        let exponent = int(figures.len()) - int(scale as usize);
        Self { negative, figures, exponent, signed_zero: false }.trimmed()
    }

    /// From what Rust writes for `{:e}`: `-1.25e-7`.
    fn scientific(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let figures = mantissa.bytes().filter(u8::is_ascii_digit).map(|it| it - b'0').collect();
        let exponent = exponent.parse::<i32>().unwrap_or(0) + 1;
        Self { negative: text.starts_with('-'), figures, exponent, signed_zero: true }.trimmed()
    }

    fn trimmed(mut self) -> Self {
        let zeros = self.figures.iter().take_while(|it| **it == 0).count();
        self.figures.drain(..zeros);
        self.exponent -= int(zeros);
        if self.figures.is_empty() {
            self.exponent = 0;
            self.negative &= self.signed_zero;
        }
        self
    }

    fn is_zero(&self) -> bool {
        self.figures.is_empty()
    }

    /// Keeps that many digits, rounding a half away from zero. A negative count leaves nothing.
    fn round(mut self, count: i32) -> Self {
        let kept = usize::try_from(count).unwrap_or(0);
        let up = 0 <= count && self.figures.get(kept).is_some_and(|it| 5 <= *it);
        self.figures.truncate(kept);
        if up {
            while self.figures.last() == Some(&9) {
                self.figures.pop();
            }
            if let Some(last) = self.figures.last_mut() {
                *last += 1;
            } else {
                self.figures.push(1);
                self.exponent += 1;
            }
        }
        while self.figures.last() == Some(&0) {
            self.figures.pop();
        }
        self.trimmed()
    }

    fn places(self, places: usize) -> Self {
        let count = self.exponent.saturating_add(int(places));
        self.round(count)
    }

    /// A digit counted from the first; all others are zeros.
    fn digit(&self, index: i32) -> char {
        let digit = usize::try_from(index).ok().and_then(|index| self.figures.get(index));
        char::from(digit.copied().unwrap_or(0) + b'0')
    }

    /// The digits before the point, at least one.
    fn whole(&self) -> String {
        if self.exponent <= 0 {
            return "0".to_owned();
        }
        (0..self.exponent).map(|index| self.digit(index)).collect()
    }

    /// That many digits after the point.
    fn part(&self, places: usize) -> String {
        let first = self.exponent;
        (first..first.saturating_add(int(places))).map(|index| self.digit(index)).collect()
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }
}

/// One standard format at work.
struct Standard<'a> {
    number: Number,
    culture: &'a Numbers,
    precision: Option<usize>,
}

impl Standard<'_> {
    fn format(&self, letter: char) -> Option<String> {
        let places = self.precision.unwrap_or(2);
        Some(match letter {
            'C' | 'c' => self.currency(self.precision.unwrap_or(self.culture.currency_digits)),
            'D' | 'd' => self.decimal()?,
            'E' | 'e' => {
                let places = self.precision.unwrap_or(6);
                let digits = self.digits().round(int(places).saturating_add(1));
                scientific(&digits, places, (letter, 3), self.culture)
            }
            'F' | 'f' => {
                let digits = self.digits().places(places);
                format!("{}{}", digits.sign(), self.fixed(&digits, places))
            }
            'G' | 'g' => self.general(letter),
            'N' | 'n' => {
                let digits = self.digits().places(places);
                let separators = (self.culture.point, self.culture.group);
                format!("{}{}", digits.sign(), self.grouped(&digits, places, separators))
            }
            'P' | 'p' => {
                let mut digits = self.digits();
                digits.exponent += if digits.is_zero() { 0 } else { 2 };
                let digits = digits.places(places);
                let separators = (self.culture.point, self.culture.group);
                let number = self.grouped(&digits, places, separators);
                format!("{}{}", digits.sign(), self.culture.percent.replace('n', &number))
            }
            'R' | 'r' if matches!(self.number, Number::Float(_)) => {
                Standard { precision: None, ..*self }.general(if letter == 'R' { 'G' } else { 'g' })
            }
            'X' | 'x' => self.hexadecimal(letter)?,
            _ => return None,
        })
    }

    fn digits(&self) -> Digits {
        Digits::exact(self.number)
    }

    fn fixed(&self, digits: &Digits, places: usize) -> String {
        let point = if places == 0 { "" } else { self.culture.point };
        format!("{}{point}{}", digits.whole(), digits.part(places))
    }

    fn grouped(&self, digits: &Digits, places: usize, (point, group): (&str, &str)) -> String {
        let whole = digits.whole();
        let mut out = String::new();
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            if 0 < index && ends_group(left, self.culture.sizes) {
                out.push_str(group);
            }
            out.push(digit);
        }
        out + if places == 0 { "" } else { point } + &digits.part(places)
    }

    fn currency(&self, places: usize) -> String {
        let digits = self.digits().places(places);
        let culture = self.culture;
        let number =
            self.grouped(&digits, places, culture.money.unwrap_or((culture.point, culture.group)));
        let pattern = if digits.negative { culture.negative_amount } else { culture.amount };
        pattern.replace('n', &number).replace('$', culture.currency)
    }

    fn decimal(&self) -> Option<String> {
        let Number::Integer(integer) = self.number else { return None };
        let sign = if integer < 0 { "-" } else { "" };
        Some(format!(
            "{sign}{:0width$}",
            integer.unsigned_abs(),
            width = self.precision.unwrap_or(1)
        ))
    }

    fn hexadecimal(&self, letter: char) -> Option<String> {
        let Number::Integer(integer) = self.number else { return None };
        let width = self.precision.unwrap_or(1);
        Some(if letter == 'X' {
            format!("{integer:0width$X}")
        } else {
            format!("{integer:0width$x}")
        })
    }

    fn general(&self, letter: char) -> String {
        let precision = self.precision.filter(|it| *it != 0);
        if let (Number::Decimal(decimal), None) = (self.number, precision) {
            return decimal.to_string().replace('.', self.culture.point);
        }
        let digits = match precision {
            Some(precision) => self.digits().round(int(precision)),
            None => Digits::shortest(self.number),
        };
        // Without a precision, an integer is written out and a float up to fifteen digits.
        let longest = match (precision, self.number) {
            (Some(precision), _) => precision,
            (None, Number::Float(_)) => digits.figures.len().max(15),
            (None, Number::Integer(_) | Number::Decimal(_)) => usize::MAX,
        };
        let count = digits.figures.len();
        if int(longest) < digits.exponent || digits.exponent < -3 {
            let exponent = if letter == 'g' { 'e' } else { 'E' };
            return scientific(&digits, count.saturating_sub(1), (exponent, 2), self.culture);
        }
        let places = if digits.is_zero() { 0 } else { int(count) - digits.exponent };
        let places = usize::try_from(places).unwrap_or(0);
        format!("{}{}", digits.sign(), self.fixed(&digits, places))
    }
}

/// One digit, that many places, and a signed exponent of at least so many digits.
fn scientific(
    digits: &Digits,
    places: usize,
    (letter, width): (char, usize),
    culture: &Numbers,
) -> String {
    let point = if places == 0 { "" } else { culture.point };
    let part: String = (1..=int(places)).map(|index| digits.digit(index)).collect();
    let exponent = if digits.is_zero() { 0 } else { digits.exponent - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let exponent = exponent.unsigned_abs();
    format!("{}{}{point}{part}{letter}{sign}{exponent:0width$}", digits.sign(), digits.digit(0))
}

/// Whether a group separator stands where so many digits follow.
fn ends_group(left: usize, (first, others): (usize, usize)) -> bool {
    left == first || (first < left && (left - first).is_multiple_of(others))
}

/// Counts of digits are small; the largest ones only need to stay large.
fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A piece of a custom format.
enum Piece {
    /// Stands for itself.
    Text(char),
    /// `0` or `#`.
    Place,
    Point,
    Exponent {
        letter: char,
        plus: bool,
        width: usize,
    },
}

/// One of up to three alternatives of a custom format: for positive, negative and zero.
#[derive(Default)]
struct Section {
    pieces: Vec<Piece>,
    /// How many `0` and `#` there are.
    places: i32,
    /// How many of them stand before the point.
    point: i32,
    /// Where the zeros begin, and where they end, counted from the point to the left.
    zeros: (i32, i32),
    /// Powers of ten to multiply with: `%` and commas before the point.
    shift: i32,
    grouped: bool,
}

impl Section {
    /// Reads up to the end or a semicolon.
    fn read(letters: &mut Peekable<Chars<'_>>) -> Self {
        let mut section = Self::default();
        let (mut first_zero, mut zeros_end, mut point) = (None, 0, None);
        let (mut comma_at, mut commas) = (None, 0);
        while let Some(letter) = letters.next_if(|it| *it != ';') {
            match letter {
                '0' | '#' => {
                    if letter == '0' {
                        first_zero.get_or_insert(section.places);
                        zeros_end = section.places + 1;
                    }
                    section.places += 1;
                    section.pieces.push(Piece::Place);
                }
                '.' => {
                    point.get_or_insert(section.places);
                    section.pieces.push(Piece::Point);
                }
                ',' if 0 < section.places && point.is_none() => {
                    if comma_at == Some(section.places) {
                        commas += 1;
                    } else {
                        section.grouped |= comma_at.is_some();
                        (comma_at, commas) = (Some(section.places), 1);
                    }
                }
                ',' => {}
                _ => section.read_text(letter, letters),
            }
        }
        section.point = point.unwrap_or(section.places);
        if comma_at == Some(section.point) {
            section.shift -= 3 * commas;
        } else {
            section.grouped |= comma_at.is_some();
        }
        let first_zero = first_zero.unwrap_or(i32::MAX).min(section.point);
        section.zeros = (section.point - first_zero, (section.point - zeros_end).min(0));
        section
    }

    /// What is not a digit: quoted and escaped text, exponents, signs of a hundredth.
    fn read_text(&mut self, letter: char, letters: &mut Peekable<Chars<'_>>) {
        match letter {
            '\'' | '"' => {
                let quoted = letters.by_ref().take_while(|it| *it != letter);
                self.pieces.extend(quoted.map(Piece::Text));
            }
            '\\' => self.pieces.extend(letters.next().map(Piece::Text)),
            'E' | 'e' => match exponent(letter, letters) {
                Some(exponent) => self.pieces.push(exponent),
                None => self.pieces.push(Piece::Text(letter)),
            },
            _ => {
                self.shift += match letter {
                    '%' => 2,
                    '‰' => 3,
                    _ => 0,
                };
                self.pieces.push(Piece::Text(letter));
            }
        }
    }

    fn is_scientific(&self) -> bool {
        self.pieces.iter().any(|it| matches!(it, Piece::Exponent { .. }))
    }

    /// The digits that this section will show.
    fn round(&self, mut digits: Digits) -> Digits {
        if digits.is_zero() {
            return digits;
        }
        digits.exponent += self.shift;
        let before = if self.is_scientific() { 0 } else { digits.exponent - self.point };
        digits.round(before + self.places)
    }
}

/// What follows an `E`, if it makes it an exponent: zeros, perhaps after a sign.
fn exponent(letter: char, letters: &mut Peekable<Chars<'_>>) -> Option<Piece> {
    let mut ahead = letters.clone();
    let sign = ahead.next_if(|it| matches!(it, '+' | '-'));
    let mut width = 0;
    while ahead.next_if_eq(&'0').is_some() {
        width += 1;
    }
    if width == 0 {
        return None;
    }
    *letters = ahead;
    Some(Piece::Exponent { letter, plus: sign == Some('+'), width: width.min(10) })
}

fn custom(number: Number, format: &str, culture: &Numbers) -> String {
    let mut letters = format.chars().peekable();
    let mut sections = vec![Section::read(&mut letters)];
    while letters.next().is_some() && sections.len() < 3 {
        sections.push(Section::read(&mut letters));
    }
    // An empty alternative is none.
    let pick = |wanted: usize| match sections.get(wanted) {
        Some(section) if !section.pieces.is_empty() => wanted,
        _ => 0,
    };
    let digits = match number {
        // Custom formats see the fifteen digits that a float has for certain.
        Number::Float(_) => Digits::exact(number).round(15),
        Number::Integer(_) | Number::Decimal(_) => Digits::exact(number),
    };
    let mut wanted = match (digits.is_zero(), digits.negative) {
        (true, _) => pick(2),
        (false, true) => pick(1),
        (false, false) => 0,
    };
    let mut shown = sections[wanted].round(digits);
    if shown.is_zero() {
        wanted = pick(2);
        shown.exponent = 0;
    }
    let sign = if shown.negative && wanted == 0 && !shown.is_zero() { "-" } else { "" };
    let mut out = sign.to_owned();
    Layout::new(&sections[wanted], &shown, culture).write(&mut out);
    out
}

/// Digits being laid out over the places of a section.
struct Layout<'a> {
    section: &'a Section,
    digits: &'a Digits,
    culture: &'a Numbers,
    /// The next digit.
    next: i32,
    /// Digits from here to the point; negative behind it.
    left: i32,
    /// Digits more than places before the point; negative when there are fewer.
    surplus: i32,
}

impl<'a> Layout<'a> {
    fn new(section: &'a Section, digits: &'a Digits, culture: &'a Numbers) -> Self {
        let whole = if section.is_scientific() { section.point } else { digits.exponent };
        let (left, surplus) = (whole.max(section.point), whole - section.point);
        Self { section, digits, culture, next: 0, left, surplus }
    }

    fn write(mut self, out: &mut String) {
        let mut point_written = false;
        for piece in &self.section.pieces {
            if matches!(piece, Piece::Place | Piece::Point) {
                while 0 < self.surplus {
                    self.surplus -= 1;
                    let digit = self.digits.digit(self.next);
                    self.next += 1;
                    self.push(Some(digit), out);
                }
            }
            match piece {
                Piece::Text(text) => out.push(*text),
                Piece::Place => self.place(out),
                Piece::Point if self.left == 0 && !point_written => {
                    let more = self.section.point < self.section.places && self.has_digits();
                    if self.section.zeros.1 < 0 || more {
                        out.push_str(self.culture.point);
                        point_written = true;
                    }
                }
                Piece::Point => {}
                Piece::Exponent { letter, plus, width } => {
                    let zero = self.digits.is_zero();
                    let exponent = if zero { 0 } else { self.digits.exponent - self.section.point };
                    let sign = if exponent < 0 { "-" } else { ["", "+"][usize::from(*plus)] };
                    let exponent = exponent.unsigned_abs();
                    let shown = format!("{letter}{sign}{exponent:0width$}");
                    out.push_str(&shown);
                }
            }
        }
    }

    fn has_digits(&self) -> bool {
        self.next < int(self.digits.figures.len())
    }

    fn place(&mut self, out: &mut String) {
        let (zeros_from, zeros_to) = self.section.zeros;
        let digit = if self.surplus < 0 {
            self.surplus += 1;
            (self.left <= zeros_from).then_some('0')
        } else if self.has_digits() {
            self.next += 1;
            Some(self.digits.digit(self.next - 1))
        } else {
            (zeros_to < self.left).then_some('0')
        };
        self.push(digit, out);
    }

    /// Writes a digit, and the group separator that may follow it.
    fn push(&mut self, digit: Option<char>, out: &mut String) {
        self.left -= 1;
        out.extend(digit);
        let left = usize::try_from(self.left).unwrap_or(0);
        let ends = self.section.grouped && ends_group(left, self.culture.sizes);
        if digit.is_some() && 0 < left && ends {
            out.push_str(self.culture.group);
        }
    }
}

//! Reading numbers from text as .NET does, in the writing of a locale.

use rust_decimal::Decimal;

use super::culture::{Culture, Numbers};

/// How a locale writes numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbols {
    point: char,
    /// What may stand between groups of digits.
    groups: &'static [char],
    infinity: &'static str,
}

/// Languages without a culture of ours that write `1.000,5`.
const POINTS: &[&str] =
    &["az", "bs", "ca", "el", "eu", "fo", "gl", "hr", "id", "mk", "ro", "sl", "sr", "tr", "vi"];
/// Languages without a culture of ours that write `1 000,5`.
const BLANKS: &[&str] = &["be", "bg", "et", "hu", "kk", "lt", "lv", "nn", "no", "ru", "sk", "uk"];
/// Regions that write numbers as another culture does than the first one of their language.
const REGIONS: &[(&str, &str)] = &[
    ("de-li", "de-CH"),
    ("it-ch", "de-CH"),
    ("es-do", "es-MX"),
    ("es-gt", "es-MX"),
    ("es-hn", "es-MX"),
    ("es-ni", "es-MX"),
    ("es-pa", "es-MX"),
    ("es-pe", "es-MX"),
    ("es-pr", "es-MX"),
    ("es-sv", "es-MX"),
    ("es-us", "es-MX"),
];
const SPACES: &[char] = &[' ', '\u{a0}', '\u{202f}'];

impl Symbols {
    pub(crate) const ENGLISH: Self = Self { point: '.', groups: &[','], infinity: "∞" };
    const INVARIANT: Self = Self { infinity: "Infinity", ..Self::ENGLISH };
    const POINTS: Self = Self { point: ',', groups: &['.'], infinity: "∞" };
    const BLANKS: Self = Self { point: ',', groups: SPACES, infinity: "∞" };

    /// The symbols of a locale such as `de-DE`; the empty name is the invariant one.
    pub(crate) fn of(locale: &str) -> Option<Self> {
        let name = locale.to_ascii_lowercase().replace('_', "-");
        let language = name.split('-').next().unwrap_or("");
        let written_like = REGIONS.iter().find(|(region, _)| *region == name);
        let culture = Culture::find(written_like.map_or(&name, |(_, culture)| culture));
        if let Some(culture) = culture.or_else(|| Culture::find(language)) {
            return plain_name(&name).then(|| Self::of_numbers(&culture.numbers));
        }
        let symbols = match language {
            "" => Self::INVARIANT,
            language if POINTS.contains(&language) => Self::POINTS,
            language if BLANKS.contains(&language) => Self::BLANKS,
            language if matches!(language.len(), 2 | 3) => Self::ENGLISH,
            _ => return None,
        };
        plain_name(&name).then_some(symbols)
    }

    /// What is accepted of a culture: any blank for a blank, any apostrophe for one.
    fn of_numbers(numbers: &Numbers) -> Self {
        let groups: &[char] = match numbers.group {
            "." => &['.'],
            "’" => &['’', '\''],
            group if group.trim().is_empty() => SPACES,
            _ => &[','],
        };
        let point = numbers.point.chars().next().unwrap_or('.');
        Self { point, groups, infinity: Self::ENGLISH.infinity }
    }
}

fn plain_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// A double from a text: blanks, a sign at either end, groups, an exponent. Too large is infinite.
pub(crate) fn float_of_text(text: &str, symbols: &Symbols) -> Option<f64> {
    let text = text.trim();
    let (negative, bare) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if bare.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if bare.to_lowercase() == symbols.infinity.to_lowercase() {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    plain(text, symbols, true)?.parse().ok()
}

/// A decimal from a text, with all its digits; an exponent is not allowed.
pub(crate) fn decimal_of_text(text: &str, symbols: &Symbols) -> Option<Decimal> {
    plain(text, symbols, false)?.parse().ok()
}

/// The number as Rust writes it.
fn plain(text: &str, symbols: &Symbols, exponent: bool) -> Option<String> {
    let text = text.trim();
    let (mut negative, mut signed, mut rest) =
        match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(rest), _) => (true, true, rest),
            (None, Some(rest)) => (false, true, rest),
            (None, None) => (false, false, text),
        };
    if !signed && let Some(before) = rest.strip_suffix(['-', '+']) {
        negative = rest.ends_with('-');
        signed = true;
        rest = before.trim_end();
    }
    let mut out = String::from(if signed && negative { "-" } else { "" });
    let (mut digits, mut points) = (0, 0);
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_digit() => {
                digits += 1;
                out.push(c);
            }
            c if c == symbols.point && points == 0 => {
                points += 1;
                out.push_str(if digits == 0 { "0." } else { "." });
            }
            c if symbols.groups.contains(&c) && points == 0 && 0 < digits => {}
            'e' | 'E' if exponent && 0 < digits => {
                let power: String = chars.collect();
                let bare = power.strip_prefix(['+', '-']).unwrap_or(&power);
                let valid = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
                return valid.then(|| format!("{out}e{power}"));
            }
            _ => return None,
        }
    }
    (0 < digits).then(|| out.strip_suffix('.').unwrap_or(&out).to_owned())
}

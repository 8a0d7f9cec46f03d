//! The words of a filter of `OData`.

use base::Timestamp;

/// One word and where it begins, in characters from 1 on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    /// A field, a function or an operator.
    Word(String),
    /// A text without its quotes.
    Text(String),
    /// A number, a date or an instant, as the service writes it.
    Plain(String),
}

/// What is wrong, and at which character.
pub(super) type Trouble = (usize, String);

/// Reads a filter.
pub(super) fn read(filter: &str) -> Result<Vec<Token>, Trouble> {
    let mut tokens = Vec::new();
    let mut rest = filter.chars().enumerate().map(|(at, c)| (at + 1, c)).peekable();
    while let Some((at, c)) = rest.next() {
        let kind = match c {
            c if c.is_whitespace() => continue,
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '\'' => Kind::Text(text(&mut rest, at)?),
            '-' | '0'..='9' => {
                let mut word = String::from(c);
                let goes_on = |c: char| c.is_ascii_alphanumeric() || ":.+-".contains(c);
                while let Some((_, c)) = rest.next_if(|(_, c)| goes_on(*c)) {
                    word.push(c);
                }
                let unknown = || (at, format!("`{word}` is no number, date or instant"));
                Kind::Plain(plain(&word).ok_or_else(unknown)?)
            }
            c if is_of_word(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = rest.next_if(|(_, c)| is_of_word(*c)) {
                    word.push(c);
                }
                match rest.next_if(|(_, c)| *c == '\'') {
                    Some(_) => prefixed(&word, text(&mut rest, at)?, at)?,
                    None => Kind::Word(word),
                }
            }
            c => return Err((at, format!("`{c}` has no meaning here"))),
        };
        tokens.push(Token { at, kind });
    }
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.$@".contains(c)
}

/// The rest of a text; a quote in it is doubled.
fn text(
    rest: &mut std::iter::Peekable<impl Iterator<Item = (usize, char)>>,
    at: usize,
) -> Result<String, Trouble> {
    let mut text = String::new();
    while let Some((_, c)) = rest.next() {
        match c {
            '\'' if rest.next_if(|(_, c)| *c == '\'').is_some() => text.push('\''),
            '\'' => return Ok(text),
            c => text.push(c),
        }
    }
    Err((at, "the text has no end".to_owned()))
}

/// Literals as the third version of `OData` writes them.
fn prefixed(prefix: &str, text: String, at: usize) -> Result<Kind, Trouble> {
    match prefix.to_ascii_lowercase().as_str() {
        "datetime" | "datetimeoffset" => match instant(&text) {
            Some(instant) => Ok(Kind::Plain(instant)),
            None => Err((at, format!("`{text}` is no instant"))),
        },
        "guid" => Ok(Kind::Text(text)),
        _ => Err((at, format!("`{prefix}` before a text has no meaning"))),
    }
}

fn plain(word: &str) -> Option<String> {
    if word.contains('T') || word.contains('t') {
        return instant(word);
    }
    if is_date(word) {
        return Some(word.to_owned());
    }
    let number = word.trim_end_matches(['m', 'M', 'l', 'L', 'd', 'D', 'f', 'F']);
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    (word.len() <= number.len() + 1 && all(whole) && all(fraction)).then(|| number.to_owned())
}

fn is_date(word: &str) -> bool {
    word.len() == 10 && Timestamp::parse(&format!("{word}T00:00:00Z")).is_some()
}

/// An instant in UTC, as the service reads it: with milliseconds at most. Without a zone it is UTC.
fn instant(text: &str) -> Option<String> {
    // The service itself writes `+0000`.
    let text = text.strip_suffix("+0000").unwrap_or(text);
    let at = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")))?;
    let written = at.to_string();
    let (whole, fraction) = written
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((written.trim_end_matches('Z'), ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(format!("{whole}.{millis}Z"))
}

/// Whether this is the name of a table or a field.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// A field, perhaps of a related record: `Account/Name` in `OData` is `Account.Name` in a query.
pub(super) fn path(text: &str) -> Option<String> {
    let segments: Vec<&str> = text.split(['/', '.']).collect();
    segments.iter().all(|it| is_name(it)).then(|| segments.join("."))
}

//! JSON as the cloud's `ParseJson` takes it: what its reader accepts beyond JSON, and its words for
//! what it does not.

use std::{iter::Peekable, str::Chars};

use serde_json::{Map, Number, Value};

/// Lists and objects in each other.
const DEPTH_MAX: usize = 128;

/// Reads the first value of a text. What follows it does not matter.
///
/// Besides JSON it takes comments, single quotes, names without quotes, missing and superfluous values
/// between commas, hexadecimal and octal numbers, and texts that end right behind a value.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let chars = text.chars().peekable();
    let mut reader = Reader { chars, line: 1, column: 0, path: Vec::new(), at_end: false };
    reader.skip()?;
    match reader.chars.peek() {
        None => Ok(Value::Null),
        Some(_) => reader.value(),
    }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    column: usize,
    path: Vec<String>,
    /// The text has ended right behind a value: everything open is closed.
    at_end: bool,
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        if next == '\n' {
            (self.line, self.column) = (self.line + 1, 0);
        } else {
            self.column += 1;
        }
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.chars.peek() == Some(&wanted);
        if found {
            self.next();
        }
        found
    }

    fn fail<T>(&self, what: &str) -> Read<T> {
        let (path, line, column) = (self.path.concat(), self.line, self.column);
        let path = path.strip_prefix('.').unwrap_or(&path);
        Err(format!("{what} Path '{path}', line {line}, position {column}."))
    }

    fn ended<T>(&self) -> Read<T> {
        let path = self.path.concat();
        let path = path.strip_prefix('.').unwrap_or(&path);
        Err(format!("Unexpected end when reading token. Path '{path}'."))
    }

    /// Blanks and comments.
    fn skip(&mut self) -> Read<()> {
        while let Some(&next) = self.chars.peek() {
            if next == '/' {
                self.next();
                self.comment()?;
            } else if next.is_whitespace() {
                self.next();
            } else {
                break;
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Read<()> {
        match self.next() {
            Some('/') => while self.next().is_some_and(|it| it != '\n') {},
            Some('*') => loop {
                match self.next() {
                    Some('*') if self.take('/') => break,
                    Some(_) => {}
                    None => return self.fail("Unexpected end while parsing comment."),
                }
            },
            _ => return self.fail("Error parsing comment. Expected: *."),
        }
        Ok(())
    }

    fn value(&mut self) -> Read<Value> {
        if DEPTH_MAX < self.path.len() {
            return self.fail(&format!("Values nest deeper than {DEPTH_MAX}."));
        }
        let Some(&next) = self.chars.peek() else {
            // What is missing has no place yet.
            self.path.pop();
            return self.ended();
        };
        match next {
            '{' => self.object(),
            '[' => self.array(),
            '"' | '\'' => self.text().map(Value::from),
            '0'..='9' | '-' | '.' => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Read<Value> {
        self.next();
        let mut members = Map::new();
        loop {
            self.skip()?;
            if self.take('}') {
                return Ok(members.into());
            }
            let name = self.name()?;
            self.skip()?;
            if !self.take(':') {
                let Some(&found) = self.chars.peek() else { return self.ended() };
                return self.fail(&format!(
                    "Invalid character after parsing property name. Expected ':' but got: {found}."
                ));
            }
            self.path.push(format!(".{name}"));
            self.skip()?;
            let value = self.value()?;
            let over = self.over('}')?;
            self.path.pop();
            members.insert(name, value);
            if over {
                return Ok(members.into());
            }
        }
    }

    fn array(&mut self) -> Read<Value> {
        self.next();
        let mut items: Vec<Value> = Vec::new();
        loop {
            self.skip()?;
            if self.take(']') {
                return Ok(items.into());
            }
            if self.take(',') {
                items.push(Value::Null);
                continue;
            }
            self.path.push(format!("[{}]", items.len()));
            let value = self.value()?;
            let over = self.over(']')?;
            self.path.pop();
            items.push(value);
            if over {
                return Ok(items.into());
            }
        }
    }

    /// Behind a value: whether its container is over.
    fn over(&mut self, close: char) -> Read<bool> {
        if self.at_end {
            return Ok(true);
        }
        self.skip()?;
        let Some(&next) = self.chars.peek() else {
            self.at_end = true;
            return Ok(true);
        };
        if next == close || next == ',' {
            self.next();
            return Ok(next == close);
        }
        self.fail(&format!(
            "After parsing a value an unexpected character was encountered: {next}."
        ))
    }

    fn name(&mut self) -> Read<String> {
        let Some(&next) = self.chars.peek() else { return self.ended() };
        if matches!(next, '"' | '\'') {
            return self.text();
        }
        let mut name = String::new();
        while let Some(&next) =
            self.chars.peek().filter(|it| it.is_alphanumeric() || "_$".contains(**it))
        {
            name.push(next);
            self.next();
        }
        if name.is_empty() {
            return self.fail(&format!("Invalid property identifier character: {next}."));
        }
        Ok(name)
    }

    fn text(&mut self) -> Read<String> {
        let quote = self.next().unwrap_or('"');
        let mut units: Vec<u16> = Vec::new();
        loop {
            match self.next() {
                Some(next) if next == quote => return Ok(String::from_utf16_lossy(&units)),
                Some('\\') => self.escape(&mut units)?,
                Some(next) => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
                None => {
                    return self
                        .fail(&format!("Unterminated string. Expected delimiter: {quote}."));
                }
            }
        }
    }

    fn escape(&mut self, units: &mut Vec<u16>) -> Read<()> {
        let unit = match self.next() {
            Some('b') => 8,
            Some('t') => 9,
            Some('n') => 10,
            Some('f') => 12,
            Some('r') => 13,
            Some(plain @ ('"' | '\'' | '\\' | '/')) => u16::try_from(plain).unwrap_or(0),
            Some('u') => {
                let digits: String = (0..4).filter_map(|_| self.next()).collect();
                let Some(unit) =
                    u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4)
                else {
                    return self.fail(&format!("Invalid Unicode escape sequence: \\u{digits}."));
                };
                unit
            }
            Some(other) => return self.fail(&format!("Bad JSON escape sequence: \\{other}.")),
            None => return self.ended(),
        };
        units.push(unit);
        Ok(())
    }

    /// `true`, `null` and their like.
    fn word(&mut self) -> Read<Value> {
        let mut word = String::new();
        while let Some(&next) = self.chars.peek().filter(|it| it.is_alphanumeric()) {
            word.push(next);
            self.next();
        }
        match word.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            "null" | "undefined" => Ok(Value::Null),
            "NaN" | "Infinity" => Ok(word.into()),
            _ => {
                self.column = self.column.saturating_sub(word.chars().count());
                let found = word.chars().next().or_else(|| self.chars.peek().copied());
                let found = found.map(String::from).unwrap_or_default();
                self.fail(&format!(
                    "Unexpected character encountered while parsing value: {found}."
                ))
            }
        }
    }

    fn number(&mut self) -> Read<Value> {
        let mut text = String::new();
        while let Some(&next) =
            self.chars.peek().filter(|it| it.is_ascii_alphanumeric() || "+-.".contains(**it))
        {
            text.push(next);
            self.next();
        }
        match number(&text) {
            Some(value) => Ok(value),
            None => self.fail(&format!("Input string '{text}' is not a valid number.")),
        }
    }
}

/// A number in any notation of the reader's; what is too large for a float is a text.
fn number(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits == "Infinity" {
        return Some(text.into());
    }
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let value = i64::from_str_radix(hex, 16).ok().filter(|_| !negative);
        return value.map(Value::from);
    }
    if let Some(octal) = digits.strip_prefix('0')
        && !octal.is_empty()
        && octal.bytes().all(|it| it.is_ascii_digit())
    {
        let value = i64::from_str_radix(octal, 8).ok()?;
        return Some(if negative { -value } else { value }.into());
    }
    if digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let has_digits = digits.bytes().next().is_some_and(|it| it.is_ascii_digit() || it == b'.');
    let value: f64 = text.parse().ok().filter(|_| has_digits)?;
    match Number::from_f64(value) {
        Some(number) => Some(Value::Number(number)),
        None => Some(if negative { "-Infinity" } else { "Infinity" }.into()),
    }
}

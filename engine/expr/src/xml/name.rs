//! Names that XML cannot have, written so that it can: `_x0020_` for a blank.

/// A name in which every character that may not stand there is written as its number.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let allowed = if at == 0 { starts(c) } else { continues(c) };
        let ambiguous = c == '_' && name.get(at..).is_some_and(|rest| escape(rest).is_some());
        if allowed && !ambiguous {
            out.push(c);
        } else if u32::from(c) <= 0xffff {
            out.extend(["_x", &format!("{:04X}", u32::from(c)), "_"]);
        } else {
            out.extend(["_x", &format!("{:08X}", u32::from(c)), "_"]);
        }
    }
    out
}

/// The name that was encoded.
pub(crate) fn decode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let (found, length) = escape(rest).unwrap_or((c, c.len_utf8()));
        out.push(found);
        rest = rest.get(length..).unwrap_or("");
    }
    out
}

/// The character that a text begins with in its number, and how long that is.
fn escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix("_x")?;
    [4, 8].into_iter().find_map(|digits| {
        let number = rest.get(..digits)?;
        rest.get(digits..)?.strip_prefix('_')?;
        let hex = number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(number, 16).ok().filter(|_| hex)?;
        Some((char::from_u32(code)?, digits + 3))
    })
}

/// Whether a name may begin with a character.
pub(super) fn starts(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}')
}

/// Whether a character may stand in a name.
pub(super) fn continues(c: char) -> bool {
    starts(c)
        || matches!(c,
            '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

//! The names in a definition without reading all of it: many definitions are looked through at start.

use std::collections::BTreeSet;

/// What a definition is called and what it offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The title.
    pub title: String,
    /// The version.
    pub version: String,
    /// Ids of operations and triggers.
    pub operations: BTreeSet<String>,
    /// How many of them start flows.
    pub triggers: usize,
}

/// Depth of the names that count: `paths`, the path, the method, `operationId`.
const DEPTH: usize = 4;

/// Looks for the names in JSON, as leniently as they are read later. What is no JSON has none.
pub fn index(definition: &[u8]) -> Index {
    let mut scan = Scan { bytes: definition, at: 0 };
    let mut index = Index::default();
    // The keys that lead to where the scan is, as far as they count.
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut depth = 0_usize;
    let mut key: &[u8] = b"";
    while let Some(token) = scan.next() {
        match token {
            Token::Open => {
                depth += 1;
                if depth <= DEPTH {
                    keys.push(std::mem::take(&mut key));
                }
            }
            Token::Close => {
                if depth <= DEPTH {
                    keys.pop();
                }
                depth = depth.saturating_sub(1);
            }
            Token::Text(text) if scan.is_key() => key = text,
            Token::Text(text) => note(&mut index, &keys, (depth, key), text),
        }
    }
    index
}

fn note(index: &mut Index, keys: &[&[u8]], (depth, key): (usize, &[u8]), text: &[u8]) {
    let text = || text_of(text);
    match (depth, keys, key) {
        (2, [_, b"info"], b"title") => text().trim().clone_into(&mut index.title),
        (2, [_, b"info"], b"version") => text().trim().clone_into(&mut index.version),
        (DEPTH, [_, b"paths", _, _], b"x-ms-trigger") => index.triggers += 1,
        (DEPTH, [_, b"paths", _, _], b"operationId") => {
            index.operations.insert(text().trim().to_owned());
        }
        _ => {}
    }
}

/// The text of a token with its escapes.
fn text_of(token: &[u8]) -> String {
    let text = String::from_utf8_lossy(token);
    if !text.contains('\\') {
        return text.into_owned();
    }
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.into_owned())
}

enum Token<'b> {
    Open,
    Close,
    Text(&'b [u8]),
}

/// Goes through the brackets and texts of JSON.
struct Scan<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Scan<'b> {
    fn next(&mut self) -> Option<Token<'b>> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'{' | b'[' => return Some(Token::Open),
                b'}' | b']' => return Some(Token::Close),
                b'"' => return Some(Token::Text(self.text())),
                b'/' => self.comment(),
                _ => {}
            }
        }
    }

    /// The inside of a text, from behind its quote on.
    fn text(&mut self) -> &'b [u8] {
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let end = self.at.min(self.bytes.len());
        self.at = end + 1;
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn comment(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let skipped = match rest.first() {
            Some(b'/') => rest.iter().position(|it| *it == b'\n'),
            Some(b'*') => rest.windows(2).position(|it| it == b"*/"),
            _ => Some(0),
        };
        self.at += skipped.unwrap_or(rest.len());
    }

    /// Whether a colon comes next.
    fn is_key(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().find(|it| !it.is_ascii_whitespace()) == Some(&b':')
    }
}

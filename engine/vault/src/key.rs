//! Keys of 256 bits: made at random, never from words.

use aws_lc_rs::rand;
use base::{Secret, base64};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// A key that seals and opens.
#[derive(Clone, Debug)]
pub struct Key(Secret<[u8; KEY_BYTES]>);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is nothing.
    #[error("it is empty; make one with `openssl rand -base64 32`")]
    Empty,
    /// It is not written as keys are.
    #[error(
        "a key is 32 random bytes as base64 or 64 hexadecimal digits; make one with `openssl rand -base64 32`"
    )]
    Malformed,
}

impl Key {
    /// A new key; `None` if the machine has no randomness.
    pub fn new() -> Option<Self> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes).ok()?;
        Some(Self(Secret::new(bytes)))
    }

    /// The keys of a text, one in a line or separated by commas.
    ///
    /// # Errors
    /// If there is none, or one is malformed.
    pub fn read_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let words = text.split(|it: char| it.is_whitespace() || it == ',');
        let keys: Result<Vec<Self>, KeyError> =
            words.filter(|it| !it.is_empty()).map(Self::read).collect();
        keys.and_then(|keys| if keys.is_empty() { Err(KeyError::Empty) } else { Ok(keys) })
    }

    fn read(word: &str) -> Result<Self, KeyError> {
        let bytes = if word.len() == 2 * KEY_BYTES {
            let pairs = word.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).ok());
            pairs.map(|it| u8::from_str_radix(it?, 16).ok()).collect()
        } else {
            base64::decode(word)
        };
        let bytes: Option<[u8; KEY_BYTES]> = bytes.and_then(|it: Vec<u8>| it.try_into().ok());
        bytes.map(|it| Self(Secret::new(it))).ok_or(KeyError::Malformed)
    }

    pub(crate) fn to_text(&self) -> Secret<String> {
        Secret::new(base64::encode(self.0.expose()))
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.expose()
    }
}

//! Texts as stores keep them: short ones as they are, long ones compressed and kept once.

use std::io::{self, Read as _};

use base::limits::INLINE_BYTES_MAX;

use crate::store::StoreError;

/// The fastest level that still halves JSON: bodies are written far more often than read.
const LEVEL: i32 = 1;

/// The text of an event as it will be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Beside its event.
    Inline(String),
    /// In a table of its own, by its digest.
    Packed(Packed),
}

/// A compressed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 of the text.
    pub sha: [u8; 32],
    /// Bytes of the text.
    pub length: i64,
    /// The text with Zstandard.
    pub zstd: Vec<u8>,
}

impl Body {
    /// Whether a text has to be compressed, which may take its time.
    pub const fn is_long(text: &str) -> bool {
        INLINE_BYTES_MAX < text.len()
    }

    /// Compresses a long text.
    pub fn new(text: String) -> io::Result<Self> {
        if Self::is_long(&text) {
            Packed::new(&text).map(Self::Packed)
        } else {
            Ok(Self::Inline(text))
        }
    }
}

impl Packed {
    /// Compresses a text of any length.
    pub fn new(text: &str) -> io::Result<Self> {
        let zstd = zstd::bulk::compress(text.as_bytes(), LEVEL)?;
        let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
        Ok(Self { sha: sha(text), length, zstd })
    }
}

/// What is kept beside a short text: the first eight bytes of its SHA-256, which is enough to find a
/// change that nobody made on purpose.
pub fn sum(text: &str) -> i64 {
    sha(text).iter().take(8).fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
}

/// A short text, if it is what it was.
pub fn checked(text: String, known: i64) -> Result<String, StoreError> {
    if known == sum(&text) { Ok(text) } else { Err(changed()) }
}

/// A long text, if it is what it was.
pub fn unpack_checked(known: &[u8], length: i64, zstd: &[u8]) -> Result<String, StoreError> {
    let text = unpack(length, zstd)?;
    if known == sha(&text) { Ok(text) } else { Err(changed()) }
}

/// Decompresses to the length that was written down, never more.
pub fn unpack(length: i64, zstd: &[u8]) -> Result<String, StoreError> {
    let damaged = || StoreError::Corrupt("a compressed text is damaged".to_owned());
    let length = u64::try_from(length).map_err(|_| damaged())?;
    let reader = zstd::stream::read::Decoder::with_buffer(zstd).map_err(|_| damaged())?;
    let mut text = String::new();
    reader.take(length.saturating_add(1)).read_to_string(&mut text).map_err(|_| damaged())?;
    if u64::try_from(text.len()) == Ok(length) { Ok(text) } else { Err(damaged()) }
}

fn changed() -> StoreError {
    StoreError::Corrupt("the text of an event is not what it was".to_owned())
}

fn sha(text: &str) -> [u8; 32] {
    base::digest::sha256(text.as_bytes())
}

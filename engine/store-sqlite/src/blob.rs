//! Long texts, compressed and kept once: the events that are too long for their table.

use std::io::Read as _;

use base::limits::INLINE_BYTES_MAX;
use journal::StoreError;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::{Failure, WriteError, reading};

/// The fastest level that still halves JSON: bodies are written far more often than read.
const LEVEL: i32 = 1;

/// The text of an event as it will be stored.
pub(crate) enum Body {
    Inline(String),
    Packed(Packed),
}

/// A compressed text.
pub(crate) struct Packed {
    pub(crate) sha: [u8; 32],
    pub(crate) length: i64,
    pub(crate) zstd: Vec<u8>,
}

impl Body {
    /// Compresses a long text, on a thread where that may take its time.
    pub(crate) async fn new(text: String) -> Result<Self, StoreError> {
        if text.len() <= INLINE_BYTES_MAX {
            return Ok(Self::Inline(text));
        }
        let packed = tokio::task::spawn_blocking(move || Packed::new(&text)).await;
        let packed = packed.map_err(|error| Failure::new("compressing did not end", error))?;
        packed.map(Self::Packed)
    }

    /// Adds the event to a run.
    pub(crate) fn insert(&self, connection: &Connection, run: i64) -> Result<(), WriteError> {
        match self {
            Self::Inline(text) => {
                let sql = "INSERT INTO event (run, text, sum) VALUES (?1, ?2, ?3)";
                connection.prepare_cached(sql)?.execute(params![run, text, sum(&sha(text))])?;
            }
            Self::Packed(packed) => {
                let blob = packed.insert(connection)?;
                let sql = "INSERT INTO event (run, blob) VALUES (?1, ?2)";
                connection.prepare_cached(sql)?.execute(params![run, blob])?;
            }
        }
        Ok(())
    }
}

impl Packed {
    pub(crate) fn new(text: &str) -> Result<Self, StoreError> {
        let compress = |error| Failure::new("could not compress a text", error);
        let zstd = zstd::bulk::compress(text.as_bytes(), LEVEL).map_err(compress)?;
        let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
        Ok(Self { sha: sha(text), length, zstd })
    }

    fn insert(&self, connection: &Connection) -> Result<i64, WriteError> {
        let sql = "SELECT id FROM blob WHERE sha = ?1";
        let known = connection.prepare_cached(sql)?.query_row([self.sha], |row| row.get(0));
        if let Some(id) = known.optional()? {
            return Ok(id);
        }
        let sql = "INSERT INTO blob (sha, length, zstd) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![self.sha, self.length, self.zstd])?;
        Ok(connection.last_insert_rowid())
    }
}

/// The text of an event row: `text`, `sum`, and `sha`, `length`, `zstd` of its blob. Finds every
/// change that the disk or somebody made to it.
pub(crate) fn text(row: &Row<'_>) -> Result<String, StoreError> {
    let inline: Option<String> = row.get(0).map_err(reading)?;
    let (text, is_same) = if let Some(text) = inline {
        let known: i64 = row.get(1).map_err(reading)?;
        let is_same = known == sum(&sha(&text));
        (text, is_same)
    } else {
        let known: [u8; 32] = row.get(2).map_err(reading)?;
        let text = unpack(row.get(3).map_err(reading)?, row.get_ref(4).map_err(reading)?)?;
        let is_same = known == sha(&text);
        (text, is_same)
    };
    if is_same {
        Ok(text)
    } else {
        Err(StoreError::Corrupt("the text of an event is not what it was".to_owned()))
    }
}

fn sha(text: &str) -> [u8; 32] {
    base::digest::sha256(text.as_bytes())
}

/// The first eight bytes: enough to find a change that nobody made on purpose.
fn sum(sha: &[u8; 32]) -> i64 {
    sha.iter().take(8).fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
}

/// Decompresses to the length that was written down, never more.
pub(crate) fn unpack(
    length: i64,
    zstd: rusqlite::types::ValueRef<'_>,
) -> Result<String, StoreError> {
    let damaged = || StoreError::Corrupt("a compressed text is damaged".to_owned());
    let length = u64::try_from(length).map_err(|_| damaged())?;
    let zstd = zstd.as_blob().map_err(|_| damaged())?;
    let reader = zstd::stream::read::Decoder::with_buffer(zstd).map_err(|_| damaged())?;
    let mut text = String::new();
    reader.take(length.saturating_add(1)).read_to_string(&mut text).map_err(|_| damaged())?;
    if u64::try_from(text.len()) == Ok(length) { Ok(text) } else { Err(damaged()) }
}

//! Long texts, compressed and kept once: the events that are too long for their table.

use journal::{
    StoreError,
    body::{self, Body, Packed},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::{Failure, WriteError, reading};

/// Compresses a long text, on a thread where that may take its time.
pub(crate) async fn pack(text: String) -> Result<Body, StoreError> {
    if !Body::is_long(&text) {
        return Ok(Body::Inline(text));
    }
    let packed = tokio::task::spawn_blocking(move || Body::new(text)).await;
    let packed = packed.map_err(|error| Failure::new("compressing did not end", error))?;
    packed.map_err(|error| compressing(error).into())
}

pub(crate) fn compressing(error: std::io::Error) -> Failure {
    Failure::new("could not compress a text", error)
}

/// Adds a row of events to a run.
pub(crate) fn insert(row: &Body, connection: &Connection, run: i64) -> Result<(), WriteError> {
    match row {
        Body::Inline(text) => {
            let sql = "INSERT INTO event (run, text, sum) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![run, text, body::sum(text)])?;
        }
        Body::Packed(packed) => {
            let blob = insert_packed(packed, connection)?;
            let sql = "INSERT INTO event (run, blob) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![run, blob])?;
        }
    }
    Ok(())
}

fn insert_packed(packed: &Packed, connection: &Connection) -> Result<i64, WriteError> {
    let sql = "SELECT id FROM blob WHERE sha = ?1";
    let known = connection.prepare_cached(sql)?.query_row([packed.sha], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok(id);
    }
    let sql = "INSERT INTO blob (sha, length, zstd) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![packed.sha, packed.length, packed.zstd])?;
    Ok(connection.last_insert_rowid())
}

/// The text of a row of events: `text`, `sum`, and `sha`, `length`, `zstd` of its blob. Finds every
/// change that the disk or somebody made to it.
pub(crate) fn text(row: &Row<'_>) -> Result<String, StoreError> {
    let inline: Option<String> = row.get(0).map_err(reading)?;
    if let Some(text) = inline {
        return body::checked(text, row.get(1).map_err(reading)?);
    }
    let known: [u8; 32] = row.get(2).map_err(reading)?;
    body::unpack_checked(&known, row.get(3).map_err(reading)?, bytes(row, 4)?)
}

/// The bytes of a column.
pub(crate) fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    let damaged = |_| StoreError::Corrupt("a compressed text is damaged".to_owned());
    row.get_ref(column).map_err(reading)?.as_blob().map_err(damaged)
}

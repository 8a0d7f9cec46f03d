//! The table of flow versions.

use journal::{
    FlowVersion, StoreError,
    body::{self, Packed as PackedText},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    blob::{bytes, compressing},
    error::{Failure, WriteError, reading},
};

/// A flow version as it will be stored.
pub(crate) struct Packed {
    sha: String,
    flow: String,
    files: PackedText,
}

impl Packed {
    pub(crate) fn new(version: FlowVersion) -> Result<Self, StoreError> {
        let files = serde_json::to_string(&version.files)
            .map_err(|error| Failure::new("could not write a flow version as text", error))?;
        Ok(Self {
            sha: version.sha,
            flow: version.flow,
            files: PackedText::new(&files).map_err(compressing)?,
        })
    }

    /// Adds the version unless it is known.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), WriteError> {
        let sql = "INSERT INTO flow_version (sha, flow, length, files) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (sha) DO NOTHING";
        let Self { sha, flow, files } = self;
        connection.prepare_cached(sql)?.execute(params![sha, flow, files.length, files.zstd])?;
        Ok(())
    }
}

/// The row of a version.
pub(crate) fn id(connection: &Connection, sha: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM flow_version WHERE sha = ?1";
    connection.prepare_cached(sql)?.query_row([sha], |row| row.get(0)).optional()
}

/// A version by its sha.
pub(crate) fn find(
    connection: &Connection,
    sha: String,
) -> Result<Option<FlowVersion>, StoreError> {
    let sql = "SELECT flow, length, files FROM flow_version WHERE sha = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(reading)?;
    let mut rows = statement.query([&sha]).map_err(reading)?;
    let Some(row) = rows.next().map_err(reading)? else { return Ok(None) };
    let flow = row.get(0).map_err(reading)?;
    let files = body::unpack(row.get(1).map_err(reading)?, bytes(row, 2)?)?;
    let files = serde_json::from_str(&files)
        .map_err(|_| StoreError::Corrupt(format!("the files of flow version `{sha}`")))?;
    Ok(Some(FlowVersion { sha, flow, files }))
}

//! The table of flow versions.

use base::Timestamp;
use journal::{
    FlowVersion, StoreError, VersionRow,
    body::{self, Packed as PackedText},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    blob::{bytes, compressing},
    error::{Failure, WriteError, reading},
    runs::to_i64,
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
        let sql = "INSERT INTO flow_version (sha, flow, length, files, stored)
            VALUES (?1, ?2, ?3, ?4, unixepoch() * 10000000)
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

/// The versions of a flow, the newest first.
pub(crate) fn versions(
    connection: &Connection,
    flow: &str,
    limit: usize,
) -> Result<Vec<VersionRow>, StoreError> {
    let sql = "SELECT sha, stored FROM flow_version WHERE flow = ?1 ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(reading)?;
    let row = |row: &Row<'_>| {
        let stored = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_ticks);
        Ok(VersionRow { sha: row.get(0)?, stored })
    };
    let rows = statement.query_map(params![flow, to_i64(limit)], row).map_err(reading)?;
    rows.collect::<Result<_, _>>().map_err(reading)
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

//! What operators have changed. It belongs to no shard, so it is written past the writer, by whoever is asked.

use base::{Duration, Timestamp};
use journal::{AUDIT_KEPT, AuditEntry, AuditFilter, StoreError, VersionRow};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    error::Failure,
    list::to_i64,
    readers::{Readers, get},
};

/// Adds an entry and takes old ones away. Gives its number.
pub(crate) async fn insert(readers: &Readers, entry: AuditEntry) -> Result<u64, StoreError> {
    let AuditEntry { at, who, action, target, about, status, .. } = entry;
    let status = status.map(i32::from);
    let about = serde_json::to_string(&about)
        .map_err(|error| Failure::new("could not write a change as text", error))?;
    let forgotten = at.after(Duration::from_ticks(-AUDIT_KEPT.ticks())).ticks();
    let sql = "WITH old AS (DELETE FROM flowright.audit WHERE at < $6)
        INSERT INTO flowright.audit (at, who, action, target, about, status)
        VALUES ($1, $2, $3, $4, $5, $7) RETURNING number";
    let values: &[&(dyn ToSql + Sync)] =
        &[&at.ticks(), &who, &action, &target, &about, &forgotten, &status];
    let rows = readers.query(sql, values).await?;
    let number = rows.first().map(|row| get::<i64>(row, 0)).transpose()?;
    Ok(number.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
}

/// What a change was answered with.
pub(crate) async fn settle(readers: &Readers, number: u64, status: u16) -> Result<(), StoreError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let sql = "UPDATE flowright.audit SET status = $2 WHERE number = $1";
    readers.query(sql, &[&number, &i32::from(status)]).await.map(drop)
}

/// The changes that pass a filter, newest first.
pub(crate) async fn list(
    readers: &Readers,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let before = before.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    let (from, until) = (filter.from.map(Timestamp::ticks), filter.until.map(Timestamp::ticks));
    let sql = "SELECT number, at, who, action, target, about, status FROM flowright.audit
        WHERE ($1::text IS NULL OR who = $1) AND ($2::text IS NULL OR action = $2)
            AND ($3::text IS NULL OR target = $3) AND ($4::bigint IS NULL OR at >= $4)
            AND ($5::bigint IS NULL OR at < $5) AND ($6::bigint IS NULL OR number < $6)
        ORDER BY number DESC LIMIT $7";
    let limit = to_i64(limit);
    let values: &[&(dyn ToSql + Sync)] =
        &[&filter.who, &filter.action, &filter.target, &from, &until, &before, &limit];
    readers.query(sql, values).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEntry, StoreError> {
    let number: i64 = get(row, 0)?;
    let about = serde_json::from_str(get(row, 5)?)
        .map_err(|_| StoreError::Corrupt(format!("the change {number} of the audit log")))?;
    let status: Option<i32> = get(row, 6)?;
    Ok(AuditEntry {
        number: u64::try_from(number).unwrap_or(0),
        at: Timestamp::from_ticks(get(row, 1)?),
        who: get(row, 2)?,
        action: get(row, 3)?,
        target: get(row, 4)?,
        about,
        status: status.and_then(|it| u16::try_from(it).ok()),
    })
}

/// The versions of a flow, the newest first.
pub(crate) async fn versions(
    readers: &Readers,
    flow: &str,
    limit: usize,
) -> Result<Vec<VersionRow>, StoreError> {
    let sql = "SELECT sha, (extract(epoch FROM stored) * 10000000)::bigint
        FROM flowright.flow_version WHERE flow = $1 ORDER BY id DESC LIMIT $2";
    let row = |row: &Row| {
        let stored = get::<Option<i64>>(row, 1)?.map(Timestamp::from_ticks);
        Ok(VersionRow { sha: get(row, 0)?, stored })
    };
    readers.query(sql, &[&flow, &to_i64(limit)]).await?.iter().map(row).collect()
}

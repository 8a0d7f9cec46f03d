//! The table of what operators have changed.

use base::{Duration, Timestamp};
use journal::{AUDIT_KEPT, AuditEntry, AuditFilter, StoreError};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    error::{Failure, WriteError, reading},
    runs::to_i64,
};

/// An entry as it will be stored.
pub(crate) struct NewEntry {
    entry: AuditEntry,
    about: String,
}

impl NewEntry {
    pub(crate) fn new(entry: AuditEntry) -> Result<Self, StoreError> {
        let about = serde_json::to_string(&entry.about)
            .map_err(|error| Failure::new("could not write a change as text", error))?;
        Ok(Self { entry, about })
    }

    /// Adds the entry and takes old ones away. Gives its number.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<u64, WriteError> {
        let Self { entry, about } = self;
        let forgotten = entry.at.after(Duration::from_ticks(-AUDIT_KEPT.ticks()));
        let sql = "DELETE FROM audit WHERE at < ?1";
        connection.prepare_cached(sql)?.execute([forgotten.ticks()])?;
        let sql = "INSERT INTO audit (at, who, action, target, about, status)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let AuditEntry { at, who, action, target, status, .. } = entry;
        let values = params![at.ticks(), who, action, target, about, status];
        connection.prepare_cached(sql)?.execute(values)?;
        Ok(u64::try_from(connection.last_insert_rowid()).unwrap_or(0))
    }
}

/// What a change was answered with.
pub(crate) fn settle(connection: &Connection, number: u64, status: u16) -> Result<(), WriteError> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let sql = "UPDATE audit SET status = ?2 WHERE number = ?1";
    connection.prepare_cached(sql)?.execute(params![number, status])?;
    Ok(())
}

/// The changes that pass a filter, newest first.
pub(crate) fn list(
    connection: &Connection,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let before = before.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    let (from, until) = (filter.from.map(Timestamp::ticks), filter.until.map(Timestamp::ticks));
    let wanted: [(&str, Option<Box<dyn ToSql>>); 6] = [
        ("who = ?", boxed(filter.who.clone())),
        ("action = ?", boxed(filter.action.clone())),
        ("target = ?", boxed(filter.target.clone())),
        ("at >= ?", boxed(from)),
        ("at < ?", boxed(until)),
        ("number < ?", boxed(before)),
    ];
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    for (condition, value) in wanted {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    let narrowed = conditions.join(" AND ");
    let narrowed = if narrowed.is_empty() { narrowed } else { format!("WHERE {narrowed}") };
    values.push(Box::new(to_i64(limit)));
    let sql = format!(
        "SELECT number, at, who, action, target, about, status FROM audit {narrowed}
        ORDER BY number DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(reading)?;
    let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
    let mut rows = statement.query(&values[..]).map_err(reading)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(reading)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn boxed(value: Option<impl ToSql + 'static>) -> Option<Box<dyn ToSql>> {
    value.map(|it| Box::new(it) as Box<dyn ToSql>)
}

fn read(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    let number: i64 = row.get(0).map_err(reading)?;
    let about: String = row.get(5).map_err(reading)?;
    let about = serde_json::from_str(&about)
        .map_err(|_| StoreError::Corrupt(format!("the change {number} of the audit log")))?;
    Ok(AuditEntry {
        number: u64::try_from(number).unwrap_or(0),
        at: Timestamp::from_ticks(row.get(1).map_err(reading)?),
        who: row.get(2).map_err(reading)?,
        action: row.get(3).map_err(reading)?,
        target: row.get(4).map_err(reading)?,
        about,
        status: row.get(6).map_err(reading)?,
    })
}

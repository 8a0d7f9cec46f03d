//! Deleting what is not kept any longer, and giving its room back.

use base::Timestamp;
use journal::{Expired, Expiry};
use rusqlite::{Connection, params};

use crate::{error::WriteError, runs::to_i64};

/// Free pages that are given back to the disk at a time: 16 MB of those that new files have.
const PAGES_MAX: usize = 2_048;
/// Free pages that stay, for what is written next.
const PAGES_KEPT: i64 = 512;

/// Deletes ended runs, and known events. Nobody else writes meanwhile.
pub(crate) fn expire(connection: &Connection, expiry: &Expiry) -> Result<Expired, WriteError> {
    let Some(key) = &expiry.key else {
        let runs = old_runs(connection, expiry.ended, expiry.limit)?;
        delete(connection, &runs)?;
        let sql = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE since < ?1
            AND NOT EXISTS (SELECT 1 FROM run WHERE run.run = inbox.run) ORDER BY since LIMIT ?2)";
        let values = params![expiry.known.ticks(), to_i64(expiry.limit)];
        let known = connection.prepare_cached(sql)?.execute(values)?;
        give_back(connection)?;
        return Ok(Expired { runs: runs.len(), known });
    };
    // What was there is overwritten, not only given free.
    connection.pragma_update(None, "secure_delete", true)?;
    let purged = purge(connection, key, expiry);
    connection.pragma_update(None, "secure_delete", false)?;
    purged
}

/// Deletes the runs of a key and those that they called, and by what their events are known.
fn purge(connection: &Connection, key: &str, expiry: &Expiry) -> Result<Expired, WriteError> {
    let sql = "WITH RECURSIVE family (run) AS (SELECT run FROM run WHERE order_key = ?1
            UNION SELECT called.run FROM run AS called JOIN family ON called.parent_run = family.run)
        SELECT position FROM run WHERE run IN (SELECT run FROM family) AND finished < ?2
        AND NOT EXISTS (SELECT 1 FROM run AS caller
            WHERE caller.run = run.parent_run AND caller.status IS NULL)
        AND NOT EXISTS (SELECT 1 FROM run AS called
            WHERE called.parent_run = run.run AND called.status IS NULL)
        ORDER BY finished, position LIMIT ?3";
    let values = params![key, expiry.ended.ticks(), to_i64(expiry.limit)];
    let runs = numbers(connection, sql, values)?;
    if runs.is_empty() {
        return Ok(Expired::default());
    }
    // There is no index of what is known by its run: one look is for all of them.
    let positions: Vec<String> = runs.iter().map(ToString::to_string).collect();
    let sql = format!(
        "DELETE FROM inbox WHERE run IN (SELECT run FROM run WHERE position IN ({}))",
        positions.join(", ")
    );
    let known = connection.execute(&sql, [])?;
    delete(connection, &runs)?;
    give_back(connection)?;
    Ok(Expired { runs: runs.len(), known })
}

/// Deletes runs with what only they have.
fn delete(connection: &Connection, runs: &[i64]) -> Result<(), WriteError> {
    for run in runs {
        let sql = "SELECT DISTINCT blob FROM event WHERE run = ?1 AND blob IS NOT NULL";
        let blobs: Vec<i64> = numbers(connection, sql, params![run])?;
        connection.prepare_cached("DELETE FROM event WHERE run = ?1")?.execute([run])?;
        for blob in blobs {
            let sql = "DELETE FROM blob WHERE id = ?1
                AND NOT EXISTS (SELECT 1 FROM event WHERE event.blob = ?1)";
            connection.prepare_cached(sql)?.execute([blob])?;
        }
        connection.prepare_cached("DELETE FROM run WHERE position = ?1")?.execute([run])?;
    }
    Ok(())
}

fn old_runs(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT position FROM run WHERE finished < ?1
        AND NOT EXISTS (SELECT 1 FROM run AS caller
            WHERE caller.run = run.parent_run AND caller.status IS NULL)
        AND NOT EXISTS (SELECT 1 FROM run AS called
            WHERE called.parent_run = run.run AND called.status IS NULL)
        ORDER BY finished, position LIMIT ?2";
    numbers(connection, sql, params![before.ticks(), to_i64(limit)])
}

fn numbers(
    connection: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(values, |row| row.get(0))?.collect()
}

/// Shortens the file. One that was made before this was possible keeps its length and is filled
/// again.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    if free <= PAGES_KEPT {
        return Ok(());
    }
    let pages = PAGES_MAX.min(usize::try_from(free - PAGES_KEPT).unwrap_or(0));
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    // Each row is a page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// Bytes of the pages that hold something.
pub(crate) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
    };
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(u64::try_from(pages.saturating_mul(number("page_size")?)).unwrap_or(0))
}

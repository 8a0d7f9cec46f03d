//! The table of timers.

use base::{RunId, Timestamp};
use journal::{Append, Path, StoreError, Timer, status};
use rusqlite::{Connection, params};

use crate::{
    error::{WriteError, reading},
    runs::{path_of, to_i64},
};

/// What a step does to the timers of its run: first those go whose event came or that are not
/// wanted any more, then new ones are set; at the end of the run all go.
pub(crate) fn apply(connection: &Connection, run: i64, step: &Append) -> Result<(), WriteError> {
    for (path, deadline) in step.events.iter().filter_map(status::ended_timer) {
        remove(connection, run, path, deadline)?;
    }
    for (path, deadline) in &step.disarm {
        remove(connection, run, path, *deadline)?;
    }
    for timer in &step.arm {
        let sql = "INSERT INTO timer (run, path, deadline, due) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (run, path, deadline) DO UPDATE SET due = excluded.due";
        let path = timer.path.as_str();
        let row = params![run, path, timer.deadline, timer.due.ticks()];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    if step.events.last().and_then(status::end).is_some() {
        connection.prepare_cached("DELETE FROM timer WHERE run = ?1")?.execute([run])?;
    }
    Ok(())
}

fn remove(
    connection: &Connection,
    run: i64,
    path: &Path,
    deadline: bool,
) -> Result<(), WriteError> {
    let sql = "DELETE FROM timer WHERE run = ?1 AND path = ?2 AND deadline = ?3";
    connection.prepare_cached(sql)?.execute(params![run, path.as_str(), deadline])?;
    Ok(())
}

/// Timers that are due, earliest first.
pub(crate) fn due(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    let sql = "SELECT run.run, timer.path, timer.deadline, timer.due
        FROM timer JOIN run ON run.position = timer.run
        WHERE timer.due <= ?1 ORDER BY timer.due, timer.id LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(reading)?;
    let limit = to_i64(limit);
    let mut rows = statement.query(params![until.ticks(), limit]).map_err(reading)?;
    let mut timers = Vec::new();
    while let Some(row) = rows.next().map_err(reading)? {
        timers.push(Timer {
            run: RunId::new(row.get::<_, String>(0).map_err(reading)?),
            path: path_of(row.get(1).map_err(reading)?)?,
            deadline: row.get(2).map_err(reading)?,
            due: Timestamp::from_ticks(row.get(3).map_err(reading)?),
        });
    }
    Ok(timers)
}

/// When the next timer is due.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT min(due) FROM timer").map_err(reading)?;
    let due: Option<i64> = statement.query_row([], |row| row.get(0)).map_err(reading)?;
    Ok(due.map(Timestamp::from_ticks))
}

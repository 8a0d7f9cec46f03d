//! Lists of runs.

use base::{RunId, Status, Timestamp};
use journal::{Page, Parent, RunFilter, RunRow, StoreError, codec};
use rusqlite::{Connection, Row, ToSql};
use serde_json::Value;

use crate::{
    error::reading,
    runs::{path_of, to_i64},
};

pub(crate) const ROW: &str =
    "SELECT position, run, run.flow, sha, trigger_name, order_key, parent_run,
    parent_path, status, error, created, finished, again_of, asleep, turn, paused
    FROM run JOIN flow_version ON flow_version.id = run.version";

/// Open runs that do not sleep or have their turn, in the order of admission.
pub(crate) fn awake_runs(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    // As the index has it.
    let sql = format!(
        "{ROW} WHERE status IS NULL AND (turn OR NOT asleep) AND position > ?1
        ORDER BY position LIMIT ?2"
    );
    rows(connection, &sql, &[&to_i64(after), &to_i64(limit)])
}

/// A part of the runs that pass a filter, newest first.
pub(crate) fn list(
    connection: &Connection,
    filter: &RunFilter,
    page: Page,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let mut narrowed = Conditions::of(filter);
    let order = match page {
        Page::Newest => "DESC",
        Page::Before(position) => {
            narrowed.add("position < ?", to_i64(position));
            "DESC"
        }
        Page::After(position) => {
            narrowed.add("position > ?", to_i64(position));
            "ASC"
        }
    };
    let sql = format!("{ROW} {} ORDER BY position {order} LIMIT ?", narrowed.sql());
    narrowed.values.push(Box::new(to_i64(limit)));
    let mut found = rows(connection, &sql, &narrowed.values())?;
    if matches!(page, Page::After(_)) {
        found.reverse();
    }
    Ok(found)
}

/// How many runs pass a filter, as far as they are counted.
pub(crate) fn count(
    connection: &Connection,
    filter: &RunFilter,
    most: usize,
) -> Result<usize, StoreError> {
    let mut narrowed = Conditions::of(filter);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM run {} LIMIT ?)", narrowed.sql());
    narrowed.values.push(Box::new(to_i64(most)));
    let mut statement = connection.prepare_cached(&sql).map_err(reading)?;
    let values = narrowed.values();
    let count: i64 = statement.query_row(&values[..], |row| row.get(0)).map_err(reading)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// How a status is asked for. The indexes leave out those that most runs have, and are used by who says so.
fn asked(status: Status) -> &'static str {
    if status == Status::Succeeded { "status = ?" } else { "status = ? AND status <> 'Succeeded'" }
}

/// What a filter asks of a row, with its values in their order.
#[derive(Default)]
struct Conditions {
    all: Vec<String>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn of(filter: &RunFilter) -> Self {
        let mut it = Self::default();
        let run = |run: &RunId| run.as_str().to_owned();
        let texts = [
            ("run.flow = ?", filter.flow.clone()),
            ("trigger_name = ?", filter.trigger.clone()),
            ("order_key = ?", filter.key.clone()),
            ("error_code = ?", filter.code.clone()),
            ("parent_run = ?", filter.parent.as_ref().map(run)),
            ("again_of = ?", filter.again_of.as_ref().map(run)),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                it.add(condition, value);
            }
        }
        for (condition, at) in [("created >= ?", filter.from), ("created < ?", filter.until)] {
            if let Some(at) = at {
                it.add(condition, at.ticks());
            }
        }
        if filter.open || !filter.statuses.is_empty() {
            let mut any: Vec<&str> = filter.statuses.iter().map(|it| asked(*it)).collect();
            if filter.open {
                // As the index has it.
                any.push(match filter.paused {
                    None => "status IS NULL",
                    Some(true) => "status IS NULL AND paused",
                    Some(false) => "status IS NULL AND NOT paused",
                });
            }
            it.all.push(format!("({})", any.join(" OR ")));
            it.values
                .extend(filter.statuses.iter().map(|it| Box::new(it.name()) as Box<dyn ToSql>));
        }
        it
    }

    fn add(&mut self, condition: &str, value: impl ToSql + 'static) {
        self.all.push(condition.to_owned());
        self.values.push(Box::new(value));
    }

    fn sql(&self) -> String {
        if self.all.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.all.join(" AND "))
        }
    }

    fn values(&self) -> Vec<&dyn ToSql> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}

pub(crate) fn rows(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<RunRow>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(reading)?;
    let mut found = statement.query(values).map_err(reading)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(reading)? {
        rows.push(read_row(row)?);
    }
    Ok(rows)
}

fn read_row(row: &Row<'_>) -> Result<RunRow, StoreError> {
    let text = |index| row.get::<_, String>(index).map_err(reading);
    let maybe = |index| row.get::<_, Option<String>>(index).map_err(reading);
    let position: i64 = row.get(0).map_err(reading)?;
    let run = text(1)?;
    let corrupt = |what| StoreError::Corrupt(format!("{what} of run `{run}`"));
    let parent = match (maybe(6)?, maybe(7)?) {
        (Some(run), Some(path)) => Some(Parent { run: RunId::new(run), path: path_of(path)? }),
        _ => None,
    };
    let status = maybe(8)?.map(|name| Status::parse(&name).ok_or_else(|| corrupt("the status")));
    let error: Option<Result<Value, _>> = maybe(9)?.map(|text| codec::decode_value(&text));
    Ok(RunRow {
        position: u64::try_from(position).map_err(|_| corrupt("the position"))?,
        run: RunId::new(run.clone()),
        flow: text(2)?,
        sha: text(3)?,
        trigger: text(4)?,
        key: maybe(5)?,
        parent,
        again_of: maybe(12)?.map(RunId::new),
        asleep: row.get(13).map_err(reading)?,
        turn: row.get(14).map_err(reading)?,
        paused: row.get(15).map_err(reading)?,
        status: status.transpose()?,
        error: error.transpose().map_err(|_| corrupt("the error"))?,
        created: Timestamp::from_ticks(row.get(10).map_err(reading)?),
        finished: row.get::<_, Option<i64>>(11).map_err(reading)?.map(Timestamp::from_ticks),
    })
}

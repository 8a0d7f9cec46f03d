//! The tables of runs, their events and known events: admission, steps, reading.

use base::{RunId, Status, Timestamp};
use journal::{
    Admission, Admitted, Append, Event, Parent, Path, RunFilter, RunRow, StoreError, body::Body,
    codec, status,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use crate::{
    blob,
    error::{WriteError, reading},
    flows, timers,
};

/// An admission with the text of its first event.
pub(crate) struct Entry {
    admission: Admission,
    started: Body,
    then: Option<Step>,
}

/// A step with the texts of its events.
pub(crate) struct Step {
    append: Append,
    events: Vec<Body>,
    children: Vec<Entry>,
}

/// Checks admissions as far as that can be done without the database.
pub(crate) async fn new_entries(admissions: Vec<Admission>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::with_capacity(admissions.len());
    for mut admission in admissions {
        let started = blob::pack(status::check_admission(&admission)?).await?;
        let then = match admission.first_step() {
            Some(append) => {
                let events = bodies(&append).await?;
                Some(Step { append, events, children: Vec::new() })
            }
            None => None,
        };
        entries.push(Entry { admission, started, then });
    }
    Ok(entries)
}

async fn bodies(append: &Append) -> Result<Vec<Body>, StoreError> {
    let mut events = Vec::with_capacity(append.events.len());
    for text in status::check_append(append)? {
        events.push(blob::pack(text).await?);
    }
    Ok(events)
}

/// Checks steps as far as that can be done without the database.
pub(crate) async fn new_steps(batch: Vec<Append>) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::with_capacity(batch.len());
    for mut append in batch {
        let events = bodies(&append).await?;
        let children = new_entries(std::mem::take(&mut append.children)).await?;
        steps.push(Step { append, events, children });
    }
    Ok(steps)
}

impl Entry {
    /// Starts the run, unless the event is known.
    pub(crate) fn admit(&self, connection: &Connection) -> Result<Admitted, WriteError> {
        let new = &self.admission;
        if let Some(key) = &new.dedupe {
            let sql = "SELECT run FROM inbox
                WHERE flow = ?1 AND trigger_name = ?2 AND dedupe_key = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let known =
                statement.query_row([&new.flow, &new.trigger, key], |row| row.get::<_, String>(0));
            if let Some(run) = known.optional()? {
                return Ok(Admitted::Duplicate(RunId::new(run)));
            }
        }
        let version = flows::id(connection, &new.sha)?;
        let version = version.ok_or_else(|| status::unknown_version(new))?;
        let position = self.insert(connection, version)?;
        blob::insert(&self.started, connection, position)?;
        for event in self.then.iter().flat_map(|step| &step.events) {
            blob::insert(event, connection, position)?;
        }
        Ok(Admitted::New(new.run.clone()))
    }

    fn insert(&self, connection: &Connection, version: i64) -> Result<i64, WriteError> {
        let new = &self.admission;
        let sql = "INSERT INTO run (run, version, flow, trigger_name, order_key, parent_run,
            parent_path, created, finished, status, error)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (run) DO NOTHING";
        // One that has ended already is not written as an open one first.
        let end =
            self.then.as_ref().and_then(|step| step.append.events.last()).and_then(status::end);
        let inserted = connection.prepare_cached(sql)?.execute(params![
            new.run.as_str(),
            version,
            new.flow,
            new.trigger,
            new.key,
            new.parent.as_ref().map(|parent| parent.run.as_str()),
            new.parent.as_ref().map(|parent| parent.path.as_str()),
            new.started.at.ticks(),
            end.as_ref().map(|end| end.at.ticks()),
            end.as_ref().map(|end| end.status.name()),
            end.and_then(|end| end.error).map(|error| error.to_string()),
        ])?;
        if inserted == 0 {
            return Err(status::already_begun(new).into());
        }
        let position = connection.last_insert_rowid();
        if let Some(key) = &new.dedupe {
            let sql = "INSERT INTO inbox (flow, trigger_name, dedupe_key, run)
                VALUES (?1, ?2, ?3, ?4)";
            let row = params![new.flow, new.trigger, key, new.run.as_str()];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(position)
    }
}

impl Step {
    /// Adds the step to its run. Gives what became of its children.
    pub(crate) fn append(&self, connection: &Connection) -> Result<Vec<Admitted>, WriteError> {
        let append = &self.append;
        let Some((position, has_ended)) = find(connection, &append.run)? else {
            return Err(StoreError::UnknownRun(append.run.clone()).into());
        };
        if has_ended {
            return Err(status::already_ended(append).into());
        }
        self.insert(connection, position)?;
        timers::apply(connection, position, append)?;
        self.children.iter().map(|child| child.admit(connection)).collect()
    }

    /// Adds the events to an open run, which may end it.
    fn insert(&self, connection: &Connection, position: i64) -> Result<(), WriteError> {
        for event in &self.events {
            blob::insert(event, connection, position)?;
        }
        if let Some(end) = self.append.events.last().and_then(status::end) {
            let sql = "UPDATE run SET status = ?2, error = ?3, finished = ?4 WHERE position = ?1";
            let error = end.error.map(|error| error.to_string());
            let row = params![position, end.status.name(), error, end.at.ticks()];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(())
    }
}

/// Position of a run, and whether it has ended.
fn find(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<(i64, bool)>> {
    let sql = "SELECT position, status IS NOT NULL FROM run WHERE run = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

const ROW: &str = "SELECT position, run, run.flow, sha, trigger_name, order_key, parent_run,
    parent_path, status, error, created, finished
    FROM run JOIN flow_version ON flow_version.id = run.version";

/// A run with all its events, as they were at one moment.
pub(crate) fn load(
    connection: &Connection,
    run: &RunId,
) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
    let tx = connection.unchecked_transaction().map_err(reading)?;
    let sql = format!("{ROW} WHERE run = ?1");
    let Some(row) = rows(&tx, &sql, &[&run.as_str()])?.pop() else { return Ok(None) };
    let sql = "SELECT text, sum, sha, length, zstd
        FROM event LEFT JOIN blob ON blob.id = event.blob
        WHERE event.run = ?1 ORDER BY event.id";
    let mut statement = tx.prepare_cached(sql).map_err(reading)?;
    let mut found = statement.query([to_i64(row.position)]).map_err(reading)?;
    let corrupt = |reason: &dyn std::fmt::Display| {
        StoreError::Corrupt(format!("events of run `{run}`: {reason}"))
    };
    let mut events = Vec::new();
    while let Some(event) = found.next().map_err(reading)? {
        let event = codec::decode(&blob::text(event)?).map_err(|error| corrupt(&error))?;
        events.push(event);
    }
    let end = status::check_history(&events).map_err(|reason| corrupt(&reason))?;
    if end.map(|end| end.status) == row.status {
        Ok(Some((row, events)))
    } else {
        Err(corrupt(&"they do not end as the run does"))
    }
}

/// Open runs in the order of admission.
pub(crate) fn open_runs(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let sql = format!("{ROW} WHERE status IS NULL AND position > ?1 ORDER BY position LIMIT ?2");
    rows(connection, &sql, &[&to_i64(after), &to_i64(limit)])
}

/// Runs that pass a filter, newest first.
pub(crate) fn list(
    connection: &Connection,
    filter: &RunFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let status = filter.status.map(Status::name);
    let before = before.map_or(i64::MAX, to_i64);
    let mut sql = format!("{ROW} WHERE position < ?1");
    let mut values: Vec<&dyn rusqlite::ToSql> = vec![&before];
    if let Some(flow) = &filter.flow {
        sql.push_str(" AND run.flow = ?");
        values.push(flow);
    }
    if let Some(status) = &status {
        sql.push_str(" AND status = ?");
        values.push(status);
    }
    if filter.open {
        sql.push_str(" AND status IS NULL");
    }
    if let Some(key) = &filter.key {
        sql.push_str(" AND order_key = ?");
        values.push(key);
    }
    sql.push_str(" ORDER BY position DESC LIMIT ?");
    let limit = to_i64(limit);
    values.push(&limit);
    rows(connection, &sql, &values)
}

fn rows(
    connection: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
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
        status: status.transpose()?,
        error: error.transpose().map_err(|_| corrupt("the error"))?,
        created: Timestamp::from_ticks(row.get(10).map_err(reading)?),
        finished: row.get::<_, Option<i64>>(11).map_err(reading)?.map(Timestamp::from_ticks),
    })
}

/// A path that was stored as text.
pub(crate) fn path_of(text: String) -> Result<Path, StoreError> {
    serde_json::from_value(Value::String(text))
        .map_err(|_| StoreError::Corrupt("the path of an action".to_owned()))
}

/// A number for the database, whose largest stands for all that are larger.
pub(crate) fn to_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

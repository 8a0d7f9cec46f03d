//! The tables of runs, their events and known events: admission, steps, reading.

use std::cell::Cell;

use base::{RunId, Timestamp};
use journal::{
    Admission, Admitted, Append, Event, Path, RunRow, StoreError,
    body::Body,
    codec,
    status::{self, End},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use crate::{
    blob,
    error::{WriteError, reading},
    flows,
    list::{ROW, rows},
    timers,
};

/// An admission with the texts of its events.
pub(crate) struct Entry {
    admission: Admission,
    created: Timestamp,
    rows: Vec<Body>,
    /// How it has ended, if it has already.
    end: Option<End>,
}

/// A step with the texts of its events.
pub(crate) struct Step {
    append: Append,
    rows: Vec<Body>,
    children: Vec<Entry>,
}

/// Checks admissions as far as that can be done without the database.
pub(crate) async fn new_entries(admissions: Vec<Admission>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::with_capacity(admissions.len());
    for mut admission in admissions {
        // A long event has a row of its own.
        let mut rows = Vec::from_iter(status::take_packed(&mut admission)?.map(Body::Packed));
        let mut texts = Vec::new();
        if rows.is_empty() {
            texts.push(status::check_admission(&admission)?);
        }
        let created = admission.created();
        let mut end = None;
        if let Some(first) = admission.first_step() {
            texts.extend(status::check_append(&first)?);
            end = first.events.last().and_then(status::end);
        }
        rows.extend(packed(texts).await?);
        entries.push(Entry { admission, created, rows, end });
    }
    Ok(entries)
}

/// Texts of events that are written together, as they will be stored.
async fn packed(texts: Vec<String>) -> Result<Vec<Body>, StoreError> {
    let mut rows = Vec::with_capacity(1);
    for row in codec::rows(texts) {
        rows.push(blob::pack(row).await?);
    }
    Ok(rows)
}

/// Checks steps as far as that can be done without the database.
pub(crate) async fn new_steps(batch: Vec<Append>) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::with_capacity(batch.len());
    for mut append in batch {
        let rows = packed(status::check_append(&append)?).await?;
        let children = new_entries(std::mem::take(&mut append.children)).await?;
        steps.push(Step { append, rows, children });
    }
    Ok(steps)
}

/// The numbers of runs, each given once. What a transaction that is given up has taken stays unused.
pub(crate) struct Positions(Cell<i64>);

impl Positions {
    pub(crate) const fn after(last: i64) -> Self {
        Self(Cell::new(last))
    }

    /// The last that was given.
    pub(crate) const fn last(&self) -> i64 {
        self.0.get()
    }

    fn next(&self) -> i64 {
        self.0.set(self.0.get().saturating_add(1));
        self.0.get()
    }
}

impl Entry {
    /// Starts the run, unless the event is known.
    pub(crate) fn admit(
        &self,
        connection: &Connection,
        positions: &Positions,
    ) -> Result<Admitted, WriteError> {
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
        let position = positions.next();
        self.insert(connection, version, position)?;
        self.rows.iter().try_for_each(|row| blob::insert(row, connection, position))?;
        Ok(Admitted::New(new.run.clone()))
    }

    fn insert(
        &self,
        connection: &Connection,
        version: i64,
        position: i64,
    ) -> Result<(), WriteError> {
        let new = &self.admission;
        let sql =
            "INSERT INTO run (position, run, version, flow, trigger_name, order_key, parent_run,
            parent_path, created, finished, status, error, error_code, again_of)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT (run) DO NOTHING";
        // One that has ended already is not written as an open one first.
        let end = self.end.as_ref();
        let error = end.and_then(|end| end.error.as_ref());
        let inserted = connection.prepare_cached(sql)?.execute(params![
            position,
            new.run.as_str(),
            version,
            new.flow,
            new.trigger,
            new.key,
            new.parent.as_ref().map(|parent| parent.run.as_str()),
            new.parent.as_ref().map(|parent| parent.path.as_str()),
            self.created.ticks(),
            end.map(|end| end.at.ticks()),
            end.map(|end| end.status.name()),
            error.map(ToString::to_string),
            error.and_then(status::error_code),
            new.again_of().as_ref().map(RunId::as_str),
        ])?;
        if inserted == 0 {
            return Err(status::already_begun(new).into());
        }
        if let Some(key) = &new.dedupe {
            let sql = "INSERT INTO inbox (flow, trigger_name, dedupe_key, run, since)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let since = new.started.at.ticks();
            let row = params![new.flow, new.trigger, key, new.run.as_str(), since];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(())
    }
}

impl Step {
    /// How many runs it begins, at most.
    pub(crate) fn runs(&self) -> usize {
        self.children.len()
    }

    /// Adds the step to its run. Gives what became of its children.
    pub(crate) fn append(
        &self,
        connection: &Connection,
        positions: &Positions,
    ) -> Result<Vec<Admitted>, WriteError> {
        let append = &self.append;
        let Some(known) = find(connection, &append.run)? else {
            return Err(StoreError::UnknownRun(append.run.clone()).into());
        };
        if known.has_ended {
            return Err(status::already_ended(append).into());
        }
        let position = known.position;
        self.insert(connection, position)?;
        // Most steps change nothing about it.
        if known.rest != (append.asleep, append.turn, append.paused) {
            let sql = "UPDATE run SET asleep = ?2, turn = ?3, paused = ?4 WHERE position = ?1";
            let row = params![position, append.asleep, append.turn, append.paused];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        timers::apply(connection, position, append)?;
        self.children.iter().map(|child| child.admit(connection, positions)).collect()
    }

    /// Adds the events to an open run, which may end it.
    fn insert(&self, connection: &Connection, position: i64) -> Result<(), WriteError> {
        self.rows.iter().try_for_each(|row| blob::insert(row, connection, position))?;
        if let Some(end) = self.append.events.last().and_then(status::end) {
            let sql = "UPDATE run SET status = ?2, error = ?3, finished = ?4, error_code = ?5
                WHERE position = ?1";
            let code = end.error.as_ref().and_then(status::error_code);
            let error = end.error.map(|error| error.to_string());
            let row = params![position, end.status.name(), error, end.at.ticks(), code];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(())
    }
}

/// What a step has to know of its run.
struct Known {
    position: i64,
    has_ended: bool,
    /// Whether it is asleep, whether it has its turn, and whether it is paused.
    rest: (bool, bool, bool),
}

fn find(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<Known>> {
    let sql = "SELECT position, status IS NOT NULL, asleep, turn, paused FROM run WHERE run = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let known = |row: &Row<'_>| {
        let rest = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(Known { position: row.get(0)?, has_ended: row.get(1)?, rest })
    };
    statement.query_row([run.as_str()], known).optional()
}

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
        for event in codec::decode_row(&blob::text(event)?) {
            events.push(event.map_err(|error| corrupt(&error))?);
        }
    }
    let end = status::check_history(&events).map_err(|reason| corrupt(&reason))?;
    if end.map(|end| end.status) == row.status {
        Ok(Some((row, events)))
    } else {
        Err(corrupt(&"they do not end as the run does"))
    }
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

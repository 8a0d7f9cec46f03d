//! Reading: runs with their events, lists, timers, triggers, flow versions.

use base::{RunId, Timestamp};
use journal::{
    Event, FlowVersion, Mail, NodeRow, Path, RunRow, Shard, Shards, StoreError, Timer,
    TriggerState, body, codec, status,
};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    list::{COLUMNS, N_COLUMNS, read_row, to_i64},
    node::{self, NODES},
    readers::{Readers, get},
};

/// A run with all its events, as they were at one moment. The run itself comes with the first.
pub(crate) async fn load(
    readers: &Readers,
    id: &RunId,
) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, event.text, event.sum, blob.sha, blob.length, blob.zstd
         FROM run AS wanted
         LEFT JOIN event ON event.run = wanted.position
         LEFT JOIN blob ON blob.sha = event.blob
         LEFT JOIN run ON run.position = wanted.position AND coalesce(event.number, 1) = 1
         WHERE wanted.run = $1 ORDER BY event.number"
    );
    let rows = readers.query(&sql, &[&id.as_str()]).await?;
    let corrupt = |reason: &dyn std::fmt::Display| {
        StoreError::Corrupt(format!("events of run `{id}`: {reason}"))
    };
    let Some(first) = rows.first() else { return Ok(None) };
    if get::<Option<i64>>(first, 0)?.is_none() {
        return Err(corrupt(&"the first is missing"));
    }
    let run = read_row(first)?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        for event in codec::decode_row(&text(row)?) {
            events.push(event.map_err(|error| corrupt(&error))?);
        }
    }
    let end = status::check_history(&events).map_err(|reason| corrupt(&reason))?;
    if end.map(|end| end.status) == run.status {
        Ok(Some((run, events)))
    } else {
        Err(corrupt(&"they do not end as the run does"))
    }
}

/// The text of a row of events: `text`, `sum`, and `sha`, `length`, `zstd` of its blob.
fn text(row: &Row) -> Result<String, StoreError> {
    let column = |offset| N_COLUMNS + offset;
    let missing = || StoreError::Corrupt("the text of an event is missing".to_owned());
    if let Some(text) = get::<Option<String>>(row, column(0))? {
        return body::checked(text, get::<Option<i64>>(row, column(1))?.ok_or_else(missing)?);
    }
    let sha = get::<Option<&[u8]>>(row, column(2))?.ok_or_else(missing)?;
    body::unpack_checked(sha, get(row, column(3))?, get(row, column(4))?)
}

/// Timers that are due, earliest first. Each shard is looked at by itself: together, all that are due
/// would have to be sorted to find the first.
pub(crate) async fn due(
    readers: &Readers,
    shards: Shards,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    let sql = "SELECT run.run, timer.path, timer.deadline, timer.due
        FROM unnest($1::smallint[]) AS mine (shard) CROSS JOIN LATERAL (
            SELECT * FROM timer WHERE timer.shard = mine.shard AND timer.due <= $2
            ORDER BY timer.due LIMIT $3
        ) AS timer JOIN run ON run.position = timer.run
        ORDER BY timer.due, timer.run, timer.path, timer.deadline LIMIT $3";
    let values: &[&(dyn ToSql + Sync)] = &[&numbers(shards), &until.ticks(), &to_i64(limit)];
    let rows = readers.query(sql, values).await?;
    let timer = |row: &Row| {
        Ok(Timer {
            run: RunId::new(get::<String>(row, 0)?),
            path: Path::from_address(get(row, 1)?),
            deadline: get(row, 2)?,
            due: Timestamp::from_ticks(get(row, 3)?),
        })
    };
    rows.iter().map(timer).collect()
}

/// When the next timer is due.
pub(crate) async fn next_due(
    readers: &Readers,
    shards: Shards,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT min(first.due)
        FROM unnest($1::smallint[]) AS mine (shard) CROSS JOIN LATERAL (
            SELECT min(timer.due) AS due FROM timer WHERE timer.shard = mine.shard
        ) AS first";
    let rows = readers.query(sql, &[&numbers(shards)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(get::<Option<i64>>(row, 0)?.map(Timestamp::from_ticks))
}

/// The states of all triggers, the next one due first.
pub(crate) async fn triggers(readers: &Readers) -> Result<Vec<TriggerState>, StoreError> {
    let sql = "SELECT flow, trigger_name, state, due FROM trigger_state
        ORDER BY due NULLS LAST, flow COLLATE \"C\", trigger_name COLLATE \"C\"";
    let state = |row: &Row| {
        let (flow, trigger): (String, String) = (get(row, 0)?, get(row, 1)?);
        let state = codec::decode_value(get(row, 2)?);
        let state = state.map_err(|_| status::unreadable_trigger(&flow, &trigger))?;
        let due = get::<Option<i64>>(row, 3)?.map(Timestamp::from_ticks);
        Ok(TriggerState { flow, trigger, state, due })
    };
    readers.query(sql, &[]).await?.iter().map(state).collect()
}

/// What was left for the owner of shards, oldest first.
pub(crate) async fn mail(
    readers: &Readers,
    shards: Shards,
    limit: usize,
) -> Result<Vec<Mail>, StoreError> {
    let sql = "SELECT id, shard, note FROM mail WHERE shard = ANY($1::smallint[])
        ORDER BY id LIMIT $2";
    let unreadable = |id| StoreError::Corrupt(format!("the note {id}"));
    let mail = |row: &Row| {
        let (id, shard): (i64, i16) = (get(row, 0)?, get(row, 1)?);
        let note = codec::decode_note(get(row, 2)?).map_err(|_| unreadable(id))?;
        let shard = u8::try_from(shard).map_err(|_| unreadable(id))?;
        Ok(Mail { id: u64::try_from(id).unwrap_or(0), shard: Shard::new(shard), note })
    };
    readers.query(sql, &[&numbers(shards), &to_i64(limit)]).await?.iter().map(mail).collect()
}

/// The processes that were here lately.
pub(crate) async fn nodes(readers: &Readers) -> Result<Vec<NodeRow>, StoreError> {
    readers.query(NODES, &[]).await?.iter().map(node::read_row).collect()
}

/// Shards as an array for the database.
pub(crate) fn numbers(shards: Shards) -> Vec<i16> {
    shards.iter().map(|it| i16::from(it.number())).collect()
}

/// A time as the database has it, in ticks.
pub(crate) const fn timestamp(ticks: i64) -> Timestamp {
    Timestamp::from_ticks(ticks)
}

/// A flow version by its sha.
pub(crate) async fn flow(readers: &Readers, sha: &str) -> Result<Option<FlowVersion>, StoreError> {
    let sql = "SELECT flow, length, files FROM flow_version WHERE sha = $1";
    let rows = readers.query(sql, &[&sha]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let files = body::unpack(get(row, 1)?, get(row, 2)?)?;
    let files = serde_json::from_str(&files)
        .map_err(|_| StoreError::Corrupt(format!("the files of flow version `{sha}`")))?;
    Ok(Some(FlowVersion { sha: sha.to_owned(), flow: get(row, 0)?, files }))
}

//! The table of triggers that fire by themselves.

use base::Timestamp;
use journal::{StoreError, TriggerState, codec, status};
use rusqlite::{Connection, params};

use crate::error::{WriteError, reading};

/// Puts a state in the place of the one of its flow and trigger.
pub(crate) fn put(connection: &Connection, new: &TriggerState) -> Result<(), WriteError> {
    let sql = "INSERT INTO trigger_state (flow, trigger_name, state, due) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (flow, trigger_name) DO UPDATE SET state = excluded.state, due = excluded.due";
    let due = new.due.map(Timestamp::ticks);
    let row = params![new.flow, new.trigger, status::check_trigger(new)?, due];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// All states, the next one due first.
pub(crate) fn list(connection: &Connection) -> Result<Vec<TriggerState>, StoreError> {
    let sql = "SELECT flow, trigger_name, state, due FROM trigger_state
        ORDER BY due IS NULL, due, flow, trigger_name";
    let mut statement = connection.prepare_cached(sql).map_err(reading)?;
    let mut rows = statement.query([]).map_err(reading)?;
    let mut states = Vec::new();
    while let Some(row) = rows.next().map_err(reading)? {
        let (flow, trigger): (String, String) =
            (row.get(0).map_err(reading)?, row.get(1).map_err(reading)?);
        let text: String = row.get(2).map_err(reading)?;
        let state = codec::decode_value(&text);
        let state = state.map_err(|_| status::unreadable_trigger(&flow, &trigger))?;
        let due: Option<i64> = row.get(3).map_err(reading)?;
        states.push(TriggerState { flow, trigger, state, due: due.map(Timestamp::from_ticks) });
    }
    Ok(states)
}

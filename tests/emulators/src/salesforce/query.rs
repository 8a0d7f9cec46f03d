//! Queries over HTTP: results in batches, each of which names the next.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::Call;
use super::refusal::Refusal;
use super::soql::{self, Select};
use super::state::State;
use crate::http::Answer;

const BATCH_MIN: usize = 200;
const BATCH_MAX: usize = 2_000;
/// Older ones are forgotten, as the service does.
const CURSORS_MAX: usize = 50;

/// The results that are still being fetched.
#[derive(Clone, Default)]
pub(super) struct Cursors {
    open: VecDeque<Cursor>,
    made: u64,
}

#[derive(Clone)]
struct Cursor {
    locator: String,
    records: Vec<Value>,
}

/// `query` and `queryAll`.
pub(super) fn query(state: &mut State, call: &Call<'_>, deleted: bool) -> Result<Answer, Refusal> {
    if call.request.method != "GET" {
        return Err(Refusal::not_allowed(&call.request.method));
    }
    let soql = call.parameter("q").ok_or_else(|| {
        Refusal::new(400, "MALFORMED_QUERY", "A query string has to be specified")
    })?;
    let query = soql::parse(&soql, call.author.now)?;
    let rows = soql::run(&query, state, deleted);
    let total = rows.len();
    let paths = match &query.select {
        Select::Count => {
            let body = json!({ "totalSize": total, "done": true, "records": [] });
            return Ok(Answer::json(200, &body));
        }
        Select::Fields(paths) => paths,
    };
    let rows = rows.iter().map(|row| soql::render(state, query.from, row, paths, &call.base));
    let records: Vec<Value> = rows.collect();
    let size = batch_size(call)?;
    let cursors = &mut state.cursors;
    cursors.made += 1;
    let cursor = Cursor { locator: format!("01gFw{:010}AAA", cursors.made), records };
    let page = page(&cursor, 0, size, call);
    if cursor.records.len() > size {
        cursors.open.push_back(cursor);
        if cursors.open.len() > CURSORS_MAX {
            cursors.open.pop_front();
        }
    }
    Ok(page)
}

/// The batch that a `nextRecordsUrl` names.
pub(super) fn more(state: &State, call: &Call<'_>, locator: &str) -> Result<Answer, Refusal> {
    let gone = || Refusal::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (locator, from) = locator.rsplit_once('-').ok_or_else(gone)?;
    let from: usize = from.parse().map_err(|_| gone())?;
    let cursor = state.cursors.open.iter().find(|it| it.locator == locator).ok_or_else(gone)?;
    if from >= cursor.records.len() {
        return Err(gone());
    }
    Ok(page(cursor, from, batch_size(call)?, call))
}

fn page(cursor: &Cursor, from: usize, size: usize, call: &Call<'_>) -> Answer {
    let next = from + size;
    let done = next >= cursor.records.len();
    let records: Vec<&Value> = cursor.records.iter().skip(from).take(size).collect();
    let mut body = Map::new();
    body.insert("totalSize".to_owned(), json!(cursor.records.len()));
    body.insert("done".to_owned(), json!(done));
    if !done {
        let url = format!("{}/query/{}-{next}", call.base, cursor.locator);
        body.insert("nextRecordsUrl".to_owned(), json!(url));
    }
    body.insert("records".to_owned(), json!(records));
    Answer::json(200, &Value::Object(body))
}

fn batch_size(call: &Call<'_>) -> Result<usize, Refusal> {
    let options = call.request.header("sforce-query-options").unwrap_or_default();
    let Some(asked) = options.split(',').find_map(|it| it.trim().strip_prefix("batchSize=")) else {
        return Ok(BATCH_MAX);
    };
    let wrong = || Refusal::new(400, "INVALID_QUERY_OPTION", "`batchSize` must be a number");
    let size: usize = asked.trim().parse().map_err(|_| wrong())?;
    Ok(size.clamp(BATCH_MIN, BATCH_MAX))
}

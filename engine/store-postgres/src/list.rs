//! Lists of runs.

use base::{RunId, Status, Timestamp};
use journal::{Page, Parent, Path, RunFilter, RunRow, Shards, StoreError, codec};
use serde_json::Value;
use tokio_postgres::{Row, types::ToSql};

use crate::{
    read::numbers,
    readers::{Readers, get},
    work::Sha,
};

/// What a list shows of a run, in the order in which `read_row` takes it.
pub(crate) const COLUMNS: &str =
    "run.position, run.run, run.flow, run.sha, run.trigger_name, run.order_key,
    run.parent_run, run.parent_path, run.status, run.error, run.created, run.finished,
    run.again_of, run.asleep, run.turn, run.paused";
pub(crate) const N_COLUMNS: usize = 16;

/// Open runs that do not sleep or have their turn, in the order of admission.
pub(crate) async fn awake_runs(
    readers: &Readers,
    shards: Shards,
    after: u64,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM run
         WHERE shard = ANY($1::smallint[]) AND status IS NULL AND (turn OR NOT asleep)
             AND position > $2
         ORDER BY position LIMIT $3"
    );
    rows(readers, &sql, &[&numbers(shards), &to_i64(after), &to_i64(limit)]).await
}

/// A part of the runs that pass a filter, newest first.
pub(crate) async fn list(
    readers: &Readers,
    filter: &RunFilter,
    page: Page,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let Some(mut narrowed) = Conditions::of(filter) else { return Ok(Vec::new()) };
    let order = match page {
        Page::Newest => "DESC",
        Page::Before(position) => {
            narrowed.add("position <", Box::new(to_i64(position)));
            "DESC"
        }
        Page::After(position) => {
            narrowed.add("position >", Box::new(to_i64(position)));
            "ASC"
        }
    };
    let (conditions, limit) = (narrowed.sql(), narrowed.value(Box::new(to_i64(limit))));
    let sql =
        format!("SELECT {COLUMNS} FROM run {conditions} ORDER BY position {order} LIMIT {limit}");
    let mut found = rows(readers, &sql, &narrowed.values()).await?;
    if matches!(page, Page::After(_)) {
        found.reverse();
    }
    Ok(found)
}

/// How many runs pass a filter, as far as they are counted.
pub(crate) async fn count(
    readers: &Readers,
    filter: &RunFilter,
    most: usize,
) -> Result<usize, StoreError> {
    let Some(mut narrowed) = Conditions::of(filter) else { return Ok(0) };
    let (conditions, most) = (narrowed.sql(), narrowed.value(Box::new(to_i64(most))));
    let sql =
        format!("SELECT count(*) FROM (SELECT 1 FROM run {conditions} LIMIT {most}) AS found");
    let rows = readers.query(&sql, &narrowed.values()).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// What a filter asks of a row, with its values in their order.
#[derive(Default)]
struct Conditions {
    all: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// None if no row can pass.
    fn of(filter: &RunFilter) -> Option<Self> {
        let mut it = Self::default();
        let run = |run: &RunId| run.as_str().to_owned();
        let texts = [
            ("flow =", filter.flow.clone()),
            ("trigger_name =", filter.trigger.clone()),
            ("error_code =", filter.code.clone()),
            ("parent_run =", filter.parent.as_ref().map(run)),
            ("again_of =", filter.again_of.as_ref().map(run)),
        ];
        for (condition, value) in texts {
            let Some(value) = value else { continue };
            // A name with this character is in no row; the server would refuse the question.
            if value.contains('\0') {
                return None;
            }
            it.add(condition, Box::new(value));
        }
        if let Some(key) = filter.key.as_deref().map(str::as_bytes) {
            let sha: Sha = base::digest::sha256(key);
            it.add("key_sha =", Box::new(sha.to_vec()));
            it.add("order_key =", Box::new(key.to_vec()));
        }
        for (condition, at) in [("created >=", filter.from), ("created <", filter.until)] {
            if let Some(at) = at {
                it.add(condition, Box::new(at.ticks()));
            }
        }
        // As the index has it.
        let is_open = match filter.paused {
            None => "status IS NULL",
            Some(true) => "status IS NULL AND paused",
            Some(false) => "status IS NULL AND NOT paused",
        };
        match (filter.open, filter.statuses.is_empty()) {
            (false, true) => {}
            (true, true) => it.all.push(is_open.to_owned()),
            (open, false) => {
                let names: Vec<&str> = filter.statuses.iter().map(|it| it.name()).collect();
                let names = it.value(Box::new(names));
                let or_open = if open { format!("{is_open} OR ") } else { String::new() };
                it.all.push(format!("({or_open}status = ANY({names}::text[]))"));
            }
        }
        Some(it)
    }

    fn add(&mut self, condition: &str, value: Box<dyn ToSql + Sync + Send>) {
        let value = self.value(value);
        self.all.push(format!("{condition} {value}"));
    }

    /// The place of a value in a statement.
    fn value(&mut self, value: Box<dyn ToSql + Sync + Send>) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn sql(&self) -> String {
        if self.all.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.all.join(" AND "))
        }
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect()
    }
}

async fn rows(
    readers: &Readers,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<RunRow>, StoreError> {
    readers.query(sql, values).await?.iter().map(read_row).collect()
}

pub(crate) fn read_row(row: &Row) -> Result<RunRow, StoreError> {
    let run: String = get(row, 1)?;
    let corrupt = |what| StoreError::Corrupt(format!("{what} of run `{run}`"));
    let key: Option<Vec<u8>> = get(row, 5)?;
    let key = key.map(String::from_utf8).transpose().map_err(|_| corrupt("the key"))?;
    let parent = match (get(row, 6)?, get(row, 7)?) {
        (Some(run), Some(path)) => Some(parent(run, path)),
        _ => None,
    };
    let status: Option<&str> = get(row, 8)?;
    let status = status.map(|name| Status::parse(name).ok_or_else(|| corrupt("the status")));
    let error: Option<&str> = get(row, 9)?;
    let error: Option<Result<Value, _>> = error.map(codec::decode_value);
    Ok(RunRow {
        position: u64::try_from(get::<i64>(row, 0)?).map_err(|_| corrupt("the position"))?,
        run: RunId::new(run.clone()),
        flow: get(row, 2)?,
        sha: get(row, 3)?,
        trigger: get(row, 4)?,
        key,
        parent,
        again_of: get::<Option<String>>(row, 12)?.map(RunId::new),
        asleep: get(row, 13)?,
        turn: get(row, 14)?,
        paused: get(row, 15)?,
        status: status.transpose()?,
        error: error.transpose().map_err(|_| corrupt("the error"))?,
        created: Timestamp::from_ticks(get(row, 10)?),
        finished: get::<Option<i64>>(row, 11)?.map(Timestamp::from_ticks),
    })
}

fn parent(run: String, path: String) -> Parent {
    Parent { run: RunId::new(run), path: Path::from_address(path) }
}

/// A number for the database, whose largest stands for all that are larger.
pub(crate) fn to_i64(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

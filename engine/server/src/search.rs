//! Runs as a narrowing wants them, also by what the store cannot be asked for: words, and marks of operators.

use base::Timestamp;
use journal::{Page, RunFilter, RunRow, status::error_code};
use serde_json::Value;

use crate::{
    Shared,
    error::Problem,
    filter::Narrowing,
    marks::{self, Mark},
    runs::COUNT_MAX,
};

/// Runs that one request looks at for words or marks; it says where to go on.
const LOOKED_AT_MAX: usize = 5_000;
/// Runs that are fetched at a time.
const CHUNK: usize = 500;

/// Which runs are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What the store is asked for.
    pub filter: RunFilter,
    /// What has to be somewhere in names, key or error; in small letters.
    words: Vec<String>,
    /// Whether they are marked as handled.
    handled: Option<bool>,
}

/// A part of the runs, and where the next part begins, if there may be one.
#[derive(Default)]
pub(crate) struct Found {
    pub rows: Vec<(RunRow, Option<Mark>)>,
    pub rest: Option<u64>,
}

impl Wanted {
    pub(crate) fn of(narrowing: &Narrowing, now: Timestamp) -> Result<Self, Problem> {
        let text = narrowing.text.as_deref().unwrap_or_default().to_lowercase();
        let handled = match narrowing.handled.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                let message = format!("`handled` is `true` or `false`, not `{other}`");
                return Err(Problem::new(400, "InvalidQuery", message));
            }
        };
        let words = text.split_whitespace().map(str::to_owned).collect();
        Ok(Self { filter: narrowing.filter(now)?, words, handled })
    }

    /// Whether the store alone cannot tell.
    fn looks(&self) -> bool {
        !self.words.is_empty() || self.handled.is_some()
    }

    fn has_words(&self, row: &RunRow) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let code = row.error.as_ref().and_then(error_code);
        let error = |name: &str| row.error.as_ref()?.get(name)?.as_str();
        let parts = [
            Some(row.run.as_str()),
            Some(row.flow.as_str()),
            Some(row.trigger.as_str()),
            Some(row.sha.as_str()),
            row.key.as_deref(),
            code.as_deref(),
            error("code"),
            error("message"),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase();
        self.words.iter().all(|it| text.contains(it))
    }
}

/// A part of the runs, newest first.
pub(crate) async fn search(
    shared: &Shared,
    wanted: &Wanted,
    mut page: Page,
    limit: usize,
) -> Result<Found, Problem> {
    let is_up = matches!(page, Page::After(_));
    let chunk = if wanted.looks() { CHUNK } else { limit };
    let mut found = Found::default();
    let mut looked_at = 0;
    loop {
        let mut rows = shared.engine.page_of_runs(&wanted.filter, page, chunk).await?;
        let is_last = rows.len() < chunk;
        if is_up {
            rows.reverse();
        }
        let mut edge = None;
        for row in rows {
            edge = Some(row.position);
            looked_at += 1;
            take(shared, wanted, row, &mut found).await?;
            if found.rows.len() == limit {
                break;
            }
        }
        let is_full = found.rows.len() == limit;
        if !is_full && (is_last || edge.is_none()) {
            break;
        }
        if is_full || LOOKED_AT_MAX <= looked_at {
            found.rest = edge;
            break;
        }
        page = edge.map_or(page, if is_up { Page::After } else { Page::Before });
    }
    if is_up {
        found.rows.reverse();
    }
    Ok(found)
}

/// Takes a run into the list if it is wanted.
async fn take(
    shared: &Shared,
    wanted: &Wanted,
    row: RunRow,
    found: &mut Found,
) -> Result<(), Problem> {
    if !wanted.has_words(&row) {
        return Ok(());
    }
    let mark = marks::of(shared, &row).await?;
    if wanted.handled.is_none_or(|it| it == mark.is_some()) {
        found.rows.push((row, mark));
    }
    Ok(())
}

/// Tells how many runs there are, or that there are more than are counted.
pub(crate) async fn count(
    shared: &Shared,
    wanted: &Wanted,
    shown: &mut Value,
) -> Result<(), Problem> {
    let (count, has_more) = if wanted.looks() {
        let found = search(shared, wanted, Page::Newest, COUNT_MAX).await?;
        (found.rows.len(), found.rest.is_some())
    } else {
        let count = shared.engine.count_runs(&wanted.filter, COUNT_MAX + 1).await?;
        (count.min(COUNT_MAX), COUNT_MAX < count)
    };
    shown["count"] = count.into();
    shown["hasMore"] = has_more.into();
    Ok(())
}

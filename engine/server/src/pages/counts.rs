//! How many runs there were over time, by how they ended.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use base::{Duration, Status, Timestamp};
use journal::RunFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Shared, error::Problem, filter::Narrowing, runs::invalid_query};

const BUCKETS: i64 = 24;
const BUCKETS_MAX: i64 = 48;
/// Runs of one kind that one bucket counts; with more it only says that there are as many.
const COUNT_MAX: usize = 1_000;
/// How far back it is counted if nobody says since when.
const SPAN: Duration = Duration::seconds(24 * 3_600);

/// The same narrowing as that of the list, without what is counted: status and time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountsQuery {
    flow: Option<String>,
    trigger: Option<String>,
    key: Option<String>,
    error: Option<String>,
    since: Option<String>,
    until: Option<String>,
    buckets: Option<i64>,
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    query: Result<Query<CountsQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| invalid_query(&rejection))?;
    let now = shared.engine.now();
    let CountsQuery { flow, trigger, key, error, since, until, buckets } = query;
    let narrowing = Narrowing { flow, trigger, key, error, since, until, ..Narrowing::default() };
    let filter = narrowing.filter(now)?;
    let until = filter.until.unwrap_or(now);
    let back = Duration::from_ticks(SPAN.ticks().saturating_neg());
    let from = filter.from.unwrap_or_else(|| until.after(back));
    let count = buckets.unwrap_or(BUCKETS).clamp(1, BUCKETS_MAX);
    let width = (until.since(from).ticks() / count).max(1);
    let mut shown = Vec::new();
    for index in 0..count {
        let at = |index: i64| from.after(Duration::from_ticks(width.saturating_mul(index)));
        // Runs that have just begun are in the last one.
        let end = if index + 1 == count { narrowing_end(until, now) } else { at(index + 1) };
        let within = RunFilter { from: Some(at(index)), until: Some(end), ..filter.clone() };
        shown.push(bucket(&shared, at(index), &within).await?);
    }
    Ok(Json(json!({ "value": shown, "until": until.to_string() })))
}

fn narrowing_end(until: Timestamp, now: Timestamp) -> Timestamp {
    if until == now { now.after(Duration::seconds(60)) } else { until }
}

async fn bucket(shared: &Shared, start: Timestamp, within: &RunFilter) -> Result<Value, Problem> {
    let count = async |statuses: &[Status], open: bool| {
        let filter = RunFilter { statuses: statuses.to_vec(), open, ..within.clone() };
        shared.engine.count_runs(&filter, COUNT_MAX).await
    };
    Ok(json!({
        "startTime": start.to_string(),
        "succeeded": count(&[Status::Succeeded], false).await?,
        "failed": count(&[Status::Failed, Status::TimedOut], false).await?,
        "cancelled": count(&[Status::Cancelled, Status::Skipped], false).await?,
        "running": count(&[], true).await?,
    }))
}

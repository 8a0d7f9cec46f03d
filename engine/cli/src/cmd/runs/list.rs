//! `flowright runs list`.

use base::Timestamp;
use serde_json::{Value, json};

use super::{args::ListArgs, client::Service, filter, table};
use crate::{
    Outcome,
    args::Shown,
    print::{Tone, line, note},
    tree::duration,
};

/// Runs that the API gives at a time.
const PAGE_MAX: usize = 500;

pub(super) async fn run(
    service: &Service,
    args: &ListArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let members = filter::members(&args.filter)?;
    let limit = args.limit.clamp(1, PAGE_MAX);
    let mut next = Some(format!("/api/v1/runs?limit={limit}{}", filter::query(&members)));
    let mut rows: Vec<Value> = Vec::new();
    let mut has_more = false;
    while let Some(path) = next {
        let page = service.get(&path).await?;
        rows.extend(page["value"].as_array().into_iter().flatten().cloned());
        next = page["nextLink"].as_str().map(str::to_owned);
        if args.limit <= rows.len() {
            has_more = args.limit < rows.len() || next.is_some();
            rows.truncate(args.limit);
            break;
        }
    }
    if output == Shown::Json {
        line(json!(rows));
        return Ok(Outcome::Good);
    }
    if rows.is_empty() {
        note("no runs");
        return Ok(Outcome::Good);
    }
    print(&rows);
    if has_more {
        note(format!("the newest {} are shown; `-n` shows more", rows.len()));
    }
    Ok(Outcome::Good)
}

/// Runs as a table.
pub(super) fn print(rows: &[Value]) {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<table::Cell>> = rows
        .iter()
        .map(|row| {
            let status = text(row, "status");
            let color = color(&status);
            vec![
                (text(row, "id"), Some(Tone::Strong)),
                (status, Some(color)),
                (text(row, "flow"), None),
                (text(row, "key"), None),
                (time(&text(row, "startTime")), Some(Tone::Faint)),
                (took(row), Some(Tone::Faint)),
                (failure(row), Some(Tone::Bad)),
            ]
        })
        .collect();
    table::print(&["RUN", "STATUS", "FLOW", "KEY", "STARTED", "TOOK", "ERROR"], &rows);
}

/// Whether a run of this status has not ended.
pub(super) fn is_open(status: &Value) -> bool {
    status == "Running" || status == "Paused"
}

pub(super) fn color(status: &str) -> Tone {
    match status {
        "Succeeded" => Tone::Good,
        "Failed" | "TimedOut" => Tone::Bad,
        "Skipped" => Tone::Faint,
        _ => Tone::Warn,
    }
}

/// What failed, and how, in few words.
fn failure(row: &Value) -> String {
    let code = row["errorCode"].as_str().unwrap_or_default();
    match row["error"]["details"][0]["target"].as_str() {
        Some(action) => format!("{action}: {code}"),
        None => code.to_owned(),
    }
}

/// An instant to the second.
pub(super) fn time(text: &str) -> String {
    text.get(..19).map_or_else(|| text.to_owned(), |it| it.replace('T', " "))
}

pub(super) fn took(of: &Value) -> String {
    let at = |name: &str| of[name].as_str().and_then(Timestamp::parse);
    at("startTime")
        .zip(at("endTime"))
        .map_or(String::new(), |(start, end)| duration(end.since(start)))
}

//! Who has changed what: entries as they are written and read.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use base::{Timestamp, http::percent_path};
use journal::{AuditAbout, AuditEntry, AuditFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    access::User,
    error::Problem,
    filter::instant,
    runs::{LIMIT_DEFAULT, LIMIT_MAX, invalid_query},
};

/// Bytes of what a change was asked with that are kept.
const DETAILS_BYTES_MAX: usize = 2_000;

/// An entry of somebody's wish, as it is noted before it is fulfilled.
pub(crate) fn entry(
    at: Timestamp,
    (user, source): (&User, IpAddr),
    (action, target, details): (&str, String, Value),
) -> AuditEntry {
    let about = AuditAbout {
        kind: user.kind.name().to_owned(),
        role: user.role.name().to_owned(),
        source: source.to_canonical().to_string(),
        details,
    };
    let (who, action) = (user.name.clone(), action.to_owned());
    AuditEntry { number: 0, at, who, action, target, about, status: None }
}

/// What happened without the API, and was noticed.
pub fn noticed(at: Timestamp, action: &str, target: &str, details: Value) -> AuditEntry {
    let (who, action, target) = ("files".to_owned(), action.to_owned(), target.to_owned());
    let about = AuditAbout { kind: "files".to_owned(), details, ..AuditAbout::default() };
    AuditEntry { number: 0, at, who, action, target, about, status: Some(200) }
}

/// Details, if they are not too many to be kept.
pub(crate) fn shortened(details: Value) -> Value {
    let bytes = details.to_string().len();
    if bytes <= DETAILS_BYTES_MAX { details } else { json!({ "bytes": bytes }) }
}

/// Which part of the log is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    who: Option<String>,
    action: Option<String>,
    target: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    before: Option<u64>,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| invalid_query(&rejection))?;
    let now = shared.engine.now();
    let at = |text: &Option<String>| text.as_deref().map(|it| instant(it, now)).transpose();
    let filter = AuditFilter {
        from: at(&query.since)?,
        until: at(&query.until)?,
        who: query.who.clone(),
        action: query.action.clone(),
        target: query.target.clone(),
    };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let found = shared.engine.audit_log(&filter, query.before, limit).await?;
    let mut shown = json!({ "value": found.iter().map(show).collect::<Vec<_>>() });
    if let Some(last) = found.last().filter(|_| found.len() == limit) {
        let AuditQuery { who, action, target, since, until, .. } = query;
        let mut link = format!("/api/v1/audit?limit={limit}&before={}", last.number);
        let kept = [
            ("who", who),
            ("action", action),
            ("target", target),
            ("since", since),
            ("until", until),
        ];
        for (name, value) in kept.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let kept = format!("&{name}={}", percent_path(&value).replace('/', "%2F"));
            link.push_str(&kept);
        }
        shown["nextLink"] = link.into();
    }
    Ok(Json(shown))
}

fn show(entry: &AuditEntry) -> Value {
    json!({
        "number": entry.number,
        "time": entry.at.to_string(),
        "who": entry.who,
        "kind": entry.about.kind,
        "role": entry.about.role,
        "action": entry.action,
        "target": entry.target,
        "details": entry.about.details,
        "source": entry.about.source,
        "status": entry.status,
    })
}

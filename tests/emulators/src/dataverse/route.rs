//! Which address of the Web API means what.

use jiff::Timestamp;
use serde_json::json;

use super::entities::{self, Place, body};
use super::tables::Table;
use super::{Refusal, Service, State, bulk, callbacks, key, metadata, query, related};
use crate::http::{Answer, Request, decode};
use crate::seed;

/// What actions and functions may be called by besides their own name.
const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

impl Service {
    /// Answers one request, whether it came alone or in a batch.
    pub(super) fn route(&self, state: &mut State, request: &Request) -> Result<Answer, Refusal> {
        let raw = request.target.split('?').next().unwrap_or_default();
        let rest = raw.strip_prefix("/api/data/").and_then(|it| it.split_once('/'));
        let (version, rest) = rest.filter(|(it, _)| it.starts_with("v9.")).ok_or_else(no_route)?;
        let root = self.root(version);
        let parts: Vec<String> = split(rest.trim_end_matches('/'));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let now = self.clock.now();
        let (first, below) = parts.split_first().ok_or_else(no_route)?;
        let (set, inner) = keyed(first)?;
        let method = request.method.as_str();
        match (method, set) {
            (_, "$metadata" | "$batch") => return Err(no_route()),
            ("POST", callbacks::SET) if inner.is_none() => {
                return callbacks::subscribe(state, &root, &body(request)?);
            }
            (_, callbacks::SET) => return callbacks::subscriptions(state, method, inner),
            (_, "EntityDefinitions") => return metadata::route(request, &root, (inner, below)),
            _ => {}
        }
        if below.is_empty()
            && let Some(answer) = operation(state, request, (&root, set, now))
        {
            return answer;
        }
        let table = Table::named(set).ok_or_else(no_route)?;
        let place = Place { root, table, request, now };
        match inner {
            Some(inner) => one(state, &place, inner, below),
            None => many(state, &place, below),
        }
    }
}

/// Actions and functions that belong to no table.
fn operation(
    state: &mut State,
    request: &Request,
    (root, name, now): (&str, &str, Timestamp),
) -> Option<Result<Answer, Refusal>> {
    let name = name.strip_prefix(NAMESPACE).unwrap_or(name);
    match (request.method.as_str(), name) {
        ("GET", "WhoAmI") => Some(Ok(who_am_i(root))),
        ("POST", "WinOpportunity") => Some(entities::close(state, request, now, (1, 3))),
        ("POST", "LoseOpportunity") => Some(entities::close(state, request, now, (2, 4))),
        (_, "WhoAmI" | "WinOpportunity" | "LoseOpportunity") => Some(Err(not_allowed())),
        _ => None,
    }
}

/// A whole table.
fn many(state: &mut State, place: &Place<'_>, below: &[&str]) -> Result<Answer, Refusal> {
    match (place.request.method.as_str(), below) {
        ("GET", []) => query::list(state, place, None),
        ("POST", []) => entities::create(state, place),
        ("GET", ["$count"]) => query::count(state, place),
        ("POST", [action]) => match action.strip_prefix(NAMESPACE) {
            Some(action) => bulk::route(state, place, action),
            None => Err(no_route()),
        },
        (_, [] | ["$count"]) => Err(not_allowed()),
        _ => Err(no_route()),
    }
}

/// One record, or something of it.
fn one(
    state: &mut State,
    place: &Place<'_>,
    inner: &str,
    below: &[&str],
) -> Result<Answer, Refusal> {
    let key = key(place.table, inner)?;
    if !below.is_empty() {
        return related::route(state, place, &key, below);
    }
    match place.request.method.as_str() {
        "GET" => entities::get(state, place, &key),
        "PATCH" => entities::upsert(state, place, &key),
        "DELETE" => entities::delete(state, place, &key),
        _ => Err(not_allowed()),
    }
}

/// The parts of a path, decoded; a slash inside a quoted key does not part.
fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for sign in path.replace("%27", "'").chars() {
        quoted ^= sign == '\'';
        match parts.last_mut() {
            Some(part) if sign != '/' || quoted => part.push(sign),
            _ => parts.push(String::new()),
        }
    }
    parts.iter().map(|it| decode(it)).collect()
}

/// `accounts(key)` as its name and its key; functions are called with empty parentheses.
pub(super) fn keyed(part: &str) -> Result<(&str, Option<&str>), Refusal> {
    match part.split_once('(') {
        None => Ok((part, None)),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(no_route)?;
            Ok((name, Some(inner).filter(|it| !it.is_empty())))
        }
    }
}

fn who_am_i(root: &str) -> Answer {
    let body = json!({
        "@odata.context": format!("{root}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"),
        "BusinessUnitId": seed::BUSINESS_UNIT_ID,
        "UserId": seed::USER_ID,
        "OrganizationId": seed::ORGANIZATION_ID,
    });
    Answer::json(200, &body)
}

pub(super) fn no_route() -> Refusal {
    Refusal::new(404, "0x8006088a", "Resource not found for the segment.")
}

pub(super) fn not_allowed() -> Refusal {
    Refusal::new(405, "0x80060888", "the method is not allowed here")
}

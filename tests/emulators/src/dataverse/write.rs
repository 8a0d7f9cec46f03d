//! A request's body as column values: known columns, fitting values, existing lookups.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::tables::{Column, Holds, Table};
use super::{Refusal, State, bad_request, key};
use crate::clock::whole_seconds;

/// The column values a body writes, lookups under `_name_value`.
pub(super) fn read(
    state: &State,
    table: &Table,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let mut written = Map::new();
    for (name, value) in body {
        if let Some(navigation) = name.strip_suffix("@odata.bind") {
            let found = table.navigate(navigation);
            let (column, target) = found.ok_or_else(|| undeclared(table, name))?;
            check_writable(column)?;
            written.insert(column.read_name(), bind(state, target, value)?);
        } else if name.contains('@') {
            // Other annotations say nothing about the record.
        } else {
            let column = table.column(name).filter(|it| !it.is_lookup());
            let column = column.ok_or_else(|| undeclared(table, name))?;
            check_writable(column)?;
            written.insert(name.clone(), fit(column, value)?);
        }
    }
    Ok(written)
}

fn check_writable(column: &Column) -> Result<(), Refusal> {
    let message = format!("the column `{}` is read-only", column.name);
    if column.read_only { Err(bad_request(&message)) } else { Ok(()) }
}

pub(super) fn undeclared(table: &Table, name: &str) -> Refusal {
    bad_request(&format!(
        "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{}'.",
        table.logical
    ))
}

/// The id behind `/accounts(guid)`, which must exist and be of the right table; null clears it.
pub(super) fn bind(state: &State, target: &'static Table, value: &Value) -> Result<Value, Refusal> {
    let reference = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(reference) => reference,
        _ => return Err(bad_request("a binding must be a text")),
    };
    let last = reference.rsplit('/').next().unwrap_or_default();
    let (given, inner) = last
        .strip_suffix(')')
        .and_then(|it| it.split_once('('))
        .ok_or_else(|| bad_request(&format!("`{reference}` is no reference to a record")))?;
    if given != target.set {
        return Err(bad_request(&format!("`{reference}` is not one of `{}`", target.set)));
    }
    let found = key(target, inner)?;
    let id = state.find(target, &found).ok_or_else(|| super::not_found(target, &found))?;
    Ok(json!(id))
}

/// The value as it is stored, when the column may hold it.
pub(super) fn fit(column: &Column, value: &Value) -> Result<Value, Refusal> {
    let name = column.name;
    if value.is_null() {
        let text = format!("the column `{name}` must not be null");
        return if column.required { Err(bad_request(&text)) } else { Ok(Value::Null) };
    }
    let wrong = || bad_request(&format!("Cannot convert the value of '{name}' to its type."));
    Ok(match column.holds {
        Holds::Id => {
            let id: Uuid = value.as_str().and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
            json!(id.to_string())
        }
        Holds::Text(max) => {
            let text = value.as_str().ok_or_else(wrong)?;
            if text.chars().count() > max {
                let message = format!("the length of `{name}` exceeded the maximum of {max}");
                return Err(Refusal::new(400, "0x80044331", &message));
            }
            if text.is_empty() && column.required {
                return Err(bad_request(&format!("the column `{name}` must not be empty")));
            }
            // Dataverse keeps no empty texts.
            if text.is_empty() { Value::Null } else { json!(text) }
        }
        Holds::Whole(min, max) => {
            let number = value.as_i64().ok_or_else(wrong)?;
            if !(min..=max).contains(&number) {
                let message = format!("the value of `{name}` is outside the valid range");
                return Err(Refusal::new(400, "0x80044330", &message));
            }
            json!(number)
        }
        Holds::Choice(allowed) => {
            let number = value.as_i64().ok_or_else(wrong)?;
            if !allowed.iter().any(|(it, _)| *it == number) {
                let message = format!("the value {number} of `{name}` is outside the valid range");
                return Err(Refusal::new(400, "0x8004431a", &message));
            }
            json!(number)
        }
        Holds::Money => {
            let number = value.as_f64().filter(|it| it.abs() < 1e14).ok_or_else(wrong)?;
            json!((number * 100.0).round() / 100.0)
        }
        Holds::Decimal => json!(value.as_f64().ok_or_else(wrong)?),
        Holds::Flag => json!(value.as_bool().ok_or_else(wrong)?),
        Holds::Date => {
            let text = value.as_str().filter(|it| it.len() == 10).ok_or_else(wrong)?;
            json!(text.parse::<Date>().map_err(|_| wrong())?.to_string())
        }
        Holds::Instant => {
            let text = value.as_str().ok_or_else(wrong)?;
            let instant: Timestamp = text.parse().map_err(|_| wrong())?;
            json!(whole_seconds(instant.to_zoned(TimeZone::UTC).timestamp()))
        }
        Holds::Lookup(_) => return Err(wrong()),
    })
}

/// Settles state and status reason after a write; a status must belong to its state.
pub(super) fn settle_state(
    table: &Table,
    row: &mut Map<String, Value>,
    written: &Map<String, Value>,
) -> Result<(), Refusal> {
    if table.states.is_empty() {
        return Ok(());
    }
    let state = row.get("statecode").and_then(Value::as_i64).unwrap_or_default();
    let reasons = table.states.iter().find(|(it, _)| *it == state).map(|(_, it)| *it);
    let reasons = reasons.ok_or_else(|| bad_request("the state is not known"))?;
    let reason = row.get("statuscode").and_then(Value::as_i64);
    if reason.is_some_and(|it| reasons.contains(&it)) {
        return Ok(());
    }
    if written.contains_key("statuscode") {
        let message = format!("{} is not a valid status code for state {state}", json!(reason));
        return Err(Refusal::new(400, "0x80048408", &message));
    }
    row.insert("statuscode".to_owned(), json!(reasons.first()));
    Ok(())
}

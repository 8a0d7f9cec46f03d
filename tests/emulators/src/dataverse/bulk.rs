//! Several records of one table in one request, all of them or none.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entities::{Place, body};
use super::route::no_route;
use super::write;
use super::{Key, Refusal, State, bad_request, key, not_found};
use crate::http::Answer;

const TARGETS_MAX: usize = 1_000;

type Columns = Map<String, Value>;

/// `CreateMultiple`, `UpdateMultiple`, `UpsertMultiple` and `DeleteMultiple`.
pub(super) fn route(state: &mut State, place: &Place<'_>, action: &str) -> Result<Answer, Refusal> {
    let make: fn(&mut State, &Place<'_>, &Columns) -> Result<String, Refusal> = match action {
        "CreateMultiple" => create,
        "UpdateMultiple" => update,
        "UpsertMultiple" => upsert,
        "DeleteMultiple" => delete,
        _ => return Err(no_route()),
    };
    let body = body(place.request)?;
    let targets = body.get("Targets").and_then(Value::as_array);
    let targets = targets.filter(|it| !it.is_empty() && it.len() <= TARGETS_MAX);
    let targets = targets
        .ok_or_else(|| bad_request("`Targets` must be an array of at most a thousand records"))?;
    let before = state.clone();
    let mut ids = Vec::new();
    for target in targets {
        let made = read(place, target).and_then(|target| make(state, place, &target));
        match made {
            Ok(id) => ids.push(id),
            Err(refusal) => {
                *state = before;
                return Err(refusal);
            }
        }
    }
    if action != "CreateMultiple" {
        return Ok(Answer::empty(204));
    }
    let context = format!("{}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse", place.root);
    Ok(Answer::json(200, &json!({ "@odata.context": context, "Ids": ids })))
}

/// A target must say of which type it is, and it must be this table's.
fn read(place: &Place<'_>, target: &Value) -> Result<Columns, Refusal> {
    let fields = target.as_object().ok_or_else(|| bad_request("a target must be an object"))?;
    let expected = format!("Microsoft.Dynamics.CRM.{}", place.table.logical);
    let kind = fields.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    if kind.trim_start_matches('#') != expected {
        return Err(bad_request(&format!("a target must have `@odata.type` `{expected}`")));
    }
    Ok(fields.clone())
}

fn create(state: &mut State, place: &Place<'_>, target: &Columns) -> Result<String, Refusal> {
    let written = write::read(state, place.table, target)?;
    state.create(place.table, written, place.now)
}

fn update(state: &mut State, place: &Place<'_>, target: &Columns) -> Result<String, Refusal> {
    let (key, rest) = address(place, target)?;
    let id = state.find(place.table, &key).ok_or_else(|| not_found(place.table, &key))?;
    let written = write::read(state, place.table, &rest)?;
    state.change(place.table, &id, written, place.now)?;
    Ok(id)
}

fn upsert(state: &mut State, place: &Place<'_>, target: &Columns) -> Result<String, Refusal> {
    let (key, rest) = address(place, target)?;
    let written = write::read(state, place.table, &rest)?;
    state.put(place.table, &key, written, place.now)
}

fn delete(state: &mut State, place: &Place<'_>, target: &Columns) -> Result<String, Refusal> {
    let (key, _) = address(place, target)?;
    let id = state.find(place.table, &key).ok_or_else(|| not_found(place.table, &key))?;
    state.delete(place.table, id.clone(), place.now);
    Ok(id)
}

/// How a target names its record: by `@odata.id`, or by its id among the columns.
fn address(place: &Place<'_>, target: &Columns) -> Result<(Key, Columns), Refusal> {
    let mut target = target.clone();
    let table = place.table;
    if let Some(address) = target.shift_remove("@odata.id") {
        let address = address.as_str().unwrap_or_default();
        let last = address.rsplit('/').next().unwrap_or_default();
        let inner = last.strip_prefix(table.set).and_then(|it| it.strip_prefix('('));
        let inner = inner.and_then(|it| it.strip_suffix(')'));
        let inner = inner.ok_or_else(|| bad_request("`@odata.id` is not of this table"))?;
        return Ok((key(table, inner)?, target));
    }
    let id =
        target.shift_remove(table.id).as_ref().and_then(|it| it.as_str()?.parse::<Uuid>().ok());
    if let Some(id) = id {
        return Ok((Key::Id(id.to_string()), target));
    }
    let alternate = table.alternate_key.and_then(|column| {
        let value = target.get(column)?.as_str()?.to_owned();
        Some(Key::Alternate(column, value))
    });
    let key = alternate.ok_or_else(|| bad_request("a target must name its record"))?;
    Ok((key, target))
}

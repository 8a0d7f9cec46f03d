//! Something of a record: one column, what a lookup leads to, what leads to it.

use serde_json::{Map, Value, json};

use super::entities::{self, Place, body, check_version};
use super::route::{keyed, no_route, not_allowed};
use super::tables::{Collection, Column, Table};
use super::write::{bind, fit};
use super::{Key, Refusal, Row, State, bad_request, key, not_found, query};
use crate::http::Answer;

pub(super) fn route(
    state: &mut State,
    place: &Place<'_>,
    key: &Key,
    below: &[&str],
) -> Result<Answer, Refusal> {
    let table = place.table;
    let id = state.find(table, key).ok_or_else(|| not_found(table, key))?;
    let (first, rest) = below.split_first().ok_or_else(no_route)?;
    let (name, inner) = keyed(first)?;
    if let Some((column, target)) = table.navigate(name).filter(|_| inner.is_none()) {
        return lookup(state, place, (&id, column, target), rest);
    }
    if let Some((collection, target)) = table.collection(name) {
        return members(state, place, (&id, collection, target), (inner, rest));
    }
    let column = table.column(name).filter(|it| !it.is_lookup() && inner.is_none());
    let column = column.ok_or_else(no_route)?;
    property(state, place, (&id, column), rest)
}

/// `/opportunities(id)/estimatedvalue`.
fn property(
    state: &mut State,
    place: &Place<'_>,
    (id, column): (&str, &Column),
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let row = owned(state, place.table, id)?;
    let value = row.values.get(column.name).cloned().unwrap_or_default();
    match (place.request.method.as_str(), rest) {
        ("GET", []) if value.is_null() => Ok(Answer::empty(204)),
        ("GET", []) => {
            let (root, set) = (&place.root, place.table.set);
            let context = format!("{root}/$metadata#{set}({id})/{}", column.name);
            Ok(Answer::json(200, &json!({ "@odata.context": context, "value": value })))
        }
        ("GET", ["$value"]) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Ok(Answer::bytes("text/plain", text.into_bytes()))
        }
        ("PUT", []) => {
            check_version(place.request, row)?;
            let body = body(place.request)?;
            let given = body.get("value").ok_or_else(|| bad_request("`value` is missing"))?;
            write(state, place, id, (column, fit(column, given)?))
        }
        ("DELETE", []) => {
            check_version(place.request, row)?;
            write(state, place, id, (column, fit(column, &Value::Null)?))
        }
        (_, [] | ["$value"]) => Err(not_allowed()),
        _ => Err(no_route()),
    }
}

/// `/opportunities(id)/customerid_account`, and its `/$ref` to set and clear it.
fn lookup(
    state: &mut State,
    place: &Place<'_>,
    (id, column, target): (&str, &Column, &'static Table),
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let row = owned(state, place.table, id)?;
    let to = row.values.get(&column.read_name()).and_then(Value::as_str).map(str::to_owned);
    let to = to.filter(|it| state.row(target, it).is_some());
    match (place.request.method.as_str(), rest) {
        ("GET", []) => match to {
            None => Ok(Answer::empty(204)),
            Some(to) => {
                let (root, request, now) = (place.root.clone(), place.request, place.now);
                let place = Place { root, table: target, request, now };
                entities::get(state, &place, &Key::Id(to))
            }
        },
        ("GET", ["$ref"]) => match to {
            None => Ok(Answer::empty(204)),
            Some(to) => {
                let context = format!("{}/$metadata#$ref", place.root);
                let address = format!("{}/{}({to})", place.root, target.set);
                Ok(Answer::json(200, &json!({ "@odata.context": context, "@odata.id": address })))
            }
        },
        ("PUT", ["$ref"]) => {
            let reference = reference(place)?;
            let to = bind(state, target, &reference)?;
            write(state, place, id, (column, to))
        }
        ("DELETE", ["$ref"]) => write(state, place, id, (column, Value::Null)),
        (_, [] | ["$ref"]) => Err(not_allowed()),
        _ => Err(no_route()),
    }
}

/// `/accounts(id)/opportunity_customer_accounts`, and its `/$ref` to add and remove one.
fn members(
    state: &mut State,
    place: &Place<'_>,
    (id, collection, target): (&str, &Collection, &'static Table),
    (inner, rest): (Option<&str>, &[&str]),
) -> Result<Answer, Refusal> {
    let (root, request, now) = (place.root.clone(), place.request, place.now);
    let place = Place { root, table: target, request, now };
    let column = target.column(collection.column).ok_or_else(no_route)?;
    match (place.request.method.as_str(), inner, rest) {
        ("GET", None, []) => query::list(state, &place, Some((collection, id))),
        ("POST", None, ["$ref"]) => {
            let member = member(state, target, &reference(&place)?)?;
            write(state, &place, &member, (column, json!(id)))
        }
        ("DELETE", _, ["$ref"]) => {
            let member = if let Some(inner) = inner {
                let key = key(target, inner)?;
                state.find(target, &key).ok_or_else(|| not_found(target, &key))?
            } else {
                let named = place.request.parameters();
                let named = named.into_iter().find(|(name, _)| name == "$id");
                let (_, address) = named.ok_or_else(|| bad_request("`$id` is missing"))?;
                member(state, target, &json!(address))?
            };
            let linked = owned(state, target, &member)?.values.get(&column.read_name());
            if linked.and_then(Value::as_str) != Some(id) {
                return Err(bad_request("the records are not associated"));
            }
            write(state, &place, &member, (column, Value::Null))
        }
        (_, None, [] | ["$ref"]) => Err(not_allowed()),
        _ => Err(no_route()),
    }
}

fn member(state: &State, target: &'static Table, reference: &Value) -> Result<String, Refusal> {
    let id = bind(state, target, reference)?;
    id.as_str().map(str::to_owned).ok_or_else(|| bad_request("`@odata.id` must not be null"))
}

fn reference(place: &Place<'_>) -> Result<Value, Refusal> {
    let body = body(place.request)?;
    body.get("@odata.id").cloned().ok_or_else(|| bad_request("`@odata.id` is missing"))
}

fn owned<'a>(state: &'a State, table: &Table, id: &str) -> Result<&'a Row, Refusal> {
    state.row(table, id).ok_or_else(|| not_found(table, &Key::Id(id.to_owned())))
}

fn write(
    state: &mut State,
    place: &Place<'_>,
    id: &str,
    (column, value): (&Column, Value),
) -> Result<Answer, Refusal> {
    if column.read_only {
        return Err(bad_request(&format!("the column `{}` is read-only", column.name)));
    }
    let mut written = Map::new();
    written.insert(column.read_name(), value);
    state.change(place.table, id, written, place.now)?;
    Ok(Answer::empty(204))
}

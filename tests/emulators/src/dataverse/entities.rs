//! Single records: read, create, upsert, delete, win and lose.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::projection::Projection;
use super::tables::{Holds, OPPORTUNITIES, Table};
use super::write;
use super::{
    CHANGES_MAX, Change, ChangeKind, Gone, Key, Refusal, Row, State, bad_request, key, not_found,
};
use crate::clock::whole_seconds;
use crate::http::{Answer, Request};
use crate::seed;

type Columns = Map<String, Value>;

const MATCHING: &str = "A record with matching key values already exists.";
const STALE: &str =
    "The version of the existing record doesn't match the RowVersion property provided.";

/// One addressed resource of the Web API.
pub(super) struct Place<'a> {
    pub(super) root: String,
    pub(super) table: &'static Table,
    pub(super) request: &'a Request,
    pub(super) now: Timestamp,
}

pub(super) fn get(state: &State, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
    let projection = Projection::of(place)?;
    let id = state.find(place.table, key).ok_or_else(|| not_found(place.table, key))?;
    let row = state.row(place.table, &id).ok_or_else(|| not_found(place.table, key))?;
    let same = place.request.header("if-none-match") == Some(row.etag().as_str());
    if same && projection.is_plain() {
        return Ok(Answer::empty(304).with("etag", &row.etag()));
    }
    Ok(represent(place, state, row, &projection, 200))
}

pub(super) fn create(state: &mut State, place: &Place<'_>) -> Result<Answer, Refusal> {
    let body = body(place.request)?;
    let projection = Projection::of(place)?;
    let written = write::read(state, place.table, &body)?;
    let id = state.create(place.table, written, place.now)?;
    after_write(place, state, &id, &projection, true)
}

pub(super) fn upsert(state: &mut State, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
    let body = body(place.request)?;
    let projection = Projection::of(place)?;
    let (table, request) = (place.table, place.request);
    let row = state.find(table, key).and_then(|id| state.row(table, &id).cloned());
    if row.is_some() && request.header("if-none-match") == Some("*") {
        return Err(Refusal::new(412, "0x80040237", MATCHING));
    }
    if request.header("if-match").is_some() {
        check_version(request, row.as_ref().ok_or_else(|| not_found(table, key))?)?;
    }
    let written = write::read(state, table, &body)?;
    let id = state.put(table, key, written, place.now)?;
    after_write(place, state, &id, &projection, row.is_none())
}

pub(super) fn delete(state: &mut State, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
    let table = place.table;
    let id = state.find(table, key).ok_or_else(|| not_found(table, key))?;
    if let Some(row) = state.row(table, &id) {
        check_version(place.request, row)?;
    }
    state.delete(table, id, place.now);
    Ok(Answer::empty(204))
}

/// `WinOpportunity` and `LoseOpportunity`: the only ways out of the open state.
pub(super) fn close(
    state: &mut State,
    request: &Request,
    now: Timestamp,
    (to, default): (i64, i64),
) -> Result<Answer, Refusal> {
    let body = body(request)?;
    let table = &OPPORTUNITIES;
    let closing = body.get("OpportunityClose").and_then(Value::as_object);
    let closing = closing.ok_or_else(|| bad_request("`OpportunityClose` is required"))?;
    let reference = closing.get("opportunityid@odata.bind").and_then(Value::as_str);
    let inner = reference
        .and_then(|it| it.rsplit('/').next())
        .and_then(|it| it.strip_prefix("opportunities("))
        .and_then(|it| it.strip_suffix(')'));
    let key = key(table, inner.ok_or_else(|| bad_request("the opportunity is not named"))?)?;
    let reason = match body.get("Status").and_then(Value::as_i64) {
        Some(-1) => default,
        Some(reason) => reason,
        None => return Err(bad_request("`Status` is required")),
    };
    let id = state.find(table, &key).ok_or_else(|| not_found(table, &key))?;
    let open = state.row(table, &id).is_some_and(Row::is_open);
    if !open {
        return Err(closed());
    }
    let mut written = Map::new();
    written.insert("statecode".to_owned(), json!(to));
    written.insert("statuscode".to_owned(), json!(reason));
    state.apply(table, &id, written, now)?;
    Ok(Answer::empty(204))
}

impl State {
    /// Changes the record a key names, or makes it.
    pub(super) fn put(
        &mut self,
        table: &Table,
        key: &Key,
        mut written: Columns,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        if let Some(id) = self.find(table, key) {
            let named = written.shift_remove(table.id);
            if named.is_some_and(|it| it != id) {
                return Err(bad_request("the id of a record cannot change"));
            }
            self.change(table, &id, written, now)?;
            return Ok(id);
        }
        let (name, value) = match key {
            Key::Id(id) => (table.id, id),
            Key::Alternate(column, value) => (*column, value),
        };
        let given = written.insert(name.to_owned(), json!(value));
        if given.is_some_and(|it| it.as_str() != Some(value)) {
            return Err(bad_request("the key in the body is another one"));
        }
        self.create(table, written, now)
    }

    /// Removes a record that exists.
    pub(super) fn delete(&mut self, table: &Table, id: String, now: Timestamp) {
        self.version += 1;
        if let Some(rows) = self.tables.get_mut(table.set) {
            rows.remove(&id);
        }
        self.gone.push(Gone { set: table.set, id: id.clone(), version: self.version });
        self.note(Change {
            at: now,
            table: table.set.to_owned(),
            id,
            kind: ChangeKind::Delete,
            columns: Map::new(),
            by: self.acting.to_owned(),
        });
    }

    /// Creates a record from checked columns.
    pub(super) fn create(
        &mut self,
        table: &Table,
        written: Columns,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        if written.contains_key("statecode") {
            return Err(bad_request("`statecode` is not valid when a record is created"));
        }
        for column in table.columns.iter().filter(|it| it.required) {
            if !written.contains_key(column.name) {
                return Err(bad_request(&format!("the column `{}` is required", column.name)));
            }
        }
        let id = written.get(table.id).and_then(Value::as_str).map(str::to_owned);
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        if self.row(table, &id).is_some() {
            return Err(Refusal::new(412, "0x80040237", MATCHING));
        }
        self.check_alternate_key(table, &id, &written)?;
        let mut values = written.clone();
        values.insert(table.id.to_owned(), json!(id));
        write::settle_state(table, &mut values, &written)?;
        self.insert(table, values, now);
        self.note(Change {
            at: now,
            table: table.set.to_owned(),
            id: id.clone(),
            kind: ChangeKind::Create,
            columns: written,
            by: self.acting.to_owned(),
        });
        Ok(id)
    }

    /// Completes a new record with the defaults of its table and keeps it.
    pub(super) fn insert(&mut self, table: &Table, given: Columns, now: Timestamp) {
        let mut values = Map::new();
        for column in table.columns {
            let default = match column.holds {
                Holds::Flag => json!(false),
                Holds::Lookup([("transactioncurrencyid", _)]) => json!(seed::CURRENCY_USD),
                Holds::Lookup([("ownerid", _), ..]) => json!(seed::USER_ID),
                Holds::Lookup([("createdby", _)]) => json!(self.acting),
                _ if column.name == "statecode" => json!(0),
                _ if column.name == "statuscode" => json!(1),
                _ if column.name == "createdon" => json!(whole_seconds(now)),
                _ => Value::Null,
            };
            values.insert(column.read_name(), default);
        }
        values.extend(given);
        let id = values.get(table.id).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.keep(table, &id, values, now);
    }

    /// Changes a record by a caller's columns; what is won or lost stays as it is.
    pub(super) fn change(
        &mut self,
        table: &Table,
        id: &str,
        written: Columns,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let to = written.get("statecode").and_then(Value::as_i64);
        if table.logical == OPPORTUNITIES.logical {
            let open = self.row(table, id).is_some_and(Row::is_open);
            if !open && to != Some(0) {
                return Err(closed());
            }
            if open && to.is_some_and(|it| it != 0) {
                return Err(bad_request("use `WinOpportunity` or `LoseOpportunity` to close"));
            }
        }
        self.apply(table, id, written, now)
    }

    pub(super) fn apply(
        &mut self,
        table: &Table,
        id: &str,
        written: Columns,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = Key::Id(id.to_owned());
        let row = self.row(table, id).ok_or_else(|| not_found(table, &key))?;
        let mut values = row.values.clone();
        values.extend(written.clone());
        write::settle_state(table, &mut values, &written)?;
        self.check_alternate_key(table, id, &written)?;
        self.keep(table, id, values, now);
        self.note(Change {
            at: now,
            table: table.set.to_owned(),
            id: id.to_owned(),
            kind: ChangeKind::Update,
            columns: written,
            by: self.acting.to_owned(),
        });
        Ok(())
    }

    fn keep(&mut self, table: &Table, id: &str, mut values: Columns, now: Timestamp) {
        self.version += 1;
        values.insert("modifiedon".to_owned(), json!(whole_seconds(now)));
        values.insert("versionnumber".to_owned(), json!(self.version));
        values.insert("_modifiedby_value".to_owned(), json!(self.acting));
        if ["contact", "lead"].contains(&table.logical) {
            let part = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default();
            let full = format!("{} {}", part("firstname"), part("lastname")).trim().to_owned();
            values.insert("fullname".to_owned(), json!(full));
        }
        if values.get("isrevenuesystemcalculated") == Some(&json!(true)) {
            // There are no products here to calculate from.
            values.insert("estimatedvalue".to_owned(), json!(0.0));
        }
        let row = Row { version: self.version, values };
        if let Some(rows) = self.tables.get_mut(table.set) {
            rows.insert(id.to_owned(), row);
        }
    }

    fn check_alternate_key(
        &self,
        table: &Table,
        id: &str,
        written: &Columns,
    ) -> Result<(), Refusal> {
        let Some(column) = table.alternate_key else { return Ok(()) };
        let Some(value) = written.get(column).and_then(Value::as_str) else { return Ok(()) };
        let other = self.find(table, &Key::Alternate(column, value.to_owned()));
        if other.is_some_and(|it| it != id) {
            let message = format!("a record that has the same `{column}` already exists");
            return Err(Refusal::new(412, "0x80060892", &message));
        }
        Ok(())
    }

    fn note(&mut self, change: Change) {
        if self.changes.len() < CHANGES_MAX {
            self.changes.push(change);
        }
    }
}

impl Row {
    fn is_open(&self) -> bool {
        self.values.get("statecode") == Some(&json!(0))
    }
}

/// The answer to a write: nothing but the address, or the record when it was asked for.
pub(super) fn after_write(
    place: &Place<'_>,
    state: &State,
    id: &str,
    projection: &Projection,
    created: bool,
) -> Result<Answer, Refusal> {
    let key = Key::Id(id.to_owned());
    let row = state.row(place.table, id).ok_or_else(|| not_found(place.table, &key))?;
    let address = format!("{}/{}({id})", place.root, place.table.set);
    let answer = if place.request.prefers("return=representation") {
        represent(place, state, row, projection, if created { 201 } else { 200 })
            .with("preference-applied", "return=representation")
    } else {
        Answer::empty(204)
    };
    Ok(answer.with("odata-entityid", &address))
}

/// A record as an answer: the chosen columns, the key, the `ETag`, annotations when preferred.
pub(super) fn represent(
    place: &Place<'_>,
    state: &State,
    row: &Row,
    projection: &Projection,
    status: u16,
) -> Answer {
    let set = place.table.set;
    let chosen = projection.in_context();
    let mut body = Map::new();
    let context = format!("{}/$metadata#{set}{chosen}/$entity", place.root);
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(projection.show(place.table, state, row));
    Answer::json(status, &Value::Object(body)).with("etag", &row.etag())
}

pub(super) fn check_version(request: &Request, row: &Row) -> Result<(), Refusal> {
    let Some(given) = request.header("if-match") else { return Ok(()) };
    let current = row.etag();
    if given.split(',').map(str::trim).any(|it| it == "*" || it == current) {
        return Ok(());
    }
    Err(Refusal::new(412, "0x80060882", STALE))
}

pub(super) fn body(request: &Request) -> Result<Columns, Refusal> {
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("application/json") {
        return Err(Refusal::new(415, "0x80060888", "the body must be `application/json`"));
    }
    match request.json() {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(bad_request("the body must be an object")),
        Err(error) => Err(bad_request(&error)),
    }
}

pub(super) fn closed() -> Refusal {
    Refusal::new(400, "0x80040203", "the opportunity is won or lost and cannot be edited")
}

//! Single records: read, create, upsert, delete, win and lose.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::callbacks;
use super::projection::Projection;
use super::tables::{Holds, OPPORTUNITIES, TABLES, Table};
use super::write;
use super::{
    CHANGES_MAX, Change, ChangeKind, Key, Refusal, Row, Service, State, bad_request, key, not_found,
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
}

impl Service {
    pub(super) fn route(&self, request: &Request) -> Result<Answer, Refusal> {
        let rest = request.path.strip_prefix("/api/data/").and_then(|it| it.split_once('/'));
        let (version, rest) = rest.filter(|(it, _)| it.starts_with("v9.")).ok_or_else(no_route)?;
        let rest = rest.trim_end_matches('/');
        let root = self.root(version);
        match (request.method.as_str(), rest) {
            ("GET", "WhoAmI" | "WhoAmI()") => return Ok(who_am_i(&root)),
            ("POST", "WinOpportunity") => return self.close(request, 1, 3),
            ("POST", "LoseOpportunity") => return self.close(request, 2, 4),
            _ => {}
        }
        let (set, inner) = match rest.split_once('(') {
            Some((set, inner)) => (set, Some(inner.strip_suffix(')').ok_or_else(no_route)?)),
            None => (rest, None),
        };
        if set == callbacks::SET {
            return match (request.method.as_str(), inner) {
                ("POST", None) => self.subscribe(&root, &body(request)?),
                (method, id) => self.subscriptions(method, id),
            };
        }
        let table = TABLES.iter().find(|it| it.set == set).ok_or_else(no_route)?;
        let place = Place { root, table, request };
        let Some(inner) = inner else {
            return match request.method.as_str() {
                "GET" => self.list(&place),
                "POST" => self.create(&place),
                _ => Err(not_allowed()),
            };
        };
        let key = key(table, inner)?;
        match request.method.as_str() {
            "GET" => self.get(&place, &key),
            "PATCH" => self.upsert(&place, &key),
            "DELETE" => self.delete(&place, &key),
            _ => Err(not_allowed()),
        }
    }

    fn get(&self, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
        let projection = Projection::of(place)?;
        let state = self.lock();
        let id = state.find(place.table, key).ok_or_else(|| not_found(place.table, key))?;
        let row = state.row(place.table, &id).ok_or_else(|| not_found(place.table, key))?;
        let same = place.request.header("if-none-match") == Some(row.etag().as_str());
        if same && projection.is_plain() {
            return Ok(Answer::empty(304).with("etag", &row.etag()));
        }
        Ok(represent(place, &state, row, &projection, 200))
    }

    fn create(&self, place: &Place<'_>) -> Result<Answer, Refusal> {
        let body = body(place.request)?;
        let projection = Projection::of(place)?;
        let mut state = self.lock();
        let written = write::read(&state, place.table, &body)?;
        let id = state.create(place.table, written, self.clock.now())?;
        after_write(place, &state, &id, &projection, true)
    }

    fn upsert(&self, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
        let body = body(place.request)?;
        let projection = Projection::of(place)?;
        let (table, request) = (place.table, place.request);
        let mut state = self.lock();
        let found = state.find(table, key);
        let row = found.as_ref().and_then(|id| state.row(table, id));
        let exists = row.is_some();
        if exists && request.header("if-none-match") == Some("*") {
            return Err(Refusal::new(412, "0x80040237", MATCHING));
        }
        if request.header("if-match").is_some() {
            check_version(request, row.ok_or_else(|| not_found(table, key))?)?;
        }
        let mut written = write::read(&state, table, &body)?;
        let id = if let Some(id) = found {
            let named = written.shift_remove(table.id);
            if named.is_some_and(|it| it != id) {
                return Err(bad_request("the id of a record cannot change"));
            }
            state.change(table, &id, written, self.clock.now())?;
            id
        } else {
            let (name, value) = match key {
                Key::Id(id) => (table.id, id),
                Key::Alternate(column, value) => (*column, value),
            };
            let given = written.insert(name.to_owned(), json!(value));
            if given.is_some_and(|it| it.as_str() != Some(value)) {
                return Err(bad_request("the key in the body is another one"));
            }
            state.create(table, written, self.clock.now())?
        };
        after_write(place, &state, &id, &projection, !exists)
    }

    fn delete(&self, place: &Place<'_>, key: &Key) -> Result<Answer, Refusal> {
        let table = place.table;
        let mut state = self.lock();
        let id = state.find(table, key).ok_or_else(|| not_found(table, key))?;
        if let Some(row) = state.row(table, &id) {
            check_version(place.request, row)?;
        }
        if let Some(rows) = state.tables.get_mut(table.set) {
            rows.remove(&id);
        }
        state.note(Change {
            at: self.clock.now(),
            table: table.set.to_owned(),
            id,
            kind: ChangeKind::Delete,
            columns: Map::new(),
        });
        Ok(Answer::empty(204))
    }

    /// `WinOpportunity` and `LoseOpportunity`: the only ways out of the open state.
    fn close(&self, request: &Request, to: i64, default: i64) -> Result<Answer, Refusal> {
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
        let mut state = self.lock();
        let id = state.find(table, &key).ok_or_else(|| not_found(table, &key))?;
        let open = state.row(table, &id).is_some_and(Row::is_open);
        if !open {
            return Err(closed());
        }
        let mut written = Map::new();
        written.insert("statecode".to_owned(), json!(to));
        written.insert("statuscode".to_owned(), json!(reason));
        state.apply(table, &id, written, self.clock.now())?;
        Ok(Answer::empty(204))
    }

    pub(super) fn put_row(&self, set: &str, columns: &Columns) -> Result<String, Refusal> {
        let table = TABLES.iter().find(|it| it.set == set).ok_or_else(no_route)?;
        let mut state = self.lock();
        let mut written = write::read(&state, table, columns)?;
        let now = self.clock.now();
        let id = written.get(table.id).and_then(Value::as_str).map(str::to_owned);
        match id.filter(|id| state.row(table, id).is_some()) {
            Some(id) => {
                written.shift_remove(table.id);
                state.change(table, &id, written, now)?;
                Ok(id)
            }
            None => state.create(table, written, now),
        }
    }
}

impl State {
    /// Creates a record from checked columns.
    fn create(
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
                Holds::Lookup([("ownerid", _)]) => json!(seed::USER_ID),
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
    fn change(
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

    fn apply(
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
        });
        Ok(())
    }

    fn keep(&mut self, table: &Table, id: &str, mut values: Columns, now: Timestamp) {
        self.version += 1;
        values.insert("modifiedon".to_owned(), json!(whole_seconds(now)));
        values.insert("versionnumber".to_owned(), json!(self.version));
        if table.logical == "contact" {
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
fn after_write(
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
fn represent(
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
    body.extend(projection.show(place, state, row));
    Answer::json(status, &Value::Object(body)).with("etag", &row.etag())
}

fn check_version(request: &Request, row: &Row) -> Result<(), Refusal> {
    let Some(given) = request.header("if-match") else { return Ok(()) };
    let current = row.etag();
    if given.split(',').map(str::trim).any(|it| it == "*" || it == current) {
        return Ok(());
    }
    Err(Refusal::new(412, "0x80060882", STALE))
}

fn body(request: &Request) -> Result<Columns, Refusal> {
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

fn who_am_i(root: &str) -> Answer {
    let body = json!({
        "@odata.context": format!("{root}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"),
        "BusinessUnitId": seed::BUSINESS_UNIT_ID,
        "UserId": seed::USER_ID,
        "OrganizationId": seed::ORGANIZATION_ID,
    });
    Answer::json(200, &body)
}

fn closed() -> Refusal {
    Refusal::new(400, "0x80040203", "the opportunity is won or lost and cannot be edited")
}

fn no_route() -> Refusal {
    Refusal::new(404, "0x8006088a", "Resource not found for the segment.")
}

fn not_allowed() -> Refusal {
    Refusal::new(405, "0x80060888", "the method is not allowed here")
}

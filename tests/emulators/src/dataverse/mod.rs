//! Dataverse: the Web API for opportunities and what belongs to them, on one listener.

mod batch;
mod bulk;
mod callbacks;
mod delta;
mod entities;
mod limits;
mod metadata;
mod projection;
mod query;
mod related;
mod route;
mod tables;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Shared;
use crate::clock::{Clock, seven_digits};
use crate::courier::{Courier, Delivery, Mishap};
use crate::faults::{Chaos, Fault};
use crate::front::{Api, Front};
use crate::http::{Answer, Request};
use crate::log::Logged;
use crate::oauth::{Credentials, Directory};
use crate::page;
use crate::seed;
use callbacks::Callback;
use limits::Limits;
use query::Pages;
use tables::{Holds, TABLES, Table};

/// A test that writes more than this is a test of something else.
const CHANGES_MAX: usize = 50_000;

/// The running Dataverse emulator; clones are the same emulator.
#[derive(Clone)]
pub struct Dataverse {
    front: Arc<Front>,
    service: Arc<Service>,
}

/// What one request wrote to one record: only the columns it sent.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, by the emulator's clock.
    pub at: Timestamp,
    /// The set the record is in, such as `opportunities`.
    pub table: String,
    /// The record.
    pub id: String,
    /// What was done to it.
    pub kind: ChangeKind,
    /// Column to value as written; lookups under `_name_value`.
    pub columns: Map<String, Value>,
    /// The user who did it.
    pub by: String,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The record is new.
    Create,
    /// The record was there.
    Update,
    /// The record is gone.
    Delete,
}

impl Change {
    fn to_json(&self) -> Value {
        json!({
            "at": seven_digits(self.at, "Z"), "table": self.table, "id": self.id,
            "kind": format!("{:?}", self.kind), "columns": self.columns, "by": self.by,
        })
    }
}

impl Dataverse {
    pub(crate) async fn start(port: u16, shared: Shared) -> io::Result<Self> {
        let Shared { retry, clock, authority, directory } = shared;
        let (front, listener) = Front::bind(port, clock.clone(), authority).await?;
        let audiences = [front.url.clone(), front.local_url()];
        for audience in &audiences {
            directory.register(audience);
        }
        let state = Mutex::new(State::seeded(clock.now()));
        let courier = Courier::new(retry, clock.clone(), front.stop.subscribe())?;
        let service = Arc::new(Service { audiences, clock, directory, courier, state });
        front.serve(listener, Arc::clone(&service) as Arc<dyn Api>);
        Ok(Self { front, service })
    }

    /// The organisation's origin, such as `http://127.0.0.1:8072`; the scope is this and `/.default`.
    pub fn url(&self) -> &str {
        &self.front.url
    }

    /// What a caller presents to get a token.
    pub fn credentials(&self) -> &Credentials {
        &self.service.directory.credentials
    }

    /// All records of a set as a GET would show them, the oldest first; none for an unknown set.
    pub fn rows(&self, set: &str) -> Vec<Value> {
        self.service.lock().rows(set)
    }

    /// Writes a record as another user would, without a request: created when `columns` has no known
    /// id, changed otherwise. Columns and values are checked as the Web API checks them.
    pub fn put_row(&self, set: &str, columns: Value) -> Result<String, String> {
        let put = self.service.put_row(set, &seed::object(columns));
        put.map_err(|refusal| refusal.message)
    }

    /// Deletes a record as another user would.
    pub fn delete_row(&self, set: &str, id: &str) -> Result<(), String> {
        self.service.delete_row(set, id).map_err(|refusal| refusal.message)
    }

    /// Wins or loses an opportunity as another user would.
    pub fn close_opportunity(&self, id: &str, won: bool) -> Result<(), String> {
        let (state, reason) = if won { (1, 3) } else { (2, 4) };
        self.service.close_row(id, state, reason).map_err(|refusal| refusal.message)
    }

    /// How many requests a caller may make in five minutes; Dataverse allows six thousand.
    pub fn set_requests_max(&self, max: usize) {
        self.service.lock().limits.set_max(max);
    }

    /// Every write to a set, in order, with the columns each request sent.
    pub fn changes(&self, set: &str) -> Vec<Change> {
        let state = self.service.lock();
        state.changes.iter().filter(|it| it.table == set).cloned().collect()
    }

    /// Every call of a subscriber's address so far, in the order they were caused.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.service.courier.all()
    }

    /// Calls a subscriber again, byte for byte; false when there is no call of this index.
    pub fn redeliver(&self, index: usize) -> bool {
        self.service.courier.redeliver(index)
    }

    /// Returns when no call of a subscriber is waiting or being retried.
    pub async fn settled(&self) {
        self.service.courier.settled().await;
    }

    /// Every request so far, the emulator's own pages excepted.
    pub fn requests(&self) -> Vec<Logged> {
        self.front.requests()
    }

    /// Scripts a fault.
    pub fn fault(&self, fault: Fault) {
        self.front.fault(fault);
    }

    /// Lets faults strike requests and deliveries by chance from now on; none ends it.
    pub fn chaos(&self, chaos: Option<&Chaos>) {
        self.front.chaos(self.service.as_ref(), chaos);
    }

    /// Scripts what goes wrong with deliveries.
    pub fn mishap(&self, mishap: Mishap) {
        self.service.courier.mishap(mishap);
    }

    /// Moves the clock both emulators share.
    pub fn advance(&self, by: Duration) {
        self.front.clock.advance(by);
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.front.stop.send_replace(true);
    }
}

pub(crate) struct Service {
    audiences: [String; 2],
    clock: Clock,
    directory: Arc<Directory>,
    courier: Arc<Courier>,
    state: Mutex<State>,
}

/// A record: all its columns by the names they are read by, and its version.
#[derive(Clone, Debug)]
struct Row {
    version: u64,
    values: Map<String, Value>,
}

#[derive(Clone)]
struct State {
    /// For each set, its records by id.
    tables: BTreeMap<&'static str, BTreeMap<String, Row>>,
    changes: Vec<Change>,
    version: u64,
    pages: Pages,
    callbacks: BTreeMap<String, Callback>,
    /// How many of the changes the subscribers were told of.
    told: usize,
    /// Records that were deleted, for change tracking.
    gone: Vec<Gone>,
    /// The user who is writing.
    acting: &'static str,
    limits: Limits,
}

/// A record that was deleted, and the version of the whole at which it was.
#[derive(Clone)]
struct Gone {
    set: &'static str,
    id: String,
    version: u64,
}

/// How a record is addressed.
#[derive(Clone, Debug)]
enum Key {
    Id(String),
    Alternate(&'static str, String),
}

impl State {
    fn seeded(now: Timestamp) -> Self {
        let tables = TABLES.iter().map(|it| (it.set, BTreeMap::new())).collect();
        let mut state = Self {
            tables,
            changes: Vec::new(),
            version: 1_000,
            pages: Pages::default(),
            callbacks: BTreeMap::new(),
            told: 0,
            gone: Vec::new(),
            acting: seed::USER_ID,
            limits: Limits::default(),
        };
        for (set, id, columns) in seed::rows() {
            if let Some(table) = Table::named(set) {
                let mut values = seed::object(columns);
                values.insert(table.id.to_owned(), json!(id));
                state.insert(table, values, now);
            }
        }
        state
    }

    fn row(&self, table: &Table, id: &str) -> Option<&Row> {
        self.tables.get(table.set)?.get(id)
    }

    /// The id of the record a key names, when it exists.
    fn find(&self, table: &Table, key: &Key) -> Option<String> {
        let rows = self.tables.get(table.set)?;
        match key {
            Key::Id(id) => rows.contains_key(id).then(|| id.clone()),
            Key::Alternate(column, value) => {
                let same = |row: &Row| {
                    let held = row.values.get(*column).and_then(Value::as_str);
                    held.is_some_and(|it| it.to_lowercase() == value.to_lowercase())
                };
                rows.iter().find(|(_, row)| same(row)).map(|(id, _)| id.clone())
            }
        }
    }

    /// Puts the name of the record behind each lookup in the place of its id.
    fn name_lookups(&self, table: &Table, row: &mut Value) {
        for column in table.columns {
            let Holds::Lookup(targets) = column.holds else { continue };
            let Some(value) = row.get_mut(column.read_name()) else { continue };
            let name = targets.iter().find_map(|(_, set)| {
                let target = Table::named(set)?;
                self.row(target, value.as_str()?)?.values.get(target.name).cloned()
            });
            if let Some(name) = name {
                *value = name;
            }
        }
    }

    fn rows(&self, set: &str) -> Vec<Value> {
        let mut rows: Vec<_> =
            self.tables.get(set).into_iter().flat_map(BTreeMap::values).collect();
        rows.sort_by_key(|it| {
            let created = it.values.get("createdon").map(Value::to_string);
            (created, it.values.get("versionnumber").and_then(Value::as_i64))
        });
        rows.into_iter().map(Row::shown).collect()
    }
}

impl Row {
    fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("@odata.etag".to_owned(), json!(self.etag()));
        shown.extend(self.values.clone());
        Value::Object(shown)
    }
}

/// A request that is not accepted, as Dataverse says it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned() }
    }

    /// As an answer, with the details that only callers who ask for annotations get.
    fn answer(&self, annotated: bool) -> Answer {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (true, Some(error)) = (annotated, error.as_object_mut()) {
            let prefix = "@Microsoft.PowerApps.CDS";
            error.insert(
                format!("{prefix}.ErrorDetails.HttpStatusCode"),
                json!(self.status.to_string()),
            );
            error.insert(format!("{prefix}.TraceText"), json!(""));
            error.insert(format!("{prefix}.InnerError.Message"), json!(self.message));
        }
        Answer::json(self.status, &json!({ "error": error }))
            .with("content-type", "application/json; odata.metadata=minimal")
            .with("odata-version", "4.0")
    }
}

fn bad_request(message: &str) -> Refusal {
    Refusal::new(400, "0x80060888", message)
}

fn not_found(table: &Table, key: &Key) -> Refusal {
    let (Key::Id(named) | Key::Alternate(_, named)) = key;
    let message = format!("Entity '{}' With Id = {named} Does Not Exist", table.logical);
    Refusal::new(404, "0x80040217", &message)
}

/// Reads what stands between the parentheses: a GUID or the alternate key with its value.
fn key(table: &Table, inner: &str) -> Result<Key, Refusal> {
    if let Ok(id) = inner.trim().parse::<Uuid>() {
        return Ok(Key::Id(id.to_string()));
    }
    let (name, value) =
        inner.split_once('=').ok_or_else(|| bad_request(&format!("`{inner}` is no key")))?;
    let text = value.trim().strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
    let text = text.ok_or_else(|| bad_request("a key value must be quoted"))?.replace("''", "'");
    let name = name.trim();
    if name == table.id {
        let id = text.parse::<Uuid>().map_err(|_| bad_request("the id is no GUID"))?;
        return Ok(Key::Id(id.to_string()));
    }
    match table.alternate_key.filter(|it| *it == name) {
        Some(column) => Ok(Key::Alternate(column, text)),
        None => Err(bad_request(&format!("`{name}` is not a key of `{}`", table.logical))),
    }
}

impl Api for Service {
    fn name(&self) -> &'static str {
        "Dataverse sandbox"
    }

    fn answer(&self, request: &Request) -> Answer {
        if let Some(answer) = self.directory.answer(request) {
            return answer;
        }
        let audiences: Vec<&str> = self.audiences.iter().map(String::as_str).collect();
        let Some(caller) = self.directory.caller(request, &audiences) else {
            let url = &self.audiences[0];
            let challenge = format!("Bearer authorization_uri={url}, resource_id={url}/");
            return Answer::empty(401).with("www-authenticate", &challenge);
        };
        let mut state = self.lock();
        let left = match state.limits.take(caller, self.clock.now()) {
            Ok(left) => left,
            Err(seconds) => {
                return self.failure(request, 429).with("retry-after", &seconds.to_string());
            }
        };
        state.acting = seed::USER_ID;
        let answer = if request.path.ends_with("/$batch") {
            self.batch(&mut state, request).unwrap_or_else(|refusal| refusal.answer(false))
        } else {
            self.answered(&mut state, request)
        };
        self.tell(&mut state);
        answer
            .with("odata-version", "4.0")
            .with("x-ms-ratelimit-burst-remaining-xrm-requests", &left.to_string())
            .with("x-ms-ratelimit-time-remaining-xrm-requests", "1,200.00")
            .with("x-ms-service-request-id", &Uuid::new_v4().to_string())
    }

    fn failure(&self, _request: &Request, status: u16) -> Answer {
        let (code, text) = match status {
            429 => ("0x80072322", "Number of requests exceeded the limit of 6000 in 300 seconds."),
            _ => ("0x80040216", "An unexpected error occurred."),
        };
        Answer::error(status, code, text)
    }

    fn records(&self) -> Value {
        let state = self.lock();
        let sets = TABLES.iter().map(|it| (it.set.to_owned(), Value::Array(state.rows(it.set))));
        let sets: Map<String, Value> = sets.collect();
        json!({ "records": sets, "changes": changes(&state) })
    }

    fn tables(&self) -> Vec<page::Table> {
        let state = self.lock();
        let mut tables = Vec::new();
        for table in TABLES {
            // Who wrote a record, and when, is in the list of changes.
            let shown = table.columns.iter().filter(|it| {
                !matches!(it.holds, Holds::Instant)
                    && !["versionnumber", "createdby", "modifiedby"].contains(&it.name)
            });
            let names: Vec<String> = shown.map(tables::Column::read_name).collect();
            let mut rows = state.rows(table.set);
            for row in &mut rows {
                state.name_lookups(table, row);
            }
            // Columns nobody has written yet only make the page wide.
            let filled = |name: &&str| {
                rows.iter().any(|row| row.get(*name).is_some_and(|it| !it.is_null() && it != false))
            };
            let names: Vec<&str> = names.iter().map(String::as_str).filter(filled).collect();
            tables.push(page::Table::of(table.set, &names, &rows));
        }
        let columns = ["at", "table", "id", "kind", "columns"];
        tables.push(page::Table::of("Changes", &columns, &changes(&state)));
        tables
    }

    /// `POST /_emulator/records/{set}`, `DELETE /_emulator/records/{set}/{id}`: what a colleague does.
    fn act(&self, request: &Request) -> Option<Answer> {
        let rest = request.path.strip_prefix("/_emulator/records/")?;
        let done = match (request.method.as_str(), rest.split_once('/')) {
            ("POST", None) => match request.json() {
                Err(message) => Err(bad_request(&message)),
                Ok(body) => self
                    .put_row(rest, &seed::object(body))
                    .map(|id| Answer::json(200, &json!({ "id": id }))),
            },
            ("DELETE", Some((set, id))) => self.delete_row(set, id).map(|()| Answer::empty(204)),
            _ => return None,
        };
        Some(done.unwrap_or_else(|refusal| refusal.answer(false)))
    }

    fn courier(&self) -> Option<&Arc<Courier>> {
        Some(&self.courier)
    }
}

fn changes(state: &State) -> Vec<Value> {
    state.changes.iter().map(Change::to_json).collect()
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request of the Web API, refusals included.
    fn answered(&self, state: &mut State, request: &Request) -> Answer {
        let annotated = request.preferences().any(|it| it.starts_with("odata.include-annotations"));
        match self.route(state, request) {
            Err(refusal) => refusal.answer(annotated),
            Ok(answer) if answer.body.is_empty() => answer.with("odata-version", "4.0"),
            Ok(answer) => {
                let json = answer.headers.iter().any(|(_, it)| it.starts_with("application/json"));
                let answer = answer.with("odata-version", "4.0");
                if json {
                    answer.with("content-type", "application/json; odata.metadata=minimal")
                } else {
                    answer
                }
            }
        }
    }

    fn put_row(&self, set: &str, columns: &Map<String, Value>) -> Result<String, Refusal> {
        let table = Table::named(set).ok_or_else(route::no_route)?;
        let mut state = self.lock();
        state.acting = seed::COLLEAGUE_ID;
        let mut written = write::read(&state, table, columns)?;
        let id = written.get(table.id).and_then(Value::as_str).map(str::to_owned);
        let now = self.clock.now();
        let put = match id.filter(|id| state.row(table, id).is_some()) {
            None => state.create(table, written, now),
            Some(id) => {
                written.shift_remove(table.id);
                state.change(table, &id, written, now).map(|()| id)
            }
        };
        self.tell(&mut state);
        put
    }

    fn close_row(&self, id: &str, to: i64, reason: i64) -> Result<(), Refusal> {
        let table = &tables::OPPORTUNITIES;
        let mut state = self.lock();
        let key = key(table, id)?;
        let id = state.find(table, &key).ok_or_else(|| not_found(table, &key))?;
        state.acting = seed::COLLEAGUE_ID;
        let mut written = Map::new();
        written.insert("statecode".to_owned(), json!(to));
        written.insert("statuscode".to_owned(), json!(reason));
        state.apply(table, &id, written, self.clock.now())?;
        self.tell(&mut state);
        Ok(())
    }

    fn delete_row(&self, set: &str, id: &str) -> Result<(), Refusal> {
        let table = Table::named(set).ok_or_else(route::no_route)?;
        let mut state = self.lock();
        let key = key(table, id)?;
        let id = state.find(table, &key).ok_or_else(|| not_found(table, &key))?;
        state.acting = seed::COLLEAGUE_ID;
        state.delete(table, id, self.clock.now());
        self.tell(&mut state);
        Ok(())
    }

    /// The service root of the version the caller asked for, for links in answers.
    fn root(&self, version: &str) -> String {
        let [url, _] = &self.audiences;
        format!("{url}/api/data/{version}")
    }
}

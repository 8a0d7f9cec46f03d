//! Salesforce: the REST API of one org, with its sign-in, on one listener.

mod auth;
mod bulk;
mod composite;
mod csv;
mod describe;
mod first;
mod ids;
mod jwt;
mod objects;
mod query;
mod records;
mod refusal;
mod schema;
mod soap;
mod soql;
mod sosl;
mod state;
mod values;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

pub use auth::SalesforceCredentials;

use crate::Shared;
use crate::clock::Clock;
use crate::faults::{Chaos, Fault};
use crate::front::{Api, Front};
use crate::http::{Answer, Request, decode};
use crate::log::Logged;
use crate::page;
use auth::Gate;
use objects::OBJECTS;
use refusal::Refusal;
use schema::{Kind, Object};
use state::{Author, Row, State, Usage};

/// The versions of the API that are answered.
const VERSIONS: std::ops::RangeInclusive<u32> = 31..=64;
/// What an org of the smallest edition may ask in a day.
const REQUESTS_A_DAY: u64 = 15_000;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The running Salesforce emulator; clones are the same emulator.
#[derive(Clone)]
pub struct Salesforce {
    front: Arc<Front>,
    service: Arc<Service>,
}

impl Salesforce {
    pub(crate) async fn start(
        port: u16,
        credentials: SalesforceCredentials,
        shared: Shared,
    ) -> io::Result<Self> {
        let clock = shared.clock;
        let (front, listener) = Front::bind(port, clock.clone(), shared.authority).await?;
        let gate = Gate::new(credentials, (front.url.clone(), front.local_url()), clock.clone());
        let author = Author { user: auth::user(), now: clock.now() };
        let service = Arc::new(Service { gate, clock, state: Mutex::new(first::state(&author)) });
        front.serve(listener, Arc::clone(&service) as Arc<dyn Api>);
        Ok(Self { front, service })
    }

    /// The org's origin, such as `http://127.0.0.1:8073`; it is also the login address.
    pub fn url(&self) -> &str {
        &self.front.url
    }

    /// What a caller presents to get a session.
    pub fn credentials(&self) -> &SalesforceCredentials {
        &self.service.gate.credentials
    }

    /// The private key of the connected app as PKCS#8 PEM, to sign assertions with. The first call
    /// makes it, which takes the better part of a second in a debug build.
    pub fn private_key_pem(&self) -> String {
        self.service.gate.key().serialize_pem()
    }

    /// The records of an object that are not deleted, the oldest first; none for an unknown object.
    pub fn records(&self, object: &str) -> Vec<Value> {
        let state = self.service.lock();
        let object = Object::named(object);
        object
            .map(|it| state.all(it, false).cloned().map(Value::Object).collect())
            .unwrap_or_default()
    }

    /// Writes a record as a seller would, without a request: changed when `fields` has an `Id`,
    /// created otherwise. Fields and values are checked as the API checks them.
    pub fn put_record(&self, object: &str, fields: Value) -> Result<String, String> {
        let put = self.service.put(object, crate::seed::object(fields));
        put.map_err(|refusal| refusal.message)
    }

    /// How often callers have changed records of an object; what a seller does is not counted.
    pub fn updates(&self, object: &str) -> usize {
        let state = self.service.lock();
        Object::named(object).and_then(|it| state.updates.get(it.name)).copied().unwrap_or(0)
    }

    /// Deletes a record as a seller would.
    pub fn delete_record(&self, object: &str, id: &str) -> Result<(), String> {
        self.service.remove(object, id).map_err(|refusal| refusal.message)
    }

    /// Ends every session: the next request of each caller is answered with 401.
    pub fn expire_sessions(&self) {
        self.service.gate.expire();
    }

    /// Sets how many requests are left of this day.
    pub fn set_requests_left(&self, left: u64) {
        self.service.lock().usage.count = REQUESTS_A_DAY.saturating_sub(left);
    }

    /// Makes it an org with one currency, whose records have no `CurrencyIsoCode`.
    pub fn have_one_currency(&self) {
        self.service.lock().single_currency = true;
    }

    /// Every request so far, the emulator's own pages excepted.
    pub fn requests(&self) -> Vec<Logged> {
        self.front.requests()
    }

    /// Scripts a fault.
    pub fn fault(&self, fault: Fault) {
        self.front.fault(fault);
    }

    /// Lets faults strike requests by chance from now on; none ends it.
    pub fn chaos(&self, chaos: Option<&Chaos>) {
        self.front.chaos(self.service.as_ref(), chaos);
    }

    /// Moves the clock all emulators share.
    pub fn advance(&self, by: Duration) {
        self.front.clock.advance(by);
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.front.stop.send_replace(true);
    }
}

struct Service {
    gate: Gate,
    clock: Clock,
    state: Mutex<State>,
}

/// One call of the data API.
struct Call<'a> {
    request: &'a Request,
    version: u32,
    /// The path of the version, such as `/services/data/v59.0`.
    base: String,
    author: Author,
}

impl Call<'_> {
    /// The verb; clients that lack `PATCH` say it as a parameter.
    fn method(&self) -> &str {
        let posted = self.request.method == "POST";
        let patch = posted && self.parameter("_HttpMethod").as_deref() == Some("PATCH");
        if patch { "PATCH" } else { &self.request.method }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.request.parameters().into_iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }

    fn body(&self) -> Result<Row, Refusal> {
        let kind = self.request.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !kind.starts_with("application/json") {
            let message = format!("Content-Type '{kind}' is not supported here");
            return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", &message));
        }
        match self.request.json() {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(Refusal::json_parser("The request body must be a JSON object")),
            Err(error) => Err(Refusal::json_parser(&error)),
        }
    }
}

impl Api for Service {
    fn name(&self) -> &'static str {
        "Salesforce sandbox"
    }

    fn answer(&self, request: &Request) -> Answer {
        if let Some(answer) = self.gate.answer(request) {
            return answer;
        }
        if request.path.trim_end_matches('/') == "/services/data" {
            return versions();
        }
        let Some(user) = self.gate.caller(request) else {
            return Refusal::new(401, "INVALID_SESSION_ID", "Session expired or invalid").answer();
        };
        let now = self.clock.now();
        let mut state = self.lock();
        if state.usage.since.duration_until(now) >= DAY {
            state.usage = Usage { since: now, count: 0 };
        }
        let spent = state.usage.count >= REQUESTS_A_DAY;
        let answer = if spent {
            Err(limit_exceeded())
        } else {
            state.usage.count += 1;
            Self::data(&mut state, request, &Author { user, now })
        };
        let used = state.usage.count;
        let answer = answer.unwrap_or_else(|refusal| refusal.answer());
        answer.with("sforce-limit-info", &format!("api-usage={used}/{REQUESTS_A_DAY}"))
    }

    fn failure(&self, request: &Request, status: u16) -> Answer {
        if request.path.contains("/oauth2/") {
            let body =
                json!({ "error": "unknown_error", "error_description": "retry your request" });
            return Answer::json(status, &body);
        }
        let (code, text) = match status {
            401 => ("INVALID_SESSION_ID", "Session expired or invalid"),
            403 | 429 => return Refusal { status, ..limit_exceeded() }.answer(),
            503 => ("SERVER_UNAVAILABLE", "We are down for maintenance"),
            _ => ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
        };
        Refusal::new(status, code, text).answer()
    }

    fn records(&self) -> Value {
        let state = self.lock();
        let all = OBJECTS.iter().map(|it| {
            let rows: Vec<&Row> = state.all(it, true).collect();
            (it.name.to_owned(), json!(rows))
        });
        Value::Object(all.collect())
    }

    fn tables(&self) -> Vec<page::Table> {
        let state = self.lock();
        let table = |object: &Object| {
            let named = |row: &Row| {
                let mut row = row.clone();
                for field in object.fields {
                    if let (Kind::Reference(..), Some(value)) =
                        (field.kind, row.get_mut(field.name))
                        && let Some((_, behind)) = value.as_str().and_then(|id| state.behind(id))
                    {
                        *value = behind.get("Name").cloned().unwrap_or_default();
                    }
                }
                Value::Object(row)
            };
            let rows: Vec<Value> = state.all(object, false).map(named).collect();
            let filled = |name: &str| {
                rows.iter().any(|row| row.get(name).is_some_and(|it| !it.is_null() && it != false))
            };
            let names = object.fields.iter().filter(|it| !matches!(it.kind, Kind::Area(_)));
            let names = names.map(|it| it.name).filter(|it| filled(it));
            let names: Vec<&str> = ["Id"].into_iter().chain(names).collect();
            page::Table::of(object.plural, &names, &rows)
        };
        OBJECTS.iter().map(table).collect()
    }

    /// `POST /_emulator/records/{object}`, `DELETE …/{object}/{id}`, `POST /_emulator/sessions/expire`,
    /// `POST /_emulator/limits` with `{"left": 3}`.
    fn act(&self, request: &Request) -> Option<Answer> {
        let path = request.path.strip_prefix("/_emulator/")?;
        let parts: Vec<&str> = path.split('/').collect();
        Some(match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["records", object]) => match request.json() {
                Err(message) => Refusal::json_parser(&message).answer(),
                Ok(body) => match self.put(object, crate::seed::object(body)) {
                    Err(refusal) => refusal.answer(),
                    Ok(id) => Answer::json(200, &json!({ "id": id })),
                },
            },
            ("DELETE", ["records", object, id]) => match self.remove(object, id) {
                Err(refusal) => refusal.answer(),
                Ok(()) => Answer::empty(204),
            },
            ("POST", ["sessions", "expire"]) => {
                self.gate.expire();
                Answer::empty(204)
            }
            ("POST", ["limits"]) => {
                let left = request.json().ok().and_then(|it| it.get("left")?.as_u64());
                let Some(left) = left else {
                    return Some(Refusal::json_parser("`left` must be a number").answer());
                };
                self.lock().usage.count = REQUESTS_A_DAY.saturating_sub(left);
                Answer::empty(204)
            }
            _ => return None,
        })
    }
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers `/services/data/v59.0/…`.
    fn data(state: &mut State, request: &Request, author: &Author) -> Result<Answer, Refusal> {
        let raw = request.target.split('?').next().unwrap_or_default();
        let parts: Vec<String> = raw.trim_end_matches('/').split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let ["services", "data", version, rest @ ..] = parts.as_slice() else {
            return Err(Refusal::not_found());
        };
        let number = version.strip_prefix('v').and_then(|it| it.strip_suffix(".0"));
        let number = number.and_then(|it| it.parse().ok()).filter(|it| VERSIONS.contains(it));
        let call = Call {
            request,
            version: number.ok_or_else(Refusal::not_found)?,
            base: format!("/services/data/{version}"),
            author: author.clone(),
        };
        match rest {
            [] => Ok(resources(&call.base)),
            ["sobjects", rest @ ..] => records::route(state, &call, rest),
            ["query"] => query::query(state, &call, false),
            ["queryAll"] => query::query(state, &call, true),
            ["query" | "queryAll", locator] => query::more(state, &call, locator),
            ["composite", rest @ ..] => composite::route(state, &call, rest),
            ["search"] => sosl::search(state, &call),
            ["jobs", "ingest", rest @ ..] => bulk::route(state, &call, rest),
            ["recent"] => Ok(Answer::json(200, &json!([]))),
            ["limits"] => Ok(limits(&state.usage)),
            _ => Err(Refusal::not_found()),
        }
    }

    fn put(&self, object: &str, mut fields: Row) -> Result<String, Refusal> {
        let object = Object::named(object).ok_or_else(Refusal::not_found)?;
        let author = Author { user: auth::seller(), now: self.clock.now() };
        let mut state = self.lock();
        match fields.shift_remove("Id").as_ref().and_then(Value::as_str) {
            None => state.create(object, &fields, &author),
            Some(id) => {
                state.update(object, id, &fields, &author)?;
                Ok(ids::long(id).unwrap_or_else(|| id.to_owned()))
            }
        }
    }

    fn remove(&self, object: &str, id: &str) -> Result<(), Refusal> {
        let object = Object::named(object).ok_or_else(Refusal::not_found)?;
        let author = Author { user: auth::seller(), now: self.clock.now() };
        self.lock().delete(object, id, &author)
    }
}

fn limits(usage: &Usage) -> Answer {
    let left = REQUESTS_A_DAY.saturating_sub(usage.count);
    let body = json!({
        "DailyApiRequests": { "Max": REQUESTS_A_DAY, "Remaining": left },
        "DataStorageMB": { "Max": 5, "Remaining": 5 },
        "FileStorageMB": { "Max": 20, "Remaining": 20 },
    });
    Answer::json(200, &body)
}

fn limit_exceeded() -> Refusal {
    Refusal::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
}

fn versions() -> Answer {
    let all = VERSIONS.map(|it| {
        let (season, year) = match it % 3 {
            0 => ("Spring", (it - 33) / 3 + 15),
            1 => ("Summer", (it - 31) / 3 + 14),
            _ => ("Winter", (it - 32) / 3 + 15),
        };
        json!({
            "label": format!("{season} '{year}"), "version": format!("{it}.0"),
            "url": format!("/services/data/v{it}.0"),
        })
    });
    Answer::json(200, &all.collect())
}

fn resources(base: &str) -> Answer {
    let names =
        ["sobjects", "query", "queryAll", "limits", "composite", "jobs", "search", "recent"];
    let all = names.iter().map(|it| ((*it).to_owned(), json!(format!("{base}/{it}"))));
    Answer::json(200, &Value::Object(all.collect::<Map<_, _>>()))
}

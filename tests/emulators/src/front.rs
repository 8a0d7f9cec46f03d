//! What every emulator does before it looks at a request: log, faults, the pages of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, seven_digits};
use crate::courier::{Courier, Delivery, Mishap};
use crate::door::{Cut, Door};
use crate::faults::{Chaos, Fault, FaultKind, Faults};
use crate::http::{Answer, Request, decode};
use crate::log::{Log, Logged};
use crate::page::{self, Table};
use crate::tls::Authority;

/// The largest body read; the payloads of these services are far smaller.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
const STOP_GRACE: Duration = Duration::from_secs(2);

/// One emulated service behind the common front.
pub(crate) trait Api: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn answer(&self, request: &Request) -> Answer;
    /// How this service words a failure that a fault makes it pretend.
    fn failure(&self, request: &Request, status: u16) -> Answer;
    /// The whole state as JSON, for `/_emulator/records`.
    fn records(&self) -> Value;
    fn tables(&self) -> Vec<Table>;
    /// Who carries its notifications, when it sends any.
    fn courier(&self) -> Option<&Arc<Courier>> {
        None
    }
    /// What somebody else does in the service, by a route of the emulator's own; none: no such route.
    fn act(&self, _request: &Request) -> Option<Answer> {
        None
    }
}

/// The common front of one listener.
pub(crate) struct Front {
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) stop: watch::Sender<bool>,
    authority: Option<Authority>,
    log: Log,
    faults: Faults,
}

impl Front {
    /// Binds the loopback port; zero takes a free one.
    pub(crate) async fn bind(
        port: u16,
        clock: Clock,
        authority: Option<Authority>,
    ) -> io::Result<(Arc<Self>, TcpListener)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
        let scheme = if authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        let (stop, _) = watch::channel(false);
        let (log, faults) = (Log::default(), Faults::default());
        Ok((Arc::new(Self { url, clock, stop, authority, log, faults }), listener))
    }

    /// Serves until stopped, in a task of its own.
    pub(crate) fn serve(self: &Arc<Self>, listener: TcpListener, api: Arc<dyn Api>) {
        let state = Served { front: Arc::clone(self), api };
        let router = Router::new().fallback(handle).with_state(state);
        let service = router.into_make_service_with_connect_info::<Cut>();
        let door = Door::new(listener, self.authority.as_ref().map(|it| it.acceptor.clone()));
        let mut stopped = self.stop.subscribe();
        let mut forced = self.stop.subscribe();
        tokio::spawn(async move {
            let serving = axum::serve(door, service).with_graceful_shutdown(async move {
                // An error means the front is gone, which is a stop as well.
                drop(stopped.wait_for(|it| *it).await);
            });
            tokio::select! {
                _ = async { serving.await } => {}
                () = async {
                    drop(forced.wait_for(|it| *it).await);
                    tokio::time::sleep(STOP_GRACE).await;
                } => {}
            }
        });
    }

    /// The same origin by its other name, which callers may ask tokens for as well.
    pub(crate) fn local_url(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }

    pub(crate) fn requests(&self) -> Vec<Logged> {
        self.log.all()
    }

    pub(crate) fn fault(&self, fault: Fault) -> bool {
        self.faults.add(fault)
    }

    pub(crate) fn chaos(&self, api: &dyn Api, chaos: Option<&Chaos>) {
        self.faults.chance(chaos);
        if let Some(courier) = api.courier() {
            courier.chance(chaos);
        }
    }

    async fn perform(&self, api: &dyn Api, request: &Request, cut: &Cut) -> Answer {
        let fault = self.faults.take(&request.method, &request.path);
        let label = fault.as_ref().map(|it| format!("{it:?}"));
        let at = self.clock.now();
        let answer = match &fault {
            Some(FaultKind::Throttle { retry_after_seconds }) => {
                api.failure(request, 429).with("retry-after", &retry_after_seconds.to_string())
            }
            Some(FaultKind::Status(status)) => api.failure(request, *status),
            Some(FaultKind::Reset) => Answer::empty(500),
            Some(FaultKind::Delay(pause)) => {
                tokio::time::sleep(*pause).await;
                api.answer(request)
            }
            Some(FaultKind::LoseReply) | None => api.answer(request),
        };
        let lost = matches!(fault, Some(FaultKind::Reset | FaultKind::LoseReply));
        if lost {
            cut.now();
        }
        self.log.add(at, request, (!lost).then_some(answer.status), label);
        answer
    }

    /// The emulator's own routes, never logged and never faulty.
    fn admin(&self, api: &dyn Api, request: &Request) -> Option<Answer> {
        let path = request.path.as_str();
        let array = |items: Vec<Value>| Answer::json(200, &Value::Array(items));
        Some(match (request.method.as_str(), path) {
            ("GET", "/") => {
                let now = self.clock.now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
                let html = page::render(api.name(), &now, &api.tables(), &self.log.all());
                Answer::bytes("text/html; charset=utf-8", html.into_bytes()).with(
                    "content-security-policy",
                    "default-src 'none'; style-src 'unsafe-inline'",
                )
            }
            ("GET", "/_emulator/requests") => {
                array(self.log.all().iter().map(Logged::to_json).collect())
            }
            ("GET", "/_emulator/records") => Answer::json(200, &api.records()),
            ("GET", "/_emulator/deliveries") => {
                let all = api.courier().map(|it| it.all()).unwrap_or_default();
                array(all.iter().map(Delivery::to_json).collect())
            }
            ("GET", "/_emulator/clock") => self.shown_clock(),
            ("POST", "/_emulator/clock") => self.move_clock(request),
            ("POST", "/_emulator/faults") => self.add_faults(request),
            ("POST", "/_emulator/mishaps") => add_mishaps(api, request),
            ("POST", "/_emulator/chaos") => {
                match request.json().and_then(|it| Chaos::from_json(&it)) {
                    Err(message) => Answer::error(400, "BadRequest", &message),
                    Ok(chaos) => {
                        self.chaos(api, Some(&chaos));
                        Answer::empty(204)
                    }
                }
            }
            ("DELETE", "/_emulator/chaos") => {
                self.chaos(api, None);
                Answer::empty(204)
            }
            ("POST", _) if path.starts_with("/_emulator/redeliver/") => {
                let index = path.rsplit('/').next().and_then(|it| it.parse().ok());
                let found = index.zip(api.courier()).is_some_and(|(index, it)| it.redeliver(index));
                Answer::json(if found { 202 } else { 404 }, &json!({ "redelivered": found }))
            }
            _ if path.starts_with("/_emulator") => api
                .act(request)
                .unwrap_or_else(|| Answer::error(404, "NotFound", "no such page of the emulator")),
            _ => return None,
        })
    }

    fn add_faults(&self, request: &Request) -> Answer {
        match one_or_many(request, Fault::from_json) {
            Err(message) => Answer::error(400, "BadRequest", &message),
            Ok(faults) => {
                let added = faults.into_iter().filter(|fault| self.faults.add(fault.clone()));
                Answer::json(200, &json!({ "added": added.count() }))
            }
        }
    }

    fn shown_clock(&self) -> Answer {
        Answer::json(200, &json!({ "now": seven_digits(self.clock.now(), "Z") }))
    }

    /// Moves the clock all emulators share, by a duration such as `PT2H` or `P14D`.
    fn move_clock(&self, request: &Request) -> Answer {
        let by = request.json().and_then(|body| {
            let text = body.get("advance").and_then(Value::as_str).unwrap_or_default();
            duration(text).ok_or_else(|| "`advance` must be a duration such as `P14D`".to_owned())
        });
        match by {
            Err(message) => Answer::error(400, "BadRequest", &message),
            Ok(by) => {
                self.clock.advance(by);
                self.shown_clock()
            }
        }
    }
}

fn add_mishaps(api: &dyn Api, request: &Request) -> Answer {
    let Some(courier) = api.courier() else {
        return Answer::error(404, "NotFound", "this service sends no notifications");
    };
    match one_or_many(request, Mishap::from_json) {
        Err(message) => Answer::error(400, "BadRequest", &message),
        Ok(mishaps) => {
            let added = mishaps.into_iter().filter(|mishap| courier.mishap(mishap.clone()));
            Answer::json(200, &json!({ "added": added.count() }))
        }
    }
}

/// Reads a body that is one thing or an array of them.
fn one_or_many<T>(
    request: &Request,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match request.json()? {
        Value::Array(items) => items.iter().map(read).collect(),
        one => read(&one).map(|it| vec![it]),
    }
}

/// A duration in ISO 8601 that is not negative; a day has 24 hours here.
fn duration(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    Duration::try_from(span.to_duration(days).ok()?).ok()
}

#[derive(Clone)]
struct Served {
    front: Arc<Front>,
    api: Arc<dyn Api>,
}

async fn handle(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return response(Answer::error(413, "RequestTooLarge", "the body is too large or broken"));
    };
    let mut headers = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|all: &mut String| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert(value);
    }
    let request = Request {
        method: parts.method.as_str().to_owned(),
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        path: decode(parts.uri.path()),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    };
    if let Some(answer) = served.front.admin(served.api.as_ref(), &request) {
        return response(answer);
    }
    response(served.front.perform(served.api.as_ref(), &request, &cut).await)
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        match pair {
            Some((name, value)) => {
                response.headers_mut().append(name, value);
            }
            None => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    response
}

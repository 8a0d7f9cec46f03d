//! Sessions of browsers: a sealed cookie that scripts cannot read.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, SET_COOKIE},
    },
    response::{IntoResponse as _, Response},
};
use base::{Secret, Timestamp, base64};
use journal::AuditEntry;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Gate, Kind, User, guard::sender};
use crate::{Shared, audit, error::Problem, operate::required};

/// The cookie of a session.
pub(super) const SESSION: &str = "flowright_session";
/// Sessions that are remembered as ended before their time.
const ENDED_MAX: usize = 10_000;

/// Who is signed in, and until when.
#[derive(Serialize, Deserialize)]
struct Session {
    id: String,
    user: User,
    /// Ticks.
    until: i64,
}

/// Sessions that were ended before their time, with when they would have ended.
#[derive(Default)]
pub(super) struct Ended(Mutex<BTreeMap<String, i64>>);

impl Ended {
    fn has(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    fn add(&self, session: Session, now: Timestamp) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, until| now.ticks() < *until);
        if ENDED_MAX <= ended.len() {
            ended.pop_first();
        }
        ended.insert(session.id, session.until);
    }
}

/// A cookie of a request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// A cookie for this service only, which no script can read and no other page's request brings.
pub(super) fn set_cookie(shared: &Shared, name: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if shared.is_encrypted { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The cookie that lets a user in from now on.
pub(super) fn begin(shared: &Shared, user: User) -> Result<HeaderValue, Problem> {
    let until = shared.engine.now().after(shared.gate.session).ticks();
    let session = Session { id: worker::new_key().expose().clone(), user, until };
    let text = serde_json::to_vec(&session).map_err(|error| {
        Problem::new(500, "InternalError", format!("the session cannot be written: {error}"))
    })?;
    let text = base64::encode_url(&text);
    let seal = shared.hooks.addresses.seal(SESSION, &text);
    let seconds = shared.gate.session.ticks() / 10_000_000;
    Ok(set_cookie(shared, SESSION, &format!("{text}.{seal}"), seconds))
}

/// Notes that somebody has signed in, before they are let in.
pub(super) async fn note(shared: &Shared, user: &User, source: IpAddr) -> Result<(), Problem> {
    let what = ("session.create", String::new(), Value::Null);
    let entry = audit::entry(shared.engine.now(), (user, source), what);
    shared.engine.note(AuditEntry { status: Some(201), ..entry }).await?;
    Ok(())
}

/// The session that a request brings, if it is one of ours and not over.
fn read(shared: &Shared, headers: &HeaderMap) -> Option<Session> {
    let (text, seal) = cookie(headers, SESSION)?.split_once('.')?;
    if !shared.hooks.addresses.is_sealed(SESSION, text, seal) {
        return None;
    }
    let session: Session = serde_json::from_slice(&base64::decode_url(text)?).ok()?;
    let is_open = shared.engine.now().ticks() < session.until;
    (is_open && !shared.gate.ended.has(&session.id)).then_some(session)
}

/// Who is signed in.
pub(super) fn user(shared: &Shared, headers: &HeaderMap) -> Result<Option<User>, Problem> {
    let Some(Session { user, .. }) = read(shared, headers) else { return Ok(None) };
    let Gate { tokens, oidc, .. } = &shared.gate;
    let is_good = match (user.kind, tokens, &user.token) {
        // Whoever takes the token away ends its sessions.
        (Kind::Token, Some(tokens), Some(id)) => {
            tokens.is_good(id, shared.engine.now()).map_err(|error| unreadable(&error))?
        }
        (Kind::Oidc, ..) => oidc.is_some(),
        (Kind::Token | Kind::Local, ..) => false,
    };
    Ok(is_good.then_some(user))
}

pub(super) fn unreadable(error: &super::tokens::TokenError) -> Problem {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "The tokens cannot be read.");
    Problem::later(503, "TokensUnavailable", "the tokens cannot be read", 10)
}

fn shown(shared: &Shared, user: Option<&User>) -> Value {
    let gate = &shared.gate;
    let ways = [("token", gate.tokens.is_some()), ("oidc", gate.oidc.is_some())];
    let ways = ways.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name);
    json!({
        "required": !gate.is_open(),
        "signIn": ways.collect::<Vec<_>>(),
        "user": user.map(User::to_json),
    })
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let user = shared.gate.user(&shared, &headers)?.map(|(user, _)| user);
    Ok(Json(shown(&shared, user.as_ref())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: String,
}

pub(crate) async fn create(
    State(shared): State<Shared>,
    parts: axum::http::request::Parts,
    body: Bytes,
) -> Result<Response, Problem> {
    let SignIn { token } = required(&body)?;
    let source = sender(&shared, &parts.headers, &parts.extensions);
    let user = shared.gate.of_token(&shared, &Secret::new(token), source)?;
    let mut response = (StatusCode::CREATED, Json(shown(&shared, Some(&user)))).into_response();
    if user.kind == Kind::Token {
        note(&shared, &user, source).await?;
        response.headers_mut().insert(SET_COOKIE, begin(&shared, user)?);
    }
    Ok(response)
}

pub(crate) async fn end(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if let Some(session) = read(&shared, &headers) {
        shared.gate.ended.add(session, shared.engine.now());
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, set_cookie(&shared, SESSION, "", 0));
    response
}

//! What the service is made of, who has tokens for it, and which log lines it writes.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use base::{Duration, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    access::{
        Role, User,
        tokens::{NewToken, Token, TokenError, TokenFile, USUAL},
    },
    error::Problem,
    operate::required,
};

/// What the process around a server does for it.
pub trait Host: Send + Sync {
    /// Puts a new key for addresses in the place of the present one. Gives all that are good now.
    ///
    /// # Errors
    /// Says why nothing has changed.
    fn rotate_key(&self, revoke: bool) -> Result<Vec<Secret<String>>, String>;

    /// Which log lines are written, as in `RUST_LOG`.
    fn log_filter(&self) -> String;

    /// Writes other log lines from now on.
    ///
    /// # Errors
    /// Says what is wrong with the filter.
    fn set_log_filter(&self, filter: &str) -> Result<(), String>;

    /// The text of a file with a test that does as a run did: from the run and the events of its journal,
    /// as the API shows them.
    ///
    /// # Errors
    /// Says why there can be none.
    fn test_of(&self, _run: &Value, _journal: &[Value]) -> Result<String, String> {
        Err("this process makes no tests".to_owned())
    }
}

/// A process that does nothing for its server.
pub struct Nobody;

impl Host for Nobody {
    fn rotate_key(&self, _revoke: bool) -> Result<Vec<Secret<String>>, String> {
        Err("there is nowhere to keep it".to_owned())
    }

    fn log_filter(&self) -> String {
        "off".to_owned()
    }

    fn set_log_filter(&self, _filter: &str) -> Result<(), String> {
        Err("this process writes no log".to_owned())
    }
}

pub(crate) async fn info(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let nodes = shared.engine.nodes().await?.len();
    let project = shared.workshop.as_ref().map(|it| it.project());
    let environment = project.as_ref().and_then(|it| it.environment.as_ref());
    let environment = environment.map(|(source, _)| crate::workshop::last(source.name()));
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "environment": environment.map(|it| it.strip_suffix(".yaml").unwrap_or(it)),
        "publicUrl": shared.engine.public_url(),
        "startTime": shared.began.to_string(),
        "editable": shared.workshop.as_ref().is_some_and(|it| it.is_editable()),
        "store": if shared.engine.is_shared() { "shared" } else { "file" },
        "nodes": nodes.max(1),
    })))
}

fn tokens(shared: &Shared) -> Result<&Arc<TokenFile>, Problem> {
    let message = "this service asks nobody who they are: there are no tokens";
    shared.gate.tokens().ok_or_else(|| Problem::new(409, "NoSignIn", message))
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let message = error.to_string();
        match &error {
            TokenError::Refused(_) => Self::new(400, "InvalidToken", message),
            TokenError::Unknown(_) => Self::new(404, "TokenNotFound", message),
            TokenError::Io { .. } | TokenError::Format(_) | TokenError::Open(_) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "The tokens cannot be read or written.");
                Self::later(503, "TokensUnavailable", "the tokens cannot be read or written", 10)
            }
        }
    }
}

pub(crate) async fn list_tokens(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let all = tokens(&shared)?.list()?;
    Ok(Json(json!({ "value": all.iter().map(Token::to_json).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    role: Role,
    only: Option<Vec<String>>,
    expires: Option<String>,
}

pub(crate) async fn create_token(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Wanted { name, role, only, expires } = required(&body)?;
    let lasts = match expires {
        None => USUAL,
        Some(text) => Duration::parse_iso(&text).ok_or_else(|| {
            let message = format!("`{text}` is no duration such as `P90D`");
            Problem::new(400, "InvalidTime", message)
        })?,
    };
    let wanted = NewToken { name, role, only, lasts, by: user.name.clone() };
    let (token, value) = tokens(&shared)?.create(wanted, shared.engine.now())?;
    let mut shown = token.to_json();
    shown["token"] = value.expose().as_str().into();
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(crate) async fn revoke_token(
    State(shared): State<Shared>,
    Extension(user): Extension<Arc<User>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let token = tokens(&shared)?.revoke(&id, &user.name, shared.engine.now())?;
    Ok(Json(token.to_json()))
}

pub(crate) async fn log(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({ "filter": shared.host.log_filter() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    filter: String,
}

pub(crate) async fn set_log(
    State(shared): State<Shared>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Log { filter } = required(&body)?;
    let set = shared.host.set_log_filter(&filter);
    set.map_err(|message| Problem::new(400, "InvalidFilter", message))?;
    Ok(Json(json!({ "filter": shared.host.log_filter() })))
}

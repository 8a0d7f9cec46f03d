//! The directory Partner Center and Dataverse share: grants, tokens bound to an audience, refusals.

mod logins;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::http::{Answer, Request, form};
use logins::Logins;

const TOKEN_SECONDS: i64 = 3_599;
const TOKENS_MAX: usize = 10_000;
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The values a caller must present to get a token.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The tenant in the token endpoint's path.
    pub tenant_id: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// The first refresh token; each refresh hands out another, and all stay valid.
    pub refresh_token: String,
    /// The user of the password grant.
    pub username: String,
    /// The password of that user.
    pub password: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            tenant_id: "a7d4b1c0-5e3f-4d1a-9b52-6f0c8e21d9aa".to_owned(),
            client_id: "3c0ffee0-1234-4a5b-8c6d-7e8f90a1b2c3".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            refresh_token: "sandbox-refresh-token".to_owned(),
            username: "seller@fabrikam.example".to_owned(),
            password: "sandbox-password".to_owned(),
        }
    }
}

/// Who a valid token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    User,
    Application,
}

struct Token {
    audience: String,
    caller: Caller,
    expires: Timestamp,
}

pub(crate) struct Directory {
    pub(crate) credentials: Credentials,
    tls: bool,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    audiences: BTreeSet<String>,
    tokens: BTreeMap<String, Token>,
    /// Refresh tokens, and whether the application they belong to can keep no secret.
    refresh_tokens: BTreeMap<String, bool>,
    logins: Logins,
}

impl Directory {
    pub(crate) fn new(credentials: Credentials, tls: bool, clock: Clock) -> Self {
        let mut state = State::default();
        state.refresh_tokens.insert(credentials.refresh_token.clone(), false);
        Self { credentials, tls, clock, state: Mutex::new(state) }
    }

    /// Makes a resource known; tokens are issued for known resources only.
    pub(crate) fn register(&self, audience: &str) {
        let mut state = self.lock();
        state.audiences.insert(audience.trim_end_matches('/').to_owned());
    }

    /// The caller behind a bearer token, when it is known, fresh and meant for this audience.
    pub(crate) fn caller(&self, request: &Request, audiences: &[&str]) -> Option<Caller> {
        let (scheme, token) = request.header("authorization")?.split_once(' ')?;
        let state = self.lock();
        let token =
            state.tokens.get(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        let fresh = token.expires > self.clock.now();
        let meant = audiences.iter().any(|it| it.eq_ignore_ascii_case(&token.audience));
        (fresh && meant).then_some(token.caller)
    }

    /// Answers a token endpoint; none when the path is no token endpoint.
    pub(crate) fn answer(&self, request: &Request) -> Option<Answer> {
        let path = request.path.strip_prefix('/')?;
        if path == "devicelogin" && request.method == "GET" {
            return Some(self.agree(request));
        }
        let (tenant, rest) = path.split_once("/oauth2/")?;
        let v1 = match (request.method.as_str(), rest) {
            (_, "token") => true,
            (_, "v2.0/token") => false,
            ("GET", "authorize" | "v2.0/authorize") => return Some(self.authorize(request)),
            ("POST", "devicecode" | "v2.0/devicecode") => {
                let host = request.header("host").unwrap_or_default();
                let scheme = if self.tls { "https" } else { "http" };
                return Some(self.device_code(request, &format!("{scheme}://{host}")));
            }
            _ => return None,
        };
        if request.method != "POST" {
            return Some(refused(405, "invalid_request", "the token endpoint takes POST only"));
        }
        Some(self.token(request, tenant, v1).unwrap_or_else(|answer| answer))
    }

    fn token(&self, request: &Request, tenant: &str, v1: bool) -> Result<Answer, Answer> {
        let fields = fields(request)?;
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|it| !it.is_empty());
        let known = tenant == self.credentials.tenant_id
            || ["common", "organizations"].contains(&tenant)
                && field("grant_type") != Some("client_credentials");
        if !known {
            return Err(refused(400, "invalid_request", "AADSTS90002: tenant not found"));
        }
        let grant = field("grant_type").unwrap_or_default();
        let public = self.check_client(grant, &fields)?;
        let caller = self.check_grant(grant, &fields)?;
        let audience = self.audience(&fields, v1)?;
        let scope = field("scope").unwrap_or_default();
        Ok(self.issue((&audience, caller), public, v1, scope))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the application came without a secret, as one may on a person's own machine.
    fn check_client(&self, grant: &str, fields: &BTreeMap<String, String>) -> Result<bool, Answer> {
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if given("client_id") != self.credentials.client_id {
            let text = "AADSTS700016: application not found in the directory";
            return Err(refused(401, "invalid_client", text));
        }
        let public = match grant {
            "authorization_code" => fields.contains_key("code_verifier"),
            DEVICE => true,
            "refresh_token" => {
                self.lock().refresh_tokens.get(given("refresh_token")).is_some_and(|it| *it)
            }
            _ => false,
        };
        if public && !fields.contains_key("client_secret") {
            return Ok(true);
        }
        if given("client_secret") != self.credentials.client_secret {
            let text = "AADSTS7000215: invalid client secret provided";
            return Err(refused(401, "invalid_client", text));
        }
        Ok(false)
    }

    fn check_grant(
        &self,
        grant: &str,
        fields: &BTreeMap<String, String>,
    ) -> Result<Caller, Answer> {
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        match grant {
            "client_credentials" => Ok(Caller::Application),
            "refresh_token" => {
                let state = self.lock();
                if state.refresh_tokens.contains_key(given("refresh_token")) {
                    return Ok(Caller::User);
                }
                Err(refused(400, "invalid_grant", "AADSTS9002313: the refresh token is not valid"))
            }
            "password" => {
                let right = given("username").eq_ignore_ascii_case(&self.credentials.username)
                    && given("password") == self.credentials.password;
                let text = "AADSTS50126: invalid user name or password";
                if right { Ok(Caller::User) } else { Err(refused(400, "invalid_grant", text)) }
            }
            "authorization_code" => self.check_code(fields).map(|()| Caller::User),
            DEVICE => self.check_device(given("device_code")).map(|()| Caller::User),
            "" => Err(refused(400, "invalid_request", "AADSTS900144: `grant_type` is missing")),
            _ => Err(refused(400, "unsupported_grant_type", "AADSTS70003: grant not supported")),
        }
    }

    /// The resource asked for: `resource` in v1, the first absolute `scope` without its last segment in v2.
    fn audience(&self, fields: &BTreeMap<String, String>, v1: bool) -> Result<String, Answer> {
        let (asked, code) = if v1 {
            (fields.get("resource").cloned(), "invalid_resource")
        } else {
            let scope = fields.get("scope").map(String::as_str).unwrap_or_default();
            let absolute = scope.split_whitespace().find(|it| it.contains("://"));
            let resource = absolute.and_then(|it| it.rsplit_once('/')).map(|(it, _)| it.to_owned());
            (resource, "invalid_scope")
        };
        let asked = asked.unwrap_or_default();
        let asked = asked.trim_end_matches('/');
        let state = self.lock();
        let known = state.audiences.iter().find(|it| it.eq_ignore_ascii_case(asked)).cloned();
        known.ok_or_else(|| {
            refused(400, code, "AADSTS500011: the resource principal was not found in the tenant")
        })
    }

    fn issue(
        &self,
        (audience, caller): (&str, Caller),
        public: bool,
        v1: bool,
        scope: &str,
    ) -> Answer {
        let now = self.clock.now();
        let expires = now.saturating_add(SignedDuration::from_secs(TOKEN_SECONDS)).unwrap_or(now);
        let access = opaque();
        let refresh = (caller == Caller::User).then(opaque);
        let mut state = self.lock();
        state.tokens.retain(|_, token| token.expires > now);
        if state.tokens.len() >= TOKENS_MAX {
            return refused(503, "temporarily_unavailable", "too many tokens are in use");
        }
        let token = Token { audience: audience.to_owned(), caller, expires };
        state.tokens.insert(access.clone(), token);
        if let Some(refresh) = &refresh {
            state.refresh_tokens.insert(refresh.clone(), public);
        }
        let mut body = Map::new();
        body.insert("token_type".to_owned(), json!("Bearer"));
        if v1 {
            // The first version of the endpoint writes its numbers as texts.
            let texts = [
                ("expires_in", TOKEN_SECONDS),
                ("ext_expires_in", TOKEN_SECONDS),
                ("expires_on", expires.as_second()),
                ("not_before", now.as_second()),
            ];
            body.extend(texts.map(|(name, value)| (name.to_owned(), json!(value.to_string()))));
            body.insert("resource".to_owned(), json!(audience));
        } else {
            body.insert("expires_in".to_owned(), json!(TOKEN_SECONDS));
            body.insert("ext_expires_in".to_owned(), json!(TOKEN_SECONDS));
            body.insert("scope".to_owned(), json!(scope));
        }
        body.insert("access_token".to_owned(), json!(access));
        if let Some(refresh) = refresh {
            body.insert("refresh_token".to_owned(), json!(refresh));
        }
        Answer::json(200, &Value::Object(body)).with("cache-control", "no-store")
    }
}

/// The form's fields, with the client's name and secret from HTTP Basic when they come that way.
fn fields(request: &Request) -> Result<BTreeMap<String, String>, Answer> {
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        let text = "AADSTS900144: the body must be a URL-encoded form";
        return Err(refused(400, "invalid_request", text));
    }
    let mut fields: BTreeMap<_, _> =
        form(&String::from_utf8_lossy(&request.body)).into_iter().collect();
    let basic = request.header("authorization").and_then(|it| it.strip_prefix("Basic "));
    if let Some((id, secret)) = basic.and_then(basic_pair) {
        fields.entry("client_id".to_owned()).or_insert(id);
        fields.entry("client_secret".to_owned()).or_insert(secret);
    }
    Ok(fields)
}

fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((crate::http::decode(id), crate::http::decode(secret)))
}

fn opaque() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}

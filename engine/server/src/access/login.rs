//! Signing in at an identity provider: authorization code with PKCE (`OpenID Connect`).

use std::sync::{Mutex, PoisonError};

use axum::{
    extract::{Query, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{LOCATION, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};
use base::{Duration, HttpRequest, Secret, Timestamp, base64, digest::sha256};
use connector::{proof::SignedToken, trigger::TokenAlgorithm};
use http_client::{Client, Egress};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Kind, Role, User,
    guard::sender,
    session::{self, cookie, set_cookie},
};
use crate::{Shared, error::Problem};

/// The identity provider that people sign in at.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// Its address, as its tokens name it.
    pub issuer: String,
    /// What this service is called there.
    pub client_id: String,
    /// Proves that; none of a public client.
    pub client_secret: Option<Secret<String>>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim whose values decide about the role.
    pub claim: String,
    /// Who has which role; the greatest one counts.
    pub rules: Vec<RoleRule>,
    /// The address of this service, without a slash at its end.
    pub origin: String,
}

/// Whoever has this value in the claim has the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// The role.
    pub role: Role,
    /// The value; `*` is whoever can sign in.
    pub value: String,
}

/// The cookie of somebody who is on the way to the provider.
const LOGIN: &str = "flowright_login";
/// How long somebody may take there.
const PATIENCE_SECONDS: i64 = 600;
/// How long it is believed what the provider says of itself.
const KEEP: Duration = Duration::seconds(3600);
/// How far clocks may be apart.
const TOLERANCE: Duration = Duration::seconds(60);
/// Claims that a person is called by, the best first.
const NAMES: [&str; 4] = ["email", "preferred_username", "upn", "sub"];

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// The provider, with what is known of it.
pub(super) struct OidcClient {
    settings: Oidc,
    known: Mutex<Option<(Timestamp, Provider)>>,
}

fn failed(message: impl Into<String>) -> Problem {
    Problem::new(502, "IdentityProviderFailed", message)
}

impl OidcClient {
    pub(super) fn new(settings: Oidc) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// The operator has named the issuer; where it sends us to has to be public or there.
    fn egress(&self) -> Egress {
        Egress::public().allow(&self.settings.issuer)
    }

    async fn provider(&self, client: &Client, now: Timestamp) -> Result<Provider, Problem> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, provider)) = known
            && now.since(since) < KEEP
        {
            return Ok(provider);
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let request = HttpRequest {
            method: "GET".to_owned(),
            url,
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: None,
        };
        let answer = self.ask(client, &request).await?;
        let provider: Provider = serde_json::from_value(answer)
            .map_err(|_| failed("the identity provider does not describe itself as it should"))?;
        if provider.issuer != self.settings.issuer {
            return Err(failed("the identity provider calls itself something else"));
        }
        let known = Some((now, provider.clone()));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(provider)
    }

    async fn ask(&self, client: &Client, request: &HttpRequest) -> Result<Value, Problem> {
        let response = client.send(request, &self.egress()).await.map_err(|failure| {
            failed(format!("the identity provider cannot be asked: {}", failure.message))
        })?;
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status == 200 {
            return Ok(answer);
        }
        // The description may repeat what was sent; the code is one of a list.
        let code = answer.get("error").and_then(Value::as_str).unwrap_or_default();
        let code: String = code.chars().filter(|it| !it.is_control()).take(60).collect();
        Err(failed(format!("the identity provider answered {} {code}", response.status)))
    }

    fn redirect_uri(&self) -> String {
        format!("{}/auth/callback", self.settings.origin)
    }

    fn address(&self, provider: &Provider, shared: &Shared, state: &str) -> String {
        let verifier = verifier(shared, state);
        let challenge = base64::encode_url(&sha256(verifier.as_bytes()));
        let scopes = ["openid"].into_iter().chain(self.settings.scopes.iter().map(String::as_str));
        let pairs = [
            ("response_type", "code".to_owned()),
            ("client_id", self.settings.client_id.clone()),
            ("redirect_uri", self.redirect_uri()),
            ("scope", scopes.collect::<Vec<_>>().join(" ")),
            ("state", state.to_owned()),
            ("nonce", nonce(shared, state)),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
        ];
        let start = &provider.authorization_endpoint;
        let sign = if start.contains('?') { '&' } else { '?' };
        format!("{start}{sign}{}", form(&pairs))
    }

    /// The claims of whoever comes back with that code.
    async fn redeem(&self, shared: &Shared, code: &str, state: &str) -> Result<Value, Problem> {
        let (client, now) = (&shared.hooks.client, shared.engine.now());
        let provider = self.provider(client, now).await?;
        let mut pairs = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri()),
            ("client_id", self.settings.client_id.clone()),
            ("code_verifier", verifier(shared, state)),
        ];
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ];
        if let Some(secret) = &self.settings.client_secret {
            let methods = &provider.token_endpoint_auth_methods_supported;
            let knows = |name: &str| methods.iter().any(|it| it == name);
            if knows("client_secret_post") && !knows("client_secret_basic") {
                pairs.push(("client_secret", secret.expose().clone()));
            } else {
                let pair = [&self.settings.client_id, secret.expose()].map(|it| encoded(it));
                let basic = base64::encode(pair.join(":").as_bytes());
                headers.push(("authorization".to_owned(), format!("Basic {basic}")));
            }
        }
        let body = Some(form(&pairs).into_bytes());
        let url = provider.token_endpoint.clone();
        let request = HttpRequest { method: "POST".to_owned(), url, headers, body };
        let answer = self.ask(client, &request).await?;
        let token = answer.get("id_token").and_then(Value::as_str);
        let token = token.ok_or_else(|| failed("the identity provider gave no `id_token`"))?;
        let wanted = SignedToken {
            brought: Some(token.to_owned()),
            keys_url: provider.jwks_uri.clone(),
            origins: vec![self.settings.issuer.clone()],
            algorithms: TokenAlgorithm::ALL.iter().map(|(_, it)| *it).collect(),
            issuers: vec![provider.issuer.clone()],
            audiences: vec![self.settings.client_id.clone()],
            claims: vec![("nonce".to_owned(), nonce(shared, state).into())],
            tolerance: TOLERANCE,
        };
        client.check_signed_token(&wanted, now).await.map_err(|rejected| {
            let http_client::Rejected { code, message, .. } = rejected;
            tracing::warn!(code, message, "The token of the identity provider is not believed.");
            failed("the token of the identity provider is not believed")
        })?;
        let claims = token.split('.').nth(1).and_then(base64::decode_url);
        let claims = claims.and_then(|it| serde_json::from_slice(&it).ok());
        claims.ok_or_else(|| failed("the token of the identity provider cannot be read"))
    }

    /// Who that is here.
    fn user(&self, claims: &Value) -> Result<User, Problem> {
        let text = |name: &&str| claims.get(*name).and_then(Value::as_str);
        let name = NAMES.iter().find_map(text).unwrap_or_default().to_owned();
        let has = |value: &str| match claims.get(&self.settings.claim) {
            Some(Value::String(text)) => text.split(' ').any(|it| it == value) || text == value,
            Some(Value::Array(items)) => items.iter().any(|it| it.as_str() == Some(value)),
            _ => false,
        };
        let rules = self.settings.rules.iter();
        let roles = rules.filter(|it| it.value == "*" || has(&it.value)).map(|it| it.role);
        let Some(role) = roles.max() else {
            let message = format!("`{name}` has signed in, and has no role here");
            return Err(Problem::new(403, "Forbidden", message));
        };
        Ok(User { name, kind: Kind::Oidc, role, only: None, token: None })
    }
}

/// What proves to the provider that whoever comes back is the one who went: nobody else can make it
/// from the state.
fn verifier(shared: &Shared, state: &str) -> String {
    shared.hooks.addresses.seal("pkce", state)
}

fn nonce(shared: &Shared, state: &str) -> String {
    shared.hooks.addresses.seal("nonce", state)
}

/// A form, or a query.
fn form(pairs: &[(&str, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let escape = format!("%{byte:02X}");
            encoded.push_str(&escape);
        }
    }
    encoded
}

fn off() -> Problem {
    Problem::new(404, "NotFound", "there is no identity provider to sign in at")
}

#[derive(Deserialize)]
pub(crate) struct LoginQuery {
    /// The path to come back to.
    next: Option<String>,
}

pub(crate) async fn login(
    State(shared): State<Shared>,
    Query(LoginQuery { next }): Query<LoginQuery>,
) -> Result<Response, Problem> {
    let oidc = shared.gate.oidc.as_ref().ok_or_else(off)?;
    let now = shared.engine.now();
    let provider = oidc.provider(&shared.hooks.client, now).await?;
    let state = worker::new_key().expose().clone();
    let until = now.after(Duration::seconds(PATIENCE_SECONDS)).ticks();
    let next = base64::encode_url(path(next.as_deref()).as_bytes());
    let text = format!("{state}.{until}.{next}");
    let seal = shared.hooks.addresses.seal(LOGIN, &text);
    let cookie = set_cookie(&shared, LOGIN, &format!("{text}.{seal}"), PATIENCE_SECONDS);
    let mut response = go_to(&oidc.address(&provider, &shared, &state))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// A path of this service; anything else is its beginning.
fn path(next: Option<&str>) -> &str {
    let is_path = |it: &&str| {
        it.starts_with('/') && !it.starts_with("//") && !it.contains(['\\', '\r', '\n'])
    };
    next.filter(is_path).unwrap_or("/")
}

fn go_to(address: &str) -> Result<Response, Problem> {
    let address = HeaderValue::try_from(address)
        .map_err(|_| failed("the identity provider's address cannot be gone to"))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response())
}

#[derive(Deserialize)]
pub(crate) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

pub(crate) async fn callback(
    State(shared): State<Shared>,
    Query(query): Query<CallbackQuery>,
    Parts { headers, extensions, .. }: Parts,
) -> Result<Response, Problem> {
    let oidc = shared.gate.oidc.as_ref().ok_or_else(off)?;
    let refused = |message: &str| Problem::new(401, "Unauthenticated", message);
    let (state, next) = begun(&shared, &headers)
        .filter(|(state, _)| query.state.as_ref() == Some(state))
        .ok_or_else(|| refused("this sign-in was not begun here, or took too long: begin again"))?;
    let Some(code) = query.code.filter(|_| query.error.is_none()) else {
        return Err(refused("the identity provider did not let you in"));
    };
    let claims = oidc.redeem(&shared, &code, &state).await?;
    let user = oidc.user(&claims)?;
    let source = sender(&shared, &headers, &extensions);
    session::note(&shared, &user, source).await?;
    tracing::info!(name = user.name, role = user.role.name(), "Somebody has signed in.");
    let mut response = go_to(path(Some(&next)))?;
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, session::begin(&shared, user)?);
    headers.append(SET_COOKIE, set_cookie(&shared, LOGIN, "", 0));
    Ok(response)
}

/// The state of a sign-in that this browser has begun, and where it wants to go then.
fn begun(shared: &Shared, headers: &HeaderMap) -> Option<(String, String)> {
    let (text, seal) = cookie(headers, LOGIN)?.rsplit_once('.')?;
    if !shared.hooks.addresses.is_sealed(LOGIN, text, seal) {
        return None;
    }
    let mut parts = text.split('.');
    let (state, until, next) = (parts.next()?, parts.next()?, parts.next()?);
    let is_in_time = shared.engine.now().ticks() < until.parse().ok()?;
    let next = String::from_utf8(base64::decode_url(next)?).ok()?;
    is_in_time.then(|| (state.to_owned(), next))
}

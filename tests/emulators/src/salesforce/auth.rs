//! Who may come in: the grants of OAuth, signing in over SOAP, and sessions that end when unused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::jwt::{self, Expected};
use super::{ids, soap};
use crate::clock::Clock;
use crate::http::{Answer, Request, encode, form};

/// An unused session ends after two hours, as the org's default has it.
const IDLE_MAX: SignedDuration = SignedDuration::from_hours(2);
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(15);
const KEPT_MAX: usize = 10_000;
/// What assertions may name as their audience besides the emulator itself.
const LOGIN_HOSTS: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

/// The values a caller must present to get a session.
#[derive(Clone, Debug)]
pub struct SalesforceCredentials {
    /// The connected app's consumer key.
    pub client_id: String,
    /// The connected app's consumer secret.
    pub client_secret: String,
    /// The first refresh token; it stays valid until it is revoked.
    pub refresh_token: String,
    /// The user whom the integration runs as, by every grant.
    pub username: String,
    /// That user's password.
    pub password: String,
    /// What follows the password when signing in over SOAP.
    pub security_token: String,
}

impl Default for SalesforceCredentials {
    fn default() -> Self {
        Self {
            client_id: "3MVG9sandboxConsumerKey.flowright".to_owned(),
            client_secret: "sandbox-consumer-secret".to_owned(),
            refresh_token: "5Aep861sandboxRefreshToken".to_owned(),
            username: "integration@fabrikam.example".to_owned(),
            password: "sandbox-password".to_owned(),
            security_token: "sandboxSecurityToken".to_owned(),
        }
    }
}

struct Session {
    user: String,
    used: Timestamp,
}

/// A code that a browser carries back, with the challenge it must answer to.
struct Code {
    challenge: Option<String>,
    redirect: String,
    until: Timestamp,
}

#[derive(Default)]
struct Kept {
    sessions: BTreeMap<String, Session>,
    refresh_tokens: BTreeSet<String>,
    codes: BTreeMap<String, Code>,
}

/// The org's door.
pub(super) struct Gate {
    pub(super) credentials: SalesforceCredentials,
    pub(super) url: String,
    pub(super) local: String,
    clock: Clock,
    /// Made when it is first asked for, as RSA keys are slow to make.
    key: OnceLock<KeyPair>,
    kept: Mutex<Kept>,
}

pub(super) fn organization() -> String {
    ids::make("00D", 1)
}

/// The user of the integration.
pub(super) fn user() -> String {
    ids::make("005", 1)
}

/// The user whose changes are not the integration's own.
pub(super) fn seller() -> String {
    ids::make("005", 2)
}

impl Gate {
    pub(super) fn new(
        credentials: SalesforceCredentials,
        (url, local): (String, String),
        clock: Clock,
    ) -> Self {
        let mut kept = Kept::default();
        kept.refresh_tokens.insert(credentials.refresh_token.clone());
        Self { credentials, url, local, clock, key: OnceLock::new(), kept: Mutex::new(kept) }
    }

    /// The key that assertions must be signed with, whose certificate the connected app would have.
    pub(super) fn key(&self) -> &KeyPair {
        self.key.get_or_init(|| {
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
                .expect("the machine can make RSA keys")
        })
    }

    /// Answers sign-in, sign-out and who-am-I; none when the path is none of these.
    pub(super) fn answer(&self, request: &Request) -> Option<Answer> {
        let path = request.path.trim_end_matches('/');
        let identity = format!("/id/{}/{}", organization(), user());
        Some(match (request.method.as_str(), path) {
            ("POST", "/services/oauth2/token") => {
                self.token(request).unwrap_or_else(|refused| refused)
            }
            ("GET", "/services/oauth2/authorize") => {
                self.authorize(request).unwrap_or_else(|refused| refused)
            }
            ("POST" | "GET", "/services/oauth2/revoke") => self.revoke(request),
            ("GET" | "POST", "/services/oauth2/userinfo") => self.who(request),
            ("GET", _) if path == identity => self.who(request),
            ("POST", _) if path.starts_with("/services/Soap/") => self.soap(request),
            (_, _) if path.starts_with("/services/oauth2/") => {
                refused("invalid_request", "the endpoint or its method is not supported")
            }
            _ => return None,
        })
    }

    /// The user behind a session that is still alive; using it keeps it alive.
    pub(super) fn caller(&self, request: &Request) -> Option<String> {
        let (scheme, token) = request.header("authorization")?.split_once(' ')?;
        let known = ["bearer", "oauth"].contains(&scheme.to_ascii_lowercase().as_str());
        let now = self.clock.now();
        let mut kept = self.lock();
        let session = kept.sessions.get_mut(token.trim()).filter(|_| known)?;
        let alive = session.used.duration_until(now) < IDLE_MAX;
        session.used = now;
        alive.then(|| session.user.clone())
    }

    /// Ends every session, as an administrator can.
    pub(super) fn expire(&self) {
        self.lock().sessions.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, request: &Request) -> Result<Answer, Answer> {
        let mut fields: BTreeMap<String, String> =
            form(&String::from_utf8_lossy(&request.body)).into_iter().collect();
        let basic = request.header("authorization").and_then(|it| it.strip_prefix("Basic "));
        let pair = basic.and_then(|it| String::from_utf8(STANDARD.decode(it.trim()).ok()?).ok());
        if let Some((id, secret)) = pair.as_deref().and_then(|it| it.split_once(':')) {
            fields.insert("client_id".to_owned(), id.to_owned());
            fields.insert("client_secret".to_owned(), secret.to_owned());
        }
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        match given("grant_type") {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                self.check_assertion(given("assertion"))?;
                Ok(self.session(None))
            }
            "client_credentials" => {
                self.check_client(&fields, true)?;
                Ok(self.session(None))
            }
            "refresh_token" => {
                self.check_client(&fields, false)?;
                let known = self.lock().refresh_tokens.contains(given("refresh_token"));
                let text = "expired access/refresh token";
                if known { Ok(self.session(None)) } else { Err(refused("invalid_grant", text)) }
            }
            "password" => {
                self.check_client(&fields, true)?;
                if !self.is_password(given("username"), given("password")) {
                    return Err(refused("invalid_grant", "authentication failure"));
                }
                Ok(self.session(None))
            }
            "authorization_code" => {
                self.check_client(&fields, false)?;
                self.check_code(&fields)?;
                let refresh = opaque("5Aep861");
                self.lock().refresh_tokens.insert(refresh.clone());
                Ok(self.session(Some(refresh)))
            }
            _ => Err(refused("unsupported_grant_type", "grant type not supported")),
        }
    }

    /// The secret may only be left out where the app proves itself in another way.
    fn check_client(&self, fields: &BTreeMap<String, String>, secret: bool) -> Result<(), Answer> {
        let given = |name: &str| fields.get(name).map(String::as_str);
        if given("client_id") != Some(&self.credentials.client_id) {
            return Err(refused("invalid_client_id", "client identifier invalid"));
        }
        match given("client_secret") {
            None if !secret => Ok(()),
            Some(it) if it == self.credentials.client_secret => Ok(()),
            _ => Err(refused("invalid_client", "invalid client credentials")),
        }
    }

    fn check_assertion(&self, assertion: &str) -> Result<(), Answer> {
        let [login, test] = LOGIN_HOSTS;
        let expected = Expected {
            issuer: &self.credentials.client_id,
            subject: &self.credentials.username,
            audiences: &[login, test, &self.url, &self.local],
            now: self.clock.now(),
        };
        jwt::check(assertion, &self.key().serialize_der(), &expected)
            .map_err(|text| refused("invalid_grant", text))
    }

    fn is_password(&self, username: &str, password: &str) -> bool {
        let right = &self.credentials.password;
        let with_token = format!("{right}{}", self.credentials.security_token);
        // Without the token it is right as well, as from a trusted network.
        username.eq_ignore_ascii_case(&self.credentials.username)
            && (password == right || password == with_token)
    }

    /// Sends the browser straight back with a code, as when the user has long agreed.
    fn authorize(&self, request: &Request) -> Result<Answer, Answer> {
        let fields: BTreeMap<String, String> = request.parameters().into_iter().collect();
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if given("client_id") != self.credentials.client_id {
            return Err(refused("invalid_client_id", "client identifier invalid"));
        }
        let redirect = given("redirect_uri");
        if given("response_type") != "code" || !redirect.starts_with("http") {
            let text = "`response_type` must be `code`, with a `redirect_uri`";
            return Err(refused("invalid_request", text));
        }
        let code = opaque("aPrx");
        let kept = Code {
            challenge: fields.get("code_challenge").cloned(),
            redirect: redirect.to_owned(),
            until: self.clock.now().saturating_add(CODE_LIFE).unwrap_or(Timestamp::MAX),
        };
        let joint = if redirect.contains('?') { '&' } else { '?' };
        let (coded, state) = (encode(&code), encode(given("state")));
        let location = format!("{redirect}{joint}code={coded}&state={state}");
        let mut all = self.lock();
        if all.codes.len() < KEPT_MAX {
            all.codes.insert(code, kept);
        }
        Ok(Answer::empty(302).with("location", &location))
    }

    fn check_code(&self, fields: &BTreeMap<String, String>) -> Result<(), Answer> {
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        // A code is good for one use, whether that succeeds or not.
        let code = self.lock().codes.remove(given("code"));
        let code = code.filter(|it| it.until > self.clock.now());
        let code = code.ok_or_else(|| refused("invalid_grant", "expired authorization code"))?;
        if code.redirect != given("redirect_uri") {
            return Err(refused("redirect_uri_mismatch", "redirect_uri must match configuration"));
        }
        let hashed = digest::digest(&digest::SHA256, given("code_verifier").as_bytes());
        let answers = code.challenge.is_none_or(|it| it == URL_SAFE_NO_PAD.encode(hashed.as_ref()));
        if answers { Ok(()) } else { Err(refused("invalid_grant", "invalid code verifier")) }
    }

    fn open(&self) -> String {
        let token = opaque(&format!("{}!AQ", organization().get(..15).unwrap_or_default()));
        let now = self.clock.now();
        let mut kept = self.lock();
        kept.sessions.retain(|_, it| it.used.duration_until(now) < IDLE_MAX);
        if kept.sessions.len() < KEPT_MAX {
            kept.sessions.insert(token.clone(), Session { user: user(), used: now });
        }
        token
    }

    fn session(&self, refresh: Option<String>) -> Answer {
        let issued = self.clock.now().as_millisecond().to_string();
        let id = format!("{}/id/{}/{}", self.url, organization(), user());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.credentials.client_secret.as_bytes());
        let signature = hmac::sign(&key, format!("{id}{issued}").as_bytes());
        let mut body = json!({
            "access_token": self.open(), "instance_url": self.url, "id": id, "token_type": "Bearer",
            "issued_at": issued, "signature": STANDARD.encode(signature.as_ref()),
            "scope": "api refresh_token",
        });
        if let Some(refresh) = refresh {
            body["refresh_token"] = json!(refresh);
        }
        Answer::json(200, &body).with("cache-control", "no-store")
    }

    fn revoke(&self, request: &Request) -> Answer {
        let mut fields = form(&String::from_utf8_lossy(&request.body));
        fields.extend(request.parameters());
        let token = fields.into_iter().find(|(name, _)| name == "token").map(|(_, it)| it);
        let token = token.unwrap_or_default();
        let mut kept = self.lock();
        let known = kept.sessions.remove(&token).is_some() | kept.refresh_tokens.remove(&token);
        if known { Answer::empty(200) } else { refused("invalid_token", "the token is not known") }
    }

    fn who(&self, request: &Request) -> Answer {
        let Some(user) = self.caller(request) else {
            // The identity service answers in plain text.
            let body = b"Bad_OAuth_Token".to_vec();
            return Answer { status: 403, ..Answer::bytes("text/html;charset=UTF-8", body) };
        };
        let id = format!("{}/id/{}/{user}", self.url, organization());
        let name = &self.credentials.username;
        let body = json!({
            "id": id, "sub": id, "asserted_user": true, "user_id": user,
            "organization_id": organization(), "username": name, "preferred_username": name,
            "display_name": "Flowright Integration", "email": name, "active": true,
            "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 0,
            "urls": { "rest": format!("{}/services/data/v{{version}}/", self.url) },
        });
        Answer::json(200, &body)
    }

    fn soap(&self, request: &Request) -> Answer {
        let read = String::from_utf8_lossy(&request.body);
        match soap::read(&read) {
            Some(soap::Call::Login { username, password }) => {
                if !self.is_password(&username, &password) {
                    let text = "Invalid username, password, security token; or user locked out.";
                    return soap::fault("INVALID_LOGIN", text);
                }
                let url = format!(
                    "{}{}/{}",
                    self.url,
                    request.path.trim_end_matches('/'),
                    organization()
                );
                soap::logged_in(&self.open(), &url, (&user(), &organization(), &username))
            }
            Some(soap::Call::Logout { session }) => {
                let known = self.lock().sessions.remove(&session).is_some();
                let text = "Invalid Session ID found in SessionHeader: Illegal Session";
                if known { soap::logged_out() } else { soap::fault("INVALID_SESSION_ID", text) }
            }
            None => soap::fault("UNKNOWN_EXCEPTION", "only `login` and `logout` are known here"),
        }
    }
}

fn opaque(prefix: &str) -> String {
    format!("{prefix}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

fn refused(error: &str, description: &str) -> Answer {
    let body: Value = json!({ "error": error, "error_description": description });
    Answer::json(400, &body)
}

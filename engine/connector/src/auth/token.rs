//! Tokens: requests that ask for them, and the answers.

use base::{
    Duration, ErrorClass, Failure, HttpRequest, HttpResponse, Secret, Timestamp, base64,
    digest::sha256_hex,
};
use expr::Template;
use serde_json::{Map, Value};

use super::{Assertion, Auth, Signer, jwt, needed};
use crate::{
    connection::{Connection, STAND_IN},
    encode,
    scope::Scope,
};

/// How to ask for a token.
#[derive(Clone, Debug)]
pub struct OAuth2 {
    /// What the token is given for.
    pub grant: Grant,
    /// Where to ask.
    pub token_url: Template,
    /// Who asks.
    pub client_id: Template,
    /// The proof; null for an application that cannot keep one.
    pub client_secret: Template,
    /// The refresh token that the operator supplied.
    pub refresh_token: Template,
    /// How the application proves that it is itself.
    pub client_auth: ClientAuth,
    /// What the token is to be good for; null leaves it to the service.
    pub scope: Template,
    /// Further fields of the form, such as `resource`.
    pub form: Vec<(String, Template)>,
    /// Where a person agrees, for an authorization code.
    pub authorize_url: Template,
    /// Further parameters of that address.
    pub query: Vec<(String, Template)>,
    /// Where a code for a person's other device comes from.
    pub device_url: Template,
    /// The person of the grant `password`.
    pub username: Template,
    /// The person's password.
    pub password: Template,
    /// What the application says of itself and signs, for `jwtBearer` and in place of a secret.
    pub assertion: Option<Assertion>,
}

/// How an application proves that it is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// By its secret, in the form.
    Body,
    /// By its secret, in the `Authorization` header.
    Basic,
    /// By an assertion that it signs (RFC 7523).
    Assertion,
}

impl ClientAuth {
    /// Every way, as files spell them.
    pub const ALL: &[(&str, Self)] =
        &[("body", Self::Body), ("basic", Self::Basic), ("assertion", Self::Assertion)];
}

/// What a token is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The application acts for itself.
    ClientCredentials,
    /// The application acts for somebody who agreed once.
    RefreshToken,
    /// The same; the person agrees in a browser on this machine.
    AuthorizationCode,
    /// The same; the person agrees on another device.
    DeviceCode,
    /// The application signs who it acts for.
    JwtBearer,
    /// The application has a person's password.
    Password,
}

impl Grant {
    /// Every grant, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("clientCredentials", Self::ClientCredentials),
        ("refreshToken", Self::RefreshToken),
        ("authorizationCode", Self::AuthorizationCode),
        ("deviceCode", Self::DeviceCode),
        ("jwtBearer", Self::JwtBearer),
        ("password", Self::Password),
    ];

    /// Whether somebody has to log in before there is a token.
    pub const fn needs_login(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }

    /// Whether a token is replaced by means of a refresh token.
    pub const fn refreshes(self) -> bool {
        matches!(self, Self::RefreshToken | Self::AuthorizationCode | Self::DeviceCode)
    }

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// What a service gave for the credentials.
#[derive(Clone, Debug)]
pub struct Token {
    /// Goes into the `Authorization` header.
    pub access: Secret<String>,
    /// Takes the place of the refresh token that was used.
    pub refresh: Option<Secret<String>>,
    /// How long it is good for, if the service says so.
    pub lifetime: Option<Duration>,
    pub(super) fields: Map<String, Value>,
}

/// Members of the answer that are as good as a password.
const SECRET_FIELDS: &[&str] = &["access_token", "refresh_token", "id_token"];

impl Token {
    /// One that lets nobody in, to show people a request.
    pub(crate) fn stand_in() -> Self {
        let access = Secret::new(STAND_IN.to_owned());
        Self { access, refresh: None, lifetime: None, fields: Map::new() }
    }

    /// What else the answer said, such as `instance_url`.
    pub(crate) fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or_default()
    }
}

/// What a request for a token needs besides the connection.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The time that an assertion is made at.
    pub now: Timestamp,
    /// A refresh token that a service gave later; it counts more than the operator's.
    pub refresh: Option<&'a Secret<String>>,
    /// Who can sign.
    pub signer: &'a dyn Signer,
}

/// How a connection asks for tokens, if it does.
pub(super) fn oauth2(connection: &Connection) -> Option<&OAuth2> {
    if let Auth::OAuth2(oauth) = connection.auth() { Some(oauth) } else { None }
}

/// Whether a connection's tokens are replaced by means of a refresh token.
pub fn refreshes(connection: &Connection) -> bool {
    oauth2(connection).is_some_and(|it| it.grant.refreshes())
}

/// How a connection asks for tokens; `None` if it does not.
pub fn grant(connection: &Connection) -> Option<Grant> {
    oauth2(connection).map(|it| it.grant)
}

/// Whose tokens a connection has: what was kept for another application, or before the operator
/// gave another refresh token, is not for it. `None` if it asks for none.
///
/// # Errors
/// If the operator has not said who asks.
pub fn identity(connection: &Connection) -> Result<Option<String>, Failure> {
    let Some(oauth) = oauth2(connection) else { return Ok(None) };
    let scope = Scope::new(connection).with_secrets();
    let mut text = String::new();
    for template in [&oauth.token_url, &oauth.client_id, &oauth.refresh_token] {
        text.push_str(&scope.text(template)?.unwrap_or_default());
        text.push('\n');
    }
    text.push_str(oauth.grant.name());
    Ok(Some(sha256_hex(text.as_bytes())))
}

/// The request for a token; `None` if the connection needs none.
///
/// # Errors
/// If something is missing, or somebody has to log in first.
pub fn token_request(
    connection: &Connection,
    asking: &Asking<'_>,
) -> Result<Option<HttpRequest>, Failure> {
    let Some(oauth) = oauth2(connection) else { return Ok(None) };
    let scope = Scope { now: asking.now, ..Scope::new(connection).with_secrets() };
    let mut form = Form::default();
    match oauth.grant {
        Grant::ClientCredentials => form.push("grant_type", "client_credentials"),
        Grant::RefreshToken | Grant::AuthorizationCode | Grant::DeviceCode => {
            let token = match asking.refresh {
                Some(token) => token.expose().clone(),
                None if oauth.grant.needs_login() => return Err(not_logged_in(connection)),
                None => needed(connection, &oauth.refresh_token, "refresh token")?,
            };
            form.push("grant_type", "refresh_token");
            form.push("refresh_token", &token);
        }
        Grant::Password => {
            form.push("grant_type", "password");
            form.push("username", &needed(connection, &oauth.username, "user name")?);
            form.push("password", &needed(connection, &oauth.password, "password")?);
        }
        Grant::JwtBearer => {
            form.push("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            form.push("assertion", &jwt::of_grant(connection, oauth, asking)?);
        }
    }
    if matches!(oauth.grant, Grant::ClientCredentials | Grant::JwtBearer | Grant::Password) {
        form.scope = scope.text(&oauth.scope)?;
    }
    form.into_request((connection, oauth), &oauth.token_url, asking).map(Some)
}

fn not_logged_in(connection: &Connection) -> Failure {
    let name = &connection.name;
    let message = format!(
        "nobody has logged in to connection `{name}`; run `flowright connections login {name}`"
    );
    Failure::of_class(ErrorClass::Auth, "LoginRequired", message)
}

/// A form for a token service.
#[derive(Default)]
pub(super) struct Form {
    text: String,
    /// What the token is to be good for, after who asks.
    pub(super) scope: Option<String>,
}

impl Form {
    pub(super) fn push(&mut self, name: &str, value: &str) {
        encode::push_query(&mut self.text, name, value);
    }

    /// The request that sends it, with the proof of who asks.
    pub(super) fn into_request(
        mut self,
        (connection, oauth): (&Connection, &OAuth2),
        url: &Template,
        asking: &Asking<'_>,
    ) -> Result<HttpRequest, Failure> {
        let scope = Scope::new(connection).with_secrets();
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        let secret = scope.text(&oauth.client_secret)?.filter(|it| !it.is_empty());
        // An assertion of the grant says by itself who asks.
        if oauth.grant != Grant::JwtBearer || secret.is_some() {
            let id = needed(connection, &oauth.client_id, "client id")?;
            match (oauth.client_auth, secret) {
                (ClientAuth::Basic, Some(secret)) => {
                    let pair = base64::encode(format!("{id}:{secret}").as_bytes());
                    headers.push(("authorization".to_owned(), format!("Basic {pair}")));
                }
                (ClientAuth::Body | ClientAuth::Basic, secret) => {
                    self.push("client_id", &id);
                    if let Some(secret) = secret {
                        self.push("client_secret", &secret);
                    }
                }
                (ClientAuth::Assertion, _) => {
                    self.push("client_id", &id);
                    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                    self.push("client_assertion_type", kind);
                    self.push("client_assertion", &jwt::of_client(connection, oauth, asking)?);
                }
            }
        }
        if let Some(wanted) = self.scope.take() {
            self.push("scope", &wanted);
        }
        for (name, template) in &oauth.form {
            if let Some(value) = scope.text(template)? {
                self.push(name, &value);
            }
        }
        let media = "application/x-www-form-urlencoded".to_owned();
        headers.push(("content-type".to_owned(), media));
        Ok(HttpRequest {
            method: "POST".to_owned(),
            url: needed(connection, url, "token address")?,
            headers,
            body: Some(self.text.into_bytes()),
        })
    }
}

/// The token in an answer. Numbers may be texts, as Microsoft's first version writes them.
///
/// # Errors
/// If the service gave none; the code is the service's own.
pub fn read_token(connection: &Connection, response: &HttpResponse) -> Result<Token, Failure> {
    let body = answer(connection, response)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    let Some(access) = text("access_token") else {
        // Some services say with 200 that they give nothing.
        if let Some(code) = text("error") {
            return Err(refusal(connection, response.status, code, &body));
        }
        let message = format!("the token service gave connection `{}` no token", connection.name);
        return Err(Failure::of_class(ErrorClass::Auth, "TokenMissing", message));
    };
    let access = Secret::new(access.to_owned());
    let refresh = text("refresh_token").map(|it| Secret::new(it.to_owned()));
    let lifetime = seconds(body.get("expires_in")).map(Duration::seconds);
    let Value::Object(mut fields) = body else { return Err(no_object(connection)) };
    fields.retain(|name, _| !SECRET_FIELDS.contains(&name.as_str()));
    Ok(Token { access, refresh, lifetime, fields })
}

fn no_object(connection: &Connection) -> Failure {
    let message = format!("the token service gave connection `{}` no token", connection.name);
    Failure::of_class(ErrorClass::Auth, "TokenMissing", message)
}

/// A positive number of seconds, which may be a text.
pub(super) fn seconds(value: Option<&Value>) -> Option<i64> {
    let seconds = match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    seconds.filter(|it| 0 < *it)
}

/// The body of a token service's answer.
pub(super) fn answer(connection: &Connection, response: &HttpResponse) -> Result<Value, Failure> {
    // Some services forget to say that it is JSON.
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    if (200..300).contains(&response.status) {
        return Ok(body);
    }
    let code = body.get("error").and_then(Value::as_str).unwrap_or("TokenRefused");
    Err(refusal(connection, response.status, code, &body))
}

fn refusal(connection: &Connection, status: u16, code: &str, body: &Value) -> Failure {
    let class = match status {
        408 | 429 => ErrorClass::Throttled,
        500.. => ErrorClass::Transient,
        _ => ErrorClass::Auth,
    };
    let said = body.get("error_description").and_then(Value::as_str).filter(|it| !it.is_empty());
    let why = said.map_or_else(String::new, |it| format!(": {it}"));
    let message = format!(
        "the token service answered {status} to connection `{}`{}",
        connection.name,
        limited(&why, 500)
    );
    Failure::of_class(class, limited(code, 100), connection.redact(&message))
}

/// The beginning of a text, first line only: what services explain at length is for their logs.
fn limited(text: &str, chars_max: usize) -> String {
    text.lines().next().unwrap_or("").chars().take(chars_max).collect()
}

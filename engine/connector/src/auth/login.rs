//! How somebody agrees that an application acts for them: in a browser, or on another device.

use base::{ErrorClass, Failure, HttpRequest, HttpResponse, Secret};
use serde_json::Value;
use url::Url;

use super::{
    Asking, Grant, OAuth2, needed,
    token::{Form, answer, oauth2, seconds},
};
use crate::{connection::Connection, encode, scope::Scope};

/// Seconds between two questions, if the service does not say (RFC 8628).
const INTERVAL: u64 = 5;
/// How long a device code is good for, if the service does not say.
const LIFETIME: u64 = 900;

/// One attempt to have somebody agree in a browser.
#[derive(Clone, Copy, Debug)]
pub struct Authorization<'a> {
    /// Where the browser comes back to.
    pub redirect: &'a str,
    /// Comes back with the browser, so that nobody else can slip in an answer.
    pub state: &'a str,
    /// The digest of what only the application knows (PKCE, `S256`).
    pub challenge: &'a str,
}

/// A code for another device.
#[derive(Clone, Debug)]
pub struct Device {
    /// What the token is asked for with.
    pub code: Secret<String>,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub address: String,
    /// Seconds between two questions.
    pub interval: u64,
    /// Seconds until the code is void.
    pub lifetime: u64,
}

/// How a connection asks for tokens by a grant; other connections cannot log in that way.
fn of_grant(connection: &Connection, grant: Grant) -> Result<&OAuth2, Failure> {
    oauth2(connection).filter(|it| it.grant == grant).ok_or_else(|| {
        let message = format!(
            "connection `{}` does not get its tokens by `{}`",
            connection.name,
            grant.name()
        );
        Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
    })
}

/// The address that a person opens.
///
/// # Errors
/// If the connector or the connection does not say where.
pub fn authorization_url(
    connection: &Connection,
    attempt: &Authorization<'_>,
) -> Result<String, Failure> {
    let oauth = of_grant(connection, Grant::AuthorizationCode)?;
    let scope = Scope::new(connection).with_secrets();
    let base = needed(connection, &oauth.authorize_url, "address to log in at")?;
    Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(
        || {
            let message = format!(
                "connection `{}`: the address to log in at is no web address",
                connection.name
            );
            Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
        },
    )?;
    let mut query = String::new();
    encode::push_query(&mut query, "response_type", "code");
    let id = needed(connection, &oauth.client_id, "client id")?;
    encode::push_query(&mut query, "client_id", &id);
    encode::push_query(&mut query, "redirect_uri", attempt.redirect);
    if let Some(wanted) = scope.text(&oauth.scope)? {
        encode::push_query(&mut query, "scope", &wanted);
    }
    encode::push_query(&mut query, "state", attempt.state);
    encode::push_query(&mut query, "code_challenge", attempt.challenge);
    encode::push_query(&mut query, "code_challenge_method", "S256");
    for (name, template) in &oauth.query {
        if let Some(value) = scope.text(template)? {
            encode::push_query(&mut query, name, &value);
        }
    }
    let mark = if base.contains('?') { '&' } else { '?' };
    Ok(format!("{base}{mark}{query}"))
}

/// The request that gives a code for a token.
///
/// # Errors
/// If the connection does not log in that way.
pub fn code_request(
    connection: &Connection,
    (code, redirect): (&Secret<String>, &str),
    verifier: &Secret<String>,
    asking: &Asking<'_>,
) -> Result<HttpRequest, Failure> {
    let oauth = of_grant(connection, Grant::AuthorizationCode)?;
    let mut form = Form::default();
    form.push("grant_type", "authorization_code");
    form.push("code", code.expose());
    form.push("redirect_uri", redirect);
    form.push("code_verifier", verifier.expose());
    form.into_request((connection, oauth), &oauth.token_url, asking)
}

/// The request for a code for another device.
///
/// # Errors
/// If the connection does not log in that way.
pub fn device_request(
    connection: &Connection,
    asking: &Asking<'_>,
) -> Result<HttpRequest, Failure> {
    let oauth = of_grant(connection, Grant::DeviceCode)?;
    let scope = Scope::new(connection).with_secrets().text(&oauth.scope)?;
    let mut form = Form::default();
    form.scope = scope;
    form.into_request((connection, oauth), &oauth.device_url, asking)
}

/// The code in the answer.
///
/// # Errors
/// If the service gave none.
pub fn read_device(connection: &Connection, response: &HttpResponse) -> Result<Device, Failure> {
    let body = answer(connection, response)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    let number = |name: &str| seconds(body.get(name)).and_then(|it| u64::try_from(it).ok());
    // Google's name for the address is older than the standard.
    let address = text("verification_uri").or_else(|| text("verification_url"));
    let (Some(code), Some(user_code), Some(address)) =
        (text("device_code"), text("user_code"), address)
    else {
        let message = format!("the service gave connection `{}` no device code", connection.name);
        return Err(Failure::of_class(ErrorClass::Auth, "DeviceCodeMissing", message));
    };
    Ok(Device {
        code: Secret::new(code.to_owned()),
        user_code: user_code.to_owned(),
        address: address.to_owned(),
        interval: number("interval").unwrap_or(INTERVAL),
        lifetime: number("expires_in").unwrap_or(LIFETIME),
    })
}

/// The request that asks whether the person has agreed.
///
/// # Errors
/// If the connection does not log in that way.
pub fn device_token_request(
    connection: &Connection,
    device: &Device,
    asking: &Asking<'_>,
) -> Result<HttpRequest, Failure> {
    let oauth = of_grant(connection, Grant::DeviceCode)?;
    let mut form = Form::default();
    form.push("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    form.push("device_code", device.code.expose());
    form.into_request((connection, oauth), &oauth.token_url, asking)
}

//! How requests prove who sends them. Only here are secrets used.

mod hmac;
mod jwt;
mod login;
mod sigv4;
mod stored;
mod token;

use base::{ErrorClass, Failure, HttpRequest, Secret, base64};
use expr::Template;

pub use hmac::{Algorithm, Hmac, Written};
pub use jwt::{Assertion, Signer};
pub use login::{
    Authorization, Device, authorization_url, code_request, device_request, device_token_request,
    read_device,
};
pub use sigv4::AwsSigV4;
#[cfg(test)]
pub(crate) use sigv4::{Keys, sign};
pub use stored::Stored;
pub use token::{
    Asking, ClientAuth, Grant, OAuth2, Token, grant, identity, read_token, refreshes, token_request,
};

use crate::{connection::Connection, encode, request::Call, scope::Scope};

/// How requests prove who sends them. All texts may use `connection('x')`, secrets included.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// User name and password.
    Basic {
        /// The user name.
        username: Template,
        /// The password.
        password: Template,
    },
    /// A key in a header or the query.
    ApiKey {
        /// Whether it goes into the query.
        in_query: bool,
        /// Name of the header or query parameter.
        name: String,
        /// The key.
        value: Template,
    },
    /// A token that the operator supplies.
    Bearer {
        /// The token.
        token: Template,
    },
    /// A token that is asked for.
    OAuth2(Box<OAuth2>),
    /// A keyed digest of the request.
    Hmac(Box<Hmac>),
    /// The keyed digest that Amazon's services want.
    AwsSigV4(Box<AwsSigV4>),
    /// A certificate, shown when the connection is made.
    ClientCertificate {
        /// The certificate and those between it and its root, as PEM.
        certificate: Template,
        /// Its private key, as PEM.
        key: Template,
    },
    /// One of several ways, which the operator chooses by name; the first one without a choice.
    OneOf(Vec<(String, Auth)>),
}

impl Auth {
    /// The way of that name, or the first one.
    pub(crate) fn choose(&self, name: Option<&str>) -> Option<&Self> {
        match (self, name) {
            (Self::OneOf(ways), Some(name)) => {
                ways.iter().find(|(known, _)| known == name).map(|(_, auth)| auth)
            }
            (Self::OneOf(ways), None) => ways.first().map(|(_, auth)| auth),
            (_, Some(_)) => None,
            (_, None) => Some(self),
        }
    }

    /// The names of the ways to choose from; none if there is only one.
    pub fn ways(&self) -> Vec<&str> {
        let Self::OneOf(ways) = self else { return Vec::new() };
        ways.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The type's name in connector files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic { .. } => "basic",
            Self::ApiKey { .. } => "apiKey",
            Self::Bearer { .. } => "bearer",
            Self::OAuth2(_) => "oauth2",
            Self::Hmac(_) => "hmac",
            Self::AwsSigV4(_) => "awsSigV4",
            Self::ClientCertificate { .. } => "clientCertificate",
            Self::OneOf(_) => "oneOf",
        }
    }

    /// Whether the proof is good for one request only: such a request cannot be sent elsewhere.
    pub const fn signs_requests(&self) -> bool {
        matches!(self, Self::Hmac(_) | Self::AwsSigV4(_))
    }
}

/// The certificate that a connection shows and its private key, as PEM one after the other.
///
/// # Errors
/// If the operator has not given them.
pub fn client_certificate(connection: &Connection) -> Result<Option<Secret<String>>, Failure> {
    let Auth::ClientCertificate { certificate, key } = connection.auth() else { return Ok(None) };
    let certificate = needed(connection, certificate, "certificate")?;
    let key = needed(connection, key, "private key")?;
    Ok(Some(Secret::new(format!("{certificate}\n{key}\n"))))
}

/// A text that there is no proof without.
fn needed(connection: &Connection, template: &Template, what: &str) -> Result<String, Failure> {
    let text = Scope::new(connection).with_secrets().text(template)?;
    text.filter(|it| !it.is_empty()).ok_or_else(|| {
        let message = format!("connection `{}` has no {what}", connection.name);
        Failure::of_class(ErrorClass::Auth, "InvalidConnection", message)
    })
}

/// Proves who sends a request.
pub(crate) fn apply(
    request: &mut HttpRequest,
    connection: &Connection,
    call: &Call<'_>,
    token: Option<&Token>,
) -> Result<(), Failure> {
    let scope = Scope::of_call(connection, call).with_secrets();
    let text = |template: &Template| Ok::<_, Failure>(scope.text(template)?.unwrap_or_default());
    let (name, value) = match connection.auth() {
        Auth::None | Auth::ClientCertificate { .. } | Auth::OneOf(_) => return Ok(()),
        Auth::Hmac(hmac) => return hmac::apply(hmac, request, &scope),
        Auth::AwsSigV4(aws) => return sigv4::apply(aws, request, &scope),
        Auth::Basic { username, password } => {
            let pair = format!("{}:{}", text(username)?, text(password)?);
            ("authorization", format!("Basic {}", base64::encode(pair.as_bytes())))
        }
        Auth::ApiKey { in_query: true, name, value } => {
            push_query(request, name, &needed(connection, value, "key")?);
            return Ok(());
        }
        Auth::ApiKey { in_query: false, name, value } => {
            (name.as_str(), needed(connection, value, "key")?)
        }
        Auth::Bearer { token } => {
            ("authorization", format!("Bearer {}", needed(connection, token, "token")?))
        }
        Auth::OAuth2(_) => {
            let token = token.ok_or_else(|| {
                let message = format!("connection `{}` has no token yet", connection.name);
                Failure::of_class(ErrorClass::Auth, "TokenMissing", message)
            })?;
            ("authorization", format!("Bearer {}", token.access.expose()))
        }
    };
    let (name, value) = encode::header(name, value)?;
    request.set_header(&name, value);
    Ok(())
}

/// Adds a parameter to the address of a request, in place of one that a flow gave.
fn push_query(request: &mut HttpRequest, name: &str, value: &str) {
    let mut query = String::new();
    if let Some((path, known)) = request.url.split_once('?') {
        let is_other = |pair: &&str| {
            let mut parsed = url::form_urlencoded::parse(pair.as_bytes());
            parsed.next().is_some_and(|(known, _)| known != name)
        };
        let others: Vec<&str> = known.split('&').filter(is_other).collect();
        let mark = if others.is_empty() { "" } else { "?" };
        request.url = format!("{path}{mark}{}", others.join("&"));
    }
    encode::push_query(&mut query, name, value);
    request.url.push(if request.url.contains('?') { '&' } else { '?' });
    request.url.push_str(&query);
}

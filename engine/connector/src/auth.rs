//! How requests prove who sends them: tokens to ask for, headers to set. Only here are secrets used.

use base::{Duration, ErrorClass, Failure, HttpRequest, HttpResponse, Secret, base64};
use expr::Template;
use serde_json::{Map, Value};

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
}

/// How to ask for a token.
#[derive(Clone, Debug)]
pub struct OAuth2 {
    /// What the token is given for.
    pub grant: Grant,
    /// Where to ask.
    pub token_url: Template,
    /// Who asks.
    pub client_id: Template,
    /// The proof.
    pub client_secret: Template,
    /// The refresh token that the operator supplied.
    pub refresh_token: Template,
    /// Whether the proof goes into the `Authorization` header instead of the form.
    pub basic: bool,
    /// Further fields of the form, such as `scope` or `resource`.
    pub form: Vec<(String, Template)>,
}

/// What a token is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The application acts for itself.
    ClientCredentials,
    /// The application acts for somebody who agreed once.
    RefreshToken,
}

impl Grant {
    /// Every grant, as files spell them.
    pub const ALL: &[(&str, Self)] =
        &[("clientCredentials", Self::ClientCredentials), ("refreshToken", Self::RefreshToken)];
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
    fields: Map<String, Value>,
}

/// Members of the answer that are as good as a password.
const SECRET_FIELDS: &[&str] = &["access_token", "refresh_token", "id_token"];

impl Token {
    /// What else the answer said, such as `instance_url`.
    pub(crate) fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or_default()
    }
}

/// The request for a token; `None` if the connection needs none. A refresh token that a service
/// gave later counts more than the operator's.
pub fn token_request(
    connection: &Connection,
    refresh_token: Option<&Secret<String>>,
) -> Result<Option<HttpRequest>, Failure> {
    let Auth::OAuth2(oauth) = &connection.connector.connection.auth else { return Ok(None) };
    let scope = Scope::new(connection).with_secrets();
    let needed = |template: &Template, what: &str| {
        scope.text(template)?.filter(|it| !it.is_empty()).ok_or_else(|| {
            let message = format!("connection `{}` has no {what}", connection.name);
            Failure::of_class(ErrorClass::Auth, "InvalidConnection", message)
        })
    };
    let id = needed(&oauth.client_id, "client id")?;
    let secret = scope.text(&oauth.client_secret)?;
    let mut form = String::new();
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    match oauth.grant {
        Grant::ClientCredentials => {
            encode::push_query(&mut form, "grant_type", "client_credentials");
        }
        Grant::RefreshToken => {
            encode::push_query(&mut form, "grant_type", "refresh_token");
            let token = match refresh_token {
                Some(token) => token.expose().clone(),
                None => needed(&oauth.refresh_token, "refresh token")?,
            };
            encode::push_query(&mut form, "refresh_token", &token);
        }
    }
    if oauth.basic {
        let pair = format!("{id}:{}", secret.unwrap_or_default());
        let value = format!("Basic {}", base64::encode(pair.as_bytes()));
        headers.push(("authorization".to_owned(), value));
    } else {
        encode::push_query(&mut form, "client_id", &id);
        if let Some(secret) = secret {
            encode::push_query(&mut form, "client_secret", &secret);
        }
    }
    for (name, template) in &oauth.form {
        if let Some(value) = scope.text(template)? {
            encode::push_query(&mut form, name, &value);
        }
    }
    let media = "application/x-www-form-urlencoded".to_owned();
    headers.push(("content-type".to_owned(), media));
    Ok(Some(HttpRequest {
        method: "POST".to_owned(),
        url: needed(&oauth.token_url, "token address")?,
        headers,
        body: Some(form.into_bytes()),
    }))
}

/// The token in an answer. Numbers may be texts, as Microsoft's first version writes them.
pub fn read_token(connection: &Connection, response: &HttpResponse) -> Result<Token, Failure> {
    let body = response.body_value();
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    if !(200..300).contains(&response.status) {
        let class = match response.status {
            408 | 429 => ErrorClass::Throttled,
            500.. => ErrorClass::Transient,
            _ => ErrorClass::Auth,
        };
        let code = text("error").map_or_else(|| "TokenRefused".to_owned(), |it| limited(it, 100));
        let why = text("error_description").map_or_else(String::new, |it| format!(": {it}"));
        let message = format!(
            "the token service answered {} to connection `{}`{}",
            response.status,
            connection.name,
            limited(&why, 500)
        );
        return Err(Failure::of_class(class, code, connection.redact(&message)));
    }
    let Some(access) = text("access_token") else {
        let message = format!("the token service gave connection `{}` no token", connection.name);
        return Err(Failure::of_class(ErrorClass::Auth, "TokenMissing", message));
    };
    let seconds = body.get("expires_in").and_then(|it| match it {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    let mut fields = body.as_object().cloned().unwrap_or_default();
    fields.retain(|name, _| !SECRET_FIELDS.contains(&name.as_str()));
    Ok(Token {
        access: Secret::new(access.to_owned()),
        refresh: text("refresh_token").map(|it| Secret::new(it.to_owned())),
        lifetime: seconds.filter(|it| 0 < *it).map(Duration::seconds),
        fields,
    })
}

/// The beginning of a text, first line only: what services explain at length is for their logs.
fn limited(text: &str, chars_max: usize) -> String {
    text.lines().next().unwrap_or("").chars().take(chars_max).collect()
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
    let (name, value) = match &connection.connector.connection.auth {
        Auth::None => return Ok(()),
        Auth::Basic { username, password } => {
            let pair = format!("{}:{}", text(username)?, text(password)?);
            ("authorization", format!("Basic {}", base64::encode(pair.as_bytes())))
        }
        Auth::ApiKey { in_query: true, name, value } => {
            let mut query = String::new();
            encode::push_query(&mut query, name, &text(value)?);
            request.url.push(if request.url.contains('?') { '&' } else { '?' });
            request.url.push_str(&query);
            return Ok(());
        }
        Auth::ApiKey { in_query: false, name, value } => (name.as_str(), text(value)?),
        Auth::Bearer { token } => ("authorization", format!("Bearer {}", text(token)?)),
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

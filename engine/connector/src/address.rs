//! Addresses that a flow names: they must be the service's own, as credentials go there.

use base::{ErrorClass, Failure, HttpRequest};
use serde_json::Value;
use url::Url;

use crate::{
    connection::Connection,
    encode::{self, invalid},
    model::{Address, METHODS, Operation},
    request::base_url,
    scope::Scope,
    shape::{self, Nulls},
};

/// Headers that are the engine's to set.
const OURS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The address that the paths of an operation are appended to, without a slash at its end.
pub(crate) fn base(
    connection: &Connection,
    operation: &Operation,
    scope: &Scope<'_>,
) -> Result<String, Failure> {
    let common = base_url(connection, scope)?;
    let Some(template) = &operation.base_url else { return Ok(common) };
    let given = scope.text(template)?.unwrap_or_default();
    let unreadable = |error| invalid(format!("the address `{given}` cannot be read: {error}"));
    let own = Url::parse(given.trim_end_matches('/')).map_err(unreadable)?;
    let root = Url::parse(&common).map_err(unreadable)?;
    let declared = connection.connector.http.follow_links_to.contains(&origin(&own));
    let bare = own.username().is_empty() && own.password().is_none();
    if bare && own.query().is_none() && (own.origin() == root.origin() || declared) {
        return Ok(own.as_str().trim_end_matches('/').to_owned());
    }
    Err(refused(connection, &own, &root))
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Method and address of an operation that is whatever request the flow says.
pub(crate) fn request(
    connection: &Connection,
    (address, base): (&Address, &str),
    scope: &Scope<'_>,
) -> Result<HttpRequest, Failure> {
    let method = scope.text(&address.method)?.unwrap_or_default().trim().to_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(invalid(format!(
            "`{method}` is not a method; it is one of {}",
            METHODS.join(", ")
        )));
    }
    let given = scope.text(&address.url)?.unwrap_or_default();
    let url = within(connection, base, given.trim())?;
    Ok(HttpRequest { method, url: url.into(), headers: Vec::new(), body: None })
}

/// Sets the headers that the flow says, which count more than those of the connector.
pub(crate) fn set_headers(
    request: &mut HttpRequest,
    address: &Address,
    scope: &Scope<'_>,
) -> Result<(), Failure> {
    let headers = address.headers.as_ref().map(|it| shape::eval(scope, it, Nulls::Drop));
    if let Some(Value::Object(headers)) = headers.transpose()? {
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_null()) {
            if !is_token(name) || OURS.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(invalid(format!("header `{name}` cannot be set by a flow")));
            }
            let (name, value) = encode::header(name, encode::text(value))?;
            request.set_header(&name, value);
        }
    }
    Ok(())
}

/// What a name of a header consists of.
fn is_token(name: &str) -> bool {
    let fits = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    !name.is_empty() && name.bytes().all(fits)
}

/// The address that a flow means: absolute, or what comes after the base address.
fn within(connection: &Connection, base: &str, given: &str) -> Result<Url, Failure> {
    let unreadable = |error| invalid(format!("the address `{given}` cannot be read: {error}"));
    let root = Url::parse(&format!("{base}/")).map_err(unreadable)?;
    let absolute = given.contains("://");
    let relative = given.trim_start_matches('/');
    // A query alone belongs to the base address itself.
    let whole = if relative.is_empty() || relative.starts_with('?') {
        format!("{base}{relative}")
    } else {
        format!("{base}/{relative}")
    };
    let mut url = Url::parse(if absolute { given } else { &whole }).map_err(unreadable)?;
    url.set_fragment(None);
    let below =
        url.path() == root.path().trim_end_matches('/') || url.path().starts_with(root.path());
    let bare = url.username().is_empty() && url.password().is_none();
    if url.origin() == root.origin() && below && bare {
        return Ok(url);
    }
    Err(refused(connection, &url, &root))
}

fn refused(connection: &Connection, url: &Url, base: &Url) -> Failure {
    let of = |url: &Url| format!("{}{}", origin(url), url.path());
    let message = format!(
        "`{}` is not an address of connection `{}`, which is for `{}`",
        of(url),
        connection.name,
        of(base).trim_end_matches('/')
    );
    Failure::of_class(ErrorClass::Validation, "AddressRefused", message)
}

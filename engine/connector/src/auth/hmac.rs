//! A keyed digest of a request, over a text that the connector file composes.

use base::{
    ErrorClass, Failure, HttpRequest, Secret, base64,
    digest::{hex, hmac_sha256, hmac_sha512, sha256},
};
use expr::Template;
use serde_json::{Map, Value};
use url::Url;

use super::push_query;
use crate::{encode, scope::Scope};

/// How a request is digested, and where the digest goes.
#[derive(Clone, Debug)]
pub struct Hmac {
    /// The digest.
    pub algorithm: Algorithm,
    /// The key.
    pub key: Template,
    /// How the key is written.
    pub key_written: Written,
    /// Headers that are set first, such as a date.
    pub headers: Vec<(String, Template)>,
    /// The text that is digested; `request('…')` is what is sent.
    pub canonical: Template,
    /// How the digest is written.
    pub written: Written,
    /// Whether it goes into the query.
    pub in_query: bool,
    /// Name of the header or query parameter.
    pub name: String,
    /// What goes there; `signature()` is the digest.
    pub value: Template,
}

/// A keyed digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every digest, as files spell them.
    pub const ALL: &[(&str, Self)] = &[("sha256", Self::Sha256), ("sha512", Self::Sha512)];

    fn digest(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => hmac_sha256(key, bytes).to_vec(),
            Self::Sha512 => hmac_sha512(key, bytes).to_vec(),
        }
    }
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As hexadecimal digits in small letters.
    Hex,
    /// As base64.
    Base64,
    /// As they are: UTF-8.
    Text,
}

impl Written {
    /// What a digest may be written as.
    pub const DIGESTS: &[(&str, Self)] = &[("hex", Self::Hex), ("base64", Self::Base64)];
    /// What a key may be written as.
    pub const KEYS: &[(&str, Self)] =
        &[("text", Self::Text), ("base64", Self::Base64), ("hex", Self::Hex)];

    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::Base64 | Self::Text => base64::encode(bytes),
        }
    }

    fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex if text.len() % 2 == 1 => None,
            Self::Hex => {
                let digits = text.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).ok());
                digits.map(|it| u8::from_str_radix(it?, 16).ok()).collect()
            }
            Self::Base64 => base64::decode_lenient(text),
            Self::Text => Some(text.as_bytes().to_vec()),
        }
    }
}

/// Digests a request and adds the digest to it.
pub(super) fn apply(
    hmac: &Hmac,
    request: &mut HttpRequest,
    scope: &Scope<'_>,
) -> Result<(), Failure> {
    let connection = scope.connection;
    for (name, template) in &hmac.headers {
        if let Some(value) = scope.text(template)? {
            let (name, value) = encode::header(name, value)?;
            request.set_header(&name, value);
        }
    }
    let key = scope.text(&hmac.key)?.filter(|it| !it.is_empty());
    let key = key.and_then(|it| hmac.key_written.read(&it)).ok_or_else(|| {
        let message = format!("connection `{}` has no key that can be read", connection.name);
        Failure::of_class(ErrorClass::Auth, "InvalidConnection", message)
    })?;
    let seen = view(request)?;
    let scope = Scope { now: scope.now, ..Scope::new(connection).with_secrets() };
    let scope = Scope { request: Some(&seen), ..scope };
    let text = scope.text(&hmac.canonical)?.unwrap_or_default();
    let digest = hmac.written.write(&hmac.algorithm.digest(&key, text.as_bytes()));
    let digest = Secret::new(digest);
    let scope = Scope { signature: Some(&digest), ..scope };
    let value = scope.text(&hmac.value)?.unwrap_or_default();
    if hmac.in_query {
        push_query(request, &hmac.name, &value);
    } else {
        let (name, value) = encode::header(&hmac.name, value)?;
        request.set_header(&name, value);
    }
    Ok(())
}

/// What expressions see of a request. The address is written as it will be sent.
fn view(request: &mut HttpRequest) -> Result<Value, Failure> {
    let url = Url::parse(&request.url).map_err(|error| {
        let message = format!("the address of the request cannot be read: {error}");
        Failure::of_class(ErrorClass::Validation, "InvalidRequest", message)
    })?;
    request.url = url.to_string();
    let bytes = request.body.as_deref().unwrap_or_default();
    let digest = sha256(bytes);
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        headers.insert(name.to_ascii_lowercase(), value.as_str().into());
    }
    let mut view = Map::new();
    let mut set = |name: &str, value: Value| view.insert(name.to_owned(), value);
    set("method", request.method.as_str().into());
    set("url", request.url.as_str().into());
    set("host", host(&url).into());
    set("path", url.path().into());
    set("query", url.query().unwrap_or_default().into());
    set("headers", headers.into());
    set("bodySha256", hex(&digest).into());
    set("bodySha256Base64", base64::encode(&digest).into());
    // Other bytes cannot be part of a text; `bodySha256` stands for them.
    set("body", std::str::from_utf8(bytes).map_or(Value::Null, Value::from));
    Ok(Value::Object(view))
}

/// The host as the header of that name has it.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

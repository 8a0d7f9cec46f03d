//! How a delivery proves where it comes from, with the operator's values; and what a service is
//! answered that only wants to know whether an address is ours.

use base::{Duration, Failure, Secret, Timestamp, base64, http};
use serde_json::{Map, Value, json};

use crate::{
    connection::Connection,
    encode,
    model::Operation,
    response::instant,
    scope::{Answer, Scope},
    trigger::{Digest, Handshake, Hmac, Jwt, TokenAlgorithm, Verify, Webhook, Written},
    webhook::CertificateSignature,
};

/// Signatures of one delivery that are looked at.
const SIGNATURES_MAX: usize = 8;
/// Keys that deliveries may be signed with at a time: more than any rotation needs.
const SECRETS_MAX: usize = 8;

/// A request of a service as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// The whole address, as the sender knows it.
    pub url: &'a str,
    /// Query parameters by name.
    pub queries: &'a Map<String, Value>,
    /// Names and values as received.
    pub headers: &'a [(String, String)],
    /// The bytes.
    pub body: &'a [u8],
}

/// How a delivery must prove where it comes from, with the operator's values.
#[derive(Clone, Debug)]
pub enum Verification {
    /// Not at all.
    None,
    /// By the secret part of the address it came to; whoever routes requests checks it.
    UrlSecret,
    /// By a signature whose certificate it names.
    Certificate(Box<CertificateSignature>),
    /// By a keyed digest.
    Hmac(Box<KeyedDigest>),
    /// By a token that somebody else has signed.
    Jwt(Box<SignedToken>),
    /// By what the connector's program says of it.
    Program(Box<Asked>),
    /// By a user name and a password.
    Basic {
        /// What the header `Authorization` must be.
        expected: Secret<String>,
    },
}

/// What a connector's program is asked about a delivery.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose program it is.
    pub connection: Connection,
    /// The operation that asks it.
    pub operation: Operation,
    /// What it is told of the delivery.
    pub inputs: Value,
}

/// A keyed digest: what was brought, and what it has to be one of.
#[derive(Clone, Debug)]
pub struct KeyedDigest {
    /// The algorithm.
    pub digest: Digest,
    /// The keys of which one must have been used.
    pub secrets: Vec<Secret<Vec<u8>>>,
    /// The digests that the delivery brings.
    pub brought: Vec<Vec<u8>>,
    /// What must have been digested.
    pub message: Vec<u8>,
    /// When it was sent, and how long ago that may be.
    pub sent: Option<(Option<Timestamp>, Duration)>,
}

/// A token in the form of JWT: what was brought, and what it must say.
#[derive(Clone, Debug)]
pub struct SignedToken {
    /// The token; none if the delivery has none.
    pub brought: Option<String>,
    /// Where the public keys are.
    pub keys_url: String,
    /// Addresses that may be asked for them although they are not public.
    pub origins: Vec<String>,
    /// Algorithms that are believed.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Who may have issued it.
    pub issuers: Vec<String>,
    /// For whom it must be.
    pub audiences: Vec<String>,
    /// Further claims that must be so.
    pub claims: Vec<(String, Value)>,
    /// How far clocks may be apart.
    pub tolerance: Duration,
}

/// The proof that a delivery has to bring.
///
/// # Errors
/// If the operator has to do something first.
pub fn verification(
    connection: &Connection,
    webhook: &Webhook,
    received: &Received<'_>,
) -> Result<Verification, Failure> {
    let (view, answer) = seen(received);
    let scope = Scope {
        request: Some(&view),
        answer: Some(&answer),
        ..Scope::new(connection).with_secrets()
    };
    match &webhook.receive.verify {
        Verify::None => Ok(Verification::None),
        Verify::UrlSecret => Ok(Verification::UrlSecret),
        Verify::RsaCertificateUrl(declared) => {
            let scope = Scope::new(connection);
            Ok(Verification::Certificate(Box::new(CertificateSignature {
                signature_headers: declared.signature_headers.clone(),
                prefix: declared.prefix.clone(),
                algorithm_header: declared.algorithm_header.clone(),
                algorithms: declared.algorithms.clone(),
                certificate_header: declared.certificate_header.clone(),
                certificate_hosts: texts(&scope.eval(&declared.allow_hosts)?),
                trust_anchors_pem: scope.text(&declared.trust_anchors)?,
                issuer_contains: scope.text(&declared.issuer_contains)?.unwrap_or_default(),
            })))
        }
        Verify::Hmac(declared) => hmac(&scope, declared, received.body),
        Verify::Jwt(declared) => jwt(&scope, declared, connection),
        Verify::Program(id) => asked(connection, id, received),
        Verify::Basic { username, password } => {
            let text = |it| Ok::<_, Failure>(scope.text(it)?.unwrap_or_default());
            let (user, password) = (text(username)?, text(password)?);
            if password.is_empty() {
                return Err(missing(connection, "password for deliveries"));
            }
            let pair = base64::encode(format!("{user}:{password}").as_bytes());
            Ok(Verification::Basic { expected: Secret::new(pair) })
        }
    }
}

fn asked(
    connection: &Connection,
    id: &str,
    received: &Received<'_>,
) -> Result<Verification, Failure> {
    let operation = connection.connector.operation(id).ok_or_else(|| {
        encode::invalid(format!("the program cannot be asked `{id}` about deliveries"))
    })?;
    let inputs = json!({
        "trigger": operation.path,
        "headers": http::headers_value(received.headers),
        "bodyBase64": base64::encode(received.body),
    });
    let (connection, operation) = (connection.clone(), operation.clone());
    Ok(Verification::Program(Box::new(Asked { connection, operation, inputs })))
}

fn hmac(scope: &Scope<'_>, declared: &Hmac, body: &[u8]) -> Result<Verification, Failure> {
    let given = match scope.eval_tree(&declared.secrets)? {
        Value::Array(items) => items,
        one => vec![one],
    };
    let mut secrets = Vec::new();
    for text in given.iter().filter_map(Value::as_str).filter(|it| !it.is_empty()) {
        let bytes = declared.secret_written.read(text).ok_or_else(|| {
            let connection = scope.connection;
            missing(connection, "secret for deliveries that is written as the connector says")
        })?;
        secrets.push(Secret::new(bytes));
    }
    if secrets.is_empty() || SECRETS_MAX < secrets.len() {
        return Err(missing(scope.connection, "secret for deliveries"));
    }
    // What cannot be computed of a delivery is not in it.
    let candidates = match scope.eval(&declared.signature).unwrap_or_default() {
        Value::Array(items) => items,
        one => vec![one],
    };
    let candidates = candidates.iter().filter_map(Value::as_str).take(SIGNATURES_MAX);
    let brought = candidates.filter_map(|text| {
        let digits = strip_prefix(text.trim(), &declared.prefix)?;
        declared.written.read(digits.trim()).filter(|it| !it.is_empty())
    });
    let message = match &declared.signed {
        None => Some(body.to_vec()),
        // What the sender leaves out cannot have been signed.
        Some(template) => scope.text(template).ok().flatten().map(String::into_bytes),
    };
    let sent = declared.timestamp.as_ref().map(|template| {
        let at = scope.eval(template).ok().and_then(|it| instant(&it));
        (at, declared.tolerance)
    });
    Ok(Verification::Hmac(Box::new(KeyedDigest {
        digest: declared.digest,
        secrets,
        brought: if message.is_some() { brought.collect() } else { Vec::new() },
        message: message.unwrap_or_default(),
        sent,
    })))
}

fn jwt(
    scope: &Scope<'_>,
    declared: &Jwt,
    connection: &Connection,
) -> Result<Verification, Failure> {
    let listed = |tree| {
        Ok::<_, Failure>(match scope.eval_tree(tree)? {
            Value::String(text) if !text.is_empty() => vec![text],
            other => texts(&other),
        })
    };
    let brought = scope.text(&declared.token).ok().flatten();
    let brought =
        brought.and_then(|it| Some(strip_prefix(it.trim(), &declared.prefix)?.to_owned()));
    let (issuers, audiences) = (listed(&declared.issuer)?, listed(&declared.audience)?);
    let keys_url = scope.text(&declared.keys_url)?.unwrap_or_default();
    for (what, is_missing) in [
        ("issuer of tokens", issuers.is_empty()),
        ("audience of tokens", audiences.is_empty()),
        ("address of keys", keys_url.is_empty()),
    ] {
        if is_missing {
            return Err(missing(connection, what));
        }
    }
    let claims = declared.claims.iter();
    let claims = claims.map(|(name, template)| Ok((name.clone(), scope.eval(template)?)));
    Ok(Verification::Jwt(Box::new(SignedToken {
        brought: brought.filter(|it| !it.is_empty()),
        keys_url,
        origins: connection.origins(),
        algorithms: declared.algorithms.clone(),
        issuers,
        audiences,
        claims: claims.collect::<Result<_, Failure>>()?,
        tolerance: declared.tolerance,
    })))
}

/// What a request is answered that only wants to know whether the address is ours, as
/// `{statusCode, headers, body}`; none if it is something else. Only one that has proved itself may
/// be answered with something that is made of a secret.
///
/// # Errors
/// If the answer cannot be evaluated.
pub fn handshake(
    connection: &Connection,
    webhook: &Webhook,
    received: &Received<'_>,
    proved: bool,
) -> Result<Option<Value>, Failure> {
    let (view, answer) = seen(received);
    for declared in webhook.receive.handshakes.iter().filter(|it| it.verified == proved) {
        if declared.method != received.method {
            continue;
        }
        let scope = Scope {
            request: Some(&view),
            answer: Some(&answer),
            secrets: proved,
            ..Scope::new(connection)
        };
        // What a condition cannot be computed of is no such request.
        if scope.eval(&declared.when) == Ok(Value::Bool(true)) {
            return answered(&scope, declared).map(Some);
        }
    }
    Ok(None)
}

fn answered(scope: &Scope<'_>, declared: &Handshake) -> Result<Value, Failure> {
    let mut headers = Map::new();
    for (name, template) in &declared.headers {
        if let Some(value) = scope.text(template)? {
            let (name, value) = encode::header(name, value)?;
            headers.insert(name, value.into());
        }
    }
    let body = match &declared.body {
        Some(tree) => scope.eval_tree(tree)?,
        None => Value::Null,
    };
    let is_typed = headers.keys().any(|it| it.eq_ignore_ascii_case("content-type"));
    if body.is_string() && !is_typed {
        // A stranger chooses what is said, so no browser may take it for a page.
        headers.insert("Content-Type".to_owned(), "text/plain; charset=utf-8".into());
    }
    headers.insert("X-Content-Type-Options".to_owned(), "nosniff".into());
    Ok(json!({ "statusCode": declared.status, "headers": headers, "body": body }))
}

/// What expressions see of a request: `request(name)`, `headers(name)` and `body()`.
fn seen(received: &Received<'_>) -> (Value, Answer) {
    let Received { method, url, queries, headers, body } = received;
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    let path =
        url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let path = path.map(|it| it.split('?').next().unwrap_or_default());
    let media = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let answer = Answer {
        status: 0,
        headers: http::headers_value(headers),
        body: http::body_value(media.map(|(_, value)| value.as_str()), body),
    };
    let lower = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let view = json!({
        "method": method,
        "url": url,
        "path": path.unwrap_or("/"),
        "query": query,
        "queries": queries,
        "headers": http::headers_value(&lower.collect::<Vec<_>>()),
        // Other bytes cannot be part of a text.
        "body": std::str::from_utf8(body).ok(),
    });
    (view, answer)
}

fn missing(connection: &Connection, what: &str) -> Failure {
    let message = format!("connection `{}` has no {what}", connection.name);
    Failure::of_class(base::ErrorClass::Auth, "InvalidConnection", message)
}

/// The rest of a text after a prefix in any case: authorization schemes have no case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    if start.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Written {
    fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Text => Some(text.as_bytes().to_vec()),
            Self::Base64 => base64::decode_lenient(text),
            Self::Base64Url => base64::decode_url(text),
            Self::Hex if !text.len().is_multiple_of(2) => None,
            Self::Hex => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let pairs = text.as_bytes().chunks_exact(2).map(|pair| match pair {
                    [a, b] => u8::try_from(digit(*a)? * 16 + digit(*b)?).ok(),
                    _ => None,
                });
                pairs.collect()
            }
        }
    }
}

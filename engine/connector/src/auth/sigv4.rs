//! Signature Version 4, by which Amazon's services know who asks.

use base::{
    ErrorClass, Failure, HttpRequest, Timestamp,
    digest::{hex, hmac_sha256, sha256_hex},
};
use expr::Template;
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode,
};
use url::Url;

use super::{hmac::host, needed};
use crate::{encode, scope::Scope};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Everything but what a canonical request leaves as it is.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Headers that are written on the way, or not at all.
const UNSIGNED: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "expect",
    "host",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Who asks, and which service where.
#[derive(Clone, Debug)]
pub struct AwsSigV4 {
    /// The region, such as `eu-central-1`.
    pub region: Template,
    /// The service's name in signatures, such as `sqs`.
    pub service: Template,
    /// The access key's id.
    pub access_key_id: Template,
    /// The secret access key.
    pub secret_access_key: Template,
    /// The token of credentials that end by themselves; null for others.
    pub session_token: Template,
}

/// What a signature is made with.
pub(crate) struct Keys<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

/// Signs a request.
pub(super) fn apply(
    aws: &AwsSigV4,
    request: &mut HttpRequest,
    scope: &Scope<'_>,
) -> Result<(), Failure> {
    let of = scope.connection;
    let keys = Keys {
        region: &needed(of, &aws.region, "region")?,
        service: &needed(of, &aws.service, "service")?,
        id: &needed(of, &aws.access_key_id, "access key id")?,
        secret: &needed(of, &aws.secret_access_key, "secret access key")?,
    };
    let url = Url::parse(&request.url).map_err(|error| {
        let message = format!("the address of the request cannot be read: {error}");
        Failure::of_class(ErrorClass::Validation, "InvalidRequest", message)
    })?;
    // What is sent is what is signed, and in a spelling that leaves no choice.
    let path = strict_path(url.path());
    let query = url.query().unwrap_or_default();
    let mark = if query.is_empty() { "" } else { "?" };
    request.url = format!("{}{path}{mark}{query}", url.origin().ascii_serialization());
    if let Some(token) = scope.text(&aws.session_token)?.filter(|it| !it.is_empty()) {
        let (name, value) = encode::header("x-amz-security-token", token)?;
        request.set_header(&name, value);
    }
    if keys.service == "s3" {
        let digest = sha256_hex(request.body.as_deref().unwrap_or_default());
        request.set_header("x-amz-content-sha256", digest);
    }
    sign(request, (&host(&url), &path, query), &keys, scope.now);
    Ok(())
}

/// Adds time and signature. The path is that of the request line.
pub(crate) fn sign(
    request: &mut HttpRequest,
    (host, path, query): (&str, &str, &str),
    keys: &Keys<'_>,
    now: Timestamp,
) {
    let stamp = stamp(now);
    let day: String = stamp.chars().take(8).collect();
    request.set_header("x-amz-date", stamp.as_str());
    let headers = canonical_headers(request, host);
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        request.method,
        canonical_path(path, keys.service == "s3"),
        canonical_query(query)
    );
    canonical.extend(headers.iter().flat_map(|(name, value)| [name, ":", value, "\n"]));
    let body = sha256_hex(request.body.as_deref().unwrap_or_default());
    canonical.extend(["\n", &names, "\n", &body]);
    let place = format!("{day}/{}/{}/aws4_request", keys.region, keys.service);
    let digest = sha256_hex(canonical.as_bytes());
    let text = format!("{ALGORITHM}\n{stamp}\n{place}\n{digest}");
    let first = hmac_sha256(format!("AWS4{}", keys.secret).as_bytes(), day.as_bytes());
    let key = [keys.region, keys.service, "aws4_request"]
        .iter()
        .fold(first, |key, part| hmac_sha256(&key, part.as_bytes()));
    let signature = hex(&hmac_sha256(&key, text.as_bytes()));
    let proof = format!(
        "{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    request.set_header("authorization", proof);
}

/// `20150830T123600Z`.
fn stamp(now: Timestamp) -> String {
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    let digits = seconds.chars().filter(|it| !matches!(it, '-' | ':' | 'Z'));
    digits.chain(std::iter::once('Z')).collect()
}

/// A path with everything encoded that may be, each segment for itself.
fn strict_path(path: &str) -> String {
    path.split('/').map(strict).collect::<Vec<_>>().join("/")
}

/// Encoded text with everything encoded that may be.
fn strict(text: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&bytes, STRICT).to_string()
}

/// The path; all services but S3 encode once more what is encoded, and count slashes once.
fn canonical_path(path: &str, is_s3: bool) -> String {
    if is_s3 {
        return if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    }
    let segments: Vec<String> = path
        .split('/')
        .filter(|it| !it.is_empty())
        .map(|it| utf8_percent_encode(it, STRICT).to_string())
        .collect();
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|it| !it.is_empty())
        .map(|it| it.split_once('=').unwrap_or((it, "")))
        .map(|(name, value)| (strict(name), strict(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Names in small letters and in order; values of one name one after the other.
fn canonical_headers(request: &HttpRequest, host: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = vec![("host".to_owned(), host.to_owned())];
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if UNSIGNED.contains(&name.as_str()) {
            continue;
        }
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        match headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push(',');
                known.push_str(&value);
            }
            None => headers.push((name, value)),
        }
    }
    headers.sort();
    headers
}

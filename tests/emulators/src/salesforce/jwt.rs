//! The signed assertions of the JWT bearer grant.

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How far ahead an assertion may expire, with some seconds for clocks that differ.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(180 + 5);

/// What an assertion must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) audiences: &'a [&'a str],
    pub(super) now: Timestamp,
}

/// Whether an assertion is signed by the key and says what it must; the error says what is wrong.
pub(super) fn check(
    assertion: &str,
    key_der: &[u8],
    expected: &Expected<'_>,
) -> Result<(), &'static str> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or("invalid assertion")?;
    let (header, claims) = signed.split_once('.').ok_or("invalid assertion")?;
    let header = json(header).ok_or("invalid assertion")?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err("algorithm not supported");
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "invalid assertion")?;
    let key = KeyPair::from_pkcs8(key_der).map_err(|_| "invalid assertion")?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    public.verify(signed.as_bytes(), &signature).map_err(|_| "invalid assertion")?;

    let claims = json(claims).ok_or("invalid assertion")?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if claim("iss") != expected.issuer {
        return Err("invalid client credentials");
    }
    if !claim("sub").eq_ignore_ascii_case(expected.subject) {
        return Err("user hasn't approved this consumer");
    }
    if !expected.audiences.contains(&claim("aud").trim_end_matches('/')) {
        return Err("audience is invalid");
    }
    // Some libraries write the number as a text, which is taken as well.
    let end = claims.get("exp");
    let end = end.and_then(|it| it.as_i64().or_else(|| it.as_str()?.parse().ok()));
    let end = end.and_then(|it| Timestamp::from_second(it).ok()).ok_or("invalid assertion")?;
    let latest = expected.now.saturating_add(AHEAD_MAX).unwrap_or(Timestamp::MAX);
    if end <= expected.now {
        return Err("expired authorization code");
    }
    if end > latest { Err("invalid assertion") } else { Ok(()) }
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

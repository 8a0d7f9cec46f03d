//! Tokens that deliveries bring (JWT): signed with a published key, for us, by whom it should be.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time,
};

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use base::{Duration, HttpRequest, Timestamp, base64, limits};
use connector::{proof::SignedToken, trigger::TokenAlgorithm};
use serde_json::Value;

use crate::{
    client::{Bounds, Client},
    guard::Egress,
    signature::Rejected,
};

/// Key sets are small and near; more than this is not waited for or read.
const BOUNDS: Bounds = Bounds {
    timeout: time::Duration::from_secs(5),
    body_bytes_max: 16 * limits::CERTIFICATE_BYTES_MAX,
};
/// How long a key set is believed to be the one at its address.
const KEEP: Duration = Duration::seconds(24 * 3600);
/// How soon it is fetched again for a key that is not in it: issuers change keys, and strangers invent
/// names.
const AGAIN: Duration = Duration::seconds(60);
/// Key sets that are kept.
const KEPT_MAX: usize = 64;
/// Keys of one set.
const KEYS_MAX: usize = 200;
/// Characters of a token: one is a header's value.
const TOKEN_CHARS_MAX: usize = 16 << 10;
/// How deep a token's JSON may nest.
const CLAIMS_DEPTH: usize = 16;

type Keys = Arc<Vec<Value>>;

/// Key sets by address, each with when it was fetched.
#[derive(Default)]
pub(crate) struct KeySets(Mutex<BTreeMap<String, (Timestamp, Keys)>>);

impl KeySets {
    fn find(&self, url: &str) -> Option<(Timestamp, Keys)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    fn keep(&self, url: &str, keys: &Keys, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| now.since(*since) < KEEP);
        if kept.len() < KEPT_MAX || kept.contains_key(url) {
            kept.insert(url.to_owned(), (now, Arc::clone(keys)));
        }
    }
}

/// A token taken apart, not believed yet.
struct Parts<'a> {
    algorithm: TokenAlgorithm,
    key_id: Option<String>,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

fn invalid(message: impl Into<String>) -> Rejected {
    Rejected::untrusted("TokenInvalid", message)
}

impl Client {
    /// Checks the token of a delivery, or of somebody who signs in. Keys are fetched only for a token
    /// that says what it should.
    ///
    /// # Errors
    /// If it is not to be believed, or the keys cannot be had.
    pub async fn check_signed_token(
        &self,
        token: &SignedToken,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let Some(text) = &token.brought else {
            return Err(Rejected::untrusted("TokenMissing", "the delivery brings no token"));
        };
        let parts = read(text, &token.algorithms)?;
        check_claims(&parts.claims, token, now)?;
        let key = self.key(token, &parts, now).await?;
        check_signature(&key, &parts)
    }

    /// The key that a token names, from the set that is kept or a fresh one.
    async fn key(
        &self,
        token: &SignedToken,
        parts: &Parts<'_>,
        now: Timestamp,
    ) -> Result<Value, Rejected> {
        let url = &token.keys_url;
        let known = || self.key_sets().find(url).filter(|(since, _)| now.since(*since) < KEEP);
        let unknown = || invalid("the token is signed with a key that its issuer does not publish");
        // Forged deliveries must not turn into a flood of requests to the issuer.
        let _turn = match known() {
            Some((_, keys)) if choose(&keys, parts).is_some() => {
                return choose(&keys, parts).ok_or_else(unknown);
            }
            Some((since, _)) if now.since(since) < AGAIN => return Err(unknown()),
            Some(_) | None => self.certificates().turn().await,
        };
        // Somebody else may have fetched it meanwhile.
        let keys = match known() {
            Some((since, keys)) if now.since(since) < AGAIN => keys,
            Some(_) | None => {
                let keys = Arc::new(self.fetch_keys(token).await?);
                self.key_sets().keep(url, &keys, now);
                keys
            }
        };
        choose(&keys, parts).ok_or_else(unknown)
    }

    async fn fetch_keys(&self, token: &SignedToken) -> Result<Vec<Value>, Rejected> {
        let url = &token.keys_url;
        let unavailable = |message: String| Rejected::unavailable("KeysUnavailable", message);
        let request = HttpRequest {
            method: "GET".to_owned(),
            url: url.clone(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: None,
        };
        let egress = token.origins.iter().fold(Egress::public(), |egress, it| egress.allow(it));
        let response = self.send_within((self.plain(), &egress), &request, BOUNDS).await;
        let response = response.map_err(|failure| unavailable(failure.message))?;
        if response.status != 200 {
            return Err(unavailable(format!("`{url}` answered {}", response.status)));
        }
        let set: Value = serde_json::from_slice(&response.body)
            .map_err(|_| unavailable(format!("`{url}` holds no JSON")))?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.filter(|it| it.len() <= KEYS_MAX);
        keys.cloned().ok_or_else(|| unavailable(format!("`{url}` holds no set of keys")))
    }
}

/// Takes a token apart.
fn read<'a>(text: &'a str, algorithms: &[TokenAlgorithm]) -> Result<Parts<'a>, Rejected> {
    let parts = || {
        let (signed, signature) = text.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let head = json(head)?;
        Some((head, json(claims)?, signed, base64::decode_url(signature)?))
    };
    let parts = if text.len() <= TOKEN_CHARS_MAX { parts() } else { None };
    let (head, claims, signed, signature) =
        parts.ok_or_else(|| invalid("the token cannot be read"))?;
    let named = head.get("alg").and_then(Value::as_str).unwrap_or_default();
    let known = TokenAlgorithm::ALL.iter().find(|(name, _)| *name == named);
    let Some((_, algorithm)) = known.filter(|(_, it)| algorithms.contains(it)) else {
        let message = format!("the algorithm `{}` is not allowed", limited(named));
        return Err(Rejected::untrusted("AlgorithmNotAllowed", message));
    };
    // What must be understood and is not (RFC 7515, `crit`) makes the token worthless.
    if head.get("crit").is_some() {
        return Err(invalid("the token wants to be read in a way that is not known here"));
    }
    let key_id = head.get("kid").and_then(Value::as_str).map(str::to_owned);
    Ok(Parts { algorithm: *algorithm, key_id, claims, signed, signature })
}

/// An object of a token; one that nests deeper than any real one is none.
fn json(part: &str) -> Option<Value> {
    let bytes = base64::decode_url(part)?;
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in &bytes {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let value: Value = (deepest <= CLAIMS_DEPTH).then(|| serde_json::from_slice(&bytes).ok())??;
    value.is_object().then_some(value)
}

fn limited(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(40).collect()
}

/// What the token says of itself: whose, for whom, until when.
fn check_claims(claims: &Value, token: &SignedToken, now: Timestamp) -> Result<(), Rejected> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if !text("iss").is_some_and(|it| token.issuers.iter().any(|known| known == it)) {
        return Err(invalid("the token was issued by somebody else"));
    }
    let audience = match claims.get("aud") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        other => other.and_then(Value::as_str).into_iter().collect::<Vec<_>>(),
    };
    if !audience.iter().any(|it| token.audiences.iter().any(|known| known == it)) {
        return Err(invalid("the token is for somebody else"));
    }
    let instant = |name: &str| {
        let seconds = claims.get(name)?.as_f64().filter(|it| it.is_finite())?;
        // Far beyond any clock; what is between two seconds does not matter.
        #[expect(clippy::cast_possible_truncation, reason = "bounded one line above")]
        let seconds = seconds.clamp(0.0, 1e11) as i64;
        Some(Timestamp::default().after(Duration::seconds(seconds)))
    };
    let Some(until) = instant("exp") else {
        return Err(invalid("the token does not say until when it is good"));
    };
    if token.tolerance < now.since(until) {
        return Err(Rejected::untrusted(
            "TokenExpired",
            format!("the token was good until {until}"),
        ));
    }
    for name in ["nbf", "iat"] {
        if let Some(from) = instant(name).filter(|from| token.tolerance < from.since(now)) {
            return Err(invalid(format!("the token is good from {from} on")));
        }
    }
    match token.claims.iter().find(|(name, value)| claims.get(name) != Some(value)) {
        Some((name, _)) => {
            Err(invalid(format!("the claim `{name}` of the token is not as it should be")))
        }
        None => Ok(()),
    }
}

/// The key that a token names and that is of the right kind for it; without a name, the only one.
fn choose(keys: &[Value], parts: &Parts<'_>) -> Option<Value> {
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let (kind, curve) = match parts.algorithm {
        TokenAlgorithm::Rs256
        | TokenAlgorithm::Rs384
        | TokenAlgorithm::Rs512
        | TokenAlgorithm::Ps256
        | TokenAlgorithm::Ps384
        | TokenAlgorithm::Ps512 => ("RSA", None),
        TokenAlgorithm::Es256 => ("EC", Some("P-256")),
        TokenAlgorithm::Es384 => ("EC", Some("P-384")),
        TokenAlgorithm::EdDsa => ("OKP", Some("Ed25519")),
    };
    let name = TokenAlgorithm::ALL.iter().find(|(_, it)| *it == parts.algorithm)?.0;
    let mut fitting = keys.iter().filter(|key| {
        text(key, "kty").as_deref() == Some(kind)
            && curve.is_none_or(|it| text(key, "crv").as_deref() == Some(it))
            && text(key, "use").is_none_or(|it| it == "sig")
            && text(key, "alg").is_none_or(|it| it == name)
            && (parts.key_id.is_none() || text(key, "kid") == parts.key_id)
    });
    let first = fitting.next()?;
    (parts.key_id.is_some() || fitting.next().is_none()).then(|| first.clone())
}

fn check_signature(key: &Value, parts: &Parts<'_>) -> Result<(), Rejected> {
    let member = |name: &str| base64::decode_url(key.get(name)?.as_str()?);
    let (message, signature) = (parts.signed.as_bytes(), parts.signature.as_slice());
    let rsa = |parameters: &'static RsaParameters| {
        let (n, e) = (member("n")?, member("e")?);
        RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).ok()
    };
    let curve = |algorithm: &'static signature::EcdsaVerificationAlgorithm, bytes: usize| {
        let (x, y) = (member("x")?, member("y")?);
        if x.len() != bytes || y.len() != bytes {
            return None;
        }
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        UnparsedPublicKey::new(algorithm, point).verify(message, signature).ok()
    };
    let fits = match parts.algorithm {
        TokenAlgorithm::Rs256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        TokenAlgorithm::Rs384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        TokenAlgorithm::Rs512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        TokenAlgorithm::Ps256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        TokenAlgorithm::Ps384 => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        TokenAlgorithm::Ps512 => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        TokenAlgorithm::Es256 => curve(&signature::ECDSA_P256_SHA256_FIXED, 32),
        TokenAlgorithm::Es384 => curve(&signature::ECDSA_P384_SHA384_FIXED, 48),
        TokenAlgorithm::EdDsa => member("x").and_then(|key| {
            UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).ok()
        }),
    };
    fits.ok_or_else(|| {
        Rejected::untrusted("SignatureInvalid", "the signature of the token does not fit it")
    })
}

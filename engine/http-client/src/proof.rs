//! Checks the proof that a delivery brings, of whatever kind, before anybody reads its body.

use aws_lc_rs::hmac;
use base::{Duration, Secret, Timestamp};
use connector::{
    proof::{KeyedDigest, Verification},
    trigger::Digest,
};

use crate::{
    client::Client,
    signature::{Delivery, Rejected},
};

impl Client {
    /// Checks a delivery. Whether it came to the right address is not for here; whoever routes it
    /// knows.
    ///
    /// # Errors
    /// If no run may start.
    pub async fn check(
        &self,
        verification: &Verification,
        delivery: &Delivery<'_>,
    ) -> Result<(), Rejected> {
        match verification {
            Verification::None | Verification::UrlSecret => Ok(()),
            Verification::Certificate(signed) => self.verify(signed, delivery).await,
            Verification::Hmac(digest) => check_digest(digest, delivery.now),
            Verification::Jwt(token) => self.check_signed_token(token, delivery.now).await,
            Verification::Program(asked) => self.check_by_program(asked, delivery.now).await,
            Verification::Basic { expected } => check_basic(expected, delivery.headers),
        }
    }
}

fn check_digest(digest: &KeyedDigest, now: Timestamp) -> Result<(), Rejected> {
    if digest.brought.is_empty() {
        let message = "the delivery is not signed, or not as the connector says";
        return Err(Rejected::untrusted("SignatureMissing", message));
    }
    let algorithm = match digest.digest {
        Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => hmac::HMAC_SHA256,
        Digest::Sha384 => hmac::HMAC_SHA384,
        Digest::Sha512 => hmac::HMAC_SHA512,
    };
    let mut keys = digest.secrets.iter().map(|it| hmac::Key::new(algorithm, it.expose()));
    // Comparing takes the same time wherever two digests differ.
    let fits = keys.any(|key| {
        let mut brought = digest.brought.iter();
        brought.any(|it| hmac::verify(&key, &digest.message, it).is_ok())
    });
    if !fits {
        let message = "the signature does not fit the delivery";
        return Err(Rejected::untrusted("SignatureInvalid", message));
    }
    // Only now: what is said of the time is worth something if it is signed.
    digest.sent.map_or(Ok(()), |(sent, tolerance)| check_age(sent, tolerance, now))
}

/// An old delivery may be one that somebody has overheard.
fn check_age(sent: Option<Timestamp>, tolerance: Duration, now: Timestamp) -> Result<(), Rejected> {
    let Some(sent) = sent else {
        let message = "the delivery does not say when it was sent";
        return Err(Rejected::untrusted("TimestampMissing", message));
    };
    if now.since(sent) <= tolerance && sent.since(now) <= tolerance {
        return Ok(());
    }
    let message = format!("the delivery was sent at {sent}, which is too far from now");
    Err(Rejected::untrusted("TimestampTooOld", message))
}

fn check_basic(expected: &Secret<String>, headers: &[(String, String)]) -> Result<(), Rejected> {
    let mut given = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (Some((_, given)), None) = (given.next(), given.next()) else {
        let message = "the delivery brings no user name and password, or more than one";
        return Err(Rejected::untrusted("CredentialsMissing", message));
    };
    let (scheme, pair) = given.trim().split_once(' ').unwrap_or((given, ""));
    // Secrets are compared in constant time.
    let fits = Secret::new(pair.trim().to_owned()) == *expected;
    if scheme.eq_ignore_ascii_case("basic") && fits {
        return Ok(());
    }
    let message = "the user name and the password of the delivery are not the connection's";
    Err(Rejected::untrusted("CredentialsInvalid", message))
}

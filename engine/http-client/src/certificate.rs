//! The certificates that sign deliveries: where they may come from, whether they are trusted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time,
};

use base::{Duration, Timestamp, limits};
use connector::webhook::CertificateSignature;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::{Certificate, der::Decode as _};

use crate::{client::Bounds, guard::Egress, signature::Rejected};

/// A certificate is small and its host is near; more than this is not waited for or read.
pub(crate) const BOUNDS: Bounds =
    Bounds { timeout: time::Duration::from_secs(5), body_bytes_max: limits::CERTIFICATE_BYTES_MAX };

/// How long a certificate is believed to be the one at its address.
const KEEP: Duration = Duration::seconds(24 * 3600);
/// Senders have one or two certificates at a time.
const KEPT_MAX: usize = 64;
/// Fetches at a time.
const FETCHES_MAX: usize = 4;

type Chain = Vec<CertificateDer<'static>>;

/// Certificates that have proved themselves, by address.
pub(crate) struct Certificates {
    kept: Mutex<BTreeMap<String, (Timestamp, Chain)>>,
    turns: Semaphore,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Semaphore::new(FETCHES_MAX) }
    }
}

impl Certificates {
    pub(crate) fn find(&self, url: &str, now: Timestamp) -> Option<Chain> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, chain) = kept.get(url)?;
        let age = now.since(*since);
        (Duration::ZERO <= age && age < KEEP).then(|| chain.clone())
    }

    pub(crate) fn keep(&self, url: &str, chain: &Chain, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| now.since(*since) < KEEP);
        if kept.len() < KEPT_MAX {
            kept.entry(url.to_owned()).or_insert_with(|| (now, chain.clone()));
        }
    }

    /// Waits until a fetch may start; `None` never happens, as nobody closes the semaphore.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }
}

/// The entry of the operator's list that an address is under.
pub(crate) enum Place {
    /// A host of the internet.
    Host,
    /// A whole origin, such as that of a sandbox on this machine.
    Origin(String),
}

impl Place {
    pub(crate) fn egress(&self) -> Egress {
        match self {
            Self::Host => Egress::public(),
            Self::Origin(origin) => Egress::public().allow(origin),
        }
    }
}

/// Whether a certificate may be fetched from an address, compared as text and before any parser
/// could read it differently: user names, ports, trailing dots, escapes and numbers of hosts do
/// not match an entry, and the path holds only plain characters.
pub(crate) fn allowed(url: &str, hosts: &[String]) -> Option<Place> {
    hosts.iter().find_map(|entry| {
        let entry = entry.trim_end_matches('/');
        let (start, place) = if entry.contains("://") {
            (entry.to_owned(), Place::Origin(entry.to_owned()))
        } else {
            (format!("https://{entry}"), Place::Host)
        };
        let same = url.get(..start.len())?.eq_ignore_ascii_case(&start) && !entry.is_empty();
        let path = url.get(start.len()..)?;
        (same && is_plain_path(path)).then_some(place)
    })
}

fn is_plain_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.starts_with('/') && path.bytes().all(plain) && !path.contains("..") && !path.contains("//")
}

/// The certificates of a file in DER or PEM form, the signer's first.
pub(crate) fn parse(bytes: &[u8]) -> Option<Chain> {
    if bytes.starts_with(b"-----BEGIN") {
        let chain: Result<Chain, _> = CertificateDer::pem_slice_iter(bytes).collect();
        return chain.ok().filter(|chain| !chain.is_empty());
    }
    Certificate::from_der(bytes).ok()?;
    Some(vec![CertificateDer::from(bytes.to_vec())])
}

/// The operator's anchors. Without any, nobody can be trusted.
pub(crate) fn anchors(pem: Option<&str>) -> Result<Chain, Rejected> {
    let missing = |message: &str| Rejected::untrusted("NoTrustAnchors", message);
    let found: Result<Chain, _> =
        CertificateDer::pem_slice_iter(pem.unwrap_or("").as_bytes()).collect();
    let found = found.map_err(|_| missing("the trust anchors are not certificates in PEM form"))?;
    if found.is_empty() {
        return Err(missing("the connection names no trust anchors"));
    }
    Ok(found)
}

/// Checks that a certificate leads to an anchor at this time and was issued by whom it should be.
pub(crate) fn check_chain(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    signed: &CertificateSignature,
    now: Timestamp,
) -> Result<(), Rejected> {
    let wrong = |message: String| Rejected::untrusted("CertificateNotTrusted", message);
    let (leaf, between) =
        chain.split_first().ok_or_else(|| wrong("there is no certificate".to_owned()))?;
    let anchors: Vec<TrustAnchor<'_>> =
        anchors.iter().filter_map(|it| anchor_from_trusted_cert(it).ok()).collect();
    let seconds = u64::try_from(now.ticks() / 10_000_000).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(time::Duration::from_secs(seconds));
    let usage = KeyUsage::server_auth();
    EndEntityCert::try_from(leaf)
        .and_then(|leaf| {
            leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, between, time, usage, None, None)
                .map(|_| ())
        })
        .map_err(|error| wrong(format!("the certificate is not trusted: {error}")))?;
    if is_issued_by(leaf, &signed.issuer_contains) {
        return Ok(());
    }
    let message =
        format!("the issuer of the certificate does not have `{}`", signed.issuer_contains);
    Err(wrong(message))
}

/// Whether the issuer has an attribute such as `O=Microsoft Corporation`: as a whole, so that a
/// common name which contains these letters does not pass.
fn is_issued_by(leaf: &CertificateDer<'_>, attribute: &str) -> bool {
    let Ok(certificate) = Certificate::from_der(leaf) else { return false };
    let issuer = &certificate.tbs_certificate.issuer;
    attribute.is_empty()
        || issuer.0.iter().any(|name| name.0.iter().any(|it| it.to_string() == attribute))
}

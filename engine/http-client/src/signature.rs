//! Checks that a webhook delivery was signed by whom it claims, before anybody reads its body.

use base::{HttpRequest, Timestamp, base64};
use connector::webhook::CertificateSignature;
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, aws_lc_rs::RSA_PKCS1_2048_8192_SHA256};

use crate::{certificate, client::Client};

/// A delivery as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Names and values as received.
    pub headers: &'a [(String, String)],
    /// The bytes as received: parsing and writing them again breaks the signature.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

/// Why a delivery is not believed, and what to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// 400 if something is missing, 503 if it cannot be checked at present, else 401.
    pub status: u16,
    /// Name of the reason.
    pub code: &'static str,
    /// The reason for the operator's log; a sender needs not know it.
    pub message: String,
}

impl Rejected {
    pub(crate) fn untrusted(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 401, code, message: message.into() }
    }

    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 503, code, message: message.into() }
    }

    fn incomplete(message: String) -> Self {
        Self { status: 400, code: "IncompleteSignature", message }
    }
}

impl Client {
    /// Checks a delivery. Nothing is fetched unless the certificate's address is one the operator
    /// allows, and no run may start unless this gives `Ok`.
    pub async fn verify(
        &self,
        signed: &CertificateSignature,
        delivery: &Delivery<'_>,
    ) -> Result<(), Rejected> {
        let signature = signature(signed, delivery.headers)?;
        let url = the_only(delivery.headers, &signed.certificate_header)?;
        let algorithm = the_only(delivery.headers, &signed.algorithm_header)?;
        if !signed.algorithms.iter().any(|known| known.eq_ignore_ascii_case(algorithm)) {
            let message = format!("the algorithm `{algorithm}` is not allowed");
            return Err(Rejected::untrusted("AlgorithmNotAllowed", message));
        }
        let place = certificate::allowed(url, &signed.certificate_hosts).ok_or_else(|| {
            let message = format!("no certificate may be fetched from `{url}`");
            Rejected::untrusted("CertificateUrlNotAllowed", message)
        })?;
        let anchors = certificate::anchors(signed.trust_anchors_pem.as_deref())?;
        let chain = self.certificate_chain(url, &place, delivery.now).await?;
        certificate::check_chain(&chain, &anchors, signed, delivery.now)?;
        // Only what has proved itself is kept, so that strangers cannot fill the store.
        self.certificates().keep(url, &chain, delivery.now);
        check_signature(&chain, delivery.body, &signature)
    }

    async fn certificate_chain(
        &self,
        url: &str,
        place: &certificate::Place,
        now: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Rejected> {
        if let Some(kept) = self.certificates().find(url, now) {
            return Ok(kept);
        }
        let unavailable = |message: String| Rejected::untrusted("CertificateUnavailable", message);
        // Forged deliveries must not turn into a flood of requests to the certificate's host.
        let _turn = self.certificates().turn().await;
        if let Some(kept) = self.certificates().find(url, now) {
            return Ok(kept);
        }
        let request = HttpRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: vec![("accept".to_owned(), "*/*".to_owned())],
            body: None,
        };
        let response = self
            .send_within((self.plain(), &place.egress()), &request, certificate::BOUNDS)
            .await
            .map_err(|failure| unavailable(failure.message))?;
        if response.status != 200 {
            return Err(unavailable(format!("`{url}` answered {}", response.status)));
        }
        certificate::parse(&response.body)
            .ok_or_else(|| unavailable(format!("`{url}` holds no certificate")))
    }
}

/// The bytes of the signature, from the first header that carries one.
fn signature(
    signed: &CertificateSignature,
    headers: &[(String, String)],
) -> Result<Vec<u8>, Rejected> {
    let missing = || Rejected::untrusted("SignatureMissing", "the delivery is not signed");
    let text = signed
        .signature_headers
        .iter()
        .filter_map(|name| the_only(headers, name).ok())
        .find_map(|value| strip_prefix(value, &signed.prefix))
        .ok_or_else(missing)?;
    base64::decode(text.trim())
        .ok_or_else(|| Rejected::untrusted("SignatureInvalid", "the signature is not base64"))
}

/// The rest of a text after a prefix in any case: authorization schemes have no case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    if start.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

/// The value of a header that must be there once: two values would leave it open which one counts.
fn the_only<'a>(headers: &'a [(String, String)], name: &str) -> Result<&'a str, Rejected> {
    let mut values = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value.trim()),
        (None, _) => Err(Rejected::incomplete(format!("the header `{name}` is missing"))),
        (Some(_), Some(_)) => {
            Err(Rejected::incomplete(format!("the header `{name}` is there more than once")))
        }
    }
}

/// RSA PKCS#1 v1.5 with SHA-256 over the raw bytes; other kinds of key do not fit the algorithm.
fn check_signature(
    chain: &[CertificateDer<'_>],
    body: &[u8],
    signature: &[u8],
) -> Result<(), Rejected> {
    let wrong = |message: String| Rejected::untrusted("SignatureInvalid", message);
    let leaf = chain.first().ok_or_else(|| wrong("there is no certificate".to_owned()))?;
    EndEntityCert::try_from(leaf)
        .and_then(|leaf| leaf.verify_signature(RSA_PKCS1_2048_8192_SHA256, body, signature))
        .map_err(|error| wrong(format!("the signature does not fit the body: {error}")))
}

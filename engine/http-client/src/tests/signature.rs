//! Deliveries of the documented form: good, forged, and of every kind that must not be fetched for.

use connector::webhook::CertificateSignature;

use super::{Answer, Server, at};
use crate::{Client, Delivery, Options};

const LEAF_DER: &[u8] = include_bytes!("data/leaf.cer");
const LEAF_PEM: &[u8] = include_bytes!("data/leaf.pem");
const ROOT: &str = include_str!("data/root.pem");
const BODY: &[u8] = include_bytes!("data/body.json");
const TAMPERED: &[u8] = include_bytes!("data/body.tampered.json");
const SHA256: &str = include_str!("data/signature.rsa-sha256.b64");
const SHA1: &str = include_str!("data/signature.rsa-sha1.b64");
const NOW: &str = "2026-01-05T10:00:00Z";

async fn server() -> Server {
    let ok = |body: &[u8]| (200, Vec::new(), body.to_vec());
    Server::start(move |seen| -> Answer {
        match seen.line.as_str() {
            "GET /cert/leaf.cer" => ok(LEAF_DER),
            "GET /cert/leaf.pem" => ok(LEAF_PEM),
            "GET /cert/large.cer" => ok(&[LEAF_DER, &vec![0; 20_000]].concat()),
            "GET /cert/moved.cer" => {
                (302, vec![("location", "/cert/leaf.cer".to_owned())], Vec::new())
            }
            "GET /cert/text.cer" => ok(b"hello"),
            "GET /cert/trailing.cer" => ok(&[LEAF_DER, &[0]].concat()),
            _ => (404, Vec::new(), Vec::new()),
        }
    })
    .await
}

fn signed(server: &Server) -> CertificateSignature {
    CertificateSignature {
        signature_headers: vec!["x-ms-signature".to_owned(), "authorization".to_owned()],
        prefix: "Signature ".to_owned(),
        algorithm_header: "x-ms-signature-algorithm".to_owned(),
        algorithms: vec!["rsa-sha256".to_owned()],
        certificate_header: "x-ms-certificate-url".to_owned(),
        certificate_hosts: vec!["certificates.example".to_owned(), server.origin.clone()],
        trust_anchors_pem: Some(ROOT.to_owned()),
        issuer_contains: "O=Microsoft Corporation".to_owned(),
    }
}

/// The headers of a good delivery; `changes` replaces some, an empty value takes one away.
fn headers(server: &Server, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = format!("{}/cert/leaf.cer", server.origin);
    let signature = format!("Signature {}", SHA256.trim());
    let good = [
        ("X-MS-Signature", signature.as_str()),
        ("X-MS-Certificate-Url", url.as_str()),
        ("X-MS-Signature-Algorithm", "rsa-sha256"),
        ("Content-Type", "application/json"),
    ];
    let kept = good.iter().filter(|it| !changes.iter().any(|(name, _)| *name == it.0));
    let all = kept.chain(changes.iter().filter(|it| !it.1.is_empty()));
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn verify(
    client: &Client,
    signed: &CertificateSignature,
    headers: &[(String, String)],
    body: &[u8],
    now: &str,
) -> Result<(), (u16, &'static str)> {
    let delivery = Delivery { headers, body, now: at(now) };
    client.verify(signed, &delivery).await.map_err(|it| (it.status, it.code))
}

#[tokio::test]
async fn good_deliveries_are_believed() {
    let server = server().await;
    let client = Client::new(Options::default()).unwrap();
    let signature = format!("Signature {}", SHA256.trim());
    let pem = format!("{}/cert/leaf.pem", server.origin);
    let changes: [&[(&str, &str)]; 5] = [
        &[],
        &[("X-MS-Signature", ""), ("Authorization", &signature)],
        &[("X-MS-Certificate-Url", &pem)],
        &[("X-MS-Signature-Algorithm", "RSA-SHA256")],
        &[("Authorization", "Bearer x")],
    ];
    for changes in changes {
        let headers = headers(&server, changes);
        assert_eq!(
            verify(&client, &signed(&server), &headers, BODY, NOW).await,
            Ok(()),
            "{changes:?}"
        );
    }
}

#[tokio::test]
async fn forged_deliveries_are_rejected() {
    let server = server().await;
    let client = Client::new(Options::default()).unwrap();
    let sha1 = format!("Signature {}", SHA1.trim());
    let wrong = Err((401, "SignatureInvalid"));
    let check = async |changes: &[(&str, &str)], body: &[u8], expected| {
        let headers = headers(&server, changes);
        assert_eq!(
            verify(&client, &signed(&server), &headers, body, NOW).await,
            expected,
            "{changes:?}"
        );
    };
    check(&[], TAMPERED, wrong).await;
    check(&[], &[BODY, b" "].concat(), wrong).await;
    check(&[], b"", wrong).await;
    for at in (0..BODY.len()).step_by(23) {
        let mut flipped = BODY.to_vec();
        flipped[at] ^= 1;
        check(&[], &flipped, wrong).await;
    }
    check(&[("X-MS-Signature", &sha1)], BODY, wrong).await;
    check(&[("X-MS-Signature", "Signature AAAA")], BODY, wrong).await;
    check(&[("X-MS-Signature", "Signature !!")], BODY, wrong).await;
    let rest = |status, code| Err((status, code));
    for (name, expected) in [
        ("nothing.cer", "CertificateUnavailable"),
        ("large.cer", "CertificateUnavailable"),
        ("moved.cer", "CertificateUnavailable"),
        ("text.cer", "CertificateUnavailable"),
        ("trailing.cer", "CertificateUnavailable"),
    ] {
        let url = format!("{}/cert/{name}", server.origin);
        check(&[("X-MS-Certificate-Url", &url)], BODY, rest(401, expected)).await;
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_a_delivery_that_is_refused() {
    let server = server().await;
    let client = Client::new(Options::default()).unwrap();
    let check = async |changes: &[(&str, &str)], expected| {
        let headers = headers(&server, changes);
        let found = verify(&client, &signed(&server), &headers, BODY, NOW).await;
        assert_eq!(found, Err(expected), "{changes:?}");
    };
    let missing = (401, "SignatureMissing");
    let incomplete = (400, "IncompleteSignature");
    check(&[("X-MS-Signature", "")], missing).await;
    check(&[("X-MS-Signature", ""), ("Authorization", "Bearer x")], missing).await;
    check(&[("X-MS-Signature", SHA256.trim())], missing).await;
    check(&[("X-MS-Signature", "Signature ")], missing).await;
    check(&[("X-MS-Certificate-Url", "")], incomplete).await;
    check(&[("X-MS-Signature-Algorithm", "")], incomplete).await;
    let again = format!("{}/cert/leaf.cer", server.origin);
    check(
        &[("X-MS-Certificate-Url", &again), ("x-ms-certificate-url", "https://evil.example/a.cer")],
        incomplete,
    )
    .await;
    for algorithm in
        ["rsa-sha1", "none", "hmac-sha256", "rsa-sha512", "ecdsa-sha256", "rsa-sha256,none"]
    {
        check(&[("X-MS-Signature-Algorithm", algorithm)], (401, "AlgorithmNotAllowed")).await;
    }
    let port = server.origin.rsplit(':').next().unwrap();
    let urls = [
        "https://evil.example/cert/leaf.cer".to_owned(),
        "http://certificates.example/leaf.cer".to_owned(),
        "https://certificates.example:8443/leaf.cer".to_owned(),
        "https://certificates.example:443/leaf.cer".to_owned(),
        "https://certificates.example./leaf.cer".to_owned(),
        "https://certificates.example.evil.example/leaf.cer".to_owned(),
        "https://evilcertificates.example/leaf.cer".to_owned(),
        "https://sub.certificates.example/leaf.cer".to_owned(),
        "https://certificates.example@evil.example/leaf.cer".to_owned(),
        "https://user@certificates.example/leaf.cer".to_owned(),
        "https://certificates.example\\@evil.example/leaf.cer".to_owned(),
        "https://certificates%2eexample/leaf.cer".to_owned(),
        "https://certificates.example/leaf.cer?x=1".to_owned(),
        "https://certificates.example/leaf.cer#x".to_owned(),
        "https://certificates.example/%2e%2e/leaf.cer".to_owned(),
        "https://certificates.example/../leaf.cer".to_owned(),
        "https://certificates.example//evil.example/leaf.cer".to_owned(),
        "https://certificates.example".to_owned(),
        "https:/certificates.example/leaf.cer".to_owned(),
        "//certificates.example/leaf.cer".to_owned(),
        "ftp://certificates.example/leaf.cer".to_owned(),
        "file:///etc/passwd".to_owned(),
        "leaf.cer".to_owned(),
        format!("https://127.0.0.1:{port}/cert/leaf.cer"),
        format!("http://127.1:{port}/cert/leaf.cer"),
        format!("http://2130706433:{port}/cert/leaf.cer"),
        format!("http://localhost:{port}/cert/leaf.cer"),
        format!("http://[::ffff:127.0.0.1]:{port}/cert/leaf.cer"),
        format!("http://127.0.0.1:{port}0/cert/leaf.cer"),
        format!("http://x@127.0.0.1:{port}/cert/leaf.cer"),
        format!("{}/cert/leaf.cer?x", server.origin),
        format!("{}.evil.example/cert/leaf.cer", server.origin),
        format!("{}@evil.example/cert/leaf.cer", server.origin),
    ];
    for url in urls {
        check(&[("X-MS-Certificate-Url", &url)], (401, "CertificateUrlNotAllowed")).await;
    }
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn certificates_must_be_trusted_now_and_issued_by_whom_they_should() {
    let server = server().await;
    let client = Client::new(Options::default()).unwrap();
    let good = signed(&server);
    let check = async |signed: CertificateSignature, now: &str, expected| {
        let headers = headers(&server, &[]);
        assert_eq!(verify(&client, &signed, &headers, BODY, now).await, expected, "{now}");
    };
    let untrusted = Err((401, "CertificateNotTrusted"));
    let no_anchors = Err((401, "NoTrustAnchors"));
    check(good.clone(), NOW, Ok(())).await;
    check(good.clone(), "2019-12-31T23:59:59Z", untrusted).await;
    check(good.clone(), "2050-01-02T00:00:00Z", untrusted).await;
    check(CertificateSignature { trust_anchors_pem: None, ..good.clone() }, NOW, no_anchors).await;
    let anchors = |pem: &str| CertificateSignature {
        trust_anchors_pem: Some(pem.to_owned()),
        ..good.clone()
    };
    check(anchors("hello"), NOW, no_anchors).await;
    let leaf = std::str::from_utf8(LEAF_PEM).unwrap();
    check(anchors(&format!("{leaf}\n{ROOT}")), NOW, Ok(())).await;
    let issuer =
        |text: &str| CertificateSignature { issuer_contains: text.to_owned(), ..good.clone() };
    check(issuer("O=Microsoft"), NOW, untrusted).await;
    check(issuer("O=Contoso"), NOW, untrusted).await;
    check(issuer("CN=SANDBOX Test Root (not Microsoft)"), NOW, Ok(())).await;
}

#[tokio::test]
async fn a_certificate_is_fetched_once_a_day() {
    let server = server().await;
    let client = Client::new(Options::default()).unwrap();
    let (signed, headers) = (signed(&server), headers(&server, &[]));
    let verify = async |body: &[u8], now: &str| {
        let delivery = Delivery { headers: &headers, body, now: at(now) };
        client.verify(&signed, &delivery).await.is_ok()
    };
    assert!(!verify(TAMPERED, "2026-01-05T10:00:00Z").await);
    assert!(verify(BODY, "2026-01-05T10:00:01Z").await);
    assert!(verify(BODY, "2026-01-06T09:59:59Z").await);
    assert_eq!(server.lines().len(), 1);
    assert!(verify(BODY, "2026-01-06T10:00:01Z").await);
    assert_eq!(server.lines().len(), 2);
}

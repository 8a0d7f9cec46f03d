//! Encrypted services: authorities of one connection, certificates that are shown, HTTP/2.

use std::{convert::Infallible, sync::Arc};

use base::{Outcome, Secret, Source};
use connector::{Connection, ConnectionValue};
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

use super::redirects::ask;
use crate::{Client, Options};

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key as PEM.
pub(super) fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// A service over HTTP/2 that says which version it was asked in.
async fn service(authority: &Authority, clients: Option<&Authority>) -> String {
    let (certificate, key) = issue(authority, "127.0.0.1");
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap(),
            )
        }
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Some tests are about handshakes that fail.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answer = service_fn(|request: Request<Incoming>| async move {
                    let text =
                        if request.version() == Version::HTTP_2 { "\"h2\"" } else { "\"h1\"" };
                    let response = Response::builder().header("content-type", "application/json");
                    Ok::<_, Infallible>(response.body(text.to_owned()).unwrap())
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    origin
}

/// A connection that shows a certificate, if it has one.
fn connection(origin: &str, ca: Option<&str>, shown: Option<(&str, &str)>) -> Connection {
    let auth = if shown.is_some() { "clientCertificate" } else { "none" };
    let text = format!(
        "connector: x\nversion: 1.0.0\nconnection:\n  params: {{ url: {{ type: uri }}, certificate: {{ type: secret }}, privateKey: {{ type: secret }} }}\n  auth: {{ type: {auth} }}\n\
         http: {{ baseUrl: \"@connection('url')\" }}\noperations:\n  Get: {{ effect: read, request: \"GET /{{p}}\", params: {{ p: {{ type: string, required: true }} }} }}\n"
    );
    let (connector, found) = connector::read(&Source::new("x", &text));
    assert_eq!(found, Vec::new());
    let mut values = vec![("url", origin)];
    if let Some((certificate, key)) = shown {
        values.extend([("certificate", certificate), ("privateKey", key)]);
    }
    let values = values.into_iter().map(|(name, value)| {
        (name.to_owned(), ConnectionValue::Secret(Secret::new(value.to_owned())))
    });
    let (mut connection, problems) = Connection::new("x", Arc::new(connector), values.collect());
    assert_eq!(problems, Vec::new());
    connection.network.ca_certificate = ca.map(str::to_owned);
    connection
}

fn told(outcome: &Outcome) -> String {
    match &outcome.failure {
        None => outcome.outputs.as_ref().unwrap()["body"].as_str().unwrap().to_owned(),
        Some(failure) => failure.code.clone(),
    }
}

#[tokio::test]
async fn only_authorities_of_the_connection_are_trusted() {
    let (own, other) = (authority(), authority());
    let origin = service(&own, None).await;
    let client = Client::new(Options::default()).unwrap();
    let check = async |ca: Option<&str>, expected: &str| {
        assert_eq!(told(&ask(&client, &connection(&origin, ca, None), "Get", "a").await), expected);
    };
    check(None, "ConnectionFailed").await;
    check(Some(&other.pem()), "ConnectionFailed").await;
    check(Some(&own.pem()), "h2").await;
    check(Some(&format!("{}\n{}", other.pem(), own.pem())), "h2").await;
    check(Some("hello"), "InvalidConnection").await;
    // What one connection trusts, another does not.
    check(None, "ConnectionFailed").await;
    let elsewhere = origin.replace("127.0.0.1", "127.0.0.2");
    let misnamed = connection(&elsewhere, Some(&own.pem()), None);
    assert_eq!(told(&ask(&client, &misnamed, "Get", "a").await), "ConnectionFailed");
}

#[tokio::test]
async fn certificates_are_shown() {
    let (own, clients, strangers) = (authority(), authority(), authority());
    let origin = service(&own, Some(&clients)).await;
    let client = Client::new(Options::default()).unwrap();
    let ask = async |shown: Option<(&str, &str)>| {
        let connection = connection(&origin, Some(&own.pem()), shown);
        told(&ask(&client, &connection, "Get", "a").await)
    };
    let (certificate, key) = issue(&clients, "flowright");
    assert_eq!(ask(Some((&certificate, &key))).await, "h2");
    let (stranger, stranger_key) = issue(&strangers, "flowright");
    for shown in [None, Some((stranger.as_str(), stranger_key.as_str()))] {
        let code = ask(shown).await;
        assert!(matches!(code.as_str(), "ConnectionFailed" | "ConnectionLost"), "{code}");
    }
    assert_eq!(ask(Some((&certificate, "hello"))).await, "InvalidConnection");
    assert_eq!(ask(Some((&certificate, &stranger_key))).await, "InvalidConnection");
}

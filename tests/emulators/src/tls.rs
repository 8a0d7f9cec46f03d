//! The throw-away authority of the TLS mode: made at every start, trusted by nobody but the tests.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The names callers reach the emulators by.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// What every listener of the TLS mode presents, and the root that vouches for it.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) root_pem: String,
}

/// A certificate for `localhost` with its key, and the authority that vouches for it, all as PEM.
pub struct TlsFiles {
    /// The certificate.
    pub chain: String,
    /// Its private key.
    pub key: String,
    /// Whom clients have to trust.
    pub root: String,
}

impl TlsFiles {
    /// Made anew, trusted by nobody yet.
    ///
    /// # Errors
    /// If there is no randomness to make keys of.
    pub fn generate() -> io::Result<Self> {
        let (chain, key, root) = leaf()?;
        Ok(Self { chain: chain.pem(), key: key.serialize_pem(), root })
    }
}

/// A certificate, its key, and its authority as PEM.
fn leaf() -> io::Result<(Certificate, KeyPair, String)> {
    let other = |error| io::Error::other(error);
    let root_key = KeyPair::generate().map_err(other)?;
    let mut root = params(&[], "Flowright SANDBOX TLS Root")?;
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root_pem = root.self_signed(&root_key).map_err(other)?.pem();

    let leaf_key = KeyPair::generate().map_err(other)?;
    let mut leaf = params(&NAMES, "Flowright SANDBOX")?;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let signed = leaf.signed_by(&leaf_key, &Issuer::new(root, root_key)).map_err(other)?;
    Ok((signed, leaf_key, root_pem))
}

impl Authority {
    pub(crate) fn generate() -> io::Result<Self> {
        let (signed, leaf_key, root_pem) = leaf()?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), root_pem })
    }
}

fn params(names: &[&str], common_name: &str) -> io::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

//! The throw-away certificate chain that deliveries are signed under.

use std::io;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};

/// The signing key of the sandbox, its certificate and the root that vouches for it.
#[derive(Clone, Debug)]
pub struct SigningChain(Arc<Chain>);

#[derive(Debug)]
struct Chain {
    leaf_der: Vec<u8>,
    root_pem: String,
    key: RsaKeyPair,
}

impl SigningChain {
    /// Makes two new RSA keys, which takes the better part of a second in a debug build.
    pub fn generate() -> io::Result<Self> {
        let key = |()| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let root_key = key(()).map_err(io::Error::other)?;
        let mut root = params("Flowright SANDBOX Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_pem = root.self_signed(&root_key).map_err(io::Error::other)?.pem();

        let leaf_key = key(()).map_err(io::Error::other)?;
        let mut leaf = params("pcnotifications-dispatch.sandbox");
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let issuer = Issuer::new(root, root_key);
        let leaf_der = leaf.signed_by(&leaf_key, &issuer).map_err(io::Error::other)?.der().to_vec();
        let key = RsaKeyPair::from_pkcs8(leaf_key.serialized_der()).map_err(io::Error::other)?;
        Ok(Self(Arc::new(Chain { leaf_der, root_pem, key })))
    }

    /// The root as PEM, for the receiver's trust anchors.
    pub fn root_pem(&self) -> &str {
        &self.0.root_pem
    }

    /// The certificate of the key that signs, as DER.
    pub fn leaf_der(&self) -> &[u8] {
        &self.0.leaf_der
    }

    /// RSA PKCS#1 v1.5 with SHA-256 over exactly these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let key = &self.0.key;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature)
            .expect("a generated key signs");
        signature
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "US");
    name.push(DnType::OrganizationName, "Microsoft Corporation");
    name.push(DnType::OrganizationalUnitName, "SANDBOX, not Microsoft");
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

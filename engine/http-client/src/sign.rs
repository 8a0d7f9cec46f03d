//! Signatures by private keys, and random texts that nobody can guess.

use aws_lc_rs::{rand, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base::{Secret, base64};
use connector::auth::Signer;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};

/// Signs with RSA keys.
pub(crate) struct Rsa;

impl Signer for Rsa {
    fn rs256(&self, key_pem: &Secret<String>, bytes: &[u8]) -> Result<Vec<u8>, String> {
        // Environments often hold a key in one line.
        let pem = key_pem.expose().replace("\\n", "\n");
        let none = || "the private key is not in PEM form".to_owned();
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| none())?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("the private key is no RSA key".to_owned()),
        };
        let pair = pair.map_err(|error| format!("the private key is no RSA key: {error}"))?;
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = rand::SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
            .map_err(|_| "the private key cannot sign".to_owned())?;
        Ok(signature)
    }
}

/// 256 random bits as text; `None` if the machine has no randomness.
pub(crate) fn random_text() -> Option<Secret<String>> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(Secret::new(base64::encode_url(&bytes)))
}

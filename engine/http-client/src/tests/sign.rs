//! Signatures by private keys.

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base::{Secret, base64};
use connector::auth::Signer as _;

use crate::sign::{Rsa, random_text};

fn pem(der: &[u8]) -> String {
    let body = base64::encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

#[test]
fn signatures_fit_the_public_key() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = pem(pair.as_der().unwrap().as_ref());
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    for text in [pem.clone(), pem.replace('\n', "\\n")] {
        let signature = Rsa.rs256(&Secret::new(text), b"said").unwrap();
        assert!(public.verify(b"said", &signature).is_ok());
        assert!(public.verify(b"sayd", &signature).is_err());
    }
}

#[test]
fn other_keys_are_told() {
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let check = |text: &str, expected: &str| {
        let message = Rsa.rs256(&Secret::new(text.to_owned()), b"said").unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    };
    check("", "the private key is not in PEM form");
    check("hello", "the private key is not in PEM form");
    check(include_str!("data/root.pem"), "the private key is not in PEM form");
    check(&elliptic, "the private key is no RSA key");
    check(&pem(b"hello"), "the private key is no RSA key");
}

#[test]
fn random_texts_differ() {
    let (one, two) = (random_text().unwrap(), random_text().unwrap());
    assert_ne!(one, two);
    assert_eq!(one.expose().len(), 43);
}

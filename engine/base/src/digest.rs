//! Digests.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of some bytes, as text.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// HMAC with SHA-256 of some bytes, as text.
pub fn hmac_sha256_hex(key: &[u8], bytes: &[u8]) -> String {
    hex(&hmac_sha256(key, bytes))
}

/// HMAC with SHA-256 of some bytes.
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys may have any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// HMAC with SHA-512 of some bytes.
pub fn hmac_sha512(key: &[u8], bytes: &[u8]) -> [u8; 64] {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("keys may have any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// Bytes as hexadecimal digits in small letters.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

//! Base64 as headers, bodies and envelopes carry it: the standard alphabet, with padding.

use base64::{
    Engine as _, alphabet,
    engine::{
        GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    },
};

/// Bytes as text.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes as text in the alphabet of addresses, without padding, as tokens are written.
pub fn encode_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Text as bytes; `None` unless it is exactly what [`encode`] writes for some bytes. One text for one
/// value, so that a signature cannot be respelled.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Text as bytes, in the alphabet of addresses; padding may be there.
pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Text as bytes, as .NET reads it: blanks and spare bits do not matter, padding does.
pub fn decode_lenient(text: &str) -> Option<Vec<u8>> {
    const DECODER: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let dense: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    DECODER.decode(dense).ok()
}

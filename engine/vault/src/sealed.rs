//! The format of the file: one JSON object whose content is sealed with AES-256-GCM.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base::{Secret, base64};
use serde_json::{Map, Value, json};

use crate::key::Key;

/// Bound to the content, so that a file of another format cannot be passed off as this one.
const FORMAT: &str = "flowright-secrets-1";

/// What is in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) secrets: BTreeMap<String, Secret<String>>,
    pub(crate) tokens: BTreeMap<String, Secret<String>>,
}

/// Why a file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// No key fits, or something was changed.
    Key,
    /// It is no such file.
    Format,
}

/// The file's text; `None` if the machine has no randomness.
pub(crate) fn seal(content: &Content, key: &Key) -> Option<String> {
    let texts = |secrets: &BTreeMap<String, Secret<String>>| -> Value {
        let entries = secrets.iter().map(|(name, it)| (name.clone(), it.expose().clone().into()));
        Value::Object(entries.collect::<Map<_, _>>())
    };
    let inside = json!({ "secrets": texts(&content.secrets), "tokens": texts(&content.tokens) });
    let mut bytes = inside.to_string().into_bytes();
    let sealing = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).ok()?;
    let nonce = sealing.seal_in_place_append_tag(Aad::from(FORMAT.as_bytes()), &mut bytes).ok()?;
    let file = json!({
        "format": FORMAT,
        "nonce": base64::encode(nonce.as_ref()),
        "sealed": base64::encode(&bytes),
    });
    Some(format!("{file}\n"))
}

/// The content, with the first key that fits.
pub(crate) fn open(text: &str, keys: &[Key]) -> Result<Content, Wrong> {
    let file: Value = serde_json::from_str(text).map_err(|_| Wrong::Format)?;
    let member = |name: &str| file.get(name).and_then(Value::as_str);
    if member("format") != Some(FORMAT) {
        return Err(Wrong::Format);
    }
    let bytes = |name: &str| member(name).and_then(base64::decode).ok_or(Wrong::Format);
    let (nonce, sealed) = (bytes("nonce")?, bytes("sealed")?);
    let nonce: [u8; 12] = nonce.try_into().map_err(|_| Wrong::Format)?;
    let opened = keys.iter().find_map(|key| {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).ok()?;
        let mut bytes = sealed.clone();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = key.open_in_place(nonce, Aad::from(FORMAT.as_bytes()), &mut bytes).ok()?;
        Some(opened.to_vec())
    });
    let inside: Value =
        serde_json::from_slice(&opened.ok_or(Wrong::Key)?).map_err(|_| Wrong::Format)?;
    let texts = |name: &str| -> Option<BTreeMap<String, Secret<String>>> {
        let entries = inside.get(name)?.as_object()?.iter();
        entries
            .map(|(name, it)| Some((name.clone(), Secret::new(it.as_str()?.to_owned()))))
            .collect()
    };
    Ok(Content {
        secrets: texts("secrets").ok_or(Wrong::Format)?,
        tokens: texts("tokens").ok_or(Wrong::Format)?,
    })
}

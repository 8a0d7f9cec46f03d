//! The addresses at which services call a run back.

use base::{Secret, digest::hmac_sha256_hex, http::percent_path};
use journal::{Callback, Path};

/// The address for one action. Its signature is made with a key of the run, which only the journal
/// knows: who was told one address cannot guess another.
pub fn address(callback: &Callback, path: &Path) -> String {
    let signature = signature(callback, path);
    format!("{}/{}?sig={signature}", callback.url, percent_path(path.as_str()))
}

/// Whether a call came to the address of that action.
pub fn is_genuine(callback: &Callback, path: &Path, signature: &str) -> bool {
    // Secrets are compared in constant time.
    Secret::new(signature.to_owned()) == Secret::new(self::signature(callback, path))
}

/// What stands in the address of an action and proves that somebody was told it.
pub(crate) fn signature(callback: &Callback, path: &Path) -> String {
    hmac_sha256_hex(callback.key.as_bytes(), path.as_str().as_bytes())
}

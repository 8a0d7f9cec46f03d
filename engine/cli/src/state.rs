//! What a service keeps beside its database: the key that signs the addresses of triggers.

use std::{fs, io::Write as _, path::Path};

use anyhow::Context as _;
use base::Secret;

/// The key in a folder; made on first use, readable by its owner only.
///
/// # Errors
/// If it cannot be read or made.
pub(crate) fn trigger_key(folder: &Path) -> anyhow::Result<Secret<String>> {
    let path = folder.join("trigger.key");
    if let Ok(text) = fs::read_to_string(&path) {
        let key = text.trim();
        anyhow::ensure!(
            32 <= key.len(),
            "`{}` holds no key; remove it to make a new one",
            path.display()
        );
        return Ok(Secret::new(key.to_owned()));
    }
    let key = worker::new_key();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options
        .open(&path)
        .with_context(|| format!("cannot make the key file `{}`", path.display()))?;
    file.write_all(key.expose().as_bytes())?;
    file.sync_all()?;
    Ok(key)
}

//! What a service keeps beside its database: the keys that sign the addresses of triggers.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base::Secret;
use worker::Addresses;

/// Characters of a key at the least.
const KEY_CHARS_MIN: usize = 32;

/// The keys, one in a line: the first one signs, what the others have signed is still genuine.
pub(crate) struct TriggerKeys(Vec<Secret<String>>);

impl TriggerKeys {
    /// The keys themselves, the first one signs.
    pub(crate) fn into_keys(self) -> Vec<Secret<String>> {
        self.0
    }

    /// The addresses of a service that is reached at this one.
    pub(crate) fn addresses(&self, public_url: &str) -> Addresses {
        Addresses::with_keys(public_url, self.0.clone())
    }
}

/// The keys in a folder; one is made on first use.
///
/// # Errors
/// If they cannot be read or made.
pub(crate) fn trigger_keys(folder: &Path) -> anyhow::Result<TriggerKeys> {
    let path = key_file(folder);
    if !path.exists() {
        let first = vec![worker::new_key()];
        write(&path, &first)?;
        return Ok(TriggerKeys(first));
    }
    read(&path)
}

/// Puts a new key in the place of the one that signs, which stays good for what it has signed unless
/// it is `revoked`. Gives how many keys there are now.
///
/// # Errors
/// If they cannot be read or written; then they are as they were.
pub(crate) fn rotate_trigger_key(folder: &Path, revoked: bool) -> anyhow::Result<usize> {
    let path = key_file(folder);
    let mut keys = vec![worker::new_key()];
    if !revoked && path.exists() {
        // One step back: an address that was not renewed in between is not kept alive for ever.
        keys.extend(read(&path)?.0.into_iter().take(1));
    }
    write(&path, &keys)?;
    Ok(keys.len())
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("trigger.key")
}

fn read(path: &Path) -> anyhow::Result<TriggerKeys> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let keys: Vec<_> = text.split_whitespace().map(|it| Secret::new(it.to_owned())).collect();
    let is_whole = !keys.is_empty() && keys.iter().all(|it| KEY_CHARS_MIN <= it.expose().len());
    anyhow::ensure!(is_whole, "`{shown}` holds no key; remove it to make a new one");
    Ok(TriggerKeys(keys))
}

/// Writes the whole file or nothing, readable by its owner only.
fn write(path: &Path, keys: &[Secret<String>]) -> anyhow::Result<()> {
    let beside = path.with_extension("key.new");
    let making = || format!("cannot make the key file `{}`", beside.display());
    if beside.exists() {
        // Left behind by somebody who died while writing it.
        fs::remove_file(&beside).with_context(making)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).with_context(making)?;
    for key in keys {
        file.write_all(format!("{}\n", key.expose()).as_bytes())?;
    }
    file.sync_all()?;
    fs::rename(&beside, path).with_context(|| format!("cannot write `{}`", path.display()))
}

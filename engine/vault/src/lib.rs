//! Secrets and tokens in one encrypted file beside the runs.
//!
//! The file is `secrets`, its key comes from the environment or is the file `secret.key`. Several
//! processes may use it: whoever writes holds a lock, reads the file again first, and puts a whole new
//! one in its place.

mod file;
mod key;
mod sealed;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base::Secret;

pub use key::{Key, KeyError};
use sealed::Content;

/// The file of sealed secrets.
const STORE: &str = "secrets";
/// The file of keys, one in a line; the first one seals.
const KEYS: &str = "secret.key";

/// Why the vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file of it can be read by others.
    #[error("`{}` can be read by others; take that away with `chmod 600`", .0.display())]
    Open(PathBuf),
    /// There are secrets and no key.
    #[error("`{}` is sealed, and there is no key: neither `FLOWRIGHT_SECRET_KEY` nor `{}`", .0.display(), .1.display())]
    NoKey(PathBuf, PathBuf),
    /// A key is not one.
    #[error("{0}")]
    Key(String, #[source] KeyError),
    /// None of the keys opens the file.
    #[error("`{}` cannot be opened: it was sealed with another key, or it was changed", .0.display())]
    Sealed(PathBuf),
    /// The file is not one of ours.
    #[error("`{}` is no file of secrets of this version", .0.display())]
    Format(PathBuf),
    /// There is no randomness to seal with.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

/// The secrets of a project.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    given: Option<Secret<String>>,
}

impl Vault {
    /// The vault of a folder. `given` are the keys of the environment, separated by blanks or commas:
    /// the first one seals, all of them open. Without them there is a file of keys.
    pub fn new(folder: &Path, given: Option<Secret<String>>) -> Self {
        Self { folder: folder.to_path_buf(), given }
    }

    /// A secret by its name.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn secret(&self, name: &str) -> Result<Option<Secret<String>>, Error> {
        Ok(self.read()?.secrets.remove(name))
    }

    /// The names of all secrets.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.read()?.secrets.into_keys().collect())
    }

    /// Sets secrets, in place of those of the same names.
    ///
    /// # Errors
    /// If the file cannot be opened or written; then nothing has changed.
    pub fn set_secrets(&self, secrets: Vec<(String, Secret<String>)>) -> Result<(), Error> {
        self.change(|content| content.secrets.extend(secrets))
    }

    /// What was kept for a connection.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn token(&self, connection: &str) -> Result<Option<Secret<String>>, Error> {
        Ok(self.read()?.tokens.remove(connection))
    }

    /// Keeps the token of a connection in place of the one before; `None` takes it away.
    ///
    /// # Errors
    /// If the file cannot be opened or written; then nothing has changed.
    pub fn set_token(&self, connection: &str, token: Option<&Secret<String>>) -> Result<(), Error> {
        self.change(|content| match token {
            Some(token) => {
                content.tokens.insert(connection.to_owned(), token.clone());
            }
            None => {
                content.tokens.remove(connection);
            }
        })
    }

    /// Seals everything anew: with a new key in the file of keys, or with the first one of the
    /// environment. The keys before are then good for nothing. A process that dies in between leaves a
    /// file that one of the keys there opens.
    ///
    /// # Errors
    /// If the file cannot be opened or written.
    pub fn rotate(&self) -> Result<(), Error> {
        let _lock = file::lock(&self.folder)?;
        if self.given.is_some() {
            return self.write(&self.read()?, &self.keys(true)?);
        }
        let content = self.read()?;
        let mut keys = vec![Key::new().ok_or(Error::NoRandomness)?];
        keys.extend(self.keys(false)?);
        self.write_keys(&keys)?;
        self.write(&content, &keys)?;
        keys.truncate(1);
        self.write_keys(&keys)
    }

    fn change(&self, change: impl FnOnce(&mut Content)) -> Result<(), Error> {
        let _lock = file::lock(&self.folder)?;
        let mut content = self.read()?;
        change(&mut content);
        self.write(&content, &self.keys(true)?)
    }

    fn read(&self) -> Result<Content, Error> {
        let first = self.read_once();
        // Somebody may have put another key in its place between the two files.
        if matches!(first, Err(Error::Sealed(_))) { self.read_once() } else { first }
    }

    fn read_once(&self) -> Result<Content, Error> {
        let path = self.folder.join(STORE);
        let Some(text) = file::read(&path)? else { return Ok(Content::default()) };
        let keys = self.keys(false)?;
        if keys.is_empty() {
            return Err(Error::NoKey(path, self.folder.join(KEYS)));
        }
        sealed::open(&text, &keys).map_err(|wrong| match wrong {
            sealed::Wrong::Key => Error::Sealed(path),
            sealed::Wrong::Format => Error::Format(path),
        })
    }

    fn write(&self, content: &Content, keys: &[Key]) -> Result<(), Error> {
        let key = keys.first().ok_or(Error::NoRandomness)?;
        let text = sealed::seal(content, key).ok_or(Error::NoRandomness)?;
        file::write(&self.folder.join(STORE), &text)
    }

    fn write_keys(&self, keys: &[Key]) -> Result<(), Error> {
        let lines: Vec<String> = keys.iter().map(|it| it.to_text().expose().clone()).collect();
        file::write(&self.folder.join(KEYS), &format!("{}\n", lines.join("\n")))
    }

    /// The keys; one is made if there is none and it is needed.
    fn keys(&self, make: bool) -> Result<Vec<Key>, Error> {
        if let Some(given) = &self.given {
            let place = "`FLOWRIGHT_SECRET_KEY` is no key";
            return Key::read_all(given.expose())
                .map_err(|error| Error::Key(place.to_owned(), error));
        }
        let path = self.folder.join(KEYS);
        if let Some(text) = file::read(&path)? {
            let place = format!("`{}` holds no key", path.display());
            return Key::read_all(&text).map_err(|error| Error::Key(place, error));
        }
        if !make {
            return Ok(Vec::new());
        }
        let keys = vec![Key::new().ok_or(Error::NoRandomness)?];
        self.write_keys(&keys)?;
        Ok(keys)
    }
}

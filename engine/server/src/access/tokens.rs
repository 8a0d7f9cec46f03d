//! The file of tokens: what programs and people show to be let in, kept as digests.
//!
//! The command line and the service write it; the service looks at it again before it believes what it
//! knows. Whoever may write the file may do everything anyway.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use base::{Duration, Secret, Timestamp, digest::sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Role;

/// The file, beside the database.
const FILE: &str = "tokens";
/// What every token begins with, so that it is known where it should not be.
const PREFIX: &str = "flowright_";
/// Characters of a token's id.
const ID_CHARS: usize = 12;
/// Tokens in the file; revoked and expired ones make room after a while.
const TOKENS_MAX: usize = 1_000;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// How long a token is good at most.
pub const LONGEST: Duration = Duration::seconds(366 * 86_400);
/// How long it is good if nobody says.
pub const USUAL: Duration = Duration::seconds(90 * 86_400);
/// How long it is still listed after it has become void.
const LISTED: Duration = Duration::seconds(90 * 86_400);

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// What it is told apart by; stands in it in plain.
    pub id: String,
    /// Who or what it is for.
    pub name: String,
    /// What its owner may do.
    pub role: Role,
    /// The parts of the API that it is for; all if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// When it was made.
    #[serde(with = "instant")]
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until when it is good.
    #[serde(with = "instant")]
    pub expires: Timestamp,
    /// When it was revoked.
    #[serde(default, with = "maybe_instant", skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
    sha256: String,
}

impl Token {
    /// Whether it is let in.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }

    /// As answers and the command line show it.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "role": self.role.name(),
            "only": self.only,
            "createdTime": self.created.to_string(),
            "createdBy": self.created_by,
            "expiresTime": self.expires.to_string(),
            "revokedTime": self.revoked.map(|it| it.to_string()),
        })
    }
}

/// A token that is wanted.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Who or what it is for.
    pub name: String,
    /// What its owner may do.
    pub role: Role,
    /// The parts of the API that it is for; all if not given.
    pub only: Option<Vec<String>>,
    /// How long it is good.
    pub lasts: Duration,
    /// Who makes it.
    pub by: String,
}

/// Why tokens cannot be read, made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file, or one beside it, cannot be used.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not one of ours.
    #[error("`{}` is no file of tokens", .0.display())]
    Format(PathBuf),
    /// Others could put tokens of theirs into it.
    #[error("`{}` can be read or written by others; take that away with `chmod 600`", .0.display())]
    Open(PathBuf),
    /// The wish cannot be fulfilled.
    #[error("{0}")]
    Refused(String),
    /// There is no token of that id or name.
    #[error("there is no token `{0}`")]
    Unknown(String),
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    tokens: Vec<Token>,
}

/// The tokens of a service.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    known: Mutex<Known>,
}

/// What was last read, and of which state of the file.
#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    tokens: Vec<Token>,
}

impl TokenFile {
    /// The file in a folder; it need not be there.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE), known: Mutex::default() }
    }

    /// All tokens, the oldest first, void ones included.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        let stamp = self.stamp()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp != stamp {
            known.tokens = self.read()?.tokens;
            known.stamp = stamp;
        }
        Ok(known.tokens.clone())
    }

    /// The good token that somebody brings.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn find(&self, brought: &str, now: Timestamp) -> Result<Option<Token>, TokenError> {
        let id = brought.strip_prefix(PREFIX).and_then(|it| it.split('_').next());
        let Some(id) = id else { return Ok(None) };
        let digest = Secret::new(sha256_hex(brought.as_bytes()));
        let is_it = |it: &Token| {
            // Digests are compared in constant time.
            it.id == id && it.is_good(now) && Secret::new(it.sha256.clone()) == digest
        };
        Ok(self.list()?.into_iter().find(is_it))
    }

    /// Whether the token of that id is still good.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_good(&self, id: &str, now: Timestamp) -> Result<bool, TokenError> {
        Ok(self.list()?.iter().any(|it| it.id == id && it.is_good(now)))
    }

    /// Makes a token. Its value is told once and not kept.
    ///
    /// # Errors
    /// If the wish cannot be fulfilled, or the file cannot be written.
    pub fn create(
        &self,
        wanted: NewToken,
        now: Timestamp,
    ) -> Result<(Token, Secret<String>), TokenError> {
        let NewToken { name, role, only, lasts, by } = wanted;
        check(&name, only.as_deref(), lasts)?;
        let (random, more) = (worker::new_key(), worker::new_key());
        let id: String = random.expose().chars().take(ID_CHARS).collect();
        let value = Secret::new(format!("{PREFIX}{id}_{}", more.expose()));
        let token = Token {
            id,
            name,
            role,
            only,
            created: now,
            created_by: by,
            expires: now.after(lasts),
            revoked: None,
            revoked_by: None,
            sha256: sha256_hex(value.expose().as_bytes()),
        };
        self.change(|tokens| {
            let is_listed = |it: &Token| now.since(it.revoked.unwrap_or(it.expires)) < LISTED;
            tokens.retain(is_listed);
            if TOKENS_MAX <= tokens.len() {
                let message = format!("there are {TOKENS_MAX} tokens already: revoke some");
                return Err(TokenError::Refused(message));
            }
            if tokens.iter().any(|it| it.is_good(now) && it.name == token.name) {
                let message = format!("there is a token `{}` already", token.name);
                return Err(TokenError::Refused(message));
            }
            tokens.push(token.clone());
            Ok(token.clone())
        })
        .map(|token| (token, value))
    }

    /// Makes a token void at once, found by its id or the name of a good one.
    ///
    /// # Errors
    /// If there is none, or the file cannot be written.
    pub fn revoke(&self, which: &str, by: &str, now: Timestamp) -> Result<Token, TokenError> {
        self.change(|tokens| {
            let named = |it: &Token| it.id == which || (it.name == which && it.is_good(now));
            let found = tokens.iter_mut().find(|it| named(it));
            let Some(token) = found else { return Err(TokenError::Unknown(which.to_owned())) };
            if token.revoked.is_none() {
                token.revoked = Some(now);
                token.revoked_by = Some(by.to_owned());
            }
            Ok(token.clone())
        })
    }

    /// Reads, changes and writes while nobody else does.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let lock = self.path.with_extension("lock");
        let locking = |source| TokenError::Io { what: "lock", path: lock.clone(), source };
        let held = private().create(true).truncate(false).open(&lock).map_err(locking)?;
        held.lock().map_err(locking)?;
        let mut content = self.read()?;
        let result = change(&mut content.tokens)?;
        self.write(&content)?;
        drop(held);
        Ok(result)
    }

    fn stamp(&self) -> Result<Option<(SystemTime, u64)>, TokenError> {
        match fs::metadata(&self.path) {
            Ok(it) => {
                let modified = it.modified().map_err(|error| self.failed("look at", error))?;
                Ok(Some((modified, it.len())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("look at", error)),
        }
    }

    fn read(&self) -> Result<Content, TokenError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Content::default());
            }
            Err(error) => return Err(self.failed("read", error)),
        };
        self.check_private(&file)?;
        let text = io::read_to_string(file).map_err(|error| self.failed("read", error))?;
        serde_json::from_str(&text).map_err(|_| TokenError::Format(self.path.clone()))
    }

    #[cfg(unix)]
    fn check_private(&self, file: &File) -> Result<(), TokenError> {
        use std::os::unix::fs::PermissionsExt as _;
        // Nobody else's rights, which are the last six bits.
        let about = file.metadata().map_err(|error| self.failed("look at", error))?;
        if about.permissions().mode().trailing_zeros() >= 6 {
            Ok(())
        } else {
            Err(TokenError::Open(self.path.clone()))
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on other systems")]
    fn check_private(&self, _file: &File) -> Result<(), TokenError> {
        Ok(())
    }

    /// The whole file or nothing.
    fn write(&self, content: &Content) -> Result<(), TokenError> {
        let failed = |error| self.failed("write", error);
        let beside = self.path.with_extension("new");
        let text = serde_json::to_string_pretty(content).map_err(io::Error::from);
        let text = text.map_err(failed)?;
        let mut file = private().create(true).truncate(true).open(&beside).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&beside, &self.path).map_err(failed)
    }

    fn failed(&self, what: &'static str, source: io::Error) -> TokenError {
        TokenError::Io { what, path: self.path.clone(), source }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn check(name: &str, only: Option<&[String]>, lasts: Duration) -> Result<(), TokenError> {
    let refused = |message: String| Err(TokenError::Refused(message));
    let is_word = |it: char| !it.is_control();
    if name.trim().is_empty() || NAME_CHARS_MAX < name.chars().count() || !name.chars().all(is_word)
    {
        return refused(format!("a token needs a name of 1 to {NAME_CHARS_MAX} characters"));
    }
    if lasts <= Duration::ZERO || LONGEST < lasts {
        return refused("a token is good for some time, and for 366 days at most".to_owned());
    }
    let parts = crate::routes::parts();
    for part in only.unwrap_or_default() {
        if !parts.contains(&part.as_str()) {
            let known = parts.join(", ");
            return refused(format!("there is no part `{part}` of the API; there are {known}"));
        }
    }
    if only.is_some_and(<[_]>::is_empty) {
        return refused("`only` names no part of the API".to_owned());
    }
    Ok(())
}

mod instant {
    //! Instants as texts.

    use base::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_string())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse(&text).ok_or_else(|| D::Error::custom("no instant"))
    }
}

mod maybe_instant {
    //! The same where there may be none.

    use base::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.serialize_str(&at.to_string()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        Timestamp::parse(&text).map(Some).ok_or_else(|| D::Error::custom("no instant"))
    }
}

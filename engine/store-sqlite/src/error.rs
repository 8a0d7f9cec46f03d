//! The failures of the database, and which of them pass.

use std::{error::Error, fmt, sync::Arc};

use journal::StoreError;
use rusqlite::ErrorCode;

/// What was being done when something below failed. Many callers may share one failure.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    doing: &'static str,
    cause: Arc<dyn Error + Send + Sync>,
}

impl Failure {
    pub(crate) fn new(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, cause: Arc::from(cause.into()) }
    }

    /// The same failure, as those see it who come after it.
    pub(crate) fn earlier(&self) -> Self {
        let doing = "nothing is written any more since an earlier failure; restart to go on";
        Self { doing, cause: Arc::new(self.clone()) }
    }

    /// Whether the same request may succeed later, or others may now: there was no room, the
    /// database was busy, or the request itself was impossible. After anything else, such as a
    /// failed `fsync`, nobody knows what the disk holds.
    pub(crate) fn passes(&self) -> bool {
        let Some(code) = self.sqlite().and_then(rusqlite::Error::sqlite_error) else {
            return false;
        };
        match code.code {
            ErrorCode::DiskFull
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::TooBig
            | ErrorCode::OutOfMemory
            | ErrorCode::ConstraintViolation => true,
            // No room for the index of the write-ahead log.
            ErrorCode::SystemIoFailure => code.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
            _ => false,
        }
    }

    fn sqlite(&self) -> Option<&rusqlite::Error> {
        self.cause.downcast_ref()
    }

    fn is_damage(&self) -> bool {
        let code = self.sqlite().and_then(rusqlite::Error::sqlite_error_code);
        matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(self.sqlite(), Some(rusqlite::Error::Utf8Error(..)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        if failure.is_damage() {
            Self::Corrupt("the database file is damaged or is none".to_owned())
        } else {
            Self::Io(Box::new(failure))
        }
    }
}

/// Why a request was not carried out.
pub(crate) enum WriteError {
    /// It is the request's fault: others are not concerned.
    Refused(StoreError),
    /// It is not.
    Database(rusqlite::Error),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// A failure to read.
pub(crate) fn reading(error: rusqlite::Error) -> StoreError {
    Failure::new("could not read from the database", error).into()
}

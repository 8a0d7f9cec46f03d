//! The failures of the server and of the way to it, in words that hold no data and no password.

use std::{error::Error, fmt};

use journal::StoreError;
use tokio_postgres::error::{Severity, SqlState};

/// Raised by our function `own` when this node was given up.
const FENCED: &str = "FR001";

/// What was being done when something below failed. Many callers may share one failure.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    doing: &'static str,
    cause: Cause,
}

#[derive(Clone, Debug)]
struct Cause {
    text: String,
    code: Option<SqlState>,
    /// The server has refused a statement and is still there.
    is_refusal: bool,
}

impl Failure {
    pub(crate) fn new(doing: &'static str, cause: impl fmt::Display) -> Self {
        Self { doing, cause: Cause { text: cause.to_string(), code: None, is_refusal: false } }
    }

    pub(crate) fn of(doing: &'static str, error: &tokio_postgres::Error) -> Self {
        Self { doing, cause: Cause::of(error) }
    }

    /// The database did not answer in time.
    pub(crate) fn late(doing: &'static str) -> Self {
        let code = Some(SqlState::QUERY_CANCELED);
        let text = "it did not answer in time".to_owned();
        Self { doing, cause: Cause { text, code, is_refusal: false } }
    }

    /// Whether this node was given up.
    pub(crate) fn is_fence(&self) -> bool {
        self.cause.code.as_ref().is_some_and(|code| code.code() == FENCED)
    }

    /// Whether the transaction is known to have come to nothing.
    pub(crate) const fn is_refusal(&self) -> bool {
        self.cause.is_refusal
    }

    /// Whether another node has written the same, or was about to, at the same time.
    pub(crate) fn is_conflict(&self) -> bool {
        let code = self.cause.code.as_ref().map(SqlState::code);
        self.cause.is_refusal && matches!(code, Some("23505" | "40001" | "40P01"))
    }

    /// Whether it may be the fault of one request among several: its values or their size.
    pub(crate) fn is_of_request(&self) -> bool {
        let class = self.cause.code.as_ref().and_then(|code| code.code().get(..2));
        self.cause.is_refusal && matches!(class, Some("22" | "23" | "54"))
    }

    /// Whether the connection was lost, as it is after the server was started again.
    pub(crate) fn is_lost(&self) -> bool {
        match &self.cause.code {
            Some(code) => code.code().starts_with("57P") || code.code().starts_with("08"),
            None => true,
        }
    }
}

impl Cause {
    fn of(error: &tokio_postgres::Error) -> Self {
        if let Some(found) = error.as_db_error() {
            // Its detail may quote rows, so it is left out.
            let text = format!("{} (SQLSTATE {})", found.message(), found.code().code());
            let is_refusal = found.parsed_severity() == Some(Severity::Error);
            return Self { text, code: Some(found.code().clone()), is_refusal };
        }
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self { text, code: None, is_refusal: false }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        if failure.is_fence() { Self::Fenced } else { Self::Io(Box::new(failure)) }
    }
}

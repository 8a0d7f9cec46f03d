//! What operators have changed: who, what, when, and what came of it.

use base::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long it is known who changed what; older entries go when new ones come.
pub const AUDIT_KEPT: Duration = Duration::seconds(400 * 86_400);

/// One change that somebody asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Grows; the store gives it. 0 before that.
    pub number: u64,
    /// When it was asked for.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What: a word of a list, such as `runs.cancel`.
    pub action: String,
    /// With what: a run, a flow.
    pub target: String,
    /// What else is known of it.
    pub about: AuditAbout,
    /// The HTTP status that it was answered with; none as long as there is no answer.
    pub status: Option<u16>,
}

/// What is known of a change and not searched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditAbout {
    /// How it was known who it was.
    pub kind: String,
    /// What they may do.
    pub role: String,
    /// From where.
    pub source: String,
    /// What it was asked with.
    pub details: Value,
}

/// Which changes a list shows; empty members let all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of this person or token.
    pub who: Option<String>,
    /// Only those of this action.
    pub action: Option<String>,
    /// Only those of this target.
    pub target: Option<String>,
    /// Only those of then or later.
    pub from: Option<Timestamp>,
    /// Only earlier ones.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether it lets an entry through.
    pub fn passes(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|it| it == is);
        is(&self.who, &entry.who)
            && is(&self.action, &entry.action)
            && is(&self.target, &entry.target)
            && self.from.is_none_or(|from| from <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// A version of a flow in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    /// SHA-256 of its files, in hexadecimal.
    pub sha: String,
    /// When it was first stored, if that is known.
    pub stored: Option<Timestamp>,
}

//! Names and identifiers as types that print and compare as the language says.

use std::fmt;

/// The name by which expressions refer to an action: the display name with spaces as underscores.
///
/// Two names are the same when they differ in case only; the spelling of the definition is kept for
/// output.
#[derive(Clone, Debug)]
pub struct ActionName {
    text: String,
    folded: String,
}

impl ActionName {
    /// From a display name, or from a name that is written in an expression.
    pub fn new(display: &str) -> Self {
        let text = display.replace(' ', "_");
        let folded = text.to_lowercase();
        Self { text, folded }
    }

    /// The name as the definition spells it, with underscores.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl PartialEq for ActionName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ActionName {}

impl PartialOrd for ActionName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ActionName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One run of a flow. Made by the worker, ordered by time of admission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// From text that the worker made or the store kept.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! What a check looks for: the usual rules, and those that are asked for.

use base::Timestamp;

use crate::{rule::Rule, rules::TABLE};

/// Where flows are to run, which decides how much they may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Here.
    #[default]
    Flowright,
    /// In Power Automate.
    PowerAutomate,
    /// In Logic Apps.
    LogicApps,
}

/// What a check looks for.
#[derive(Clone, Debug)]
pub struct Settings {
    rules: Vec<&'static Rule>,
    target: Target,
    now: Timestamp,
}

/// What is told of times to come begins here where nobody says
/// what time it is, so that it is the same each time.
const NOW_USUAL: &str = "2026-01-01T00:00:00Z";

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: TABLE.iter().filter(|it| !it.code.pedantic).collect(),
            target: Target::default(),
            now: Timestamp::parse(NOW_USUAL).unwrap_or_default(),
        }
    }
}

impl Settings {
    /// The usual rules and this one.
    #[must_use]
    pub fn and(self, wanted: &Rule) -> Self {
        let has = |it: &Rule| self.rules.iter().any(|rule| rule.code == it.code);
        let rules = TABLE.iter().filter(|it| it.code == wanted.code || has(it)).collect();
        Self { rules, ..self }
    }

    /// Checks for another place to run.
    #[must_use]
    pub fn for_target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// Tells of times that come after this one.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    pub(crate) const fn target(&self) -> Target {
        self.target
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The rules, by number.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        self.rules.iter().copied()
    }
}

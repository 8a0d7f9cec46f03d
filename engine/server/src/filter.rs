//! Which runs a request is about: the same members in addresses and in bodies.

use base::{Duration, RunId, Status, Timestamp};
use journal::RunFilter;
use serde::{Deserialize, Serialize};

use crate::{error::Problem, search::Wanted};

/// The status of runs that have not ended and are not paused.
pub(crate) const RUNNING: &str = "Running";
/// The status of those that somebody has pause.
pub(crate) const PAUSED: &str = "Paused";

/// What runs are narrowed by; what is not given lets all through.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Narrowing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// One or several, with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The code of what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The run that called them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The run that they do again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resubmit_of: Option<String>,
    /// Words that have to be somewhere in id, names, key or error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `true` or `false`: whether they are marked as handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<String>,
    /// An instant, or how long ago: `PT2H`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Narrowing {
    /// Whether it lets all runs through.
    pub(crate) fn is_empty(&self) -> bool {
        Wanted::of(self, Timestamp::default()).is_ok_and(|it| it == Wanted::default())
    }

    /// The same as the store is asked.
    pub(crate) fn filter(&self, now: Timestamp) -> Result<RunFilter, Problem> {
        // No name of ours has one, and not every database can be asked for it.
        if self.query().iter().any(|(_, value)| value.contains('\0')) {
            return Err(Problem::new(400, "InvalidQuery", "a NUL character is in no name"));
        }
        let mut filter = RunFilter {
            flow: self.flow.clone(),
            trigger: self.trigger.clone(),
            key: self.key.clone(),
            code: self.error.clone(),
            parent: self.parent.clone().map(RunId::new),
            again_of: self.resubmit_of.clone().map(RunId::new),
            from: self.since.as_deref().map(|it| instant(it, now)).transpose()?,
            until: self.until.as_deref().map(|it| instant(it, now)).transpose()?,
            ..RunFilter::default()
        };
        let names = self.status.iter().flat_map(|it| it.split(',')).map(str::trim);
        for name in names.filter(|it| !it.is_empty()) {
            let paused = name.eq_ignore_ascii_case(PAUSED);
            if paused || name.eq_ignore_ascii_case(RUNNING) {
                // Whoever asks for both asks for all that are open.
                let other = filter.open && filter.paused != Some(paused);
                (filter.open, filter.paused) = (true, (!other).then_some(paused));
            } else {
                filter.statuses.push(Status::parse(name).ok_or_else(|| no_status(name))?);
            }
        }
        Ok(filter)
    }

    /// As the query of an address.
    pub(crate) fn query(&self) -> Vec<(&'static str, &str)> {
        let members = [
            ("flow", &self.flow),
            ("trigger", &self.trigger),
            ("status", &self.status),
            ("key", &self.key),
            ("error", &self.error),
            ("parent", &self.parent),
            ("resubmitOf", &self.resubmit_of),
            ("text", &self.text),
            ("handled", &self.handled),
            ("since", &self.since),
            ("until", &self.until),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

pub(crate) fn no_status(name: &str) -> Problem {
    let known = Status::ALL.map(Status::name).join(", ");
    let message = format!("there is no status `{name}`; there are {RUNNING}, {PAUSED}, {known}");
    Problem::new(400, "InvalidStatus", message)
}

pub(crate) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let ago = |it: Duration| now.after(Duration::from_ticks(it.ticks().saturating_neg()));
    Timestamp::parse(text).or_else(|| Duration::parse_iso(text).map(ago)).ok_or_else(|| {
        let message = format!(
            "`{text}` is neither an instant such as `2026-01-31T12:00:00Z` nor a duration such as \
             `PT2H`"
        );
        Problem::new(400, "InvalidTime", message)
    })
}

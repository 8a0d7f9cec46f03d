//! What is kept of a trigger between its firings.

use base::{Failure, Timestamp};
use serde_json::{Map, Value, json};

use super::subscription::Subscription;

/// Where a trigger has got to, as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The schedule that it was made for; another one begins anew.
    pub schedule: Value,
    /// What is asked, by name; null of a mere schedule.
    pub source: Value,
    /// When it was deployed with this schedule: intervals are counted from here.
    pub deployed: Timestamp,
    /// When it first asked this source: what happened earlier is not asked for.
    pub since: Timestamp,
    /// Where the next window begins.
    pub window: Option<Timestamp>,
    /// What the next poll of a connector goes on from.
    pub cursor: Value,
    /// The address for the next poll.
    pub follow: Option<Follow>,
    /// Retries of the present poll.
    pub retries: usize,
    /// Polls in a row that left items behind.
    pub full: usize,
    /// What a service was asked to deliver.
    pub subscription: Option<Subscription>,
    /// The triggers that share the subscription, `{flow, trigger}` each; null if it is one's own.
    pub members: Value,
    /// What it fired for last.
    pub fired: Option<Timestamp>,
    /// Why the last attempt came to nothing, `{at, code, message}`.
    pub error: Option<Value>,
}

/// An address that a service has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Follow {
    /// Digest of the flow's own address, which may hold secrets, that led there.
    pub asked: String,
    /// As it was named.
    pub location: String,
}

impl Progress {
    /// What the store kept; what cannot be read counts as not there.
    pub(crate) fn read(kept: &Value) -> Self {
        let time = |name: &str| kept.get(name).and_then(Value::as_str).and_then(Timestamp::parse);
        let value = |name: &str| kept.get(name).cloned().unwrap_or_default();
        let text = |name: &str| kept.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| {
            let kept = kept.get(name).and_then(Value::as_u64);
            kept.and_then(|it| usize::try_from(it).ok()).unwrap_or(0)
        };
        let deployed = time("deployed").unwrap_or_default();
        Self {
            schedule: value("schedule"),
            source: value("source"),
            deployed,
            since: time("since").unwrap_or(deployed),
            window: time("window"),
            cursor: value("cursor"),
            follow: text("asked")
                .zip(text("location"))
                .map(|(asked, location)| Follow { asked, location }),
            retries: number("retries"),
            full: number("full"),
            subscription: kept.get("subscription").and_then(Subscription::read),
            members: value("members"),
            fired: time("fired"),
            error: kept.get("error").cloned(),
        }
    }

    /// For the store; what is empty is left out.
    pub(crate) fn to_value(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map_or(Value::Null, |it| it.to_string().into());
        let count = |number: usize| if number == 0 { Value::Null } else { json!(number) };
        let (asked, location) = match &self.follow {
            Some(Follow { asked, location }) => (json!(asked), json!(location)),
            None => (Value::Null, Value::Null),
        };
        let all = [
            ("schedule", self.schedule.clone()),
            ("source", self.source.clone()),
            ("deployed", time(Some(self.deployed))),
            ("since", time(Some(self.since))),
            ("window", time(self.window)),
            ("cursor", self.cursor.clone()),
            ("asked", asked),
            ("location", location),
            ("retries", count(self.retries)),
            ("full", count(self.full)),
            (
                "subscription",
                self.subscription.as_ref().map_or(Value::Null, Subscription::to_value),
            ),
            ("members", self.members.clone()),
            ("fired", time(self.fired)),
            ("error", self.error.clone().unwrap_or_default()),
        ];
        let present = all.into_iter().filter(|(_, value)| !value.is_null());
        Value::Object(present.map(|(name, it)| (name.to_owned(), it)).collect::<Map<_, _>>())
    }

    /// Remembers why an attempt came to nothing.
    pub(crate) fn fail(&mut self, failure: &Failure, at: Timestamp) {
        let Failure { code, message, .. } = failure;
        self.error = Some(json!({ "at": at.to_string(), "code": code, "message": message }));
    }
}

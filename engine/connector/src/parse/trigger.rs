//! Reads triggers.

use base::{Duration, limits};
use expr::{Entries, Tree};
use yaml::{Entry, Mapping, Node};

use super::reader::Reader;
use crate::trigger::{
    Cardinality, Cursor, Dedupe, Poll, Receive, Subscription, SubscriptionCall, Trigger,
    TriggerKind, Webhook,
};

pub(crate) const KEYS: &[&str] = &[
    "cardinality",
    "deprecated",
    "description",
    "kind",
    "output",
    "params",
    "poll",
    "receive",
    "returns",
    "routes",
    "subscription",
    "title",
];

/// How long an event is remembered if nothing is said: longer than senders repeat.
const KEEP_DEFAULT: Duration = Duration::seconds(30 * 86_400);
/// How often a service is asked if nothing is said.
const EVERY_DEFAULT: Duration = Duration::seconds(60);

pub(crate) const CALL_KEYS: &[&str] = &["id", "operation", "with"];
pub(crate) const CARDINALITIES: &[(&str, Cardinality)] =
    &[("singleton", Cardinality::Singleton), ("perFlow", Cardinality::PerFlow)];
pub(crate) const CURRENT_KEYS: &[&str] = &["events", "url"];
pub(crate) const CURSOR_KEYS: &[&str] = &["initial", "next"];
pub(crate) const DEDUPE_KEYS: &[&str] = &["keep", "key"];
pub(crate) const KINDS: &[(&str, KindName)] =
    &[("webhook", KindName::Webhook), ("poll", KindName::Poll)];
pub(crate) const POLL_KEYS: &[&str] =
    &["cursor", "dedupe", "every", "everyMin", "filter", "items", "operation", "overlap", "with"];
pub(crate) const RECEIVE_KEYS: &[&str] = &[
    "body",
    "bodyBytesMax",
    "caseInsensitive",
    "dedupe",
    "filter",
    "handshake",
    "status",
    "verify",
];
pub(crate) const SUBSCRIPTION_KEYS: &[&str] =
    &["create", "current", "delete", "foreign", "read", "reconcileEvery", "renewEvery", "update"];

#[derive(Clone, Copy)]
pub(crate) enum KindName {
    Webhook,
    Poll,
}

impl Reader {
    /// A trigger; `None` if it does not say how events come.
    pub(super) fn trigger(&mut self, entry: &Entry) -> Option<Trigger> {
        let id = entry.key.text.as_str();
        let place = format!("trigger `{id}`");
        let map = self.object(&entry.value, &place, KEYS)?;
        if map.get("kind").is_none() {
            self.sink.missing_key(entry.key.span, "kind", &place);
        }
        let kind = match self.choice(map, "kind", KINDS)? {
            KindName::Webhook => TriggerKind::Webhook(Box::new(self.webhook(map, entry)?)),
            KindName::Poll => TriggerKind::Poll(Box::new(self.poll(map, entry)?)),
        };
        Some(Trigger {
            id: id.to_owned(),
            title: self.text(map, "title").unwrap_or_else(|| id.to_owned()),
            deprecated: self.deprecated(map),
            params: self.params(map, None),
            routes: self.routes(map),
            kind,
            output: map.get("output").map(|it| self.tree(it)),
            returns: self.schema(map, "returns"),
        })
    }

    fn webhook(&mut self, map: &Mapping, entry: &Entry) -> Option<Webhook> {
        let cardinality = self.choice(map, "cardinality", CARDINALITIES);
        let cardinality = cardinality.unwrap_or(Cardinality::PerFlow);
        let Some(receive) = map.get("receive") else {
            self.sink.missing_key(entry.key.span, "receive", "a webhook");
            return None;
        };
        Some(Webhook {
            cardinality,
            subscription: map.get("subscription").and_then(|it| self.subscription(it)),
            receive: self.receive(receive)?,
        })
    }

    fn subscription(&mut self, node: &Node) -> Option<Subscription> {
        let map = self.object(node, "`subscription`", SUBSCRIPTION_KEYS)?;
        let empty = Mapping::default();
        let current = map
            .get("current")
            .and_then(|it| self.object(it, "`current`", CURRENT_KEYS))
            .unwrap_or(&empty);
        Some(Subscription {
            read: self.subscription_call(map, "read"),
            current_url: self.template(current, "url"),
            current_events: self.template(current, "events"),
            create: self.subscription_call(map, "create"),
            update: self.subscription_call(map, "update"),
            delete: self.subscription_call(map, "delete"),
            by_location: false,
            foreign: self.template(map, "foreign"),
            reconcile_every: self.duration(map, "reconcileEvery"),
            renew_every: self.duration(map, "renewEvery"),
        })
    }

    pub(super) fn subscription_call(
        &mut self,
        map: &Mapping,
        key: &str,
    ) -> Option<SubscriptionCall> {
        let node = map.get(key)?;
        let place = format!("`{key}`");
        let map = self.object(node, &place, CALL_KEYS)?;
        Some(SubscriptionCall {
            operation: self.required_text(map, ("operation", &place), node.span),
            with: self.with(map),
            id: self.template(map, "id"),
        })
    }

    /// The inputs of a call; none are an empty object.
    fn with(&mut self, map: &Mapping) -> Tree {
        map.get("with").map_or_else(|| Tree::Object(Entries::default()), |it| self.tree(it))
    }

    fn receive(&mut self, node: &Node) -> Option<Receive> {
        let map = self.object(node, "`receive`", RECEIVE_KEYS)?;
        if map.get("verify").is_none() {
            self.sink.missing_key(node.span, "verify", "`receive`");
        }
        Some(Receive {
            status: self.statuses(map, "status").first().copied().unwrap_or(202),
            body_bytes_max: self
                .count(map, "bodyBytesMax")
                .unwrap_or(limits::REQUEST_BYTES_MAX)
                .min(limits::REQUEST_BYTES_MAX),
            verify: self.verify(map.get("verify")?)?,
            handshakes: self.handshakes(map),
            body: self.schema(map, "body"),
            case_insensitive: self.flag(map, "caseInsensitive"),
            dedupe: self.dedupe(map),
            filter: self.template(map, "filter"),
        })
    }

    pub(super) fn dedupe(&mut self, map: &Mapping) -> Option<Dedupe> {
        let node = map.get("dedupe")?;
        let map = self.object(node, "`dedupe`", DEDUPE_KEYS)?;
        if map.get("key").is_none() {
            self.sink.missing_key(node.span, "key", "`dedupe`");
        }
        Some(Dedupe {
            key: self.template(map, "key")?,
            keep: self.duration(map, "keep").unwrap_or(KEEP_DEFAULT),
        })
    }

    fn poll(&mut self, map: &Mapping, entry: &Entry) -> Option<Poll> {
        let Some(node) = map.get("poll") else {
            self.sink.missing_key(entry.key.span, "poll", "a polling trigger");
            return None;
        };
        let map = self.object(node, "`poll`", POLL_KEYS)?;
        if map.get("items").is_none() {
            self.sink.missing_key(node.span, "items", "`poll`");
        }
        let every_min = self.duration(map, "everyMin").unwrap_or(Duration::seconds(1));
        Some(Poll {
            every: self.duration(map, "every").unwrap_or(EVERY_DEFAULT).max(every_min),
            every_min,
            operation: self.required_text(map, ("operation", "`poll`"), node.span),
            with: self.with(map),
            items: self.template(map, "items")?,
            cursor: self.cursors(map),
            overlap: self.duration(map, "overlap").unwrap_or(Duration::ZERO),
            dedupe: self.dedupe(map),
            whole: false,
            filter: self.template(map, "filter"),
        })
    }

    fn cursors(&mut self, map: &Mapping) -> Vec<Cursor> {
        let Some(entries) = map.get("cursor").and_then(|it| self.entries(it, "`cursor`")) else {
            return Vec::new();
        };
        let mut cursors = Vec::with_capacity(entries.len());
        for entry in entries {
            let place = format!("cursor `{}`", entry.key.text);
            let Some(map) = self.object(&entry.value, &place, CURSOR_KEYS) else {
                continue;
            };
            if map.get("next").is_none() {
                self.sink.missing_key(entry.key.span, "next", &place);
            }
            let Some(next) = self.template(map, "next") else { continue };
            let initial = self.template_or(map, "initial", "@null");
            cursors.push(Cursor { name: entry.key.text.clone(), next, initial });
        }
        cursors
    }
}

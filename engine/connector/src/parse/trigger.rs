//! Reads triggers.

use base::{Duration, limits};
use expr::Tree;
use yaml::{Entry, Mapping, Node};

use super::reader::Reader;
use crate::trigger::{
    Cardinality, Cursor, Dedupe, Poll, Receive, RsaCertificateUrl, Subscription, SubscriptionCall,
    Trigger, TriggerKind, Verify, Webhook,
};

const KEYS: &[&str] = &[
    "cardinality",
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

#[derive(Clone, Copy)]
enum KindName {
    Webhook,
    Poll,
}

#[derive(Clone, Copy)]
enum Scheme {
    None,
    UrlSecret,
    RsaCertificateUrl,
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
        let kinds = &[("webhook", KindName::Webhook), ("poll", KindName::Poll)];
        let kind = match self.choice(map, "kind", kinds)? {
            KindName::Webhook => TriggerKind::Webhook(Box::new(self.webhook(map, entry)?)),
            KindName::Poll => TriggerKind::Poll(Box::new(self.poll(map, entry)?)),
        };
        Some(Trigger {
            id: id.to_owned(),
            title: self.text(map, "title").unwrap_or_else(|| id.to_owned()),
            params: self.params(map, None),
            routes: self.routes(map),
            kind,
            output: map.get("output").map(|it| self.tree(it)),
            returns: self.schema(map, "returns"),
        })
    }

    fn webhook(&mut self, map: &Mapping, entry: &Entry) -> Option<Webhook> {
        let known = &[("singleton", Cardinality::Singleton), ("perFlow", Cardinality::PerFlow)];
        let cardinality = self.choice(map, "cardinality", known).unwrap_or(Cardinality::PerFlow);
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
        let known = &[
            "read",
            "current",
            "create",
            "update",
            "delete",
            "foreign",
            "reconcileEvery",
            "renewEvery",
        ];
        let map = self.object(node, "`subscription`", known)?;
        let empty = Mapping::default();
        let current = map
            .get("current")
            .and_then(|it| self.object(it, "`current`", &["url", "events"]))
            .unwrap_or(&empty);
        Some(Subscription {
            read: self.subscription_call(map, "read"),
            current_url: self.template(current, "url"),
            current_events: self.template(current, "events"),
            create: self.subscription_call(map, "create"),
            update: self.subscription_call(map, "update"),
            delete: self.subscription_call(map, "delete"),
            foreign: self.template(map, "foreign"),
            reconcile_every: self.duration(map, "reconcileEvery"),
            renew_every: self.duration(map, "renewEvery"),
        })
    }

    fn subscription_call(&mut self, map: &Mapping, key: &str) -> Option<SubscriptionCall> {
        let node = map.get(key)?;
        let place = format!("`{key}`");
        let map = self.object(node, &place, &["operation", "with", "id"])?;
        Some(SubscriptionCall {
            operation: self.required_text(map, ("operation", &place), node.span),
            with: self.with(map),
            id: self.template(map, "id"),
        })
    }

    /// The inputs of a call; none are an empty object.
    fn with(&mut self, map: &Mapping) -> Tree {
        map.get("with").map_or_else(|| Tree::Object(Vec::new()), |it| self.tree(it))
    }

    fn receive(&mut self, node: &Node) -> Option<Receive> {
        let known =
            &["status", "bodyBytesMax", "verify", "body", "caseInsensitive", "dedupe", "filter"];
        let map = self.object(node, "`receive`", known)?;
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
            body: self.schema(map, "body"),
            case_insensitive: self.flag(map, "caseInsensitive"),
            dedupe: self.dedupe(map),
            filter: self.template(map, "filter"),
        })
    }

    fn dedupe(&mut self, map: &Mapping) -> Option<Dedupe> {
        let node = map.get("dedupe")?;
        let map = self.object(node, "`dedupe`", &["key", "keep"])?;
        if map.get("key").is_none() {
            self.sink.missing_key(node.span, "key", "`dedupe`");
        }
        Some(Dedupe {
            key: self.template(map, "key")?,
            keep: self.duration(map, "keep").unwrap_or(KEEP_DEFAULT),
        })
    }

    fn verify(&mut self, node: &Node) -> Option<Verify> {
        let schemes = &[
            ("none", Scheme::None),
            ("urlSecret", Scheme::UrlSecret),
            ("rsaCertificateUrl", Scheme::RsaCertificateUrl),
        ];
        let map = self.entries(node, "`verify`")?;
        if map.get("scheme").is_none() {
            self.sink.missing_key(node.span, "scheme", "`verify`");
        }
        match self.choice(map, "scheme", schemes)? {
            Scheme::None => {
                self.object(node, "`verify`", &["scheme"])?;
                Some(Verify::None)
            }
            Scheme::UrlSecret => {
                self.object(node, "`verify`", &["scheme"])?;
                Some(Verify::UrlSecret)
            }
            Scheme::RsaCertificateUrl => self.rsa_certificate_url(node),
        }
    }

    fn rsa_certificate_url(&mut self, node: &Node) -> Option<Verify> {
        let known = &[
            "scheme",
            "signatureHeaders",
            "prefix",
            "algorithmHeader",
            "algorithms",
            "certificateHeader",
            "certificateHosts",
            "trustAnchors",
            "issuerContains",
        ];
        let map = self.object(node, "`verify`", known)?;
        let place = "`verify`";
        for key in ["signatureHeaders", "algorithms", "certificateHosts", "trustAnchors"] {
            if map.get(key).is_none() {
                self.sink.missing_key(node.span, key, place);
            }
        }
        let algorithm_header = self.required_text(map, ("algorithmHeader", place), node.span);
        let certificate_header = self.required_text(map, ("certificateHeader", place), node.span);
        let signed = RsaCertificateUrl {
            signature_headers: self.texts(map, "signatureHeaders"),
            prefix: self.text(map, "prefix").unwrap_or_default(),
            algorithm_header,
            algorithms: self.algorithms(map),
            certificate_header,
            allow_hosts: self.template(map, "certificateHosts")?,
            trust_anchors: self.template(map, "trustAnchors")?,
            issuer_contains: self.template_or(map, "issuerContains", ""),
        };
        Some(Verify::RsaCertificateUrl(Box::new(signed)))
    }

    /// The algorithms that are believed; only one can be checked, and weaker ones never are.
    fn algorithms(&mut self, map: &Mapping) -> Vec<String> {
        let names = self.texts(map, "algorithms");
        if let Some(node) = map.get("algorithms") {
            for name in names.iter().filter(|it| *it != "rsa-sha256") {
                self.unknown_word(node.span, "`algorithms`", name, std::iter::once("rsa-sha256"));
            }
        }
        names.into_iter().filter(|it| it == "rsa-sha256").collect()
    }

    fn poll(&mut self, map: &Mapping, entry: &Entry) -> Option<Poll> {
        let Some(node) = map.get("poll") else {
            self.sink.missing_key(entry.key.span, "poll", "a polling trigger");
            return None;
        };
        let known =
            &["every", "everyMin", "operation", "with", "items", "cursor", "overlap", "dedupe"];
        let map = self.object(node, "`poll`", known)?;
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
        })
    }

    fn cursors(&mut self, map: &Mapping) -> Vec<Cursor> {
        let Some(entries) = map.get("cursor").and_then(|it| self.entries(it, "`cursor`")) else {
            return Vec::new();
        };
        let mut cursors = Vec::with_capacity(entries.len());
        for entry in entries {
            let place = format!("cursor `{}`", entry.key.text);
            let Some(map) = self.object(&entry.value, &place, &["next", "initial"]) else {
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

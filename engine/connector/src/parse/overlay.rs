//! Reads a connector file that imports a published definition: what it says counts more.

use std::collections::BTreeMap;

use base::{Diagnostic, Source, Span, code, limits};
use yaml::{Entry, Mapping, Node};

use super::{
    KEYS,
    reader::Reader,
    trigger::{self, RECEIVE_KEYS, SUBSCRIPTION_KEYS},
};
use crate::{
    model::{ConnectionSpec, Connector, HttpSpec, Operation},
    trigger::{Poll, Receive, Subscription, Trigger, TriggerKind},
};

/// What a connector file wants of published files; the paths count from its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The definition.
    pub openapi: String,
    /// The properties, if there are any.
    pub properties: Option<String>,
    /// The operations and triggers that are taken over; none means all.
    pub operations: Option<Vec<String>>,
    /// Where the file says so.
    pub span: Span,
}

pub(crate) const IMPORT_KEYS: &[&str] = &["openapi", "operations", "properties"];

/// What a connector file imports, if it does. Faults are found by [`read_over`].
pub fn import_of(source: &Source) -> Option<Import> {
    let (node, _) = yaml::parse(source.text());
    let node = node?;
    let import = node.get("import")?;
    let text = |key: &str| import.get(key).and_then(Node::as_str).map(str::to_owned);
    let names = import.get("operations").and_then(Node::as_seq).map(|items| {
        items.iter().filter_map(Node::as_str).map(str::to_owned).collect::<Vec<String>>()
    });
    Some(Import {
        openapi: text("openapi").unwrap_or_default(),
        properties: text("properties"),
        operations: names,
        span: import.span,
    })
}

/// Reads a connector file over the connector that was imported for it, or says why none was.
pub fn read_over(
    source: &Source,
    imported: Result<Connector, String>,
) -> (Connector, Vec<Diagnostic>) {
    let mut reader = Reader { is_overlay: true, ..Reader::default() };
    let (node, found) = yaml::parse(source.text());
    for diagnostic in found {
        reader.sink.push(diagnostic);
    }
    let node = node.unwrap_or_else(|| Node::null(Span::default()));
    let empty = Mapping::default();
    let map = reader.object(&node, "a connector", KEYS).unwrap_or(&empty);
    let import = map.get("import");
    if let Some(import) = import {
        let place = "`import`";
        if let Some(map) = reader.object(import, place, IMPORT_KEYS) {
            reader.required_text(map, ("openapi", place), import.span);
            reader.texts(map, "operations");
        }
    }
    let base = match imported {
        Ok(base) => base,
        Err(why) => {
            let span = import.map_or_else(Span::default, |it| it.span);
            reader.sink.push(Diagnostic::new(code::INVALID_CHOICE, span, why));
            let start = Span::new(node.span.start, node.span.start);
            return (reader.connector(map, start), reader.sink.into_sorted());
        }
    };
    let base = reader.chosen(base, import);
    let connector = reader.over(base, map, &node);
    reader.check_references(&connector, map);
    (connector, reader.sink.into_sorted())
}

impl Reader {
    /// The connector with the operations only that are wanted, and those that they need.
    fn chosen(&mut self, mut base: Connector, import: Option<&Node>) -> Connector {
        let items = import.and_then(|it| it.get("operations")).and_then(Node::as_seq);
        let Some(items) = items else { return base };
        let mut wanted: Vec<String> = Vec::new();
        for item in items {
            let name = item.as_str().unwrap_or_default();
            if base.operations.contains_key(name) {
                wanted.push(name.to_owned());
            } else {
                let message =
                    format!("the definition has no operation `{name}` that can be called");
                let found = Diagnostic::new(code::UNKNOWN_OPERATION, item.span, message);
                self.unknown_name(found, name, base.operations.keys().map(String::as_str));
            }
        }
        base.triggers.retain(|id, _| wanted.contains(id));
        for trigger in base.triggers.values() {
            wanted.extend(super::called(trigger).into_iter().map(str::to_owned));
        }
        let asked = wanted.iter().filter_map(|id| base.operations.get(id));
        let asked = asked.flat_map(|it| &it.params).filter_map(|it| it.values.as_ref());
        let more: Vec<String> = asked.map(|it| it.operation.clone()).collect();
        wanted.extend(more);
        wanted.extend(base.connection.test.iter().map(|(id, _)| id.clone()));
        base.operations.retain(|id, _| wanted.contains(id));
        base
    }

    fn over(&mut self, mut base: Connector, map: &Mapping, node: &Node) -> Connector {
        let name = self.required_text(map, ("connector", "a connector"), node.span);
        if let Some(node) = map.get("connector") {
            self.check_name(&name, node.span);
        }
        base.name = name;
        base.aliases.extend(self.texts(map, "aliases"));
        if let Some(version) = self.text(map, "version") {
            base.version = version;
        }
        if let Some(title) = self.text(map, "title") {
            base.title = title;
        }
        base.connection = self.connection_over(base.connection, map);
        base.http = self.http_over(base.http, map, node.span);
        let mut errors = self.errors(map);
        errors.append(&mut base.errors);
        base.errors = errors;
        base.error_message = self.template(map, "errorMessage").or(base.error_message);
        base.error_code = self.template(map, "errorCode").or(base.error_code);
        base.schemas.extend(self.schemas(map));
        self.operations_over(&mut base.operations, map);
        self.triggers_over(&mut base.triggers, map);
        base
    }

    fn connection_over(&mut self, mut base: ConnectionSpec, map: &Mapping) -> ConnectionSpec {
        let written = map.get("connection").and_then(Node::as_map);
        let own = self.connection_with(map, base.params.clone());
        let Some(written) = written else { return base };
        base.params = own.params;
        if written.get("auth").is_some() {
            base.auth = own.auth;
        }
        if written.get("test").is_some() {
            base.test = own.test;
        }
        base
    }

    fn http_over(&mut self, mut base: HttpSpec, map: &Mapping, span: Span) -> HttpSpec {
        let own = self.http(map, span);
        let Some(written) = map.get("http").and_then(Node::as_map) else { return base };
        if written.get("baseUrl").is_some() {
            base.base_url = own.base_url;
        }
        base.headers.extend(own.headers);
        base.timeout = own.timeout.or(base.timeout);
        base.quota = own.quota;
        base.follow_links_to.extend(own.follow_links_to);
        base
    }

    /// Operations: those of the same id build on what was imported.
    fn operations_over(&mut self, base: &mut BTreeMap<String, Operation>, map: &Mapping) {
        let entries = map.get("operations").and_then(|it| self.entries(it, "`operations`"));
        for entry in entries.into_iter().flatten() {
            let id = entry.key.text.as_str();
            let other = Self::extended(entry);
            if let Some((other, span)) = other
                && !base.contains_key(other)
            {
                let message = format!("there is no operation `{other}` to build on");
                let found = Diagnostic::new(code::UNKNOWN_OPERATION, span, message);
                self.unknown_name(found, other, base.keys().map(String::as_str));
            }
            let imported = base.get(id).cloned();
            let on = other.and_then(|(id, _)| base.get(id).cloned()).or_else(|| imported.clone());
            let mut operation = self.operation(entry, on.as_ref());
            if let (Some(imported), None) = (imported, other) {
                // What the file does not say is as in the definition.
                let says = |key: &str| entry.value.get(key).is_some();
                if !says("title") {
                    operation.title = imported.title;
                }
                if !says("description") {
                    operation.description = imported.description;
                }
                if !says("routes") {
                    operation.routes = imported.routes;
                }
            }
            base.insert(id.to_owned(), operation);
        }
    }

    fn triggers_over(&mut self, base: &mut BTreeMap<String, Trigger>, map: &Mapping) {
        let entries = map.get("triggers").and_then(|it| self.entries(it, "`triggers`"));
        for entry in entries.into_iter().flatten() {
            let id = entry.key.text.clone();
            let trigger = match base.remove(&id) {
                Some(imported) if entry.value.get("kind").is_none() => {
                    Some(self.trigger_over(imported, entry))
                }
                Some(_) | None => self.trigger(entry),
            };
            base.extend(trigger.map(|it| (id, it)));
        }
    }

    /// A trigger of the definition with what the file says of it.
    fn trigger_over(&mut self, mut base: Trigger, entry: &Entry) -> Trigger {
        let place = format!("trigger `{}`", base.id);
        let empty = Mapping::default();
        let map = self.object(&entry.value, &place, trigger::KEYS).unwrap_or(&empty);
        if let Some(title) = self.text(map, "title") {
            base.title = title;
        }
        if let Some(node) = map.get("output") {
            base.output = Some(self.tree(node));
        }
        if let Some(schema) = self.schema(map, "returns") {
            base.returns = Some(schema);
        }
        for (key, is_here) in [
            ("subscription", matches!(base.kind, TriggerKind::Webhook(_))),
            ("receive", matches!(base.kind, TriggerKind::Webhook(_))),
            ("poll", matches!(base.kind, TriggerKind::Poll(_))),
        ] {
            if let Some(node) = map.get(key).filter(|_| !is_here) {
                let message = format!("{place} has no `{key}` in the definition");
                self.sink.push(Diagnostic::new(code::INVALID_CHOICE, node.span, message));
            }
        }
        match &mut base.kind {
            TriggerKind::Webhook(webhook) => {
                if let (Some(node), Some(known)) =
                    (map.get("subscription"), webhook.subscription.as_mut())
                {
                    self.subscription_over(known, node);
                }
                if let Some(node) = map.get("receive") {
                    self.receive_over(&mut webhook.receive, node);
                }
            }
            TriggerKind::Poll(poll) => {
                if let Some(node) = map.get("poll") {
                    self.poll_over(poll, node);
                }
            }
        }
        base
    }

    fn subscription_over(&mut self, base: &mut Subscription, node: &Node) {
        let Some(map) = self.object(node, "`subscription`", SUBSCRIPTION_KEYS) else { return };
        let empty = Mapping::default();
        let current = map.get("current").and_then(Node::as_map).unwrap_or(&empty);
        base.current_url = self.template(current, "url").or(base.current_url.take());
        base.current_events = self.template(current, "events").or(base.current_events.take());
        if map.get("delete").is_some_and(|it| it.is_null() || it.as_str() == Some("none")) {
            (base.delete, base.by_location) = (None, false);
        } else if let Some(delete) = self.subscription_call(map, "delete") {
            (base.delete, base.by_location) = (Some(delete), false);
        }
        for (key, place) in
            [("read", &mut base.read), ("create", &mut base.create), ("update", &mut base.update)]
        {
            if let Some(call) = self.subscription_call(map, key) {
                *place = Some(call);
            }
        }
        base.foreign = self.template(map, "foreign").or(base.foreign.take());
        base.reconcile_every = self.duration(map, "reconcileEvery").or(base.reconcile_every);
        base.renew_every = self.duration(map, "renewEvery").or(base.renew_every);
    }

    fn receive_over(&mut self, base: &mut Receive, node: &Node) {
        let Some(map) = self.object(node, "`receive`", RECEIVE_KEYS) else { return };
        if let Some(status) = self.statuses(map, "status").first() {
            base.status = *status;
        }
        if let Some(verify) = map.get("verify").and_then(|it| self.verify(it)) {
            base.verify = verify;
        }
        base.handshakes.extend(self.handshakes(map));
        if let Some(bytes) = self.count(map, "bodyBytesMax") {
            base.body_bytes_max = bytes.min(limits::REQUEST_BYTES_MAX);
        }
        if let Some(body) = self.schema(map, "body") {
            base.body = Some(body);
        }
        base.case_insensitive |= self.flag(map, "caseInsensitive");
        base.dedupe = self.dedupe(map).or(base.dedupe.take());
        base.filter = self.template(map, "filter").or(base.filter.take());
    }

    fn poll_over(&mut self, base: &mut Poll, node: &Node) {
        let Some(map) = self.object(node, "`poll`", &["every", "everyMin", "dedupe"]) else {
            return;
        };
        base.every_min = self.duration(map, "everyMin").unwrap_or(base.every_min);
        base.every = self.duration(map, "every").unwrap_or(base.every).max(base.every_min);
        base.dedupe = self.dedupe(map).or(base.dedupe.take());
    }
}

//! Reads `connector.yaml`: the frame of the file, and what its parts say of each other.

mod auth;
mod connection;
mod describe;
mod discovery;
mod file_schema;
mod operation;
mod overlay;
mod paginate;
mod program;
mod reader;
mod schema;
mod trigger;
mod verify;

pub(crate) use self::connection::auth_of;
pub use self::overlay::{Import, import_of, read_over};

use std::collections::BTreeMap;

use base::{Diagnostic, ErrorClass, Source, Span, Timestamp, code, limits};
use serde_json::Value;
use yaml::{Mapping, Node};

pub use self::file_schema::file_schema;
use self::reader::Reader;
use crate::{
    discover,
    model::{After, Connector, ErrorRule, Idempotency, Operation, RetryHint},
    response, schema as schemas,
    trigger::{Trigger, TriggerKind},
};

pub(crate) const ERROR_KEYS: &[&str] = &["class", "message", "retry", "when"];
pub(crate) const WHEN_KEYS: &[&str] = &["code", "status", "test"];
pub(crate) const RETRY_KEYS: &[&str] = &["after", "max"];
pub(crate) const KEYS: &[&str] = &[
    "aliases",
    "command",
    "connection",
    "connector",
    "description",
    "env",
    "errorCode",
    "errorMessage",
    "errors",
    "http",
    "import",
    "kind",
    "limits",
    "operations",
    "schemas",
    "title",
    "triggers",
    "url",
    "version",
];

/// Reads a connector file. There is always a connector, as far as the file could be understood;
/// it may be used if no finding is an error.
pub fn read(source: &Source) -> (Connector, Vec<Diagnostic>) {
    read_with(source, |_, _, _| {})
}

/// Reads a connector file. If the connector is a program, `said` is what the program has said that it
/// can do, and that nothing is known of that is a finding.
pub fn read_described(source: &Source, said: Option<&Value>) -> (Connector, Vec<Diagnostic>) {
    read_with(source, |reader, connector, map| match said {
        Some(said) => reader.describe(connector, map, said),
        None => reader.not_described(map),
    })
}

fn read_with(
    source: &Source,
    describe: impl FnOnce(&mut Reader, &mut Connector, &Mapping),
) -> (Connector, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    let start = Span::default();
    if limits::FILE_BYTES_MAX < source.text().len() {
        let message = format!("a connector file has at most {} bytes", limits::FILE_BYTES_MAX);
        reader.sink.push(Diagnostic::new(code::LIMIT_EXCEEDED, start, message));
        return (reader.connector(&Mapping::default(), start), reader.sink.into_sorted());
    }
    let (node, found) = yaml::parse(source.text());
    for diagnostic in found {
        reader.sink.push(diagnostic);
    }
    let node = node.unwrap_or_else(|| Node::null(start));
    let empty = Mapping::default();
    let map = reader.object(&node, "a connector", KEYS).unwrap_or(&empty);
    if let Some(import) = map.get("import") {
        let message = "`import` needs the files that it names, which were not read";
        reader.sink.push(Diagnostic::new(code::INVALID_CHOICE, import.span, message));
    }
    let mut connector = reader.connector(map, Span::new(node.span.start, node.span.start));
    if connector.program.is_some() {
        describe(&mut reader, &mut connector, map);
    }
    reader.check_references(&connector, map);
    (connector, reader.sink.into_sorted())
}

impl Reader {
    fn connector(&mut self, map: &Mapping, span: Span) -> Connector {
        let name = self.required_text(map, ("connector", "a connector"), span);
        if let Some(node) = map.get("connector") {
            self.check_name(&name, node.span);
        }
        let version = self.required_text(map, ("version", "a connector"), span);
        if let Some(node) = map.get("description")
            && node.as_str().is_none()
        {
            self.sink.wrong_type(node.span, "`description`", "text", node.kind_name());
        }
        let program = self.program(map, span);
        let is_program = map.get("kind").is_some();
        let mut http = self.http(map, span);
        if let Some(url) = program.as_ref().and_then(|it| it.url.clone()) {
            http.base_url = url;
        }
        Connector {
            aliases: self.texts(map, "aliases"),
            title: self.text(map, "title").unwrap_or_else(|| name.clone()),
            name,
            version,
            connection: self.connection(map),
            http,
            errors: self.errors(map),
            error_message: self.template(map, "errorMessage"),
            error_code: self.template(map, "errorCode"),
            schemas: if is_program {
                BTreeMap::new()
            } else {
                self.schemas(map).into_iter().collect()
            },
            operations: if is_program { BTreeMap::new() } else { self.operations(map) },
            triggers: if is_program { BTreeMap::new() } else { self.triggers(map) },
            policies: Vec::new(),
            program,
        }
    }

    fn check_name(&mut self, name: &str, span: Span) {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || limits::NAME_CHARS_MAX < name.len() || !name.bytes().all(fits) {
            let message = format!("`{name}` is not a name for a connector");
            let found = Diagnostic::new(code::INVALID_NAME, span, message);
            self.sink.push(found.hint("use small letters, digits and hyphens"));
        }
    }

    fn errors(&mut self, map: &Mapping) -> Vec<ErrorRule> {
        let Some(node) = map.get("errors") else { return Vec::new() };
        let Some(items) = node.as_seq() else {
            self.sink.wrong_type(node.span, "`errors`", "a list", node.kind_name());
            return Vec::new();
        };
        items.iter().filter_map(|it| self.error_rule(it)).collect()
    }

    fn error_rule(&mut self, node: &Node) -> Option<ErrorRule> {
        let place = "an entry of `errors`";
        let map = self.object(node, place, ERROR_KEYS)?;
        for key in ["when", "class"] {
            if map.get(key).is_none() {
                self.sink.missing_key(node.span, key, place);
            }
        }
        let when = self.object(map.get("when")?, "`when`", WHEN_KEYS)?;
        let class = self.choice(map, "class", ErrorClass::ALL)?;
        Some(ErrorRule {
            status: self.statuses(when, "status"),
            codes: self.words(when, "code"),
            test: self.template(when, "test"),
            class,
            message: self.template(map, "message"),
            retry: map.get("retry").and_then(|it| self.retry_hint(it, class)),
        })
    }

    fn retry_hint(&mut self, node: &Node, class: ErrorClass) -> Option<RetryHint> {
        let map = self.object(node, "`retry`", RETRY_KEYS)?;
        if !class.retryable() {
            let message = format!("`retry` says nothing: `{}` is not retried", class.name());
            self.sink.push(Diagnostic::new(code::INVALID_CHOICE, node.span, message));
        }
        let text = map.get("after").and_then(Node::as_str);
        let after = match text.and_then(|it| it.strip_prefix("header:")) {
            Some(name) => Some(After::Header(name.trim().to_owned())),
            None => self.template(map, "after").map(After::Text),
        };
        if let (Some(After::Text(template)), Some(node)) = (&after, map.get("after"))
            && let Some(literal) = template.literal()
            && response::pause(literal, Timestamp::default()).is_none()
        {
            let found = Diagnostic::new(code::INVALID_TIME, node.span, "`after` is not a pause");
            self.sink.push(found.hint("write it as in `PT60S`, `header:Retry-After` or `@body()`"));
        }
        Some(RetryHint { after, max: self.count(map, "max") })
    }

    /// Operations that build on others are read after these.
    fn operations(&mut self, map: &Mapping) -> BTreeMap<String, Operation> {
        let mut operations = BTreeMap::new();
        let Some(entries) = map.get("operations").and_then(|it| self.entries(it, "`operations`"))
        else {
            return operations;
        };
        for entry in entries.iter().filter(|it| Self::extended(it).is_none()) {
            operations.insert(entry.key.text.clone(), self.operation(entry, None));
        }
        let bases = operations.clone();
        for entry in entries {
            let Some((id, span)) = Self::extended(entry) else { continue };
            if !bases.contains_key(id) {
                let message = format!("there is no operation `{id}` to build on");
                let found = Diagnostic::new(code::UNKNOWN_OPERATION, span, message);
                self.unknown_name(found, id, bases.keys().map(String::as_str));
            }
            operations.insert(entry.key.text.clone(), self.operation(entry, bases.get(id)));
        }
        operations
    }

    fn triggers(&mut self, map: &Mapping) -> BTreeMap<String, Trigger> {
        let Some(entries) = map.get("triggers").and_then(|it| self.entries(it, "`triggers`"))
        else {
            return BTreeMap::new();
        };
        let named = entries.iter().filter_map(|it| {
            let trigger = self.trigger(it)?;
            Some((trigger.id.clone(), trigger))
        });
        named.collect()
    }

    /// Names that one part of the file gives another: operations and schemas must exist.
    fn check_references(&mut self, connector: &Connector, map: &Mapping) {
        let span_of = |section: &str, id: &str| {
            let entry = map.get(section).and_then(|it| it.as_map()?.entry(id));
            entry.map_or_else(Span::default, |it| it.key.span)
        };
        let mut named: Vec<(&str, Span)> = Vec::new();
        if let Some((id, _)) = &connector.connection.test {
            named.push((id, map.entry("connection").map_or_else(Span::default, |it| it.key.span)));
        }
        for operation in connector.operations.values() {
            if let Idempotency::Find { operation: id, .. } = &operation.idempotency {
                named.push((id, span_of("operations", &operation.id)));
            }
            if let Some(prepare) = &operation.prepare {
                named.push((&prepare.operation, span_of("operations", &operation.id)));
            }
            if let Some((id, _)) = &operation.unsubscribe {
                named.push((id, span_of("operations", &operation.id)));
            }
            let asked = operation.params.iter().filter_map(|it| it.values.as_ref());
            let span = span_of("operations", &operation.id);
            named.extend(asked.map(|it| (it.operation.as_str(), span)));
        }
        for trigger in connector.triggers.values() {
            let span = span_of("triggers", &trigger.id);
            named.extend(called(trigger).into_iter().map(|id| (id, span)));
            let asked = trigger.params.iter().filter_map(|it| it.values.as_ref());
            named.extend(asked.map(|it| (it.operation.as_str(), span)));
        }
        for (name, schema) in &connector.schemas {
            let asked = schema.get(discover::KEYWORD).and_then(|it| it.get("operation")?.as_str());
            named.extend(asked.map(|it| (it, span_of("schemas", name))));
        }
        for (id, span) in named {
            // What a published definition says of itself is no mistake of this file.
            let is_own = !self.is_overlay || span != Span::default();
            if is_own && connector.operation(id).is_none() {
                let message = format!("there is no operation `{id}`");
                let found = Diagnostic::new(code::UNKNOWN_OPERATION, span, message);
                self.unknown_name(found, id, connector.operations.keys().map(String::as_str));
            }
        }
        self.check_schemas(connector, map, &span_of);
    }

    fn check_schemas(
        &mut self,
        connector: &Connector,
        map: &Mapping,
        span_of: &dyn Fn(&str, &str) -> Span,
    ) {
        let own = connector.schemas.iter().map(|(name, it)| ("schemas", name.as_str(), it));
        let of_operations = connector.operations.values().flat_map(|operation| {
            let all = operation.body.iter().chain(&operation.returns);
            all.map(|it| ("operations", operation.id.as_str(), it))
        });
        let of_triggers = connector.triggers.values().flat_map(|trigger| {
            let body = match &trigger.kind {
                TriggerKind::Webhook(webhook) => webhook.receive.body.as_ref(),
                TriggerKind::Poll(_) => None,
            };
            let all = trigger.returns.iter().chain(body);
            all.map(|it| ("triggers", trigger.id.as_str(), it))
        });
        for (section, id, schema) in own.chain(of_operations).chain(of_triggers) {
            let entry = map.get(section).and_then(|it| it.get(id));
            let says = |key: &str| entry.is_some_and(|it| it.get(key).is_some());
            let is_own = section == "schemas" && entry.is_some()
                || ["body", "returns", "receive"].into_iter().any(says);
            if self.is_overlay && !is_own {
                continue;
            }
            let mut references = Vec::new();
            schemas::references(schema, &mut references);
            for reference in references {
                let known = schemas::referred(reference)
                    .is_some_and(|name| connector.schemas.contains_key(name));
                if !known {
                    let message = format!("there is no schema `{reference}`");
                    let span = span_of(section, id);
                    let found = Diagnostic::new(code::UNKNOWN_TYPE, span, message);
                    self.sink.push(found.hint("write it as in `#/schemas/Name`"));
                }
            }
        }
    }
}

/// The operations that a trigger names.
fn called(trigger: &Trigger) -> Vec<&str> {
    match &trigger.kind {
        TriggerKind::Poll(poll) => vec![&poll.operation],
        TriggerKind::Webhook(webhook) => {
            let subscription = webhook.subscription.iter();
            let calls = subscription.flat_map(|it| [&it.read, &it.create, &it.update, &it.delete]);
            calls.flatten().map(|it| it.operation.as_str()).collect()
        }
    }
}

//! Reads operations.

use base::{Diagnostic, Span, code};
use expr::{Dialect, Entries, Template, Tree};
use yaml::{Entry, Mapping, Node};

use super::reader::Reader;
use crate::{
    model::{Address, Effect, Encoding, Idempotency, METHODS, Operation, Place, Prepare},
    route::Route,
    shape,
};

pub(crate) const KEYS: &[&str] = &[
    "baseUrl",
    "body",
    "bodyParam",
    "deprecated",
    "description",
    "effect",
    "encoding",
    "extends",
    "headers",
    "idempotency",
    "internal",
    "output",
    "paginate",
    "params",
    "prepare",
    "query",
    "request",
    "returns",
    "routes",
    "send",
    "success",
    "title",
    "unsubscribe",
];

pub(super) const REQUEST_KEYS: &[&str] = &["method", "url", "headers"];
pub(super) const PREPARE_KEYS: &[&str] = &["operation", "with", "when", "give"];
pub(super) const IDEMPOTENCY_KEYS: &[&str] = &["find", "header", "id", "upsert", "value"];

impl Reader {
    /// The id of the operation that another builds on.
    pub(super) fn extended(entry: &Entry) -> Option<(&str, Span)> {
        let node = entry.value.get("extends")?;
        Some((node.as_str().unwrap_or(""), node.span))
    }

    /// An operation; what it does not say is as in the one it builds on.
    pub(super) fn operation(&mut self, entry: &Entry, base: Option<&Operation>) -> Operation {
        let id = entry.key.text.as_str();
        let place = format!("operation `{id}`");
        let empty = Mapping::default();
        let map = self.object(&entry.value, &place, KEYS).unwrap_or(&empty);
        let mut operation = base.cloned().unwrap_or_else(|| Operation::new(id, "", ""));
        id.clone_into(&mut operation.id);
        operation.title = self.text(map, "title").unwrap_or_else(|| id.to_owned());
        operation.description = self.text(map, "description").unwrap_or_default();
        operation.deprecated = self.deprecated(map);
        operation.internal = self.flag(map, "internal");
        if base.is_none() && map.get("effect").is_none() {
            self.sink.missing_key(entry.key.span, "effect", &place);
        }
        if let Some(effect) = self.choice(map, "effect", Effect::ALL) {
            operation.effect = effect;
        }
        match map.get("request") {
            Some(node) => self.request(node, &mut operation),
            None if base.is_none() => self.sink.missing_key(entry.key.span, "request", &place),
            None => {}
        }
        operation.routes = self.routes(map);
        if let Some(base) = self.template(map, "baseUrl") {
            operation.base_url = Some(base);
        }
        self.operation_request(map, &mut operation);
        self.operation_answer(map, &mut operation);
        if let Some(node) = map.get("idempotency") {
            operation.idempotency = self.idempotency(node);
        }
        if let Some(node) = map.get("unsubscribe") {
            operation.unsubscribe = self.unsubscribe(node);
        }
        self.check_path(&operation, entry);
        self.check_paging(&operation, entry.key.span);
        operation
    }

    fn operation_request(&mut self, map: &Mapping, operation: &mut Operation) {
        for param in self.params(map, Some(&operation.path)) {
            operation.params.retain(|it| it.name != param.name);
            operation.params.push(param);
        }
        for (name, template) in self.templates(map, "headers") {
            operation.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            operation.headers.push((name, template));
        }
        for (name, template) in self.templates(map, "query") {
            operation.query.retain(|(known, _)| *known != name);
            operation.query.push((name, template));
        }
        if let Some(name) = self.text(map, "bodyParam") {
            operation.body_param = name;
        }
        if let Some(schema) = self.schema(map, "body") {
            operation.body = Some(schema);
        }
        let has_fields = operation.params.iter().any(|it| it.place == Place::Form);
        if let Some(encoding) = self.choice(map, "encoding", Encoding::ALL) {
            operation.encoding = encoding;
        } else if has_fields && operation.encoding == Encoding::Json {
            operation.encoding = Encoding::Form;
        }
        if let Some(node) = map.get("send") {
            operation.send = Some(self.shape(node));
        }
        if let Some(node) = map.get("prepare") {
            operation.prepare = self.prepare(node).map(Box::new);
        }
        if has_fields {
            self.check_fields(map, operation);
        }
    }

    /// Parameters in `form` are the body, so that there is no other.
    fn check_fields(&mut self, map: &Mapping, operation: &Operation) {
        let (key, message) = match operation.encoding {
            _ if operation.body.is_some() => {
                ("body", "there is a body besides the parameters in `form`, which make one")
            }
            Encoding::Text | Encoding::Binary => {
                ("encoding", "parameters in `form` make a form, not text or bytes")
            }
            Encoding::Json | Encoding::Form | Encoding::Multipart => return,
        };
        let node = map.get(key).or_else(|| map.get("params"));
        let span = node.map_or_else(Span::default, |it| it.span);
        self.sink.push(Diagnostic::new(code::INVALID_CHOICE, span, message));
    }

    fn operation_answer(&mut self, map: &Mapping, operation: &mut Operation) {
        if let Some(schema) = self.schema(map, "returns") {
            operation.returns = Some(schema);
        }
        if map.get("success").is_some() {
            operation.success = self.statuses(map, "success");
        }
        if let Some(node) = map.get("paginate") {
            operation.paginate = self.paginate(node);
        }
        if let Some(node) = map.get("output") {
            operation.output = Some(self.shape(node));
        }
    }

    /// `GET /path/{param}`, or `{method, url, headers}` of a request that the flow describes.
    fn request(&mut self, node: &Node, operation: &mut Operation) {
        if node.as_map().is_none() {
            (operation.method, operation.path) = self.request_line(node);
            operation.address = None;
            return;
        }
        let Some(map) = self.object(node, "`request`", REQUEST_KEYS) else {
            return;
        };
        for key in ["method", "url"] {
            if map.get(key).is_none() {
                self.sink.missing_key(node.span, key, "`request`");
            }
        }
        operation.address = Some(Address {
            method: self.template_or(map, "method", "GET"),
            url: self.template_or(map, "url", ""),
            headers: map.get("headers").map(|it| self.shape(it)),
        });
        (operation.method, operation.path) = (String::new(), String::new());
    }

    /// A value in which lists may be made of lists.
    fn shape(&mut self, node: &Node) -> Tree {
        self.check_shape(node);
        self.tree(node)
    }

    fn check_shape(&mut self, node: &Node) {
        let Some(map) = node.as_map() else {
            node.as_seq().into_iter().flatten().for_each(|it| self.check_shape(it));
            return;
        };
        if map.iter().any(|it| shape::KEYS.contains(&it.key.text.as_str())) {
            let place = "an object with `$each`";
            self.object(node, place, shape::KEYS);
            if map.get(shape::EACH).is_none() {
                self.sink.missing_key(node.span, shape::EACH, place);
            }
        }
        map.iter().for_each(|it| self.check_shape(&it.value));
    }

    fn prepare(&mut self, node: &Node) -> Option<Prepare> {
        let place = "`prepare`";
        let map = self.object(node, place, PREPARE_KEYS)?;
        let (operation, with) = self.called(map, place, node);
        if map.get("give").is_none() {
            self.sink.missing_key(node.span, "give", place);
        }
        let given = map.get("give").and_then(|it| self.entries(it, "`give`"));
        let mut give = Vec::new();
        for entry in given.into_iter().flatten() {
            give.push((entry.key.text.clone(), self.shape(&entry.value)));
        }
        Some(Prepare { operation, with, when: self.template(map, "when"), give })
    }

    /// Other ways to it, which one that is built on it does not have.
    pub(super) fn routes(&mut self, map: &Mapping) -> Vec<Route> {
        let Some(node) = map.get("routes") else { return Vec::new() };
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        let routes = items.iter().map(|it| {
            let (method, path) = self.request_line(it);
            Route { method, path }
        });
        routes.collect()
    }

    /// `GET /path/{param}`.
    pub(super) fn request_line(&mut self, node: &Node) -> (String, String) {
        let text = node.as_str().unwrap_or("");
        let (method, path) = text.split_once(' ').unwrap_or((text, ""));
        let closed = path.matches('{').count() == path.matches('}').count();
        let plain = !path.contains(['?', '#', '\\', ' ']) && !path.contains("/../");
        if !METHODS.contains(&method) || !path.starts_with('/') || !closed || !plain {
            let message = format!("`{text}` is not a method and a path");
            let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
            self.sink.push(found.hint("write it as in `GET /referrals/{id}`"));
        }
        (method.to_owned(), path.to_owned())
    }

    /// Whatever stands in the path must be a parameter that always has a value.
    fn check_path(&mut self, operation: &Operation, entry: &Entry) {
        let upsert = match &operation.idempotency {
            Idempotency::Upsert { path, .. } => path.as_str(),
            Idempotency::None | Idempotency::Header { .. } | Idempotency::Find { .. } => "",
        };
        for name in names(&operation.path).chain(names(upsert).filter(|it| *it != "$id")) {
            match operation.param(name) {
                Some(param) if param.required || param.default.is_some() => {}
                Some(_) => {
                    let message = format!("parameter `{name}` is in the path and must be required");
                    self.sink.push(Diagnostic::new(code::MISSING_KEY, entry.key.span, message));
                }
                None => {
                    let message = format!("`{name}` is in the path and is not a parameter");
                    let found = Diagnostic::new(code::MISSING_KEY, entry.key.span, message);
                    let known = operation.params.iter().map(|it| it.name.as_str());
                    self.unknown_name(found, name, known);
                }
            }
        }
    }

    fn idempotency(&mut self, node: &Node) -> Idempotency {
        let Some(map) = self.object(node, "`idempotency`", IDEMPOTENCY_KEYS) else {
            return Idempotency::None;
        };
        if let Some(name) = self.text(map, "header") {
            return Idempotency::Header { name, value: self.template(map, "value") };
        }
        if let Some(upsert) = map.get("upsert") {
            let (method, path) = self.request_line(upsert);
            let Some(id) = self.template(map, "id") else {
                self.sink.missing_key(node.span, "id", "`idempotency` with `upsert`");
                return Idempotency::None;
            };
            return Idempotency::Upsert { method, path, id };
        }
        if let Some(find) = map.get("find") {
            return self.find(find);
        }
        let message = "`idempotency` needs one of `header`, `upsert`, `find`";
        self.sink.push(Diagnostic::new(code::MISSING_KEY, node.span, message));
        Idempotency::None
    }

    fn unsubscribe(&mut self, node: &Node) -> Option<(String, Tree)> {
        let place = "`unsubscribe`";
        let map = self.object(node, place, &["operation", "with"])?;
        Some(self.called(map, place, node))
    }

    /// Another operation, and its inputs.
    pub(super) fn called(&mut self, map: &Mapping, place: &str, node: &Node) -> (String, Tree) {
        let operation = self.required_text(map, ("operation", place), node.span);
        let with =
            map.get("with").map_or_else(|| Tree::Object(Entries::default()), |it| self.tree(it));
        (operation, with)
    }

    fn find(&mut self, node: &Node) -> Idempotency {
        let Some(map) = self.object(node, "`find`", &["operation", "with", "found"]) else {
            return Idempotency::None;
        };
        let (operation, with) = self.called(map, "`find`", node);
        if let Some(found) = self.template(map, "found") {
            return Idempotency::Find { operation, with, found };
        }
        self.sink.missing_key(node.span, "found", "`find`");
        Idempotency::None
    }
}

/// The parameters in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|it| it.split_once('}')).map(|(name, _)| name)
}

/// A template that gives one text.
pub(super) fn constant(text: &str) -> Template {
    Template::parse(text, Dialect::Wdl).0
}

//! Reads what a connection needs and what all requests have in common.

use base::{Quota, Span, quota::Rate};
use serde_json::Value;
use yaml::{Entry, Mapping};

use super::{operation::constant, reader::Reader};
use crate::{
    auth::Auth,
    model::{ConnectionParam, ConnectionSpec, HttpSpec, ParamKind},
};

/// How requests prove who sends them, from JSON that is written as in connector files. The error is
/// the first fault.
pub(crate) fn auth_of(auth: &Value, params: &[ConnectionParam]) -> Result<Auth, String> {
    let (node, _) = yaml::parse_json(&auth.to_string());
    let mut reader = Reader::default();
    let read = node.and_then(|it| reader.auth(&it, params));
    let found = reader.sink.into_sorted();
    let fault = found.into_iter().find(|it| it.severity == base::Severity::Error);
    match (read, fault) {
        (Some(auth), None) => Ok(auth),
        (_, Some(fault)) => Err(fault.message),
        (None, None) => Err("it cannot be read".to_owned()),
    }
}

pub(super) const KEYS: &[&str] = &["auth", "params", "test"];
pub(super) const PARAM_KEYS: &[&str] = &["default", "description", "example", "required", "type"];
pub(super) const HTTP_KEYS: &[&str] =
    &["baseUrl", "concurrency", "followLinksTo", "headers", "rate", "timeout"];

impl Reader {
    /// What the operator has to supply.
    pub(super) fn connection(&mut self, map: &Mapping) -> ConnectionSpec {
        self.connection_with(map, Vec::new())
    }

    /// The same with parameters that are known already; those of the file count more.
    pub(super) fn connection_with(
        &mut self,
        map: &Mapping,
        mut params: Vec<ConnectionParam>,
    ) -> ConnectionSpec {
        let Some(map) = map.get("connection").and_then(|it| self.object(it, "`connection`", KEYS))
        else {
            return ConnectionSpec::default();
        };
        let entries = map.get("params").and_then(|it| self.entries(it, "`params`"));
        for entry in entries.into_iter().flatten() {
            let param = self.connection_param(entry);
            match params.iter_mut().find(|it| it.name == param.name) {
                Some(known) => *known = param,
                None => params.push(param),
            }
        }
        ConnectionSpec {
            auth: map.get("auth").and_then(|it| self.auth(it, &params)).unwrap_or_default(),
            params,
            test: map.get("test").and_then(|it| {
                let map = self.object(it, "`test`", &["operation", "with"])?;
                let operation = self.required_text(map, ("operation", "`test`"), it.span);
                Some((operation, Self::json(map, "with").unwrap_or_default()))
            }),
        }
    }

    fn connection_param(&mut self, entry: &Entry) -> ConnectionParam {
        let name = entry.key.text.clone();
        let place = format!("connection parameter `{name}`");
        let empty = Mapping::default();
        let map = self.object(&entry.value, &place, PARAM_KEYS).unwrap_or(&empty);
        let kind = self.choice(map, "type", ParamKind::ALL).unwrap_or(ParamKind::String);
        ConnectionParam {
            name,
            kind,
            required: self.flag(map, "required"),
            default: Self::json(map, "default"),
            description: self.text(map, "description").unwrap_or_default(),
        }
    }

    /// What all requests have in common.
    pub(super) fn http(&mut self, map: &Mapping, span: Span) -> HttpSpec {
        let empty = Mapping::default();
        let is_program = map.get("kind").is_some();
        let map = match map.get("http") {
            Some(node) => self.object(node, "`http`", HTTP_KEYS).unwrap_or(&empty),
            None => &empty,
        };
        if map.get("baseUrl").is_none() && !self.is_overlay && !is_program {
            self.sink.missing_key(span, "http: baseUrl", "a connector");
        }
        HttpSpec {
            base_url: self.template(map, "baseUrl").unwrap_or_else(|| constant("")),
            headers: self.templates(map, "headers"),
            timeout: self.duration(map, "timeout"),
            quota: Quota { concurrency: self.count(map, "concurrency"), rate: self.rate(map) },
            follow_links_to: self.texts(map, "followLinksTo"),
        }
    }

    /// `rate: {calls, per}`.
    fn rate(&mut self, map: &Mapping) -> Option<Rate> {
        let node = map.get("rate")?;
        let map = self.object(node, "`rate`", &["calls", "per"])?;
        let span = node.span;
        for key in ["calls", "per"].into_iter().filter(|key| map.get(key).is_none()) {
            self.sink.missing_key(span, key, "`rate`");
        }
        let (calls, per) = (self.count(map, "calls"), self.duration(map, "per"));
        Some(Rate { calls: calls?.max(1), per: per? })
    }
}

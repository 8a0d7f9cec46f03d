//! Reads what a connection needs and what all requests have in common.

use base::{Quota, Span, quota::Rate};
use yaml::{Entry, Mapping, Node};

use super::{operation::constant, reader::Reader};
use crate::{
    auth::{Auth, Grant, OAuth2},
    model::{ConnectionParam, ConnectionSpec, HttpSpec, ParamKind},
};

#[derive(Clone, Copy)]
enum AuthType {
    None,
    Basic,
    ApiKey,
    Bearer,
    OAuth2,
}

const AUTH_TYPES: &[(&str, AuthType)] = &[
    ("none", AuthType::None),
    ("basic", AuthType::Basic),
    ("apiKey", AuthType::ApiKey),
    ("bearer", AuthType::Bearer),
    ("oauth2", AuthType::OAuth2),
];

impl Reader {
    /// What the operator has to supply.
    pub(super) fn connection(&mut self, map: &Mapping) -> ConnectionSpec {
        let Some(map) = map
            .get("connection")
            .and_then(|it| self.object(it, "`connection`", &["params", "auth", "test"]))
        else {
            return ConnectionSpec::default();
        };
        let entries = map.get("params").and_then(|it| self.entries(it, "`params`"));
        ConnectionSpec {
            params: entries.into_iter().flatten().map(|it| self.connection_param(it)).collect(),
            auth: map.get("auth").and_then(|it| self.auth(it)).unwrap_or_default(),
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
        let known = &["type", "required", "default", "description", "example"];
        let empty = Mapping::default();
        let map = self.object(&entry.value, &place, known).unwrap_or(&empty);
        let kind = self.choice(map, "type", ParamKind::ALL).unwrap_or(ParamKind::String);
        ConnectionParam {
            name,
            kind,
            required: self.flag(map, "required"),
            default: Self::json(map, "default"),
            description: self.text(map, "description").unwrap_or_default(),
        }
    }

    fn auth(&mut self, node: &Node) -> Option<Auth> {
        let map = self.entries(node, "`auth`")?;
        if map.get("type").is_none() {
            self.sink.missing_key(node.span, "type", "`auth`");
        }
        let place = "`auth`";
        Some(match self.choice(map, "type", AUTH_TYPES)? {
            AuthType::None => {
                self.object(node, place, &["type"])?;
                Auth::None
            }
            AuthType::Basic => {
                self.object(node, place, &["type", "username", "password"])?;
                Auth::Basic {
                    username: self.template_or(map, "username", "@connection('username')"),
                    password: self.template_or(map, "password", "@connection('password')"),
                }
            }
            AuthType::ApiKey => {
                self.object(node, place, &["type", "in", "name", "value"])?;
                let places = &[("header", false), ("query", true)];
                Auth::ApiKey {
                    in_query: self.choice(map, "in", places).unwrap_or(false),
                    name: self.required_text(map, ("name", place), node.span),
                    value: self.template_or(map, "value", "@connection('apiKey')"),
                }
            }
            AuthType::Bearer => {
                self.object(node, place, &["type", "token"])?;
                Auth::Bearer { token: self.template_or(map, "token", "@connection('token')") }
            }
            AuthType::OAuth2 => self.oauth2(node)?,
        })
    }

    fn oauth2(&mut self, node: &Node) -> Option<Auth> {
        let known = &[
            "type",
            "grant",
            "tokenUrl",
            "clientId",
            "clientSecret",
            "refreshToken",
            "clientAuth",
            "form",
        ];
        let map = self.object(node, "`auth`", known)?;
        for key in ["grant", "tokenUrl"] {
            if map.get(key).is_none() {
                self.sink.missing_key(node.span, key, "`auth` of type `oauth2`");
            }
        }
        let ways = &[("body", false), ("basic", true)];
        Some(Auth::OAuth2(Box::new(OAuth2 {
            grant: self.choice(map, "grant", Grant::ALL)?,
            token_url: self.template(map, "tokenUrl")?,
            client_id: self.template_or(map, "clientId", "@connection('clientId')"),
            client_secret: self.template_or(map, "clientSecret", "@connection('clientSecret')"),
            refresh_token: self.template_or(map, "refreshToken", "@connection('refreshToken')"),
            basic: self.choice(map, "clientAuth", ways).unwrap_or(false),
            form: self.templates(map, "form"),
        })))
    }

    /// What all requests have in common.
    pub(super) fn http(&mut self, map: &Mapping, span: Span) -> HttpSpec {
        let known = &["baseUrl", "headers", "timeout", "concurrency", "rate", "followLinksTo"];
        let empty = Mapping::default();
        let map = match map.get("http") {
            Some(node) => self.object(node, "`http`", known).unwrap_or(&empty),
            None => &empty,
        };
        if map.get("baseUrl").is_none() {
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

//! Reads how requests prove who sends them. Values default to the parameter of the same name.

use base::{Diagnostic, Span, code};
use expr::{Dialect, Template};
use yaml::{Mapping, Node};

use super::reader::Reader;
use crate::{
    auth::{Algorithm, Assertion, Auth, AwsSigV4, ClientAuth, Grant, Hmac, OAuth2, Written},
    model::ConnectionParam,
};

const PLACE: &str = "`auth`";

#[derive(Clone, Copy)]
pub(super) enum AuthType {
    None,
    Basic,
    ApiKey,
    Bearer,
    OAuth2,
    Hmac,
    AwsSigV4,
    ClientCertificate,
}

pub(super) const AUTH_TYPES: &[(&str, AuthType)] = &[
    ("none", AuthType::None),
    ("basic", AuthType::Basic),
    ("apiKey", AuthType::ApiKey),
    ("bearer", AuthType::Bearer),
    ("oauth2", AuthType::OAuth2),
    ("hmac", AuthType::Hmac),
    ("awsSigV4", AuthType::AwsSigV4),
    ("clientCertificate", AuthType::ClientCertificate),
];

/// Where a proof may go.
pub(super) const PLACES: &[(&str, bool)] = &[("header", false), ("query", true)];

/// One way that is being read.
struct Way<'n> {
    map: &'n Mapping,
    span: Span,
    params: &'n [ConnectionParam],
    /// Whether `name` is what the way is called.
    is_named: bool,
}

impl Reader {
    /// How requests prove who sends them: one way, or several to choose from.
    pub(super) fn auth(&mut self, node: &Node, params: &[ConnectionParam]) -> Option<Auth> {
        let map = self.entries(node, PLACE)?;
        let Some(ways) = map.get("oneOf") else { return self.way(node, params, false) };
        self.object(node, PLACE, &["oneOf"]);
        let Some(items) = ways.as_seq() else {
            self.sink.wrong_type(ways.span, "`oneOf`", "a list", ways.kind_name());
            return None;
        };
        let mut named: Vec<(String, Auth)> = Vec::new();
        for item in items {
            let Some(map) = self.entries(item, "a way of `oneOf`") else { continue };
            let name = self.required_text(map, ("name", "a way of `oneOf`"), item.span);
            if named.iter().any(|(known, _)| *known == name) {
                let message = format!("there are two ways `{name}`");
                let span = map.get("name").map_or(item.span, |it| it.span);
                self.sink.push(Diagnostic::new(code::DUPLICATE_NAME, span, message));
            } else if let Some(auth) = self.way(item, params, true) {
                named.push((name, auth));
            }
        }
        (!named.is_empty()).then_some(Auth::OneOf(named))
    }

    fn way(&mut self, node: &Node, params: &[ConnectionParam], is_named: bool) -> Option<Auth> {
        let map = self.entries(node, PLACE)?;
        if map.get("type").is_none() {
            self.sink.missing_key(node.span, "type", PLACE);
        }
        let kind = self.choice(map, "type", AUTH_TYPES)?;
        let mut known: Vec<&str> = keys(kind).to_vec();
        known.push("type");
        if is_named && !known.contains(&"name") {
            known.push("name");
        }
        self.object(node, PLACE, &known)?;
        let way = Way { map, span: node.span, params, is_named };
        Some(match kind {
            AuthType::None => Auth::None,
            AuthType::Basic => Auth::Basic {
                username: self.own(&way, "username"),
                password: self.own(&way, "password"),
            },
            AuthType::ApiKey => {
                let (in_query, name) = self.place(&way);
                Auth::ApiKey { in_query, name, value: self.own_as(&way, "value", "apiKey") }
            }
            AuthType::Bearer => Auth::Bearer { token: self.own(&way, "token") },
            AuthType::OAuth2 => Auth::OAuth2(Box::new(self.oauth2(&way)?)),
            AuthType::Hmac => Auth::Hmac(Box::new(self.hmac_auth(&way)?)),
            AuthType::AwsSigV4 => Auth::AwsSigV4(Box::new(AwsSigV4 {
                region: self.own(&way, "region"),
                service: self.own(&way, "service"),
                access_key_id: self.own(&way, "accessKeyId"),
                secret_access_key: self.own(&way, "secretAccessKey"),
                session_token: self.may_own(&way, "sessionToken"),
            })),
            AuthType::ClientCertificate => Auth::ClientCertificate {
                certificate: self.own(&way, "certificate"),
                key: self.own_as(&way, "key", "privateKey"),
            },
        })
    }

    fn oauth2(&mut self, way: &Way<'_>) -> Option<OAuth2> {
        const OAUTH2: &str = "`auth` of type `oauth2`";
        let Way { map, span, .. } = *way;
        let grant = self.choice(map, "grant", Grant::ALL);
        let needed: &[&str] = match grant {
            Some(Grant::AuthorizationCode) => &["tokenUrl", "authorizeUrl"],
            Some(Grant::DeviceCode) => &["tokenUrl", "deviceUrl"],
            Some(_) => &["tokenUrl"],
            None => &["grant", "tokenUrl"],
        };
        for key in needed.iter().filter(|key| map.get(key).is_none()) {
            self.sink.missing_key(span, key, OAUTH2);
        }
        let grant = grant?;
        let client_auth =
            self.choice(map, "clientAuth", ClientAuth::ALL).unwrap_or(ClientAuth::Body);
        let signs = client_auth == ClientAuth::Assertion;
        let person = |reader: &mut Self, key| match grant {
            Grant::Password => reader.own(way, key),
            _ => reader.may_own(way, key),
        };
        Some(OAuth2 {
            token_url: self.template(map, "tokenUrl")?,
            // An assertion may name its issuer instead.
            client_id: match grant {
                Grant::JwtBearer => self.may_own(way, "clientId"),
                _ => self.own(way, "clientId"),
            },
            client_secret: match grant {
                _ if signs => self.optional(map, "clientSecret"),
                Grant::ClientCredentials => self.own(way, "clientSecret"),
                Grant::JwtBearer => self.optional(map, "clientSecret"),
                _ => self.may_own(way, "clientSecret"),
            },
            refresh_token: match grant {
                Grant::RefreshToken => self.own(way, "refreshToken"),
                _ => self.optional(map, "refreshToken"),
            },
            client_auth,
            scope: self.optional(map, "scope"),
            form: self.templates(map, "form"),
            authorize_url: self.optional(map, "authorizeUrl"),
            query: self.templates(map, "query"),
            device_url: self.optional(map, "deviceUrl"),
            username: person(self, "username"),
            password: person(self, "password"),
            assertion: (signs || grant == Grant::JwtBearer).then(|| Assertion {
                key: self.own_as(way, "key", "privateKey"),
                key_id: self.optional(map, "keyId"),
                certificate: self.may_own(way, "certificate"),
                issuer: self.optional(map, "issuer"),
                subject: self.optional(map, "subject"),
                audience: self.optional(map, "audience"),
                lifetime: self.duration(map, "lifetime"),
                claims: self.templates(map, "claims"),
            }),
            grant,
        })
    }

    fn hmac_auth(&mut self, way: &Way<'_>) -> Option<Hmac> {
        const HMAC: &str = "`auth` of type `hmac`";
        let Way { map, span, .. } = *way;
        if map.get("canonical").is_none() {
            self.sink.missing_key(span, "canonical", HMAC);
        }
        let (in_query, name) = self.place(way);
        Some(Hmac {
            algorithm: self.choice(map, "algorithm", Algorithm::ALL).unwrap_or(Algorithm::Sha256),
            key: self.own_as(way, "key", "secret"),
            key_written: self.choice(map, "keyEncoding", Written::KEYS).unwrap_or(Written::Text),
            headers: self.templates(map, "headers"),
            canonical: self.template(map, "canonical")?,
            written: self.choice(map, "encoding", Written::DIGESTS).unwrap_or(Written::Hex),
            in_query,
            name,
            value: self.template_or(map, "value", "@signature()"),
        })
    }

    /// Where a proof goes and under which name: `header` or `query`, or `name` and `in`.
    fn place(&mut self, way: &Way<'_>) -> (bool, String) {
        let Way { map, span, is_named, .. } = *way;
        for (key, in_query) in PLACES {
            if let Some(name) = self.text(map, key) {
                return (*in_query, name);
            }
        }
        if is_named || map.get("name").is_none() {
            self.sink.missing_key(span, "header", PLACE);
            return (false, String::new());
        }
        let in_query = self.choice(map, "in", PLACES).unwrap_or(false);
        (in_query, self.text(map, "name").unwrap_or_default())
    }

    /// A value that there must be: what the file says, or the parameter of the same name.
    fn own(&mut self, way: &Way<'_>, key: &str) -> Template {
        self.own_as(way, key, key)
    }

    fn own_as(&mut self, way: &Way<'_>, key: &str, param: &str) -> Template {
        if way.map.get(key).is_none() && !way.has(param) {
            let message = format!("there is no `{key}` in `auth` and no parameter `{param}`");
            let found = Diagnostic::new(code::MISSING_KEY, way.span, message);
            self.sink.push(found.hint(format!("add `{param}` to `params`")));
        }
        self.template_or(way.map, key, &parameter(way, param))
    }

    /// A value that there need not be.
    fn may_own(&mut self, way: &Way<'_>, key: &str) -> Template {
        self.template_or(way.map, key, &parameter(way, key))
    }

    /// What the file says; null if it says nothing.
    fn optional(&mut self, map: &Mapping, key: &str) -> Template {
        self.template(map, key).unwrap_or_else(|| Template::parse("@null", Dialect::Wdl).0)
    }
}

impl Way<'_> {
    fn has(&self, param: &str) -> bool {
        self.params.iter().any(|it| it.name == param)
    }
}

/// The parameter's value, as the file would write it; null if there is no such parameter.
fn parameter(way: &Way<'_>, param: &str) -> String {
    if way.has(param) { format!("@connection('{param}')") } else { "@null".to_owned() }
}

/// What a type has besides `type`.
pub(super) const fn keys(kind: AuthType) -> &'static [&'static str] {
    match kind {
        AuthType::None => &[],
        AuthType::Basic => &["username", "password"],
        AuthType::ApiKey => &["header", "query", "in", "name", "value"],
        AuthType::Bearer => &["token"],
        AuthType::OAuth2 => &[
            "grant",
            "tokenUrl",
            "clientId",
            "clientSecret",
            "clientAuth",
            "refreshToken",
            "scope",
            "form",
            "authorizeUrl",
            "query",
            "deviceUrl",
            "username",
            "password",
            "key",
            "keyId",
            "certificate",
            "issuer",
            "subject",
            "audience",
            "lifetime",
            "claims",
        ],
        AuthType::Hmac => &[
            "algorithm",
            "key",
            "keyEncoding",
            "headers",
            "canonical",
            "encoding",
            "header",
            "query",
            "value",
        ],
        AuthType::AwsSigV4 => {
            &["region", "service", "accessKeyId", "secretAccessKey", "sessionToken"]
        }
        AuthType::ClientCertificate => &["certificate", "key"],
    }
}

//! How requests prove who sends them: security definitions and connection parameters, joined.
//!
//! The ways are written as connector files write them, and read by the same reader.

use serde_json::{Map, Value, json};

use super::{Import, Policies, connection::own, host, oauth};
use crate::{
    auth::Auth,
    model::{ConnectionParam, ParamKind},
    parse,
    policy::{self, Policy},
};

/// A set of connection parameters, with its name.
type Set = (String, Map<String, Value>);

/// A security definition.
struct Scheme<'d> {
    name: &'d str,
    declared: &'d Value,
}

impl<'d> Scheme<'d> {
    fn text(&self, key: &str) -> &'d str {
        self.declared.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The type as version 2 has it; `bearer` is of version 3 only.
    fn kind(&self) -> &'d str {
        match (self.text("type"), self.text("scheme").to_ascii_lowercase().as_str()) {
            ("http", "basic") => "basic",
            ("http", "bearer") => "bearer",
            (kind, _) => kind,
        }
    }
}

impl Import<'_> {
    /// How requests prove who sends them; what is needed for that is added to the parameters.
    pub(super) fn auth(
        &mut self,
        policies: &Policies,
        sets: &[Set],
        params: &mut Vec<ConnectionParam>,
    ) -> Auth {
        let mut ways: Vec<Value> = Vec::new();
        for (name, set) in sets {
            for mut way in self.ways(policies, set, params) {
                if sets.len() > 1 {
                    let own = way.get("name").and_then(Value::as_str).map(str::to_owned);
                    let name = own.map_or_else(|| name.clone(), |own| format!("{name}-{own}"));
                    way["name"] = name.into();
                }
                ways.push(way);
            }
        }
        let is_one = ways.len() < 2;
        let node = match ways.pop() {
            None => return Auth::None,
            Some(mut only) if is_one => {
                // A single way needs no name, which a key would take for its header's.
                if let Some(members) = only.as_object_mut() {
                    members.shift_remove("name");
                }
                only
            }
            Some(last) => {
                ways.push(last);
                json!({ "oneOf": ways })
            }
        };
        match parse::auth_of(&node, params) {
            Ok(auth) => auth,
            Err(why) => {
                self.report.warn(format!("authentication: {why}"));
                Auth::None
            }
        }
    }

    /// The ways of one set of parameters.
    fn ways(
        &mut self,
        policies: &Policies,
        set: &Map<String, Value>,
        params: &mut Vec<ConnectionParam>,
    ) -> Vec<Value> {
        let document = self.document;
        let pointer =
            if document.is_three { "/components/securitySchemes" } else { "/securityDefinitions" };
        let schemes = document.root.pointer(pointer).and_then(Value::as_object);
        let schemes: Vec<Scheme<'_>> = schemes
            .into_iter()
            .flatten()
            .map(|(name, it)| Scheme { name, declared: document.resolve(it).unwrap_or(it) })
            .collect();
        let oauth = set.values().find_map(|it| it.get("oAuthSettings"));
        if let Some(settings) = oauth {
            return oauth::ways(settings, params);
        }
        // Without properties, nobody was asked for anything yet.
        let is_bare = self.properties.is_null();
        for kind in ["basic", "apiKey", "bearer", "oauth2"] {
            let found: Vec<&Scheme<'_>> = schemes.iter().filter(|it| it.kind() == kind).collect();
            let Some(first) = found.first() else { continue };
            match kind {
                "basic" => return basic(set, is_bare, params).into_iter().collect(),
                "apiKey" => return self.keys(&found, (policies, set, is_bare), params),
                "bearer" => {
                    let secret = secrets(set).next().map(str::to_owned);
                    let secret = secret.or_else(|| is_bare.then(|| ask(params, "token")));
                    let way = |it: String| json!({ "type": "bearer", "token": connection(&it) });
                    return secret.map(way).into_iter().collect();
                }
                _ => return oauth::ways(&settings_of(first), params),
            }
        }
        for name in secrets(set).filter(|name| !host::asked(policies).any(|it| it == *name)) {
            self.report.warn(format!(
                "`{name}` is asked for, and nothing says where it goes; `auth` in a connector file can"
            ));
        }
        Vec::new()
    }

    /// Keys in headers or the query. One is the proof; further ones are set beside it.
    fn keys(
        &mut self,
        found: &[&Scheme<'_>],
        (policies, set, is_bare): (&Policies, &Map<String, Value>, bool),
        params: &mut Vec<ConnectionParam>,
    ) -> Vec<Value> {
        let mut free: Vec<&str> = secrets(set).collect();
        let mut ways = Vec::new();
        for scheme in found {
            let (name, in_query) = (scheme.text("name").trim(), scheme.text("in") == "query");
            let is_done = policies.done.iter().any(|it| it.sets(name, in_query));
            if name.is_empty() || is_done {
                continue;
            }
            let secret = bound(scheme.name, name, &free, found.len() == 1).map(str::to_owned);
            let secret = secret.or_else(|| is_bare.then(|| ask(params, "apiKey")));
            let Some(secret) = secret else {
                self.report.warn(format!(
                    "nothing that a connection has is the key `{name}`; `auth` in a connector file can \
                     say what is"
                ));
                continue;
            };
            free.retain(|it| *it != secret);
            if ways.is_empty() {
                let place = if in_query { "query" } else { "header" };
                ways.push(json!({ "type": "apiKey", place: name, "value": connection(&secret) }));
            } else {
                // A way to prove who asks is one key; further ones go beside it.
                self.keys.push(Policy::key(name, in_query, &secret));
            }
        }
        ways
    }
}

/// User name and password: the parameters of these names, else the first two texts there are.
fn basic(
    set: &Map<String, Value>,
    is_bare: bool,
    params: &mut Vec<ConnectionParam>,
) -> Option<Value> {
    if is_bare {
        add(params, own("username", ParamKind::String, "User name."));
        ask(params, "password");
        return Some(json!({ "type": "basic" }));
    }
    let named =
        |wanted: &str| set.keys().find(|it| it.eq_ignore_ascii_case(wanted)).map(String::as_str);
    let mut all = secrets(set);
    let (user, password) = match (named("username"), named("password")) {
        (Some(user), Some(password)) => (user, password),
        (Some(user), None) => (user, all.find(|it| *it != user)?),
        (None, Some(password)) => (all.find(|it| *it != password)?, password),
        (None, None) => {
            let (first, second) = (all.next()?, all.next());
            // A single secret is both, as services with tokens want it.
            (first, second.unwrap_or(first))
        }
    };
    Some(json!({ "type": "basic", "username": connection(user), "password": connection(password) }))
}

/// The names of secrets, in the order of the file.
fn secrets(set: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let is_secret = |it: &&Value| {
        let kind = it.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.eq_ignore_ascii_case("securestring")
    };
    set.iter().filter(move |(_, it)| is_secret(it)).map(|(name, _)| name.as_str())
}

/// The secret that a key is: of the same name, of nearly the same name, or the only one.
fn bound<'s>(scheme: &str, name: &str, secrets: &[&'s str], is_only: bool) -> Option<&'s str> {
    let plain = |text: &str| text.to_lowercase().replace(|it: char| !it.is_alphanumeric(), "");
    let by = |wanted: &str| secrets.iter().copied().find(|it| *it == wanted);
    let by_plain = |wanted: &str| secrets.iter().copied().find(|it| plain(it) == plain(wanted));
    by(scheme)
        .or_else(|| by(name))
        .or_else(|| by_plain(scheme))
        .or_else(|| by_plain(name))
        .or_else(|| secrets.first().copied().filter(|_| is_only && secrets.len() == 1))
        // Of several secrets, a key's name tells which is one.
        .or_else(|| {
            let mut keys = secrets.iter().copied().filter(|it| plain(it).contains("key"));
            keys.next().filter(|_| is_only && keys.next().is_none())
        })
}

/// The settings that a security definition stands for.
fn settings_of(scheme: &Scheme<'_>) -> Value {
    let flows = scheme.declared.get("flows").and_then(Value::as_object);
    let flow = flows.and_then(|it| it.values().next()).unwrap_or(scheme.declared);
    let text = |key: &str| flow.get(key).and_then(Value::as_str).map(|it| json!({ "value": it }));
    let scopes = flow.get("scopes").and_then(Value::as_object);
    let scopes: Vec<&String> = scopes.into_iter().flat_map(Map::keys).collect();
    let mut custom = Map::new();
    for key in ["authorizationUrl", "tokenUrl", "refreshUrl"] {
        if let Some(value) = text(key) {
            custom.insert(key.to_owned(), value);
        }
    }
    json!({ "identityProvider": "oauth2", "scopes": scopes, "customParameters": custom })
}

/// A secret that the definition needs and nobody asked for.
fn ask(params: &mut Vec<ConnectionParam>, name: &str) -> String {
    let mut param = own(name, ParamKind::Secret, "Proves who asks.");
    param.required = true;
    add(params, param);
    name.to_owned()
}

pub(super) fn add(params: &mut Vec<ConnectionParam>, param: ConnectionParam) {
    if !params.iter().any(|it| it.name == param.name) {
        params.push(param);
    }
}

/// A value of the connection, as connector files write it.
pub(super) fn connection(name: &str) -> String {
    format!("@connection({})", policy::quote(name))
}

impl Policy {
    /// Whether it sets a header or a parameter of that name for all operations.
    fn sets(&self, name: &str, in_query: bool) -> bool {
        self.operations.is_none()
            && self.target(in_query).is_some_and(|it| it.eq_ignore_ascii_case(name))
    }
}

//! A connector with the operator's values: checked once, secrets kept apart from expressions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base::{ErrorClass, Failure, Quota, Secret, digest::sha256_hex, suggest};
use serde_json::Value;
use url::Url;

use crate::{
    auth::Auth,
    model::{ConnectionParam, Connector, ParamKind},
    policy,
    scope::Scope,
};

/// A connector that can be asked.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Name in environments.
    pub name: String,
    /// What it connects to.
    pub connector: Arc<Connector>,
    /// How much may be asked of it: what the connector says, if the operator does not.
    pub quota: Quota,
    /// How its requests travel, where the operator says so.
    pub network: Network,
    values: BTreeMap<String, ConnectionValue>,
    /// Which of several ways to prove who asks.
    way: Option<String>,
}

/// How the requests of a connection travel.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Hosts and origins that may be called although they are not public.
    pub allow_hosts: Vec<String>,
    /// The address of a proxy, which may hold a password.
    pub proxy: Option<Secret<String>>,
    /// Certificates of authorities that this service's may lead to, as PEM.
    pub ca_certificate: Option<String>,
}

/// What people see in the place of what proves who asks.
pub(crate) const STAND_IN: &str = "<hidden>";

/// One value of a connection.
#[derive(Clone, Debug)]
pub enum ConnectionValue {
    /// A value that anybody may see.
    Plain(Value),
    /// A value that only authentication may see.
    Secret(Secret<String>),
}

impl Connection {
    /// Checks the operator's values and fills in what the connector presets. The connection can
    /// be used if there is no problem; each problem names its parameter.
    pub fn new(
        name: &str,
        connector: Arc<Connector>,
        mut values: BTreeMap<String, ConnectionValue>,
    ) -> (Self, Vec<Failure>) {
        let mut problems = Vec::new();
        let mut known = BTreeMap::new();
        for param in &connector.connection.params {
            match values.remove(&param.name) {
                Some(ConnectionValue::Plain(Value::Null)) | None => match &param.default {
                    Some(default) => {
                        known.insert(param.name.clone(), ConnectionValue::Plain(default.clone()));
                    }
                    None if param.required => {
                        problems.push(problem(name, &param.name, "is missing"));
                    }
                    None => {}
                },
                Some(value) => match accept(param, &value) {
                    Ok(value) => {
                        known.insert(param.name.clone(), value);
                    }
                    Err(what) => problems.push(problem(name, &param.name, what)),
                },
            }
        }
        for unknown in values.keys() {
            let names = connector.connection.params.iter().map(|it| it.name.as_str());
            let near = suggest::closest(unknown, names)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let what = format!("is not a parameter of `{}`{near}", connector.name);
            problems.push(problem(name, unknown, &what));
        }
        let quota = connector.http.quota;
        let (name, network) = (name.to_owned(), Network::default());
        (Self { name, connector, quota, network, values: known, way: None }, problems)
    }

    /// The same with one of the connector's ways to prove who asks.
    ///
    /// # Errors
    /// If there is no such way.
    pub fn with_way(mut self, way: &str) -> Result<Self, Failure> {
        let spec = &self.connector.connection.auth;
        if spec.choose(Some(way)).is_none() {
            let known = spec.ways().join(", ");
            let known = if known.is_empty() {
                "it has only one way".to_owned()
            } else {
                format!("it has {known}")
            };
            let message = format!(
                "connection `{}`: the connector `{}` has no way `{way}` to prove who asks; {known}",
                self.name, self.connector.name
            );
            return Err(Failure::of_class(ErrorClass::Validation, "InvalidConnection", message));
        }
        self.way = Some(way.to_owned());
        Ok(self)
    }

    /// How its requests prove who sends them.
    pub fn auth(&self) -> &Auth {
        self.connector.connection.auth.choose(self.way.as_deref()).unwrap_or(&Auth::None)
    }

    /// The same with a word in the place of each secret, to show people what it sends.
    pub(crate) fn with_stand_ins(&self) -> Self {
        let mut shown = self.clone();
        for value in shown.values.values_mut() {
            if let ConnectionValue::Secret(secret) = value {
                *secret = Secret::new(STAND_IN.to_owned());
            }
        }
        shown.network.proxy = None;
        shown
    }

    /// The same for the same values only: what was made for others is not for this one.
    pub fn fingerprint(&self) -> String {
        let plain = |it: &ConnectionValue| match it {
            ConnectionValue::Plain(value) => value.to_string(),
            ConnectionValue::Secret(secret) => format!("{:?}", secret.expose()),
        };
        let values: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        let proxy = self.network.proxy.as_ref().map(Secret::expose);
        let roots = &self.network.ca_certificate;
        let text = format!("{} {:?} {values:?} {proxy:?} {roots:?}", self.connector.name, self.way);
        sha256_hex(text.as_bytes())
    }

    /// A value that anybody may see; null if the operator left it out.
    pub(crate) fn plain(&self, name: &str) -> Result<Value, Failure> {
        let Some(param) = self.connector.connection.param(name) else {
            return Err(problem(&self.name, name, "is not a parameter of the connection"));
        };
        match self.values.get(name) {
            Some(ConnectionValue::Plain(value)) => Ok(value.clone()),
            None if param.kind != ParamKind::Secret => Ok(Value::Null),
            Some(ConnectionValue::Secret(_)) | None => {
                Err(problem(&self.name, name, "is a secret, which only `auth` may use"))
            }
        }
    }

    /// Any value, for authentication only.
    pub(crate) fn any(&self, name: &str) -> Result<Value, Failure> {
        match self.values.get(name) {
            Some(ConnectionValue::Secret(secret)) => Ok(secret.expose().clone().into()),
            None if self.connector.connection.param(name).is_some() => Ok(Value::Null),
            Some(ConnectionValue::Plain(_)) | None => self.plain(name),
        }
    }

    /// A text without the connection's secrets, in case a service repeats what it was sent.
    pub fn redact(&self, text: &str) -> String {
        // Shorter ones would be found in any text.
        self.without_secrets(text, 4)
    }

    /// The same for data, of which nothing but secrets must be lost: what is as long as keys are.
    pub fn redact_data(&self, text: &str) -> String {
        self.without_secrets(text, Self::KEY_CHARS_MIN)
    }

    /// As many characters as keys and tokens have at least; passwords may be words that data has, too.
    pub const KEY_CHARS_MIN: usize = 16;

    fn without_secrets(&self, text: &str, chars_min: usize) -> String {
        let secrets = self.values.values().filter_map(|it| match it {
            ConnectionValue::Secret(secret) => {
                Some(secret.expose()).filter(|it| chars_min <= it.len())
            }
            ConnectionValue::Plain(_) => None,
        });
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "*sanitized*"))
    }

    /// The origins of all addresses that the operator or the connector gave as parameters: where
    /// requests of this connection may go, private or not.
    pub fn origins(&self) -> Vec<String> {
        let uris = self.connector.connection.params.iter().filter(|it| it.kind == ParamKind::Uri);
        let texts = uris.filter_map(|param| match self.values.get(&param.name) {
            Some(ConnectionValue::Plain(Value::String(text))) => Url::parse(text).ok(),
            Some(ConnectionValue::Plain(_) | ConnectionValue::Secret(_)) | None => None,
        });
        let mut origins: Vec<String> =
            texts.map(|url| url.origin().ascii_serialization()).collect();
        // So may those that are put together of what the operator gave.
        let base = Scope::new(self).text(&self.connector.http.base_url).ok().flatten();
        let base = base.and_then(|it| Url::parse(&it).ok());
        origins.extend(base.map(|url| url.origin().ascii_serialization()));
        origins.extend(policy::origins(self));
        let mut seen = BTreeSet::new();
        origins.retain(|it| seen.insert(it.clone()));
        origins
    }
}

/// A value as the parameter's kind has it. The kind decides what is a secret, not where the
/// operator keeps it; values from the environment are text and are read as the kind says.
fn accept(
    param: &ConnectionParam,
    value: &ConnectionValue,
) -> Result<ConnectionValue, &'static str> {
    let value = match value {
        ConnectionValue::Plain(value) => value.clone(),
        ConnectionValue::Secret(secret) => Value::String(secret.expose().clone()),
    };
    let text = value.as_str();
    let plain = match param.kind {
        ParamKind::Secret => {
            let text = text.ok_or("must be text")?;
            return Ok(ConnectionValue::Secret(Secret::new(text.to_owned())));
        }
        ParamKind::String => text.map(Value::from).ok_or("must be text"),
        ParamKind::Uri => text
            .filter(|text| is_web_address(text))
            .map(|text| text.trim_end_matches('/').into())
            .ok_or("must be an absolute http or https address without user name or query"),
        ParamKind::Integer => value
            .as_i64()
            .or_else(|| text?.trim().parse().ok())
            .map(Value::from)
            .ok_or("must be a whole number"),
        ParamKind::Boolean => value
            .as_bool()
            .or_else(|| text?.trim().parse().ok())
            .map(Value::from)
            .ok_or("must be true or false"),
        ParamKind::Array => texts(&value).ok_or("must be a list of texts"),
    };
    plain.map(ConnectionValue::Plain)
}

fn texts(value: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => items.iter().all(Value::is_string).then(|| value.clone()),
        Value::String(text) => {
            let parts = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Some(parts.map(Value::from).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn problem(connection: &str, param: &str, what: &str) -> Failure {
    let message = format!("parameter `{param}` of connection `{connection}` {what}");
    Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
}

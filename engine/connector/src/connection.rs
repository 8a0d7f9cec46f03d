//! A connector with the operator's values: checked once, secrets kept apart from expressions.

use std::{collections::BTreeMap, sync::Arc};

use base::{ErrorClass, Failure, Quota, Secret, suggest};
use serde_json::Value;
use url::Url;

use crate::model::{ConnectionParam, Connector, ParamKind};

/// A connector that can be asked.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Name in environments.
    pub name: String,
    /// What it connects to.
    pub connector: Arc<Connector>,
    /// How much may be asked of it: what the connector says, if the operator does not.
    pub quota: Quota,
    values: BTreeMap<String, ConnectionValue>,
}

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
        (Self { name: name.to_owned(), connector, quota, values: known }, problems)
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
        let secrets = self.values.values().filter_map(|it| match it {
            // Shorter ones would be found in any text.
            ConnectionValue::Secret(secret) if 4 <= secret.expose().len() => Some(secret.expose()),
            ConnectionValue::Secret(_) | ConnectionValue::Plain(_) => None,
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
        texts.map(|url| url.origin().ascii_serialization()).collect()
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

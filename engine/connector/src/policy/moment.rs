//! What texts of policies see: the connection, and the request or the answer at hand.

use base::{ErrorClass, Failure, Timestamp};
use expr::{Context, Template};
use serde_json::Value;

use super::{
    path::{self, Chain, Root},
    text::failed,
};
use crate::connection::Connection;

/// The state of a request or an answer when a policy reads it.
pub(crate) struct Moment<'a> {
    pub(crate) connection: &'a Connection,
    /// Whether secrets of the connection may be used: in requests only.
    pub(crate) secrets: bool,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a Value,
    pub(crate) item: Option<&'a Value>,
    pub(crate) now: Timestamp,
}

impl Moment<'_> {
    /// The value of a path; null where it leads nowhere.
    pub(crate) fn chain(&self, chain: &Chain) -> Result<Value, Failure> {
        let tree = match chain.root {
            Root::Body | Root::TriggerBody => Some(self.body),
            Root::Item => Some(self.item.unwrap_or(&Value::Null)),
            Root::ConnectionParameters | Root::QueryParameters | Root::Headers => None,
        };
        match tree {
            Some(tree) => Ok(path::get(tree, &chain.segments).cloned().unwrap_or_default()),
            None => self.root(chain.root, &chain.argument, chain.default.as_deref()),
        }
    }

    /// The value of an expression.
    pub(crate) fn eval(&self, template: &Template) -> Result<Value, Failure> {
        template.eval(self).map_err(|error| {
            let message = self.connection.redact(&error.message);
            Failure::of_class(ErrorClass::Validation, error.code, message)
        })
    }

    fn root(&self, root: Root, name: &str, default: Option<&str>) -> Result<Value, Failure> {
        let find = |all: &[(String, String)]| {
            let found = all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or(Value::Null, |(_, value)| value.clone().into())
        };
        let value = match root {
            Root::ConnectionParameters if self.secrets => self.connection.any(name)?,
            Root::ConnectionParameters => self.connection.plain(name)?,
            Root::Body | Root::TriggerBody => self.body.clone(),
            Root::QueryParameters => find(self.query),
            Root::Headers => find(self.headers),
            Root::Item => self.item.cloned().unwrap_or_default(),
        };
        let is_empty = value.is_null() || value.as_str() == Some("");
        Ok(match default {
            Some(default) if is_empty => default.into(),
            Some(_) | None => value,
        })
    }
}

impl Context for Moment<'_> {
    fn item(&self) -> Option<std::borrow::Cow<'_, Value>> {
        self.item.map(std::borrow::Cow::Borrowed)
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn hosts(&self, function: &str) -> bool {
        Root::named(function).is_some()
    }

    fn host(&self, function: &str, arguments: &[Value]) -> Option<Result<Value, Failure>> {
        let root = Root::named(function)?;
        let text = |at: usize| arguments.get(at).and_then(Value::as_str);
        if arguments.iter().any(|it| !it.is_string()) {
            return Some(Err(failed(format!("the arguments of `{function}` must be texts"))));
        }
        Some(self.root(root, text(0).unwrap_or_default(), text(1)))
    }
}

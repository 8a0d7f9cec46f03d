//! What expressions of a connector file may ask: the connection, the call, the answer at hand.

use std::{borrow::Cow, cell::Cell, str::FromStr as _};

use base::{ErrorClass, Failure, HttpResponse, Secret, Timestamp};
use expr::{Context, EvalError, Template, Tree};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{auth::Token, connection::Connection, encode, request::Call};

/// The functions that only connector files have, with the least and most arguments.
pub(crate) const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("attemptGroupId", 0, 0),
    ("body", 0, 0),
    ("bodyAt", 1, 1),
    ("callbackUrl", 0, 0),
    ("connection", 1, 1),
    ("headers", 1, 1),
    ("idempotencyKey", 0, 0),
    ("input", 1, 1),
    ("inputs", 0, 0),
    ("item", 0, 0),
    ("request", 1, 1),
    ("signature", 0, 0),
    ("state", 1, 1),
    ("status", 0, 0),
    ("subscription", 1, 1),
    ("token", 1, 1),
    ("uuidv5", 2, 2),
];

/// The position that an expression stands in.
pub(crate) struct Scope<'a> {
    pub(crate) connection: &'a Connection,
    /// Whether secrets may be seen: in `auth` only.
    pub(crate) secrets: bool,
    pub(crate) idempotency_key: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) random: Cell<u64>,
    pub(crate) inputs: Option<&'a Map<String, Value>>,
    pub(crate) token: Option<&'a Token>,
    pub(crate) answer: Option<&'a Answer>,
    pub(crate) item: Option<&'a Value>,
    pub(crate) state: Option<&'a Value>,
    pub(crate) subscription: Option<&'a Value>,
    pub(crate) callback_url: Option<&'a str>,
    pub(crate) event: Option<&'a Value>,
    /// The request at hand: one that came in, or one that is about to be sent and perhaps digested.
    pub(crate) request: Option<&'a Value>,
    /// Its digest.
    pub(crate) signature: Option<&'a Secret<String>>,
}

/// A response, read once.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Value,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn new(response: &HttpResponse) -> Self {
        Self {
            status: response.status,
            headers: response.headers_value(),
            body: response.body_value(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Value {
        let headers = self.headers.as_object();
        let found =
            headers.and_then(|it| it.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.map_or(Value::Null, |(_, value)| value.clone())
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            secrets: false,
            idempotency_key: "",
            now: Timestamp::default(),
            random: Cell::new(0),
            inputs: None,
            token: None,
            answer: None,
            item: None,
            state: None,
            subscription: None,
            callback_url: None,
            event: None,
            request: None,
            signature: None,
        }
    }

    pub(crate) fn of_call(connection: &'a Connection, call: &Call<'a>) -> Self {
        Self {
            idempotency_key: call.idempotency_key,
            now: call.now,
            random: Cell::new(call.seed),
            callback_url: call.callback_url,
            ..Self::new(connection)
        }
    }

    /// The same position, where secrets may be seen.
    pub(crate) fn with_secrets(mut self) -> Self {
        self.secrets = true;
        self
    }

    /// The same position for one item of a list.
    pub(crate) fn of_item<'b>(&'b self, item: &'b Value) -> Scope<'b> {
        Scope { item: Some(item), random: Cell::new(Context::random(self)), ..*self }
    }

    pub(crate) fn eval(&self, template: &Template) -> Result<Value, Failure> {
        template.eval(self).map_err(|error| self.failure(&error))
    }

    pub(crate) fn eval_tree(&self, tree: &Tree) -> Result<Value, Failure> {
        tree.eval(self).map_err(|error| self.failure(&error))
    }

    /// The text of a value; `None` if it is null.
    pub(crate) fn text(&self, template: &Template) -> Result<Option<String>, Failure> {
        let value = self.eval(template)?;
        Ok(if value.is_null() { None } else { Some(encode::text(&value)) })
    }

    fn failure(&self, error: &EvalError) -> Failure {
        let message = self.connection.redact(&error.message);
        Failure::of_class(ErrorClass::Validation, error.code.clone(), message)
    }

    fn call(&self, function: &str, arguments: &[Value]) -> Result<Value, Failure> {
        match (function, arguments) {
            ("attemptGroupId", []) => Ok(name_based(Uuid::NAMESPACE_OID, self.idempotency_key)),
            ("body", []) => Ok(self.answer.map_or(Value::Null, |it| it.body.clone())),
            ("bodyAt", [Value::String(path)]) => {
                let body = self.answer.map(|it| &it.body);
                let found = body.and_then(|it| it.pointer(&format!("/{path}")));
                Ok(found.cloned().unwrap_or_default())
            }
            ("callbackUrl", []) => Ok(self.callback_url.into()),
            ("connection", [Value::String(name)]) if self.secrets => self.connection.any(name),
            ("connection", [Value::String(name)]) => self.connection.plain(name),
            ("headers", [Value::String(name)]) => {
                Ok(self.answer.map_or(Value::Null, |it| it.header(name)))
            }
            ("idempotencyKey", []) => Ok(self.idempotency_key.into()),
            ("input", [Value::String(name)]) => {
                Ok(self.inputs.and_then(|it| it.get(name)).cloned().unwrap_or_default())
            }
            ("inputs", []) => Ok(Value::Object(self.inputs.cloned().unwrap_or_default())),
            ("item", []) => Ok(self.item.cloned().unwrap_or_default()),
            ("request", [Value::String(name)]) => Ok(member(self.request, name)),
            ("signature", []) => {
                Ok(self.signature.map_or(Value::Null, |it| it.expose().as_str().into()))
            }
            ("state", [Value::String(name)]) => Ok(member(self.state, name)),
            ("status", []) => Ok(self.answer.map_or(Value::Null, |it| it.status.into())),
            ("subscription", [Value::String(name)]) => Ok(member(self.subscription, name)),
            ("token", [Value::String(name)]) => {
                Ok(self.token.map_or(Value::Null, |it| it.field(name)))
            }
            ("uuidv5", [Value::String(space), Value::String(name)]) => {
                let space = Uuid::from_str(space).map_err(|_| {
                    invalid(format!("`{space}`, the first argument of `uuidv5`, is not a UUID"))
                })?;
                Ok(name_based(space, name))
            }
            _ => Err(invalid(format!("the arguments of `{function}` do not fit"))),
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure::of_class(ErrorClass::Validation, "InvalidTemplate", message)
}

fn member(object: Option<&Value>, name: &str) -> Value {
    object.and_then(|it| it.get(name)).cloned().unwrap_or_default()
}

fn name_based(space: Uuid, name: &str) -> Value {
    Uuid::new_v5(&space, name.as_bytes()).to_string().into()
}

impl Context for Scope<'_> {
    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.event.map(Cow::Borrowed)
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        self.item.map(Cow::Borrowed)
    }

    fn callback_url(&self) -> Option<String> {
        self.callback_url.map(str::to_owned)
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self) -> u64 {
        // SplitMix64: the seed decides the whole sequence.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn hosts(&self, function: &str) -> bool {
        FUNCTIONS.iter().any(|(name, _, _)| name.eq_ignore_ascii_case(function))
    }

    fn host(&self, function: &str, arguments: &[Value]) -> Option<Result<Value, Failure>> {
        let (name, min, max) =
            FUNCTIONS.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(function))?;
        if arguments.len() < *min || *max < arguments.len() {
            let message = format!("`{name}` takes {min} arguments here, not {}", arguments.len());
            return Some(Err(invalid(message)));
        }
        Some(self.call(name, arguments))
    }
}

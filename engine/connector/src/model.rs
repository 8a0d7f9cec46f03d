//! What a connector file says, as data: how to connect, what can be asked, what can go wrong.

use std::collections::BTreeMap;

use base::{Duration, ErrorClass, Quota};
use expr::{Template, Tree};
use serde_json::Value;

use crate::{auth::Auth, route::Route, trigger::Trigger};

/// A service and how to talk to it.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Name in flows: small letters, digits and hyphens.
    pub name: String,
    /// Other names that flows of the cloud use, such as `shared_commondataserviceforapps`.
    pub aliases: Vec<String>,
    /// Version of the file.
    pub version: String,
    /// Name for people.
    pub title: String,
    /// What the operator has to supply.
    pub connection: ConnectionSpec,
    /// What all requests have in common.
    pub http: HttpSpec,
    /// Which answers are which kind of trouble; the first that matches wins.
    pub errors: Vec<ErrorRule>,
    /// The service's own message in the body of an error.
    pub error_message: Option<Template>,
    /// The service's own code in the body of an error.
    pub error_code: Option<Template>,
    /// JSON Schemas that `#/schemas/Name` refers to.
    pub schemas: BTreeMap<String, Value>,
    /// What flows can ask, by id.
    pub operations: BTreeMap<String, Operation>,
    /// What can start flows, by id.
    pub triggers: BTreeMap<String, Trigger>,
}

impl Connector {
    /// The operation of that id; ids are compared exactly.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }

    /// The trigger of that id.
    pub fn trigger(&self, id: &str) -> Option<&Trigger> {
        self.triggers.get(id)
    }
}

/// What the operator has to supply for a connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionSpec {
    /// Parameters in the order of the file.
    pub params: Vec<ConnectionParam>,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// An operation that tells whether the connection works, and its inputs.
    pub test: Option<(String, Value)>,
}

impl ConnectionSpec {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&ConnectionParam> {
        self.params.iter().find(|it| it.name == name)
    }
}

/// One thing the operator supplies.
#[derive(Clone, Debug)]
pub struct ConnectionParam {
    /// Name in environments and in `connection('name')`.
    pub name: String,
    /// What it holds.
    pub kind: ParamKind,
    /// Whether there is no connection without it.
    pub required: bool,
    /// What holds if the operator says nothing.
    pub default: Option<Value>,
    /// What it is, for people.
    pub description: String,
}

/// What a connection parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Text.
    String,
    /// An absolute `http` or `https` address without user name.
    Uri,
    /// Text that is used to prove who asks, and nowhere else.
    Secret,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts.
    Array,
}

impl ParamKind {
    /// Every kind, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("string", Self::String),
        ("uri", Self::Uri),
        ("secret", Self::Secret),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("array", Self::Array),
    ];
}

/// What all requests have in common.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    /// The address that paths are appended to.
    pub base_url: Template,
    /// Headers of every request.
    pub headers: Vec<(String, Template)>,
    /// From the first byte sent to the last byte read.
    pub timeout: Option<Duration>,
    /// What the service allows of one connection; the operator may say otherwise.
    pub quota: Quota,
    /// Further origins that links to next pages may lead to.
    pub follow_links_to: Vec<String>,
}

/// Which answers are a kind of trouble.
#[derive(Clone, Debug)]
pub struct ErrorRule {
    /// Status codes; none means any that is not a success.
    pub status: Vec<u16>,
    /// The service's own code, if that decides.
    pub code: Option<String>,
    /// The kind of trouble.
    pub class: ErrorClass,
    /// A message that says more than the service's.
    pub message: Option<Template>,
}

/// What an operation does to the service's records; decides whether doing it twice is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// Makes a new record each time.
    Create,
    /// Sets fields of a record.
    Update,
    /// Sets fields of a record, which is made if there is none.
    Upsert,
    /// Removes a record.
    Delete,
    /// Anything.
    Action,
}

impl Effect {
    /// Every effect, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("read", Self::Read),
        ("create", Self::Create),
        ("update", Self::Update),
        ("upsert", Self::Upsert),
        ("delete", Self::Delete),
        ("action", Self::Action),
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("action", |(name, _)| name)
    }
}

/// One thing that flows can ask a service.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Id, as Power Automate has it.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// More about it, for people.
    pub description: String,
    /// What it does to records.
    pub effect: Effect,
    /// Only for the connector's own use; flows cannot call it.
    pub internal: bool,
    /// Upper-case method.
    pub method: String,
    /// Path under the base URL, with `{param}` for each parameter that stands in it.
    pub path: String,
    /// Other ways that flows address it by method and path.
    pub routes: Vec<Route>,
    /// Parameters of path, query and headers.
    pub params: Vec<Param>,
    /// Queries that are always sent.
    pub query: Vec<(String, Template)>,
    /// Headers that are always sent.
    pub headers: Vec<(String, Template)>,
    /// The name that the body goes by: flows give `item`, or `item/name` for one field.
    pub body_param: String,
    /// Schema of the body; none means that there is no body.
    pub body: Option<Value>,
    /// How the body is written.
    pub encoding: Encoding,
    /// Schema of the answer's body.
    pub returns: Option<Value>,
    /// Status codes that are a success; none means 200 to 299.
    pub success: Vec<u16>,
    /// How an answer goes on in further ones.
    pub paginate: Option<Paginate>,
    /// What makes repeating it harmless.
    pub idempotency: Idempotency,
    /// The body of the outputs, if it is not the answer's.
    pub output: Option<Tree>,
    /// The operation that takes back what this one subscribed to, and its inputs.
    pub unsubscribe: Option<(String, Tree)>,
}

impl Operation {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|it| it.name == name)
    }

    /// Whether doing it again, when nobody knows if it was done, does no harm.
    pub const fn repeat_is_safe(&self) -> bool {
        match self.effect {
            Effect::Read | Effect::Update | Effect::Upsert | Effect::Delete => true,
            Effect::Create | Effect::Action => {
                matches!(self.idempotency, Idempotency::Header { .. } | Idempotency::Upsert { .. })
            }
        }
    }
}

/// One parameter of an operation or a trigger.
#[derive(Clone, Debug)]
pub struct Param {
    /// Name in flows, compared exactly.
    pub name: String,
    /// Where it is sent.
    pub place: Place,
    /// Whether there is no request without it.
    pub required: bool,
    /// Sent if the flow gives nothing.
    pub default: Option<Value>,
    /// Not for flows: always the default.
    pub internal: bool,
    /// Encoded twice, for gateways that decode once.
    pub double: bool,
    /// JSON Schema of the value.
    pub schema: Value,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path, as part of one segment.
    Path,
    /// After the `?`.
    Query,
    /// As a header.
    Header,
    /// Nowhere by itself: expressions use it as `input('name')`.
    Input,
}

impl Place {
    /// Every place, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("path", Self::Path),
        ("query", Self::Query),
        ("header", Self::Header),
        ("input", Self::Input),
    ];
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `text/plain`.
    Text,
    /// Bytes: text as UTF-8, or a `$content` envelope.
    Binary,
}

impl Encoding {
    /// Every encoding, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("json", Self::Json),
        ("form", Self::Form),
        ("text", Self::Text),
        ("binary", Self::Binary),
    ];
}

/// How an answer goes on in further ones.
#[derive(Clone, Debug)]
pub struct Paginate {
    /// The address of the next page; null on the last.
    pub next_link: Template,
    /// The items of a page.
    pub items: Template,
    /// Pages of one call at most.
    pub pages_max: usize,
}

/// What makes repeating a call harmless.
#[derive(Clone, Debug)]
pub enum Idempotency {
    /// Nothing.
    None,
    /// The service knows a repeated request by a header.
    Header {
        /// Its name.
        name: String,
        /// Its value; the call's idempotency key if nothing is said.
        value: Option<Template>,
    },
    /// A create is sent as an upsert under an id that the same call always has.
    Upsert {
        /// Upper-case method.
        method: String,
        /// Path, in which `{$id}` stands for the id.
        path: String,
        /// The id.
        id: Template,
    },
    /// The record can be looked for.
    Find {
        /// The operation that looks.
        operation: String,
        /// Its inputs.
        with: Tree,
        /// The record in its answer; null if there is none.
        found: Template,
    },
}

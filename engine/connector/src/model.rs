//! What a connector file says, as data: how to connect, what can be asked, what can go wrong.

use std::collections::BTreeMap;

use base::{Duration, ErrorClass, Quota};
use expr::{Template, Tree};
use serde_json::Value;

use crate::{auth::Auth, policy::Policy, program::Program, route::Route, trigger::Trigger};

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
    /// What is done to requests and answers, in this order.
    pub policies: Vec<Policy>,
    /// The program or MCP server that is asked in the place of an HTTP service.
    pub program: Option<Program>,
}

impl Connector {
    /// The operation of that id; ids are compared exactly.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }

    /// The connection parameter that is the address of the service, if it is one.
    pub(crate) fn base_param(&self) -> Option<&str> {
        let (_, rest) = self.http.base_url.source().split_once("connection('")?;
        let (name, _) = rest.split_once('\'')?;
        self.connection.param(name).map(|it| it.name.as_str())
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
    /// The service's own codes, if they decide.
    pub codes: Vec<String>,
    /// What has to hold of the answer besides.
    pub test: Option<Template>,
    /// The kind of trouble.
    pub class: ErrorClass,
    /// A message that says more than the service's.
    pub message: Option<Template>,
    /// When trying again makes sense.
    pub retry: Option<RetryHint>,
}

/// When trying again makes sense after an answer; the flow's own policy may allow less.
#[derive(Clone, Debug)]
pub struct RetryHint {
    /// The pause before it.
    pub after: Option<After>,
    /// How often at most.
    pub max: Option<usize>,
}

/// Where the length of a pause is found.
#[derive(Clone, Debug)]
pub enum After {
    /// In this header of the answer.
    Header(String),
    /// In this text: a duration, seconds or an instant.
    Text(Template),
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
    /// If it is there for older flows only, the operation to use instead; empty if none is named.
    pub deprecated: Option<String>,
    /// Only for the connector's own use; flows cannot call it.
    pub internal: bool,
    /// Upper-case method.
    pub method: String,
    /// Path under the base URL, with `{param}` for each parameter that stands in it.
    pub path: String,
    /// The request, if the flow says what it is; then method and path are empty.
    pub address: Option<Address>,
    /// What its path is appended to, if not what is said for all operations.
    pub base_url: Option<Template>,
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
    /// Whether members of the body that are required or hidden and have a default are sent although
    /// the flow does not give them.
    pub fills_body: bool,
    /// The body that is sent, if it is not the one that the flow gives.
    pub send: Option<Tree>,
    /// What has to be asked before.
    pub prepare: Option<Box<Prepare>>,
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
    /// An operation of which nothing else is said; what it does is not known to be harmless.
    pub fn new(id: &str, method: &str, path: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: id.to_owned(),
            description: String::new(),
            effect: Effect::Action,
            deprecated: None,
            internal: false,
            method: method.to_owned(),
            path: path.to_owned(),
            address: None,
            base_url: None,
            routes: Vec::new(),
            params: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body_param: "body".to_owned(),
            body: None,
            encoding: Encoding::Json,
            fills_body: false,
            send: None,
            prepare: None,
            returns: None,
            success: Vec::new(),
            paginate: None,
            idempotency: Idempotency::None,
            output: None,
            unsubscribe: None,
        }
    }

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

/// The methods that requests may have.
pub(crate) const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A request that the flow describes.
#[derive(Clone, Debug)]
pub struct Address {
    /// Its method.
    pub method: Template,
    /// Where it goes: under the base URL, absolute or not.
    pub url: Template,
    /// Its headers, an object.
    pub headers: Option<Tree>,
}

/// A call that comes before another, which needs what it answers.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// The operation.
    pub operation: String,
    /// Its inputs.
    pub with: Tree,
    /// Whether it is needed.
    pub when: Option<Template>,
    /// What its answer adds to the inputs of the other call, by parameter.
    pub give: Vec<(String, Tree)>,
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
    /// How a list is written where it is sent as text.
    pub arrays: Arrays,
    /// The operation that knows which values there are.
    pub values: Option<DynamicValues>,
    /// JSON Schema of the value.
    pub schema: Value,
}

impl Param {
    /// Whether a name that a flow gives is of this parameter: its own or, of one that ends in `/*`,
    /// any below.
    pub fn is_for(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(above) => name.starts_with(above),
            None => name == self.name,
        }
    }

    /// An optional parameter of which nothing else is said.
    pub fn new(name: &str, place: Place, schema: Value) -> Self {
        Self {
            name: name.to_owned(),
            place,
            required: false,
            default: None,
            internal: false,
            double: false,
            arrays: Arrays::Csv,
            values: None,
            schema,
        }
    }
}

/// How a list is written where it is sent as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrays {
    /// One text, with commas.
    Csv,
    /// One text, with blanks.
    Ssv,
    /// One text, with tabulators.
    Tsv,
    /// One text, with `|`.
    Pipes,
    /// The name once for each item.
    Multi,
}

impl Arrays {
    /// Every way, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("csv", Self::Csv),
        ("ssv", Self::Ssv),
        ("tsv", Self::Tsv),
        ("pipes", Self::Pipes),
        ("multi", Self::Multi),
    ];
}

/// The operation that knows which values a parameter may have.
#[derive(Clone, Debug)]
pub struct DynamicValues {
    /// The operation.
    pub operation: String,
    /// Its inputs; `input('name')` is what is given to the operation whose parameter it is.
    pub with: Tree,
    /// The list in its answer.
    pub items: Template,
    /// The value of an item, which is `item()`.
    pub value: Template,
    /// What people call it.
    pub title: Option<Template>,
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
    /// As a field of the body, which is a form or has several parts.
    Form,
    /// Nowhere by itself: expressions use it as `input('name')`.
    Input,
}

impl Place {
    /// Every place, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("path", Self::Path),
        ("query", Self::Query),
        ("header", Self::Header),
        ("form", Self::Form),
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
    /// `multipart/form-data`.
    Multipart,
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
        ("multipart", Self::Multipart),
        ("text", Self::Text),
        ("binary", Self::Binary),
    ];
}

/// How an answer goes on in further ones.
#[derive(Clone, Debug)]
pub struct Paginate {
    /// How the next page is asked for.
    pub next: NextPage,
    /// The items of a page.
    pub items: Template,
    /// Whether there is a next page, if the service says so.
    pub more: Option<Template>,
    /// The parameter that says how many items a page has at most.
    pub page_size: Option<String>,
    /// Pages of one call at most.
    pub pages_max: usize,
}

impl Paginate {
    /// The members of the body that lead to the items, if they are at a plain place in it.
    pub fn items_at(&self) -> Option<Vec<&str>> {
        let mut rest = self.items.source().trim().strip_prefix("@body()")?;
        let mut members = Vec::new();
        while !rest.is_empty() {
            let (name, after) =
                rest.trim_start_matches('?').strip_prefix("['")?.split_once("']")?;
            members.push(name);
            rest = after;
        }
        (!members.iter().any(|it| it.contains('\''))).then_some(members)
    }
}

/// How the next page is asked for.
#[derive(Clone, Debug)]
pub enum NextPage {
    /// Its address is in the answer; null on the last. A relative one counts from the page's own.
    Link(Template),
    /// Its path is in the answer; null on the last. It counts from the base URL.
    Path(Template),
    /// The header `Link` has its address, under this relation.
    LinkHeader(String),
    /// A parameter says how many items come before it.
    Offset(String),
    /// A parameter says which page it is, counted from what the flow gives, the default, or 1.
    Page(String),
    /// A parameter takes what the answer says; null on the last.
    Cursor(String, Template),
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

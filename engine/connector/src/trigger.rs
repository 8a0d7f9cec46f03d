//! What can start flows, as data: webhooks that a service calls, and questions asked again and again.

use base::Duration;
use expr::{Template, Tree};
use serde_json::Value;

use crate::{model::Param, route::Route};

/// Something that starts flows.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Id, as Power Automate has it where it has one.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// What a flow says about which events it wants.
    pub params: Vec<Param>,
    /// Ways by which flows of the cloud name it by method and path, with `{param}` for its params.
    pub routes: Vec<Route>,
    /// How events come.
    pub kind: TriggerKind,
    /// The body that the flow sees, if it is not the event's.
    pub output: Option<Tree>,
    /// Schema of what the flow sees.
    pub returns: Option<Value>,
}

/// How events come.
#[derive(Clone, Debug)]
pub enum TriggerKind {
    /// The service calls.
    Webhook(Box<Webhook>),
    /// The engine asks.
    Poll(Box<Poll>),
}

/// Events that the service delivers.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// How many subscriptions the service knows.
    pub cardinality: Cardinality,
    /// How to make the service deliver; none if people have to set that up.
    pub subscription: Option<Subscription>,
    /// How to take a delivery.
    pub receive: Receive,
}

/// How many subscriptions the service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// One for all flows of a connection.
    Singleton,
    /// One for each flow.
    PerFlow,
}

/// How to make a service deliver. Each call names an operation of the connector.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// Shows the present subscription.
    pub read: Option<SubscriptionCall>,
    /// The address in the answer of `read`.
    pub current_url: Option<Template>,
    /// The events in the answer of `read`.
    pub current_events: Option<Template>,
    /// Makes a subscription.
    pub create: Option<SubscriptionCall>,
    /// Changes a subscription.
    pub update: Option<SubscriptionCall>,
    /// Removes a subscription; none if the service cannot.
    pub delete: Option<SubscriptionCall>,
    /// Whether a subscription of somebody else may be replaced: `replace` or `fail`.
    pub foreign: Option<Template>,
    /// How often to look whether the subscription is still there.
    pub reconcile_every: Option<Duration>,
    /// How often to renew it, for services that forget.
    pub renew_every: Option<Duration>,
}

/// One call about a subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionCall {
    /// The operation.
    pub operation: String,
    /// Its inputs.
    pub with: Tree,
    /// What `subscription('id')` is afterwards, from the answer.
    pub id: Option<Template>,
}

/// How to take a delivery.
#[derive(Clone, Debug)]
pub struct Receive {
    /// What to answer once the event is durable.
    pub status: u16,
    /// Bytes at most.
    pub body_bytes_max: usize,
    /// How a delivery proves where it comes from.
    pub verify: Verify,
    /// Schema of the body.
    pub body: Option<Value>,
    /// Keys of the body are those of the schema in any case.
    pub case_insensitive: bool,
    /// Two deliveries with the same key are one event.
    pub dedupe: Option<Dedupe>,
    /// Whether the flow wants the event.
    pub filter: Option<Template>,
}

/// Which deliveries or items are the same event.
#[derive(Clone, Debug)]
pub struct Dedupe {
    /// The key.
    pub key: Template,
    /// How long it is remembered.
    pub keep: Duration,
}

/// How a delivery proves where it comes from, as the file says it.
#[derive(Clone, Debug)]
pub enum Verify {
    /// Not at all.
    None,
    /// By the secret part of the address it came to.
    UrlSecret,
    /// By an RSA signature whose certificate a header names.
    RsaCertificateUrl(Box<RsaCertificateUrl>),
}

/// An RSA signature over the raw body, with the certificate named by a header.
#[derive(Clone, Debug)]
pub struct RsaCertificateUrl {
    /// Headers that may carry the signature; the first that does counts.
    pub signature_headers: Vec<String>,
    /// What stands before the signature.
    pub prefix: String,
    /// The header that names the algorithm.
    pub algorithm_header: String,
    /// Algorithms that are believed.
    pub algorithms: Vec<String>,
    /// The header that names the certificate.
    pub certificate_header: String,
    /// Hosts or origins that a certificate may be fetched from.
    pub allow_hosts: Template,
    /// Certificates of authorities as PEM; null if the operator named none.
    pub trust_anchors: Template,
    /// An attribute that the issuer must have.
    pub issuer_contains: Template,
}

/// Events that the engine finds by asking.
#[derive(Clone, Debug)]
pub struct Poll {
    /// How often, if the flow says nothing.
    pub every: Duration,
    /// How often at most.
    pub every_min: Duration,
    /// The operation that is asked.
    pub operation: String,
    /// Its inputs; `state('name')` is what the last pass left.
    pub with: Tree,
    /// The items in an answer.
    pub items: Template,
    /// What the next pass starts from.
    pub cursor: Vec<Cursor>,
    /// How far the next pass looks back, so that late writers are not missed.
    pub overlap: Duration,
    /// Which items are the same event.
    pub dedupe: Option<Dedupe>,
}

/// One value that a pass leaves for the next.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Name in `state('name')`.
    pub name: String,
    /// From the answer of a pass that found something; null keeps the old one.
    pub next: Template,
    /// Before the first pass.
    pub initial: Template,
}

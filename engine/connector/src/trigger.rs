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
    /// If it is there for older flows only, the trigger to use instead; empty if none is named.
    pub deprecated: Option<String>,
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
    /// Whether a subscription that the service gave an address is removed by `DELETE` there.
    pub by_location: bool,
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
    /// Requests that only ask whether the address is ours.
    pub handshakes: Vec<Handshake>,
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
    /// By what the connector's program says of it, asked by this operation.
    Program(String),
    /// By a keyed digest.
    Hmac(Box<Hmac>),
    /// By a token that somebody else has signed.
    Jwt(Box<Jwt>),
    /// By a user name and a password in the header `Authorization`.
    Basic {
        /// The user name.
        username: Template,
        /// The password.
        password: Template,
    },
}

impl Verify {
    /// Whether the address is the proof: nothing else in a delivery is.
    pub const fn is_by_address(&self) -> bool {
        match self {
            Self::None | Self::UrlSecret => true,
            Self::RsaCertificateUrl(_)
            | Self::Hmac(_)
            | Self::Jwt(_)
            | Self::Basic { .. }
            | Self::Program(_) => false,
        }
    }

    /// Whether the address has a signature. A program is asked about nothing that strangers send.
    pub const fn signs_address(&self) -> bool {
        self.is_by_address() || matches!(self, Self::Program(_))
    }
}

/// A keyed digest of what a delivery says.
#[derive(Clone, Debug)]
pub struct Hmac {
    /// What the delivery brings: one text or several.
    pub signature: Template,
    /// What stands before the digest; texts without it are something else.
    pub prefix: String,
    /// The algorithm.
    pub digest: Digest,
    /// How the digest is written.
    pub written: Written,
    /// The keys, one or several.
    pub secrets: Tree,
    /// How keys are written.
    pub secret_written: Written,
    /// What is digested, if it is not the body as it came.
    pub signed: Option<Template>,
    /// When it was sent.
    pub timestamp: Option<Template>,
    /// How long ago that may be.
    pub tolerance: Duration,
}

/// A keyed digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// HMAC with SHA-1, which some services still use; as a keyed digest it is not broken.
    Sha1,
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-384.
    Sha384,
    /// HMAC with SHA-512.
    Sha512,
}

impl Digest {
    /// Every digest, as files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("sha1", Self::Sha1),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
    ];
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As hexadecimal digits in any case.
    Hex,
    /// As base64.
    Base64,
    /// As base64 in the alphabet of addresses, with padding or without.
    Base64Url,
    /// As they are: UTF-8.
    Text,
}

impl Written {
    /// What a digest may be written as.
    pub const DIGESTS: &[(&str, Self)] =
        &[("hex", Self::Hex), ("base64", Self::Base64), ("base64url", Self::Base64Url)];
    /// What a key may be written as.
    pub const ALL: &[(&str, Self)] = &[
        ("text", Self::Text),
        ("hex", Self::Hex),
        ("base64", Self::Base64),
        ("base64url", Self::Base64Url),
    ];
}

/// A token in the form of JWT, whose keys are published.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// What the delivery brings.
    pub token: Template,
    /// What stands before the token.
    pub prefix: String,
    /// Where the keys are, as a JSON Web Key Set.
    pub keys_url: Template,
    /// Algorithms that are believed.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Who may have issued it, one or several.
    pub issuer: Tree,
    /// For whom it must be, one or several.
    pub audience: Tree,
    /// Further claims that must be so.
    pub claims: Vec<(String, Template)>,
    /// How far clocks may be apart.
    pub tolerance: Duration,
}

/// A signature that can be checked with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// RSA PKCS#1 with SHA-256.
    Rs256,
    /// RSA PKCS#1 with SHA-384.
    Rs384,
    /// RSA PKCS#1 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl TokenAlgorithm {
    /// Every algorithm, as tokens spell them. Those without a signature or with a shared key are not
    /// among them.
    pub const ALL: &[(&str, Self)] = &[
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];
}

/// A request that only asks whether the address is ours, and what it is answered.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Upper-case method.
    pub method: String,
    /// Whether a request is one.
    pub when: Template,
    /// Whether it must prove itself like a delivery; only then its answer may be made of secrets.
    pub verified: bool,
    /// The status of the answer.
    pub status: u16,
    /// Headers of the answer.
    pub headers: Vec<(String, Template)>,
    /// Body of the answer: text, or JSON.
    pub body: Option<Tree>,
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

/// The cursor that is the address of the next question, as the service named it.
pub const FOLLOW: &str = "$follow";

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
    /// Whether an item is a whole answer, which the flow splits if it wants to.
    pub whole: bool,
    /// Whether an item is an event at all.
    pub filter: Option<Template>,
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

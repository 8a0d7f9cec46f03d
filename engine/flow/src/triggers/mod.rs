//! The kinds of triggers: one list, one file a kind.

pub mod api_connection;
pub mod flow;
pub mod http;
pub mod http_webhook;
pub mod manual;
pub mod recurrence;
pub mod request;
pub mod unsupported;

/// The kind keys of flow files.
pub const KINDS: &[&str] =
    &["request", "manual", "recurrence", "on", "http", "httpWebhook", "flow", "unsupported"];

/// The kind keys of a trigger that has `on` or `http`: its `recurrence` says how often it asks.
pub(crate) const POLLED: &[&str] =
    &["request", "manual", "on", "http", "httpWebhook", "flow", "unsupported"];

/// What starts runs.
#[derive(Clone, Debug)]
pub enum TriggerKind {
    /// An HTTP request to the flow's own address.
    Request(request::Request),
    /// A person, with typed inputs.
    Manual(manual::Manual),
    /// A schedule.
    Recurrence(recurrence::Recurrence),
    /// A connector's trigger: polled or subscribed to.
    ApiConnection(api_connection::ApiConnectionTrigger),
    /// A URL that is polled.
    Http(http::HttpTrigger),
    /// A plain HTTP subscription.
    HttpWebhook(http_webhook::HttpWebhookTrigger),
    /// Another flow.
    Flow(flow::FlowTrigger),
    /// A type of the cloud's that does not run here.
    Unsupported(unsupported::UnsupportedTrigger),
}

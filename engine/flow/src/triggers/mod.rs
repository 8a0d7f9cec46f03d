//! The kinds of triggers: one list, one file a kind.

pub mod api_connection;
pub mod batch;
pub mod flow;
pub mod http;
pub mod http_webhook;
pub mod manual;
pub mod recurrence;
pub mod relative_path;
pub mod request;
pub mod unsupported;

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
    /// Messages of other flows, when there are enough.
    Batch(batch::Batch),
    /// A type of the cloud's that does not run here.
    Unsupported(unsupported::UnsupportedTrigger),
}

impl TriggerKind {
    /// The key that it is written with in flow files.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Manual(_) => "manual",
            Self::Recurrence(_) => "recurrence",
            Self::ApiConnection(_) => "on",
            Self::Http(_) => "http",
            Self::HttpWebhook(_) => "httpWebhook",
            Self::Flow(_) => "flow",
            Self::Batch(_) => "batch",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Whether somebody waits at the trigger who may be given an answer: another flow calls it, too.
    pub const fn is_callable(&self) -> bool {
        match self {
            Self::Request(_) | Self::Manual(_) | Self::Flow(_) => true,
            Self::Recurrence(_)
            | Self::Batch(_)
            | Self::ApiConnection(_)
            | Self::Http(_)
            | Self::HttpWebhook(_)
            | Self::Unsupported(_) => false,
        }
    }
}

//! What a run asks of the world. The answer comes back as an event of the same path.

use std::sync::Arc;

use base::{Status, Timestamp};
use journal::Path;
use serde_json::Value;

/// Something for the driver to do, after the event it follows from is durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask a service or another flow; answered by `Answered`.
    Ask(Ask),
    /// Set a timer; answered by `Woken` or, if it is a deadline, by `Expired`.
    Arm {
        /// Whose timer.
        path: Path,
        /// Whether it bounds the action instead of pausing it.
        deadline: bool,
        /// When it is due.
        due: Timestamp,
    },
    /// Remove a timer that has become pointless.
    Disarm {
        /// Whose timer.
        path: Path,
        /// Which of the two.
        deadline: bool,
    },
    /// Answer the caller of the request trigger.
    Respond {
        /// `{statusCode, headers, body}`.
        outputs: Arc<Value>,
    },
    /// Tell a service that nobody waits for its call any more. Tried once: it is a courtesy, and an
    /// address that is called too late answers so.
    Unsubscribe(Ask),
    /// The run is over; nothing of it will be asked any more.
    Finish {
        /// How it ended.
        status: Status,
        /// The error of a failed run.
        error: Option<Value>,
        /// What the caller was answered.
        response: Option<Arc<Value>>,
    },
}

/// A question to a service or to another flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which action asks.
    pub path: Path,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Which question of its action this is in the run, all passes and attempts counted, from 1.
    pub turn: u32,
    /// Since when the run asks.
    pub since: Timestamp,
    /// Stays the same over all attempts: what a service may use to recognise a repetition.
    pub idempotency_key: String,
    /// Whether the driver must write `Intended` before it asks.
    pub intent: bool,
    /// Whether it may have been done already, by an attempt of which nobody knows what became: it is
    /// looked for first, if its service can be asked whether it was.
    pub repeated: bool,
    /// Instead of asking anew, look here for the result of what was accepted (202).
    pub follow: Option<String>,
    /// Where the service calls back, if the action waits for that.
    pub callback_url: Option<String>,
    /// The question.
    pub request: Request,
}

/// What the keys of requests to be told no more end with.
const UNSUBSCRIBE: &str = ":unsubscribe";

impl Ask {
    /// Whether it only tells a service that nobody waits for its call any more.
    pub fn unsubscribes(&self) -> bool {
        self.idempotency_key.ends_with(UNSUBSCRIBE)
    }

    /// The same action's request to be told no more.
    pub(crate) fn unsubscribing(self, request: Request) -> Self {
        Self {
            idempotency_key: format!("{}{UNSUBSCRIBE}", self.idempotency_key),
            attempt: 1,
            turn: 1,
            intent: false,
            repeated: false,
            follow: None,
            request,
            ..self
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// An operation of a connector.
    Operation {
        /// The connection by its name in the flow.
        connection: String,
        /// The operation's id.
        operation: String,
        /// Its parameters, flattened keys.
        inputs: Arc<Value>,
        /// Items wanted at least, when the operation pages.
        minimum_items: Option<usize>,
    },
    /// A method and path of a connector, as older definitions call them.
    Route {
        /// The connection by its name in the flow.
        connection: String,
        /// `{method, path, queries, headers, body}`.
        inputs: Arc<Value>,
        /// Items wanted at least, when the operation pages.
        minimum_items: Option<usize>,
    },
    /// Plain HTTP.
    Http {
        /// `{method, uri, headers, queries, body, cookie, authentication}`.
        inputs: Arc<Value>,
    },
    /// The batch trigger of another flow is to keep a message.
    Batch {
        /// The flow's name as written.
        flow: String,
        /// Its trigger, if named.
        trigger: Option<String>,
        /// `{batchName, partitionName, messageId, content}`.
        inputs: Arc<Value>,
    },
    /// People. Whoever they are told by, they answer by a call back.
    Approval {
        /// `{title, details, assignedTo, options}`.
        inputs: Arc<Value>,
    },
    /// The service of a connector is to forget that it was asked for a call.
    Unsubscribe {
        /// The operation or route that asked.
        of: Box<Request>,
        /// The outputs of its answer.
        answer: Arc<Value>,
    },
    /// Another flow.
    Flow {
        /// Its name as written.
        flow: String,
        /// Its trigger, if named.
        trigger: Option<String>,
        /// `{body, headers}` of the event.
        inputs: Arc<Value>,
    },
}

impl Request {
    /// `connection.Operation`; none if no operation is named.
    pub fn operation(&self) -> Option<String> {
        match self {
            Self::Operation { connection, operation, .. } => {
                Some(format!("{connection}.{operation}"))
            }
            Self::Route { .. }
            | Self::Http { .. }
            | Self::Approval { .. }
            | Self::Batch { .. }
            | Self::Unsubscribe { .. }
            | Self::Flow { .. } => None,
        }
    }

    /// The inputs as the action's record shows them.
    pub fn inputs(&self) -> &Arc<Value> {
        match self {
            Self::Operation { inputs, .. }
            | Self::Route { inputs, .. }
            | Self::Http { inputs }
            | Self::Approval { inputs }
            | Self::Batch { inputs, .. }
            | Self::Flow { inputs, .. } => inputs,
            Self::Unsubscribe { of, .. } => of.inputs(),
        }
    }
}

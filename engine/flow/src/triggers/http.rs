//! A URL that is polled.

use yaml::Node;

use super::{TriggerKind, recurrence::Recurrence};
use crate::{actions::http::HttpInputs, fields::Fields, reader::Reader};

/// An HTTP polling trigger.
#[derive(Clone, Debug)]
pub struct HttpTrigger {
    /// What is sent.
    pub request: HttpInputs,
    /// How often.
    pub recurrence: Option<Recurrence>,
}

/// Reads `http: {method, uri, …}` and `recurrence`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> TriggerKind {
    let request = HttpInputs::read(reader, node, "`http`");
    let recurrence = fields.given("recurrence").and_then(|it| Recurrence::read(reader, it));
    TriggerKind::Http(HttpTrigger { request, recurrence })
}

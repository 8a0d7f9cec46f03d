//! Another flow calls this one.

use yaml::Node;

use super::TriggerKind;
use crate::{Schema, fields::Fields, reader::Reader, shape};

/// A trigger that only `runFlow` fires.
#[derive(Clone, Debug)]
pub struct FlowTrigger {
    /// What the body has to be.
    pub schema: Option<Schema>,
}

/// Reads `flow:` or `flow: {schema}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mut fields = Fields::new(reader, node, "`flow`").of(&shape::CALLED);
    let schema = fields.schema(reader, "schema");
    fields.finish(reader);
    TriggerKind::Flow(FlowTrigger { schema })
}

//! A trigger type of the cloud that does not run here.

use yaml::Node;

use super::TriggerKind;
use crate::reader::Reader;

/// Loads and is reported; never fires.
#[derive(Clone, Debug)]
pub struct UnsupportedTrigger {
    /// The type as written.
    pub type_name: String,
}

/// Reads `unsupported: Type`, as an import writes it down.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let type_name = reader.text(node, "`unsupported`").unwrap_or_default();
    TriggerKind::Unsupported(UnsupportedTrigger { type_name })
}

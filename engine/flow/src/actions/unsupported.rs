//! An action of the cloud that does not run here.

use expr::Tree;
use serde_json::Value;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, import::needs_inputs, reader::Reader};

/// Loads, is reported, and fails only if it is reached.
#[derive(Clone, Debug)]
pub struct Unsupported {
    /// The type as written.
    pub type_name: String,
    /// It would run, were its inputs there.
    pub lacks_inputs: bool,
    /// Its inputs, kept for export.
    pub inputs: Tree,
}

/// Reads `unsupported: Type` and `with`, as an import writes them down.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let type_name = reader.text(node, "`unsupported`").unwrap_or_default();
    let inputs = fields.tree(reader, "with");
    let lacks_inputs = inputs.is_none() && needs_inputs(&type_name);
    let inputs = inputs.unwrap_or(Tree::Value(Value::Null));
    ActionKind::Unsupported(Unsupported { type_name, lacks_inputs, inputs })
}

//! Response: answers the caller.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// An answer to whoever called the request trigger.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: Tree,
    /// Headers by name.
    pub headers: Option<Tree>,
    /// Body.
    pub body: Option<Tree>,
}

/// Reads `respond: {status, headers, body}`; 200 unless told otherwise.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    let mut fields = Fields::new(reader, node, "`respond`");
    let status = fields.tree(reader, "status").unwrap_or_else(|| Tree::Value(200.into()));
    let (headers, body) = (fields.tree(reader, "headers"), fields.tree(reader, "body"));
    fields.finish(reader);
    ActionKind::Response(Response { status, headers, body })
}

//! Response: answers the caller.

use base::{Diagnostic, Severity, Span, code};
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{Schema, builder::Builder, fields::Fields, shape};

/// An answer to whoever called the request trigger.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: Tree,
    /// Headers by name.
    pub headers: Option<Tree>,
    /// Body.
    pub body: Option<Tree>,
    /// What the body is, for whoever reads it; it is not checked.
    pub schema: Option<Schema>,
    /// The cloud's kind (`Http`, `PowerApp`, …), if written there.
    pub kind: Option<String>,
}

/// There is one caller, so there is one answer: in a loop the second pass would fail.
pub(crate) fn check_place(builder: &mut Builder, span: Span) {
    if !builder.in_loop() {
        return;
    }
    let message = "an action inside a loop cannot answer the caller";
    let mut found = Diagnostic::new(code::WRONG_TYPE, span, message);
    // The cloud saves it, and it works as long as there is one pass.
    found.severity = Severity::Warning;
    builder.reader.sink.push(found.hint("answer after the loop"));
}

/// Reads `respond: {status, headers, body, schema, kind}`; 200 unless told otherwise.
pub(crate) fn read(builder: &mut Builder, at: Span, node: &Node) -> ActionKind {
    check_place(builder, at);
    let reader = &mut builder.reader;
    let mut fields = Fields::new(reader, node, "`respond`").of(&shape::RESPOND);
    let status = fields.tree(reader, "status").unwrap_or_else(|| Tree::Value(200.into()));
    let (headers, body) = (fields.tree(reader, "headers"), fields.tree(reader, "body"));
    let (schema, kind) = (fields.schema(reader, "schema"), fields.text(reader, "kind"));
    fields.finish(reader);
    ActionKind::Response(Response { status, headers, body, schema, kind })
}

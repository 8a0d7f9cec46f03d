//! Terminate: ends the run.

use base::{Diagnostic, Span, Status, code};
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, fields::Fields, shape};

/// The end of the run.
#[derive(Clone, Debug)]
pub struct Terminate {
    /// Succeeded, Failed or Cancelled.
    pub status: Status,
    /// `runError.code`.
    pub code: Option<Tree>,
    /// `runError.message`.
    pub message: Option<Tree>,
}

pub(crate) const STATUSES: &[(&str, Status)] = &[
    ("Succeeded", Status::Succeeded),
    ("Failed", Status::Failed),
    ("Cancelled", Status::Cancelled),
];

/// Reads `terminate: Failed` or `terminate: {status, code, message}`.
pub(crate) fn read(builder: &mut Builder, node: &Node) -> ActionKind {
    check_place(builder, node.span);
    let reader = &mut builder.reader;
    if node.as_map().is_none() {
        let status = reader.choice(node, "`terminate`", STATUSES).unwrap_or(Status::Failed);
        return ActionKind::Terminate(Terminate { status, code: None, message: None });
    }
    let mut fields = Fields::new(reader, node, "`terminate`").of(&shape::TERMINATE);
    let status = fields.required(reader, "status");
    let status = status.and_then(|it| reader.choice(it, "`status`", STATUSES));
    let status = status.unwrap_or(Status::Failed);
    let (code, message) = (fields.tree(reader, "code"), fields.tree(reader, "message"));
    fields.finish(reader);
    ActionKind::Terminate(Terminate { status, code, message })
}

/// The cloud refuses to save a Terminate inside a loop; so do we.
pub(crate) fn check_place(builder: &mut Builder, span: Span) {
    if builder.in_loop() {
        let message = "a run cannot be terminated from inside a loop";
        let found = Diagnostic::new(code::WRONG_TYPE, span, message);
        builder.reader.sink.push(found.hint("set a variable and terminate after the loop"));
    }
}

//! An HTTP request to the flow's own address.

use base::{Diagnostic, Severity, Span, code};
use expr::Dialect;
use yaml::Node;

use super::{TriggerKind, manual::Input, relative_path::RelativePath};
use crate::{Schema, fields::Fields, reader::Reader, shape};

/// A request trigger.
#[derive(Clone, Debug)]
pub struct Request {
    /// The only method it answers to; `POST` if not given.
    pub method: Option<String>,
    /// Path template behind the address, such as `/orders/{id}`.
    pub relative_path: Option<RelativePath>,
    /// What the body should be.
    pub schema: Option<Schema>,
    /// What the headers should be.
    pub headers_schema: Option<Schema>,
    /// Whether what is not so is refused.
    pub validate: bool,
    /// Who checks that the request is genuine.
    pub verify: Option<Verify>,
    /// The cloud's kind (`Http`, `Button`, `PowerApp`, …), if written there.
    pub kind: Option<String>,
}

/// A connector's webhook trigger that knows how its service signs.
#[derive(Clone, Debug)]
pub struct Verify {
    /// The connector.
    pub connector: String,
    /// Its trigger.
    pub trigger: String,
    /// Where that is written.
    pub span: Span,
}

impl Request {
    /// The inputs that a form for this trigger has: the properties of its schema.
    pub fn inputs(&self) -> Vec<Input> {
        self.schema.as_ref().map_or_else(Vec::new, |it| Input::of_schema(it.source()))
    }
}

/// Reads `request:` or `request: {method, relativePath, schema, headersSchema, validate, verify,
/// kind}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mut fields = Fields::new(reader, node, "`request`").of(&shape::REQUEST);
    let verify = fields.given("verify").and_then(|it| read_verify(reader, it));
    let validate = fields.given("validate").and_then(|it| reader.flag(it, "`validate`"));
    let request = Request {
        method: fields.text(reader, "method"),
        relative_path: fields.given("relativePath").and_then(|it| read_path(reader, it)),
        schema: fields.schema(reader, "schema"),
        headers_schema: fields.schema(reader, "headersSchema"),
        validate: validate.unwrap_or(true),
        verify,
        kind: fields.text(reader, "kind"),
    };
    fields.finish(reader);
    TriggerKind::Request(request)
}

/// One of the cloud's definitions that cannot be read is left out, with a warning.
pub(crate) fn read_path(reader: &mut Reader, node: &Node) -> Option<RelativePath> {
    let text = reader.text(node, "`relativePath`")?;
    match RelativePath::parse(&text) {
        Ok(path) => Some(path),
        Err(reason) => {
            let message = format!("`relativePath` cannot be `{text}`: {reason}");
            let mut found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
            if reader.dialect == Dialect::Wdl {
                found.severity = Severity::Warning;
            }
            reader.sink.push(found.hint("write it like `/orders/{id}`"));
            None
        }
    }
}

fn read_verify(reader: &mut Reader, node: &Node) -> Option<Verify> {
    let mut fields = Fields::new(reader, node, "`verify`").of(&shape::VERIFY);
    let connector = fields.required_text(reader, "connector");
    let trigger = fields.required_text(reader, "trigger");
    fields.finish(reader);
    Some(Verify { connector: connector?.0, trigger: trigger?.0, span: node.span })
}

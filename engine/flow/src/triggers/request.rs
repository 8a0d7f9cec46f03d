//! An HTTP request to the flow's own address.

use base::Span;
use serde_json::Value;
use yaml::Node;

use super::TriggerKind;
use crate::{fields::Fields, reader::Reader};

/// A request trigger.
#[derive(Clone, Debug)]
pub struct Request {
    /// The only method it answers to; any if not given.
    pub method: Option<String>,
    /// Path template behind the address, such as `/orders/{id}`.
    pub relative_path: Option<String>,
    /// JSON Schema of the body.
    pub schema: Option<Value>,
    /// JSON Schema of the headers.
    pub headers_schema: Option<Value>,
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

/// Reads `request:` or `request: {method, relativePath, schema, headersSchema, verify, kind}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mut fields = Fields::new(reader, node, "`request`");
    let verify = fields.given("verify").and_then(|it| read_verify(reader, it));
    let request = Request {
        method: fields.text(reader, "method"),
        relative_path: fields.text(reader, "relativePath"),
        schema: fields.schema(reader, "schema"),
        headers_schema: fields.schema(reader, "headersSchema"),
        verify,
        kind: fields.text(reader, "kind"),
    };
    fields.finish(reader);
    TriggerKind::Request(request)
}

fn read_verify(reader: &mut Reader, node: &Node) -> Option<Verify> {
    let mut fields = Fields::new(reader, node, "`verify`");
    let connector = fields.required_text(reader, "connector");
    let trigger = fields.required_text(reader, "trigger");
    fields.finish(reader);
    Some(Verify { connector: connector?.0, trigger: trigger?.0, span: node.span })
}

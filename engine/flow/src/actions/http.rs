//! Http: a plain HTTP request.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader, shape};

/// A plain HTTP request.
#[derive(Clone, Debug)]
pub struct Http {
    /// What is sent.
    pub request: HttpInputs,
}

/// The inputs of everything that sends plain HTTP.
#[derive(Clone, Debug)]
pub struct HttpInputs {
    /// Method.
    pub method: Tree,
    /// Absolute address.
    pub uri: Tree,
    /// Headers by name.
    pub headers: Option<Tree>,
    /// Query parameters by name.
    pub queries: Option<Tree>,
    /// Body: text is sent as it is, anything else as JSON.
    pub body: Option<Tree>,
    /// `Cookie` header.
    pub cookie: Option<Tree>,
    /// Credentials, an object with a `type`.
    pub authentication: Option<Tree>,
}

impl HttpInputs {
    /// Every part with the key that it has in files and in what is sent; some may be missing.
    pub fn parts(&self) -> [(&'static str, Option<&Tree>); 7] {
        [
            ("method", Some(&self.method)),
            ("uri", Some(&self.uri)),
            ("headers", self.headers.as_ref()),
            ("queries", self.queries.as_ref()),
            ("body", self.body.as_ref()),
            ("cookie", self.cookie.as_ref()),
            ("authentication", self.authentication.as_ref()),
        ]
    }

    /// Reads `{method, uri, headers, queries, body, cookie, authentication}`.
    pub(crate) fn read(reader: &mut Reader, node: &Node, place: &str) -> Self {
        let mut fields = Fields::new(reader, node, place).of(&shape::HTTP);
        let inputs = Self::take(reader, &mut fields);
        fields.finish(reader);
        inputs
    }

    /// Takes the same keys from an object that may have others.
    pub(crate) fn take(reader: &mut Reader, fields: &mut Fields<'_>) -> Self {
        Self {
            method: fields.required_tree(reader, "method"),
            uri: fields.required_tree(reader, "uri"),
            headers: fields.tree(reader, "headers"),
            queries: fields.tree(reader, "queries"),
            body: fields.tree(reader, "body"),
            cookie: fields.tree(reader, "cookie"),
            authentication: fields.tree(reader, "authentication"),
        }
    }
}

pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    ActionKind::Http(Http { request: HttpInputs::read(reader, node, "`http`") })
}

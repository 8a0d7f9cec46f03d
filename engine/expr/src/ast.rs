//! The tree that all three notations are read into.

use std::ops::Range;

use serde_json::Value;

use crate::functions::Function;
use crate::jsonpath::Query;

/// Something that has a value.
#[derive(Debug)]
pub struct Expr {
    /// Bytes of the string it was read from.
    pub(crate) range: Range<usize>,
    pub(crate) node: Node,
}

#[derive(Debug)]
pub(crate) enum Node {
    Literal(Value),
    Call(Call),
    /// `object.key`, `object['key']`, `object?['key']`.
    Access {
        object: Box<Expr>,
        key: Box<Expr>,
        null_safe: bool,
    },
    /// A path from the roots of the context.
    Path(Path),
    /// A `JSONPath` that may give several values.
    Query(Box<Query>),
}

/// A call of a function.
#[derive(Debug)]
pub struct Call {
    pub(crate) name: String,
    /// Found once, when the text is read; a position may have functions of its own.
    pub(crate) function: Option<&'static Function>,
    pub(crate) arguments: Vec<Expr>,
    /// The text of the whole call, for messages.
    pub(crate) range: Range<usize>,
}

impl Call {
    /// What is called, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is called, as the table writes it.
    pub fn canonical_name(&self) -> &str {
        self.function.map_or(&self.name, |function| function.name)
    }

    /// Whether it is `item()`.
    pub(crate) fn is_item(&self) -> bool {
        self.arguments.is_empty() && self.function.is_some_and(|it| it.name == "item")
    }

    /// The arguments, in order.
    pub fn arguments(&self) -> &[Expr] {
        &self.arguments
    }
}

/// A path as `JSONPath` and Handlebars write it.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) base: Base,
    pub(crate) segments: Vec<Segment>,
    /// Whether it is an error that there is no such thing.
    pub(crate) strict: bool,
}

/// Where a path starts.
#[derive(Debug, PartialEq)]
pub(crate) enum Base {
    /// At the roots: `trigger`, `actions`, `variables`, …
    Root,
    /// At the value that a block of Handlebars is about, so many blocks up.
    Frame(usize),
    /// At `@index`, `@key`, `@first`, `@last` of a block, so many blocks up.
    Local(usize, String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    Name(String),
    Index(i64),
    /// Digits in Handlebars: a name in an object, an index in a list.
    Either(String),
}

impl Segment {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::Either(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

impl Path {
    /// The path in dots, for messages.
    pub(crate) fn written(&self) -> String {
        if let Base::Local(_, name) = &self.base {
            return format!("@{name}");
        }
        let words = self.segments.iter().map(|segment| match segment {
            Segment::Name(name) | Segment::Either(name) => name.clone(),
            Segment::Index(index) => index.to_string(),
        });
        words.collect::<Vec<_>>().join(".")
    }
}

/// One stretch of a text that is put together.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Value(Expr),
    If { condition: Expr, then: Vec<Part>, otherwise: Vec<Part> },
    Each { list: Expr, body: Vec<Part>, otherwise: Vec<Part> },
    With { value: Expr, body: Vec<Part>, otherwise: Vec<Part> },
}

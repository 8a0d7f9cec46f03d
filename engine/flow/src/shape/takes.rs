//! What a key's value has to be.

use super::Shape;

/// What a key's value has to be.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Anything, with expressions in its texts.
    Value,
    /// Text that is computed.
    Template,
    /// What is true or false: text, or an object with one operator.
    Condition,
    /// Text as it stands.
    Text,
    /// Text that names something.
    Named(Name),
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Whole(usize, usize),
    /// A day of a month, from its beginning or, negative, from its end.
    Day,
    /// An ISO 8601 duration.
    Duration,
    /// One of a few words, in any case.
    Words(fn() -> Vec<&'static str>),
    /// One word, as it is written.
    Exact(&'static str),
    /// A JSON Schema.
    Schema,
    /// Anything, kept as it stands.
    Json,
    /// An object of any keys, kept as it stands.
    AnyObject,
    /// An object.
    Object(&'static Shape),
    /// An object, or nothing.
    Maybe(&'static Shape),
    /// An object whose keys are names.
    Map(&'static Takes),
    /// A list.
    List(&'static Takes),
    /// One, or a list of them.
    OneOrMore(&'static Takes),
    /// One of several.
    Either(&'static [Takes]),
    /// A list of actions.
    Block,
    /// Which actions have to be over, and how.
    RunAfter,
    /// Text of a form that a regular expression describes.
    Pattern(&'static str),
}

/// What a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A connector.
    Connector,
    /// `connection.Operation`.
    Operation,
    /// `connection.Trigger`.
    ConnectorTrigger,
    /// A connection of the flow.
    Connection,
    /// A mapping beside the flow.
    Mapping,
    /// A flow of the project.
    Flow,
    /// A variable of the flow.
    Variable,
    /// A static result of the flow.
    StaticResult,
    /// `connector#Schema`.
    Schema,
    /// An environment of the project.
    Environment,
}

impl Takes {
    /// Whether actions, or branches of them, stand in it.
    pub const fn is_block(&self) -> bool {
        match self {
            Self::Block => true,
            Self::List(inside) => matches!(inside, Self::Object(shape) if is_case(shape)),
            _ => false,
        }
    }
}

/// Whether an object is a branch of actions.
const fn is_case(shape: &Shape) -> bool {
    let mut nth = 0;
    while nth < shape.keys.len() {
        if matches!(shape.keys[nth].takes, Takes::Block) {
            return true;
        }
        nth += 1;
    }
    false
}

//! The tree: nodes with their spans, mappings with the spans of their keys, and look-ups.

use base::Span;
use serde_json::{Map, Number, Value};

/// One value of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands: quotes and brackets included, of a block scalar the text.
    pub span: Span,
    /// How it is written.
    pub style: Style,
}

/// A value by type. Plain scalars are typed by the core schema of YAML 1.2: `no` and `on` are text.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number: a whole one beyond that up to 64 bits without a sign, or a finite float.
    Float(Number),
    /// Text.
    Str(Scalar),
    /// A list.
    Seq(Vec<Node>),
    /// An object.
    Map(Mapping),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A scalar without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|` or `>`.
    BlockScalar,
    /// A list or object by indentation.
    Block,
    /// A list or object in brackets.
    Flow,
}

/// Text, and where the file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text after unescaping.
    pub text: String,
    /// Offset in the file of the text's first byte, if the file holds the text byte for byte:
    /// one line, nothing escaped.
    pub verbatim_at: Option<usize>,
}

/// An object: its entries in the order of the file, keys unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text; a number or `true` as it is written.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
    /// As [`Scalar::verbatim_at`].
    pub verbatim_at: Option<usize>,
}

impl Node {
    /// A node that stands for nothing, at a place.
    pub fn null(span: Span) -> Self {
        Self { kind: Kind::Null, span, style: Style::Plain }
    }

    /// What the value is, as messages say it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Str(_) => "text",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "an object",
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().map(|it| it.text.as_str())
    }

    /// The text with its place, if it is text.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Str(scalar) => Some(scalar),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Seq(_)
            | Kind::Map(_) => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Kind::Bool(value) = self.kind { Some(value) } else { None }
    }

    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        if let Kind::Int(value) = self.kind { Some(value) } else { None }
    }

    /// The items, if it is a list.
    pub fn as_seq(&self) -> Option<&[Self]> {
        if let Kind::Seq(items) = &self.kind { Some(items) } else { None }
    }

    /// The entries, if it is an object.
    pub fn as_map(&self) -> Option<&Mapping> {
        if let Kind::Map(mapping) = &self.kind { Some(mapping) } else { None }
    }

    /// The value of a key, if it is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => Value::Number(value.clone()),
            Kind::Str(scalar) => Value::String(scalar.text.clone()),
            Kind::Seq(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(mapping) => Value::Object(mapping.to_json()),
        }
    }
}

impl Mapping {
    /// An object without entries.
    pub const EMPTY: Self = Self { entries: Vec::new() };

    /// From entries whose keys are known to differ.
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The entries in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|it| it.key.text == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|it| &it.value)
    }

    /// The entry of a key in any case; the exact spelling wins.
    pub fn entry_any_case(&self, key: &str) -> Option<&Entry> {
        self.entry(key)
            .or_else(|| self.entries.iter().find(|it| it.key.text.eq_ignore_ascii_case(key)))
    }

    /// The object without places.
    pub fn to_json(&self) -> Map<String, Value> {
        self.entries.iter().map(|it| (it.key.text.clone(), it.value.to_json())).collect()
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

//! The types of the language: what a value may be, as far as that is known before the run.

mod build;
mod relate;
mod show;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::access::same_name;

/// A set of values. It is a set of kinds, and for lists, objects and a few constants more is known.
/// A union is normal by construction: it has at most one kind of list and one kind of object.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    kinds: Kinds,
    detail: Option<Arc<Detail>>,
}

/// A set of kinds, one bit each.
type Kinds = u16;

const NULL: Kinds = 1;
const BOOLEAN: Kinds = 1 << 1;
const INTEGER: Kinds = 1 << 2;
const FLOAT: Kinds = 1 << 3;
const DECIMAL: Kinds = 1 << 4;
const TEXT: Kinds = 1 << 5;
const TIMESTAMP: Kinds = 1 << 6;
const ARRAY: Kinds = 1 << 7;
const OBJECT: Kinds = 1 << 8;
const BINARY: Kinds = 1 << 9;
const XML: Kinds = 1 << 10;

const ALL: Kinds = (1 << 11) - 1;
const NUMBER: Kinds = INTEGER | FLOAT | DECIMAL;
const STRING: Kinds = TEXT | TIMESTAMP;
/// Bytes and XML are objects too: envelopes of a content type and base64.
const OBJECTS: Kinds = OBJECT | BINARY | XML;

/// What is known beyond the kinds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Detail {
    /// All values there can be, when they are few and plain.
    constants: Option<Vec<Value>>,
    items: Option<Items>,
    fields: Option<Fields>,
    /// Types inside of types, so that no walk is deeper or longer than it may be.
    depth: usize,
    nodes: usize,
}

/// What is known of a list.
#[derive(Clone, Debug, PartialEq)]
struct Items {
    each: Type,
    /// Whether it has at least one item.
    filled: bool,
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq)]
struct Fields {
    known: BTreeMap<String, Field>,
    /// What other fields hold; there are no others when it is `None`.
    rest: Option<Type>,
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it holds.
    pub ty: Type,
    /// Whether it is always there.
    pub required: bool,
}

/// Types nest at most so deep; what is deeper is not known.
const DEPTH_MAX: usize = 48;
/// Types that one type is made of, at most.
const NODES_MAX: usize = 20_000;
/// Fields that are told apart.
const FIELDS_MAX: usize = 2_000;
/// Constants that are told apart.
const CONSTANTS_MAX: usize = 24;

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $kinds:expr;)*) => {
        $($(#[$doc])* pub const $name: Self = Self { kinds: $kinds, detail: None };)*
    };
}

/// The plain types, written as if they were variants: the records of the functions are made of them.
#[allow(non_upper_case_globals, reason = "they read as variants, next to types that are computed")]
impl Type {
    plain! {
        /// Anything, or not known before the run. Nothing is ever wrong with it.
        Any = ALL;
        /// No value at all: what fails gives this.
        Never = 0;
        /// Null alone.
        Null = NULL;
        /// `true` or `false`.
        Boolean = BOOLEAN;
        /// A whole number of 64 bits.
        Integer = INTEGER;
        /// A floating-point number.
        Float = FLOAT;
        /// A decimal number, which keeps its digits.
        Decimal = DECIMAL;
        /// A whole, floating or decimal number.
        Number = NUMBER;
        /// A text.
        String = STRING;
        /// A text that is an instant or a date.
        Timestamp = TIMESTAMP;
        /// A list.
        Array = ARRAY;
        /// An object.
        Object = OBJECT;
        /// Bytes in their envelope of content type and base64.
        Binary = BINARY;
        /// XML in its envelope.
        Xml = XML;
        /// A text or a list.
        StringOrArray = STRING | ARRAY;
        /// A text, a list or an object.
        Collection = STRING | ARRAY | OBJECT;
        /// A list or an object.
        ArrayOrObject = ARRAY | OBJECT;
        /// A list or a number.
        NumberOrArray = NUMBER | ARRAY;
        /// A text, a list, an object or null.
        CollectionOrNull = STRING | ARRAY | OBJECT | NULL;
        /// A boolean, a number or a text: what has no parts.
        Scalar = BOOLEAN | NUMBER | STRING;
        /// A number or a text.
        NumberOrString = NUMBER | STRING;
    }
}

impl Type {
    /// Whether nothing is known: then nothing is wrong.
    pub const fn is_unknown(&self) -> bool {
        self.kinds == ALL
    }

    /// Whether there can be no such value.
    pub const fn is_never(&self) -> bool {
        self.kinds == 0
    }

    /// Whether it is null and nothing else.
    pub const fn is_null(&self) -> bool {
        self.kinds == NULL
    }

    /// Whether it is known that the value can be null.
    pub const fn is_nullable(&self) -> bool {
        self.kinds & NULL != 0 && !self.is_unknown()
    }

    /// Whether it may be a list.
    pub(crate) const fn may_be_array(&self) -> bool {
        self.kinds & ARRAY != 0
    }

    /// Whether it is a list, or null, and surely nothing else.
    pub const fn is_list(&self) -> bool {
        self.kinds & ARRAY != 0 && self.kinds & !(ARRAY | NULL) == 0
    }

    /// Whether it may be an object or an envelope.
    pub(crate) const fn may_be_object(&self) -> bool {
        self.kinds & OBJECTS != 0
    }

    /// Whether it may be a text.
    pub const fn may_be_text(&self) -> bool {
        self.kinds & STRING != 0
    }

    /// All the values there can be but null, if they are few and known.
    pub fn constants(&self) -> Option<&[Value]> {
        self.detail.as_ref()?.constants.as_deref()
    }

    /// The only value there can be.
    pub(crate) fn constant(&self) -> Option<&Value> {
        match self.constants() {
            Some([only]) if !self.is_nullable() => Some(only),
            Some(_) | None => None,
        }
    }

    fn items(&self) -> Option<&Items> {
        self.detail.as_ref()?.items.as_ref()
    }

    fn fields(&self) -> Option<&Fields> {
        self.detail.as_ref()?.fields.as_ref()
    }

    /// What the items are, if it is a list.
    #[must_use]
    pub fn element(&self) -> Self {
        match self.items() {
            Some(items) => items.each.clone(),
            None => Self::Any,
        }
    }

    /// Whether it is a list with at least one item, if it is a list.
    pub fn is_filled(&self) -> bool {
        self.items().is_some_and(|items| items.filled)
    }

    /// Whether it is known which fields it has if it is an object, and that there are no others.
    pub fn is_closed(&self) -> bool {
        self.fields().is_some_and(|fields| fields.rest.is_none())
    }

    /// The names of the fields that are known.
    pub fn field_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields().into_iter().flat_map(|fields| fields.known.keys().map(String::as_str))
    }

    /// The field of exactly that name, if it is known.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields()?.known.get(name)
    }

    /// The field that an expression means: of that name, else one that differs only in case.
    pub(crate) fn field_in_any_case(&self, name: &str) -> Option<Field> {
        if let Some(field) = self.field(name) {
            return Some(field.clone());
        }
        let folded = |(key, _): &(&String, &Field)| same_name(key, name);
        let fields = self.fields()?.known.iter().filter(folded).map(|(_, field)| field.clone());
        // Of several, the first in the document is meant; the type does not keep their order.
        fields.reduce(|one, other| Field {
            ty: one.ty.join(&other.ty),
            required: one.required || other.required,
        })
    }

    /// What fields hold that are not known by name; `None` if there are no others.
    pub(crate) fn rest(&self) -> Option<Self> {
        match self.fields() {
            Some(fields) => fields.rest.clone(),
            None => Some(Self::Any),
        }
    }

    /// What a path gives that takes this field out: null if it may be missing.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        if self.is_unknown() || self.kinds & (BINARY | XML) != 0 {
            return Self::Any;
        }
        match (self.field(name), self.rest()) {
            _ if self.kinds & OBJECT == 0 => Self::Null,
            (Some(field), _) if field.required && self.kinds == OBJECT => field.ty.clone(),
            (Some(field), _) => field.ty.or_null(),
            (None, Some(rest)) => rest.or_null(),
            (None, None) => Self::Null,
        }
    }
}

//! A JSON value with templates inside, such as the inputs of an action.

use std::{
    ops::{Deref, Range},
    sync::OnceLock,
};

use base::Span;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{EvalError, SyntaxError};
use crate::template::{Dialect, Template};
use crate::text;

/// A JSON value with templates inside.
#[derive(Clone, Debug)]
pub enum Tree {
    /// Nothing in it is computed.
    Value(Value),
    /// A string that may be computed.
    Template(Placed),
    /// A list.
    Array(Vec<Self>),
    /// An object; its keys keep their order.
    Object(Entries),
}

/// The entries of an object.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    all: Vec<(Key, Tree)>,
    /// The object with nothing in it, if its keys are known: a copy of it costs no digests of them.
    blank: OnceLock<Option<Box<Map<String, Value>>>>,
}

impl Entries {
    /// Adds an entry behind the others.
    pub fn push(&mut self, entry: (Key, Tree)) {
        self.all.push(entry);
        self.blank = OnceLock::new();
    }

    fn blank(&self) -> Option<&Map<String, Value>> {
        let blank = self.blank.get_or_init(|| {
            let mut blank = Map::with_capacity(self.all.len());
            for (key, _) in &self.all {
                let Key::Plain(key) = key else { return None };
                blank.insert(key.clone(), Value::Null);
            }
            // A key that stands twice has the last of its values.
            (blank.len() == self.all.len()).then(|| Box::new(blank))
        });
        blank.as_deref()
    }
}

impl From<Vec<(Key, Tree)>> for Entries {
    fn from(all: Vec<(Key, Tree)>) -> Self {
        Self { all, blank: OnceLock::new() }
    }
}

impl From<Entries> for Vec<(Key, Tree)> {
    fn from(entries: Entries) -> Self {
        entries.all
    }
}

impl FromIterator<(Key, Tree)> for Entries {
    fn from_iter<I: IntoIterator<Item = (Key, Tree)>>(all: I) -> Self {
        Vec::from_iter(all).into()
    }
}

impl Deref for Entries {
    type Target = [(Key, Tree)];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a (Key, Tree);
    type IntoIter = std::slice::Iter<'a, (Key, Tree)>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

/// The key of an object.
#[derive(Clone, Debug)]
pub enum Key {
    /// Nothing in it is computed; escapes are gone.
    Plain(String),
    /// A key with `@{…}` in it.
    Computed(Placed),
}

/// A template and where it stands in the file.
#[derive(Clone, Debug)]
pub struct Placed {
    /// What was read.
    pub template: Template,
    /// The whole scalar.
    pub span: Span,
    /// Offset in the file of the first byte of the text, if the file holds the text as it is.
    pub verbatim_at: Option<usize>,
}

impl Placed {
    /// A template that stands in no file.
    pub fn nowhere(template: Template) -> Self {
        Self { template, span: Span::default(), verbatim_at: None }
    }

    /// Where in the file a range of the text is: exactly, or the whole scalar.
    pub fn place(&self, range: &Range<usize>) -> Span {
        self.verbatim_at.map_or(self.span, |at| Span::new(at + range.start, at + range.end))
    }
}

impl Tree {
    /// Reads every string of a value, keys included.
    pub fn from_value(value: &Value, dialect: Dialect) -> (Self, Vec<SyntaxError>) {
        let mut errors = Vec::new();
        let tree = read(value, dialect, &mut errors);
        (tree, errors)
    }

    /// Computes the value.
    pub fn eval(&self, ctx: &dyn Context) -> Result<Value, EvalError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Template(placed) => placed.template.eval(ctx),
            Self::Array(items) => items.iter().map(|item| item.eval(ctx)).collect(),
            Self::Object(entries) => {
                if let Some(blank) = entries.blank() {
                    let mut map = blank.clone();
                    for (value, (_, tree)) in map.values_mut().zip(entries) {
                        *value = tree.eval(ctx)?;
                    }
                    return Ok(Value::Object(map));
                }
                let mut map = Map::with_capacity(entries.len());
                for (key, tree) in entries {
                    let key = match key {
                        Key::Plain(key) => key.clone(),
                        Key::Computed(placed) => text::to_text(&placed.template.eval(ctx)?),
                    };
                    map.insert(key, tree.eval(ctx)?);
                }
                Ok(Value::Object(map))
            }
        }
    }

    /// Shows every template, in the order of the file.
    pub fn templates(&self, visit: &mut dyn FnMut(&Placed)) {
        match self {
            Self::Value(_) => {}
            Self::Template(placed) => visit(placed),
            Self::Array(items) => items.iter().for_each(|item| item.templates(visit)),
            Self::Object(entries) => {
                for (key, tree) in entries {
                    if let Key::Computed(placed) = key {
                        visit(placed);
                    }
                    tree.templates(visit);
                }
            }
        }
    }

    /// The value, if nothing in it is computed.
    pub fn constant(&self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value.clone()),
            Self::Template(placed) => placed.template.literal().cloned(),
            Self::Array(items) => items.iter().map(Self::constant).collect(),
            Self::Object(entries) => {
                let entry = |(key, tree): &(Key, Self)| match key {
                    Key::Plain(key) => Some((key.clone(), tree.constant()?)),
                    Key::Computed(_) => None,
                };
                entries.iter().map(entry).collect::<Option<Map<_, _>>>().map(Value::Object)
            }
        }
    }
}

impl Key {
    /// Reads the key of an object. Only `@` is special in keys, in either dialect.
    pub fn read(key: &str) -> (Self, Vec<SyntaxError>) {
        let (template, errors) = Template::parse(key, Dialect::Wdl);
        match template.literal().and_then(Value::as_str) {
            Some(plain) => (Self::Plain(plain.to_owned()), errors),
            None => (Self::Computed(Placed::nowhere(template)), errors),
        }
    }
}

fn read(value: &Value, dialect: Dialect, errors: &mut Vec<SyntaxError>) -> Tree {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Tree::Value(value.clone()),
        Value::String(text) => {
            let (template, faults) = Template::parse(text, dialect);
            errors.extend(faults);
            match template.literal() {
                Some(literal) => Tree::Value(literal.clone()),
                None => Tree::Template(Placed::nowhere(template)),
            }
        }
        Value::Array(items) => {
            Tree::Array(items.iter().map(|item| read(item, dialect, errors)).collect())
        }
        Value::Object(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map {
                let (key, faults) = Key::read(key);
                errors.extend(faults);
                entries.push((key, read(value, dialect, errors)));
            }
            Tree::Object(entries.into())
        }
    }
}

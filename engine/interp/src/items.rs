//! The items of a loop, without a copy where they are part of what the run keeps anyway.

use std::{ptr, sync::Arc};

use serde_json::Value;

/// Values that are looked through for where a list stands; what is deeper is copied.
const SEARCH_MAX: usize = 256;

/// One step into a value.
#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Index(usize),
}

/// A part of a value that does not change.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    of: Arc<Value>,
    path: Vec<Step>,
}

/// A list that a loop goes over.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    list: Part,
    count: usize,
}

/// What was lent to an expression, so that what it gives may be found in there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lender<'a> {
    /// The whole of a value.
    Whole(&'a Arc<Value>),
    /// One item of a loop around it.
    Item(&'a Items, usize),
}

impl Part {
    fn get(&self) -> Option<&Value> {
        self.path.iter().try_fold(&*self.of, |value, step| match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }
}

impl Items {
    /// A list of its own.
    pub(crate) fn own(items: Vec<Value>) -> Self {
        let count = items.len();
        Self { list: Part { of: Arc::new(Value::Array(items)), path: Vec::new() }, count }
    }

    /// The list `found`, if it is part of what was lent and soon found there.
    pub(crate) fn lent(lender: Lender<'_>, found: &[Value]) -> Option<Self> {
        let (mut list, root) = match lender {
            Lender::Whole(value) => (Part { of: Arc::clone(value), path: Vec::new() }, &**value),
            Lender::Item(items, index) => {
                let mut part = items.list.clone();
                part.path.push(Step::Index(index));
                (part, items.get(index)?)
            }
        };
        let mut room = SEARCH_MAX;
        let mut path = Vec::new();
        if !find(root, found, &mut path, &mut room) {
            return None;
        }
        list.path.extend(path.into_iter().rev().map(|name| Step::Name(name.to_owned())));
        Some(Self { list, count: found.len() })
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Value> {
        self.list.get()?.get(index)
    }
}

/// Looks for a list by where it lies in memory; the names that lead to it are given innermost first.
fn find<'a>(value: &'a Value, found: &[Value], path: &mut Vec<&'a str>, room: &mut usize) -> bool {
    let Some(rest) = room.checked_sub(1) else { return false };
    *room = rest;
    match value {
        Value::Array(items) => ptr::eq(items.as_slice(), found),
        Value::Object(map) => map.iter().any(|(name, inner)| {
            let is_here = find(inner, found, path, room);
            if is_here {
                path.push(name);
            }
            is_here
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

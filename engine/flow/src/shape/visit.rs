//! Shows the objects of a file with their tables.

use yaml::{Mapping, Node};

use super::{ACTION, File, Kind, PARALLEL, Shape, Takes};

/// An object of a file.
pub struct Seen<'n> {
    /// The object.
    pub node: &'n Node,
    /// Its entries.
    pub entries: &'n Mapping,
    /// Its table.
    pub shape: &'static Shape,
    /// Its kind, if it has exactly one.
    pub kind: Option<&'static Kind>,
}

/// Shows every object of a file that has a table, those around before those inside.
pub fn visit<'n>(root: &'n Node, file: File, see: &mut dyn FnMut(&Seen<'n>)) {
    object(root, file.shape(), see);
}

fn object<'n>(node: &'n Node, shape: &'static Shape, see: &mut dyn FnMut(&Seen<'n>)) {
    let Some(entries) = node.as_map() else { return };
    let kinds = shape.kinds_of(entries.iter().map(|it| it.key.text.as_str()));
    let kind = kinds.first().copied();
    see(&Seen { node, entries, shape, kind: kind.filter(|_| kinds.len() == 1) });
    for entry in entries {
        if let Some(key) = shape.key(kind, &entry.key.text) {
            value(&entry.value, &key.takes, see);
        }
    }
}

fn value<'n>(node: &'n Node, takes: &'static Takes, see: &mut dyn FnMut(&Seen<'n>)) {
    match takes {
        Takes::Object(shape) | Takes::Maybe(shape) => object(node, shape, see),
        Takes::Map(inside) => {
            for it in node.as_map().into_iter().flatten() {
                value(&it.value, inside, see);
            }
        }
        Takes::List(inside) => {
            for it in node.as_seq().unwrap_or_default() {
                value(it, inside, see);
            }
        }
        Takes::OneOrMore(inside) => {
            for it in node.as_seq().unwrap_or(std::slice::from_ref(node)) {
                value(it, inside, see);
            }
        }
        Takes::Either(all) => {
            if let Some(shape) = closest(node, all) {
                object(node, shape, see);
            } else if let Some(list) = all.iter().find(|it| matches!(it, Takes::List(_))) {
                value(node, list, see);
            }
        }
        Takes::Block => {
            for it in node.as_seq().unwrap_or_default() {
                let is_parallel = it.get(PARALLEL.name).is_some();
                object(it, if is_parallel { &PARALLEL } else { &ACTION }, see);
            }
        }
        Takes::Value
        | Takes::Template
        | Takes::Condition
        | Takes::Text
        | Takes::Named(_)
        | Takes::Flag
        | Takes::Whole(..)
        | Takes::Day
        | Takes::Duration
        | Takes::Words(_)
        | Takes::Exact(_)
        | Takes::Schema
        | Takes::Json
        | Takes::AnyObject
        | Takes::RunAfter
        | Takes::Pattern(_) => {}
    }
}

/// Of several objects the one that has the most of the keys.
fn closest(node: &Node, all: &'static [Takes]) -> Option<&'static Shape> {
    let map = node.as_map()?;
    let shapes =
        all.iter().filter_map(|it| if let Takes::Object(it) = it { Some(*it) } else { None });
    shapes
        .max_by_key(|shape| map.iter().filter(|it| shape.key(None, &it.key.text).is_some()).count())
}

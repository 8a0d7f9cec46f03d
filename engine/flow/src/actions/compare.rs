//! Ours: what differs between two objects, field by field.

use base::Span;
use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A comparison.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The new state: an object.
    pub left: Tree,
    /// The present state: an object with at least the same fields.
    pub right: Tree,
    /// What both sides last agreed on: an object, or null if nothing is known of it.
    pub base: Option<Tree>,
    /// The mapping that knows how each field is compared, and where that is written.
    pub using: Option<(String, Span)>,
}

pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let left = reader.tree(node);
    let right = fields.required_tree(reader, "with");
    let base = fields.tree(reader, "base");
    let using = fields.given("using");
    let using = using.and_then(|it| Some((reader.text(it, "`using`")?, it.span)));
    ActionKind::Compare(Compare { left, right, base, using })
}

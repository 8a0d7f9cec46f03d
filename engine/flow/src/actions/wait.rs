//! Wait: lets time pass.

use base::{Diagnostic, Duration, code};
use expr::Tree;
use serde_json::Value;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader, shape};

/// How long.
#[derive(Clone, Debug)]
pub enum Wait {
    /// A number of units: Second, Minute, Hour, Day, Week or Month.
    Interval {
        /// How many.
        count: Tree,
        /// The unit's name.
        unit: Tree,
    },
    /// An ISO 8601 duration.
    Duration(Tree),
    /// An instant.
    Until(Tree),
}

/// Reads `wait: PT5M`, `wait: {interval, unit}` or `wait: {until}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    if node.as_map().is_none() {
        let tree = reader.tree(node);
        check_duration(reader, node, &tree);
        return ActionKind::Wait(Wait::Duration(tree));
    }
    let ways = ["until", "interval"].map(|key| node.get(key).is_some());
    let shape = if ways[0] { &shape::WAIT_UNTIL } else { &shape::WAIT_FOR };
    let mut fields = Fields::new(reader, node, "`wait`").of(shape);
    if ways[0] == ways[1] {
        let message = "`wait` needs either `interval` and `unit`, or `until`";
        reader.report(code::MISSING_KEY, fields.at, message);
        return ActionKind::Wait(Wait::Duration(Tree::Value(Value::Null)));
    }
    let wait = if ways[0] {
        Wait::Until(fields.required_tree(reader, "until"))
    } else {
        let count = fields.required_tree(reader, "interval");
        Wait::Interval { count, unit: fields.required_tree(reader, "unit") }
    };
    fields.finish(reader);
    ActionKind::Wait(wait)
}

/// A duration that is not computed is checked now.
fn check_duration(reader: &mut Reader, node: &Node, tree: &Tree) {
    let Tree::Value(value) = tree else { return };
    if value.as_str().and_then(Duration::parse_iso).is_none() {
        let message = format!("`wait` is not an ISO 8601 duration: `{}`", expr::to_text(value));
        let found = Diagnostic::new(code::INVALID_TIME, node.span, message);
        reader.sink.push(found.hint("write `PT30S`, `PT5M`, `PT1H` or `P1D`"));
    }
}

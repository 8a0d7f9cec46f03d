//! The designer's date, number and text actions (Expression kinds).

use expr::Tree;
use yaml::Node;

use super::{ActionKind, api_connection::no_parameters};
use crate::{fields::Fields, reader::Reader};

/// A function call written as an action.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The kind as written, such as `AddToTime`.
    pub kind: String,
    /// Its inputs, an object.
    pub inputs: Tree,
}

/// The kinds, as the designer spells them.
pub const KINDS: &[(&str, &str)] = &[
    ("AddToTime", "AddToTime"),
    ("ConvertTimeZone", "ConvertTimeZone"),
    ("CurrentTime", "CurrentTime"),
    ("FormatNumber", "FormatNumber"),
    ("GetFutureTime", "GetFutureTime"),
    ("GetPastTime", "GetPastTime"),
    ("IndexOf", "IndexOf"),
    ("Substring", "Substring"),
    ("SubtractFromTime", "SubtractFromTime"),
];

/// Reads `expression: AddToTime` and `with`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let kind = reader.choice(node, "`expression`", KINDS).unwrap_or_default().to_owned();
    let inputs = fields.given("with").map_or_else(no_parameters, |it| reader.tree(it));
    ActionKind::Expression(Expression { kind, inputs })
}

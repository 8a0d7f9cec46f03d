//! The six tiny kinds that work on variables.

use std::collections::BTreeMap;

use base::{Diagnostic, Span, code};
use expr::{Tree, Use, What};
use yaml::Node;

use super::ActionKind;
use crate::{
    builder::Builder,
    fields::Fields,
    model::{Action, ParameterType},
    reader::Reader,
    shape,
};

/// What is done to variables.
#[derive(Clone, Debug)]
pub enum Variables {
    /// Declares them; only at the top level.
    Initialize(Vec<Declaration>),
    /// Gives one a new value of the same type.
    Set(Change),
    /// Adds to a number; 1 without a value.
    Increment(Change),
    /// Subtracts from a number; 1 without a value.
    Decrement(Change),
    /// Adds an item to an array or text to a string, by the variable's type.
    Append(Change),
}

/// A variable's declaration.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name, looked up without case.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its type.
    pub ty: ParameterType,
    /// Its first value.
    pub value: Option<Tree>,
}

/// A change of one variable.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name, looked up without case.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The operand.
    pub value: Option<Tree>,
    /// The type that the variable must have, if the action names another than it is declared with.
    pub wants: Option<ParameterType>,
}

impl Change {
    /// Where its value asks for the variable itself.
    pub fn own_use(&self) -> Option<Span> {
        let mut found = None;
        let is_own = |it: &Use| matches!(&it.what, What::Variable { name } if name.eq_ignore_ascii_case(&self.name));
        self.value.as_ref()?.templates(&mut |placed| {
            if let Some(it) = placed.template.uses().iter().find(|it| is_own(it)) {
                found.get_or_insert(placed.place(&it.range));
            }
        });
        found
    }
}

/// Reads `initialize: {name, type, value}` or a list of them.
pub(crate) fn read_initialize(builder: &mut Builder, node: &Node) -> ActionKind {
    check_place(builder, node.span);
    let reader = &mut builder.reader;
    let declarations = match node.as_seq() {
        Some(items) => items.iter().filter_map(|it| read_declaration(reader, it)).collect(),
        None => read_declaration(reader, node).into_iter().collect(),
    };
    ActionKind::Variables(Variables::Initialize(declarations))
}

/// Reads `{name, type, value}`, which the cloud writes the same.
pub(crate) fn read_declaration(reader: &mut Reader, node: &Node) -> Option<Declaration> {
    let mut fields = Fields::new(reader, node, "`initialize`").of(&shape::DECLARATION);
    let name = fields.required_text(reader, "name");
    let ty = fields.required(reader, "type");
    let ty = ty.and_then(|it| reader.choice(it, "`type`", ParameterType::NAMES));
    let value = fields.given("value").map(|it| reader.tree(it));
    fields.finish(reader);
    let (name, span) = name?;
    Some(Declaration { name, span, ty: ty?, value })
}

/// Reads `{name, value}` of the other kinds; those that count need no value.
pub(crate) fn read_change(
    reader: &mut Reader,
    node: &Node,
    kind: fn(Change) -> Variables,
    needs_value: bool,
) -> ActionKind {
    let shape = if needs_value { &shape::CHANGE } else { &shape::COUNT };
    let mut fields = Fields::new(reader, node, "the change of a variable").of(shape);
    let change = take_change(reader, &mut fields, needs_value);
    fields.finish(reader);
    ActionKind::Variables(kind(change))
}

/// Reads `{name, value, type}`; a type is only given by flows whose action does not fit its variable.
pub(crate) fn read_append(reader: &mut Reader, node: &Node) -> ActionKind {
    let mut fields = Fields::new(reader, node, "the change of a variable").of(&shape::APPEND);
    let change = take_change(reader, &mut fields, true);
    let wants = fields.given("type");
    let wants = wants.and_then(|it| reader.choice(it, "`type`", ParameterType::NAMES));
    fields.finish(reader);
    ActionKind::Variables(Variables::Append(Change { wants, ..change }))
}

/// Forgets what the appends of a definition want where it goes without saying: the cloud has an action
/// for each type, here the variable decides.
pub(crate) fn settle(actions: &mut [Action]) {
    let declared: BTreeMap<String, ParameterType> = actions
        .iter()
        .filter_map(|it| match &it.kind {
            ActionKind::Variables(Variables::Initialize(list)) => Some(list),
            _ => None,
        })
        .flatten()
        .map(|it| (it.name.to_lowercase(), it.ty))
        .collect();
    for action in actions {
        if let ActionKind::Variables(Variables::Append(change)) = &mut action.kind {
            let ty = declared.get(&change.name.to_lowercase());
            change.wants = change.wants.filter(|wants| ty.is_some_and(|ty| ty != wants));
        }
    }
}

/// Takes `name` and `value`, which the cloud writes the same.
pub(crate) fn take_change(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    needs_value: bool,
) -> Change {
    let (name, span) = fields.required_text(reader, "name").unwrap_or((String::new(), fields.at));
    let value = if needs_value {
        Some(fields.required_tree(reader, "value"))
    } else {
        fields.given("value").map(|it| reader.tree(it))
    };
    Change { name, span, value, wants: None }
}

/// Variables belong to the run, so they are declared where every run passes once.
pub(crate) fn check_place(builder: &mut Builder, span: Span) {
    if builder.in_container() {
        let message = "a variable can be initialized at the top level only";
        let found = Diagnostic::new(code::WRONG_TYPE, span, message);
        builder.reader.sink.push(found.hint("initialize it before the container, set it here"));
    }
}

//! Switch: one of several blocks by value.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Span, code};
use expr::Tree;
use serde_json::Value;
use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, fields::Fields, model::Block, shape};

/// One of several blocks.
#[derive(Clone, Debug)]
pub struct Switch {
    /// The value that decides.
    pub on: Tree,
    /// The cases in the order of the file.
    pub cases: Vec<Case>,
    /// If no case has the value.
    pub default: Block,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in the designer.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// The value: text or a whole number.
    pub value: Value,
    /// What is done.
    pub block: Block,
}

/// Reads `switch` with `cases: [{case, name, actions}]` and `default`.
pub(crate) fn read(builder: &mut Builder, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let on = builder.reader.tree(node);
    let list = fields.required(&mut builder.reader, "cases");
    let list = list.map_or(&[][..], |it| builder.reader.list(it, "`cases`"));
    let mut cases = Cases::default();
    for node in list {
        if let Some(case) = read_case(builder, node) {
            cases.push(&mut builder.reader.sink, case);
        }
    }
    let default = fields.given("default");
    let default = default.map(|it| builder.read_block(it, "`default`")).unwrap_or_default();
    ActionKind::Switch(Switch { on, cases: cases.list, default })
}

fn read_case(builder: &mut Builder, node: &Node) -> Option<Case> {
    let mut fields = Fields::new(&mut builder.reader, node, "a case").of(&shape::CASE);
    let value = fields.required(&mut builder.reader, "case").map(|it| (it.to_json(), it.span));
    let name = fields.text(&mut builder.reader, "name");
    let block = fields.required(&mut builder.reader, "actions");
    let block = block.map(|it| builder.read_block(it, "`actions`")).unwrap_or_default();
    fields.finish(&mut builder.reader);
    let (value, span) = value?;
    let name = name.unwrap_or_else(|| expr::to_text(&value));
    Some(Case { name, span, value, block })
}

/// Cases in the making.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) list: Vec<Case>,
    seen: BTreeMap<String, Span>,
}

impl Cases {
    /// Adds a case; its value must be a constant that no earlier case has.
    pub(crate) fn push(&mut self, sink: &mut Sink, case: Case) {
        if matches!(case.value, Value::Null | Value::Array(_) | Value::Object(_)) {
            let (what, kind) = ("the value of a case", base::value::kind(&case.value));
            sink.wrong_type(case.span, what, "text or a whole number", kind);
        }
        if let Some(first) = self.seen.insert(case.value.to_string(), case.span) {
            let message = format!("two cases have the value `{}`", expr::to_text(&case.value));
            let found = Diagnostic::new(code::DUPLICATE_NAME, case.span, message);
            sink.push(found.label(first, "the other one"));
        }
        self.list.push(case);
    }
}

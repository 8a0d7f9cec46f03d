//! What a template refers to, for the linter to resolve.

use std::{collections::BTreeSet, ops::Range};

use serde_json::Value;

use crate::ast::{Base, Call, Expr, Node, Part, Segment};
use crate::functions;
use crate::template::{Body, Template};

/// One reference and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// Bytes of the string.
    pub range: Range<usize>,
    /// What is referred to.
    pub what: What,
}

/// What is referred to. Names are known only where they are written as literals.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A call, of a known function or not.
    Function {
        /// As written.
        name: String,
        /// How many arguments it is given.
        arguments: usize,
    },
    /// An action.
    Action {
        /// As written.
        name: String,
        /// `body`, `outputs`, … or `$.actions` for a path.
        by: &'static str,
    },
    /// The records of a scope.
    Result {
        /// As written.
        name: String,
    },
    /// A variable.
    Variable {
        /// As written.
        name: String,
    },
    /// A parameter.
    Parameter {
        /// As written.
        name: String,
    },
    /// The item of a named loop.
    Items {
        /// As written.
        name: String,
    },
    /// The item of the innermost loop.
    Item,
    /// The turn of a named loop.
    IterationIndexes {
        /// As written.
        name: String,
    },
    /// A root that only some positions have (`body`, `headers`, `queries`), or none has.
    Root {
        /// As written.
        name: String,
    },
}

/// Functions that name an action.
const OF_ACTION: &[&str] = &[
    "actionBody",
    "actionOutputs",
    "actions",
    "body",
    "formDataMultiValues",
    "formDataValue",
    "multipartBody",
    "outputs",
];

pub(crate) fn of_expr(expr: &Expr) -> Vec<Use> {
    let mut uses = Vec::new();
    visit(expr, &mut |it| of_node(it, &mut uses));
    uses
}

pub(crate) fn of_parts(parts: &[Part]) -> Vec<Use> {
    let mut uses = Vec::new();
    visit_parts(parts, &mut |it| of_node(it, &mut uses));
    uses
}

/// What templates look at of actions that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Whether one may look at a whole record, of which the inputs are part. True if in doubt.
    pub records: bool,
    /// Whether one looks at the outputs of an action whose name is computed.
    pub any_outputs: bool,
    /// Actions whose outputs they look at, as written.
    pub outputs: BTreeSet<String>,
}

impl Looks {
    /// What one template looks at.
    pub fn of(template: &Template) -> Self {
        let mut looks = Self::default();
        looks.add(template);
        looks
    }

    /// Adds what a template looks at.
    pub fn add(&mut self, template: &Template) {
        let mut see = |expr: &_| self.see(expr);
        match template.body() {
            Body::Literal(_) => {}
            Body::Value(expr) => visit(expr, &mut see),
            Body::Text(parts) => visit_parts(parts, &mut see),
        }
    }

    fn see(&mut self, expr: &Expr) {
        self.records |= reads_records(expr);
        let Node::Call(call) = &expr.node else { return };
        let canonical = functions::find(&call.name).map_or(call.name.as_str(), |it| it.name);
        if OF_ACTION.contains(&canonical) {
            match call.arguments.first().and_then(literal) {
                Some((name, _)) => self.outputs.extend([name]),
                None => self.any_outputs = true,
            }
        }
    }
}

/// Whether it may look at the whole record of an action, of which the inputs are part.
fn reads_records(expr: &Expr) -> bool {
    match &expr.node {
        Node::Literal(_) | Node::Access { .. } => false,
        Node::Call(call) => {
            let canonical = functions::find(&call.name).map_or(call.name.as_str(), |it| it.name);
            ["action", "actions", "failures", "result"].contains(&canonical)
        }
        Node::Path(path) => may_lead_to_records(&path.segments),
        Node::Query(query) => query.paths().iter().any(|path| may_lead_to_records(path)),
    }
}

/// A path without a name at its beginning may lead anywhere.
fn may_lead_to_records(path: &[Segment]) -> bool {
    path.first().and_then(Segment::name).is_none_or(|root| root == "actions")
}

pub(crate) fn visit_parts(parts: &[Part], see: &mut dyn FnMut(&Expr)) {
    for part in parts {
        let (expr, blocks): (&Expr, [&[Part]; 2]) = match part {
            Part::Text(_) => continue,
            Part::Value(expr) => (expr, [&[], &[]]),
            Part::If { condition, then, otherwise } => (condition, [then, otherwise]),
            Part::Each { list, body, otherwise } => (list, [body, otherwise]),
            Part::With { value, body, otherwise } => (value, [body, otherwise]),
        };
        visit(expr, see);
        for block in blocks {
            visit_parts(block, see);
        }
    }
}

/// Shows an expression and everything in it, in the order of the text.
pub(crate) fn visit(expr: &Expr, see: &mut dyn FnMut(&Expr)) {
    see(expr);
    match &expr.node {
        Node::Call(call) => call.arguments.iter().for_each(|argument| visit(argument, see)),
        Node::Access { object, key, .. } => {
            visit(object, see);
            visit(key, see);
        }
        Node::Literal(_) | Node::Path(_) | Node::Query(_) => {}
    }
}

fn of_node(expr: &Expr, uses: &mut Vec<Use>) {
    match &expr.node {
        Node::Literal(_) | Node::Access { .. } => {}
        Node::Call(call) => of_call(call, uses),
        Node::Path(path) => {
            if path.base == Base::Root {
                uses.extend(of_path(&path.segments, &expr.range));
            }
        }
        Node::Query(query) => {
            for path in query.paths() {
                uses.extend(of_path(path, &expr.range));
            }
        }
    }
}

fn of_call(call: &Call, uses: &mut Vec<Use>) {
    let arguments = call.arguments.len();
    let what = What::Function { name: call.name.clone(), arguments };
    uses.push(Use { range: call.range.clone(), what });
    let canonical = functions::find(&call.name).map_or(call.name.as_str(), |it| it.name);
    if canonical == "item" {
        uses.push(Use { range: call.range.clone(), what: What::Item });
    }
    let Some((name, range)) = call.arguments.first().and_then(literal) else { return };
    let by = OF_ACTION.iter().find(|known| **known == canonical);
    let what = match (by, canonical) {
        (Some(by), _) => What::Action { name, by },
        (None, "failures" | "result") => What::Result { name },
        (None, "variables") => What::Variable { name },
        (None, "parameters") => What::Parameter { name },
        (None, "items") => What::Items { name },
        (None, "iterationIndexes") => What::IterationIndexes { name },
        (None, _) => return,
    };
    uses.push(Use { range, what });
}

fn literal(expr: &Expr) -> Option<(String, Range<usize>)> {
    match &expr.node {
        Node::Literal(Value::String(name)) => Some((name.clone(), expr.range.clone())),
        _ => None,
    }
}

fn of_path(path: &[Segment], range: &Range<usize>) -> Option<Use> {
    let root = path.first()?.name()?;
    let name = path.get(1).and_then(Segment::name).map(str::to_owned);
    let what = match (root, name) {
        ("trigger" | "run" | "flow", _)
        | ("actions" | "variables" | "parameters" | "items", None) => return None,
        ("item", _) => What::Item,
        ("actions", Some(name)) => What::Action { name, by: "$.actions" },
        ("variables", Some(name)) => What::Variable { name },
        ("parameters", Some(name)) => What::Parameter { name },
        ("items", Some(name)) => What::Items { name },
        (root, _) => What::Root { name: root.to_owned() },
    };
    Some(Use { range: range.clone(), what })
}

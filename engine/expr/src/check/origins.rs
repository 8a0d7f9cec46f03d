//! Where the values in a string come from, and what they pass through on the way.

use std::ops::Range;

use serde_json::Value;

use super::{Checker, Environment};
use crate::ast::{Base, Call, Expr, Node, Part, Segment};
use crate::template::{Body, Template};
use crate::text::to_text;
use crate::types::Type;
use crate::uses;

/// One value that a string takes in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Bytes of the string where it is taken.
    pub range: Range<usize>,
    /// What it is part of.
    pub root: Root,
    /// The fields that lead to it, as far as they are written out.
    pub path: Vec<String>,
    /// The functions that it passes through, the innermost first.
    pub through: Vec<Pass>,
    /// What it is where it is taken.
    pub ty: Type,
}

/// What a value is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// The outputs of the trigger.
    Trigger,
    /// The outputs of an action, as written.
    Action(String),
    /// A variable, as written.
    Variable(String),
    /// A parameter, as written.
    Parameter(String),
    /// A setting of the process.
    Setting,
    /// The item of the innermost loop or list; in a mapping its source object.
    Item,
    /// The item of a named loop, as written.
    Items(String),
}

/// One function that a value is given to.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// As the table writes it.
    pub function: String,
    /// Which argument the value is, or is part of.
    pub argument: usize,
    /// Every argument that is written out.
    pub constants: Vec<Option<Value>>,
}

/// One stretch of the text, or the only value, that a string gives.
#[derive(Clone, Debug)]
pub enum Piece {
    /// As it is written.
    Text(String),
    /// Computed: all that may be in it.
    Value(Range<usize>, Vec<Origin>),
}

/// A call in a string, and what each of its arguments is put together of.
#[derive(Clone, Debug)]
pub struct Given {
    /// As the table writes it.
    pub function: String,
    /// Bytes of the call.
    pub range: Range<usize>,
    /// The arguments, in order.
    pub arguments: Vec<Vec<Piece>>,
}

/// Where the paths of `JSONPath` and Handlebars begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// At the roots of the run.
    Run,
    /// At the item, as in mappings.
    Item,
}

/// More are not followed: a string that takes in so many is suspicious anyway.
const ORIGINS_MAX: usize = 64;

impl Template {
    /// What the string is put together of. A broken one gives nothing.
    pub fn pieces(&self, environment: &dyn Environment, paths: Paths) -> Vec<Piece> {
        let mut tracer = Tracer::new(self, environment, paths);
        let mut pieces = Vec::new();
        match self.body() {
            _ if self.is_broken() => {}
            Body::Literal(value) => pieces.push(Piece::Text(to_text(value))),
            Body::Value(expr) => tracer.pieces(expr, &mut pieces),
            Body::Text(parts) => tracer.parts(parts, &mut pieces),
        }
        pieces
    }

    /// Everything that the string takes in.
    pub fn origins(&self, environment: &dyn Environment, paths: Paths) -> Vec<Origin> {
        let pieces = self.pieces(environment, paths).into_iter();
        let origins = pieces.filter_map(|it| match it {
            Piece::Text(_) => None,
            Piece::Value(_, origins) => Some(origins),
        });
        origins.flatten().collect()
    }

    /// The calls of these functions, in the order of the text.
    pub fn calls(
        &self,
        functions: &[&str],
        environment: &dyn Environment,
        paths: Paths,
    ) -> Vec<Given> {
        let mut tracer = Tracer::new(self, environment, paths);
        let mut found = Vec::new();
        let mut see = |expr: &Expr| {
            let Node::Call(call) = &expr.node else { return };
            if functions.contains(&call.canonical_name()) {
                found.push(tracer.given(call));
            }
        };
        match self.body() {
            _ if self.is_broken() => {}
            Body::Literal(_) => {}
            Body::Value(expr) => uses::visit(expr, &mut see),
            Body::Text(parts) => uses::visit_parts(parts, &mut see),
        }
        found
    }
}

struct Tracer<'t> {
    template: &'t Template,
    environment: &'t dyn Environment,
    paths: Paths,
    /// What the open blocks of Handlebars are about, innermost last.
    frames: Vec<Vec<Origin>>,
}

impl<'t> Tracer<'t> {
    fn new(template: &'t Template, environment: &'t dyn Environment, paths: Paths) -> Self {
        Self { template, environment, paths, frames: Vec::new() }
    }

    fn given(&mut self, call: &Call) -> Given {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            let mut pieces = Vec::new();
            self.pieces(argument, &mut pieces);
            arguments.push(pieces);
        }
        Given { function: call.canonical_name().to_owned(), range: call.range.clone(), arguments }
    }

    fn pieces(&mut self, expr: &Expr, into: &mut Vec<Piece>) {
        match &expr.node {
            Node::Literal(value) => into.push(Piece::Text(to_text(value))),
            Node::Call(call) if call.canonical_name() == "concat" => {
                call.arguments.iter().for_each(|it| self.pieces(it, into));
            }
            Node::Call(_) | Node::Access { .. } | Node::Path(_) | Node::Query(_) => {
                into.push(Piece::Value(expr.range.clone(), self.origins(expr)));
            }
        }
    }

    fn parts(&mut self, parts: &[Part], into: &mut Vec<Piece>) {
        for part in parts {
            match part {
                Part::Text(text) => into.push(Piece::Text(text.clone())),
                Part::Value(expr) => self.pieces(expr, into),
                Part::If { then, otherwise, .. } => {
                    self.parts(then, into);
                    self.parts(otherwise, into);
                }
                Part::Each { list: about, body, otherwise }
                | Part::With { value: about, body, otherwise } => {
                    let about = self.origins(about);
                    self.frames.push(about);
                    self.parts(body, into);
                    self.frames.pop();
                    self.parts(otherwise, into);
                }
            }
        }
    }

    fn origins(&self, expr: &Expr) -> Vec<Origin> {
        let mut found = match &expr.node {
            Node::Literal(_) => Vec::new(),
            Node::Call(call) => match root(call) {
                Some((root, path)) => self.leaf(expr, root, path),
                None => self.passed(call),
            },
            Node::Access { object, key, .. } => {
                let mut all = self.origins(object);
                let name = match &key.node {
                    Node::Literal(Value::String(name)) => Some(name.as_str()),
                    _ => None,
                };
                let ty = self.ty(expr);
                for it in &mut all {
                    it.path
                        .extend(name.into_iter().flat_map(|it| it.split('/')).map(str::to_owned));
                    it.ty = ty.clone();
                    it.range = expr.range.clone();
                    normalize(it);
                }
                all
            }
            Node::Path(path) => match &path.base {
                Base::Root => self.path(&path.segments, expr),
                Base::Local(..) => Vec::new(),
                Base::Frame(up) => {
                    let at = self.frames.len().checked_sub(up + 1);
                    let mut all =
                        at.and_then(|it| self.frames.get(it)).cloned().unwrap_or_default();
                    for it in &mut all {
                        it.path.extend(names(&path.segments));
                        it.ty = Type::Any;
                        it.range = expr.range.clone();
                    }
                    all
                }
            },
            Node::Query(query) => {
                query.paths().iter().flat_map(|path| self.path(path, expr)).collect()
            }
        };
        found.truncate(ORIGINS_MAX);
        found
    }

    /// What a function is given, as far as it can be in what it gives.
    fn passed(&self, call: &Call) -> Vec<Origin> {
        let function = call.canonical_name();
        let constants: Vec<Option<Value>> = call.arguments.iter().map(constant).collect();
        // These only decide which of the others it is.
        let deciding: &[usize] = match function {
            "if" | "mapValue" => &[0],
            _ => &[],
        };
        let mut found = Vec::new();
        for (argument, expr) in call.arguments.iter().enumerate() {
            if deciding.contains(&argument) {
                continue;
            }
            for mut origin in self.origins(expr) {
                let function = function.to_owned();
                origin.through.push(Pass { function, argument, constants: constants.clone() });
                found.push(origin);
            }
        }
        found
    }

    fn path(&self, path: &[Segment], expr: &Expr) -> Vec<Origin> {
        let mut names: Vec<String> = names(path).collect();
        if self.paths == Paths::Item {
            return self.leaf(expr, Root::Item, names);
        }
        let take =
            |names: &mut Vec<String>, n: usize| names.drain(..n.min(names.len())).next_back();
        let root = match names.first().map_or("", String::as_str) {
            "trigger" => {
                take(&mut names, 1);
                Root::Trigger
            }
            "body" | "headers" | "queries" | "relativePathParameters" => Root::Trigger,
            "item" => {
                take(&mut names, 1);
                Root::Item
            }
            kind @ ("actions" | "variables" | "parameters" | "items") if 1 < names.len() => {
                let kind = kind.to_owned();
                let name = take(&mut names, 2).unwrap_or_default();
                match kind.as_str() {
                    "actions" => Root::Action(name),
                    "variables" => Root::Variable(name),
                    "parameters" => Root::Parameter(name),
                    _ => Root::Items(name),
                }
            }
            _ => return Vec::new(),
        };
        self.leaf(expr, root, names)
    }

    fn leaf(&self, expr: &Expr, root: Root, path: Vec<String>) -> Vec<Origin> {
        let (range, ty) = (expr.range.clone(), self.ty(expr));
        let mut origin = Origin { range, root, path, through: Vec::new(), ty };
        normalize(&mut origin);
        vec![origin]
    }

    fn ty(&self, expr: &Expr) -> Type {
        if self.paths == Paths::Item
            && matches!(expr.node, Node::Path(_))
            && !self.frames.is_empty()
        {
            return Type::Any;
        }
        Checker::new(self.environment, self.template.source()).expr(expr)
    }
}

/// What a function of the run gives, if it is one that gives data.
fn root(call: &Call) -> Option<(Root, Vec<String>)> {
    let body = || vec!["body".to_owned()];
    let name = || match call.arguments.first().and_then(constant) {
        Some(Value::String(name)) => Some(name),
        _ => None,
    };
    Some(match call.canonical_name() {
        "triggerBody"
        | "triggerFormDataValue"
        | "triggerFormDataMultiValues"
        | "triggerMultipartBody" => (Root::Trigger, body()),
        "trigger" | "triggerOutputs" => (Root::Trigger, Vec::new()),
        "body" | "actionBody" | "formDataValue" | "formDataMultiValues" | "multipartBody" => {
            (Root::Action(name()?), body())
        }
        "outputs" | "actionOutputs" | "actions" => (Root::Action(name()?), Vec::new()),
        "variables" => (Root::Variable(name()?), Vec::new()),
        "parameters" => (Root::Parameter(name()?), Vec::new()),
        "appsetting" => (Root::Setting, Vec::new()),
        "items" => (Root::Items(name()?), Vec::new()),
        "item" => (Root::Item, Vec::new()),
        _ => return None,
    })
}

/// Records have their outputs under this name; what is said of outputs holds for both ways.
fn normalize(origin: &mut Origin) {
    if matches!(origin.root, Root::Trigger | Root::Action(_))
        && origin.path.first().is_some_and(|it| it == "outputs")
    {
        origin.path.remove(0);
    }
}

fn constant(expr: &Expr) -> Option<Value> {
    match &expr.node {
        Node::Literal(value) => Some(value.clone()),
        Node::Call(_) | Node::Access { .. } | Node::Path(_) | Node::Query(_) => None,
    }
}

fn names(path: &[Segment]) -> impl Iterator<Item = String> + '_ {
    path.iter().filter_map(Segment::name).map(str::to_owned)
}

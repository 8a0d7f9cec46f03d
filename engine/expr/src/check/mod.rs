//! The check of types: what an expression gives, and what is surely wrong with it, before it runs.

mod access;
mod call;
mod environment;
mod facts;
pub(crate) mod foreign;
mod origins;
mod path;
mod results;
mod text;
mod whole;

use std::ops::Range;

use base::{Code, Severity};

pub use environment::{Environment, Unknown, usual_paths};
pub use foreign::suggestion;
pub use origins::{Given, Origin, Pass, Paths, Piece, Root};
pub use whole::{Report, check_condition, check_tree};

use crate::ast::{Expr, Node};
use crate::template::{Body, Template};
use crate::types::Type;
use facts::Fact;

/// What a check finds out.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// What the string gives.
    pub ty: Type,
    /// What is wrong with it, in the order of the string.
    pub findings: Vec<TypeFinding>,
}

/// Something that is surely wrong, or that fails for some of the values there can be.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeFinding {
    /// Bytes of the string.
    pub range: Range<usize>,
    /// The rule that finds it.
    pub code: Code,
    /// That of the rule; what never fails but is never true either is a warning.
    pub severity: Severity,
    /// What is wrong, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What may stand in the place of these bytes, where that is certain.
    pub instead: Option<Instead>,
}

/// A text that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// The text.
    pub text: String,
    /// Whether nothing else can have been meant. What null becomes is for the author to say.
    pub safe: bool,
}

/// Checks one string of a document. Of a broken one, which the reader has reported, nothing is said.
pub fn check(template: &Template, environment: &dyn Environment) -> Checked {
    let mut checker = Checker::new(environment, template.source());
    let ty = match template.body() {
        _ if template.is_broken() => Type::Any,
        Body::Literal(value) => Type::of_value(value),
        Body::Value(expr) => checker.expr(expr),
        Body::Text(parts) => {
            checker.parts(parts);
            Type::String
        }
    };
    checker.findings.sort_by_key(|it| (it.range.start, it.range.end));
    Checked { ty, findings: checker.findings }
}

struct Checker<'e> {
    environment: &'e dyn Environment,
    /// The text the tree was read from, for messages.
    source: &'e str,
    facts: Vec<Fact<'e>>,
    /// What the open blocks of Handlebars are about, innermost last.
    frames: Vec<Type>,
    findings: Vec<TypeFinding>,
}

impl<'e> Checker<'e> {
    fn new(environment: &'e dyn Environment, source: &'e str) -> Self {
        Self { environment, source, facts: Vec::new(), frames: Vec::new(), findings: Vec::new() }
    }

    fn expr(&mut self, expr: &'e Expr) -> Type {
        let ty = match &expr.node {
            Node::Literal(value) => return Type::of_value(value),
            Node::Call(call) => self.call(call),
            Node::Access { object, key, null_safe } => self.access(expr, object, key, *null_safe),
            Node::Path(path) => self.path(path, expr),
            Node::Query(query) => self.query(query, expr),
        };
        self.narrowed(expr, ty)
    }

    fn report(&mut self, range: &Range<usize>, code: Code, message: String, hint: Option<String>) {
        let (range, severity) = (range.clone(), code.severity);
        let instead = None;
        self.findings.push(TypeFinding { range, code, severity, message, hint, instead });
    }

    /// Offers a text in the place of what was reported last.
    fn offer(&mut self, text: String, safe: bool) {
        if let Some(last) = self.findings.last_mut() {
            last.instead = Some(Instead { text, safe });
        }
    }

    /// Reports what does not fail, but cannot be meant.
    fn warn(&mut self, range: &Range<usize>, code: Code, message: String, hint: Option<String>) {
        let (range, severity) = (range.clone(), Severity::Warning);
        let instead = None;
        self.findings.push(TypeFinding { range, code, severity, message, hint, instead });
    }

    /// An expression as written, cut if it is long.
    fn written(&self, expr: &Expr) -> String {
        const SHOWN_CHARS_MAX: usize = 60;
        let text = self.source.get(expr.range.clone()).unwrap_or(self.source);
        if text.chars().count() <= SHOWN_CHARS_MAX {
            return text.to_owned();
        }
        text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect()
    }
}

/// The name that was probably meant, or those there are, if they are few.
fn known_names<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Option<String> {
    const LISTED_MAX: usize = 8;
    if let Some(near) = base::suggest::closest(name, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let names: Vec<_> = known.take(LISTED_MAX + 1).map(|name| format!("`{name}`")).collect();
    let few = !names.is_empty() && names.len() <= LISTED_MAX;
    few.then(|| format!("there is {}", names.join(", ")))
}

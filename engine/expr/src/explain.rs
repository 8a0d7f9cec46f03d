//! Explains an evaluation: every part of a template with the value it had.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::Range;

use base::Failure;
use base::limits::{EXPRESSION_OUTPUT_BYTES_MAX, EXPRESSION_STEPS_MAX};
use serde_json::Value;

use crate::ast::{Base, Call, Expr, Node, Part, Path, Segment};
use crate::context::Context;
use crate::error::EvalError;
use crate::eval::{Evaluator, resolve, too_deep};
use crate::functions::{self, Answer, Eval};
use crate::operand::Operand;
use crate::template::{Body, Dialect, Notation, Template};
use crate::{access, parser, reader};

/// One part of a template and what became of it. Literals have no part of their own.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Bytes of the string; of Handlebars, the whole tag.
    pub range: Range<usize>,
    /// The part as it is written.
    pub source: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The parts it was computed from, in order.
    pub children: Vec<Self>,
}

/// What became of a part.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has this value.
    Value(Operand<'static>),
    /// It failed, or something inside it did.
    Error(EvalError),
    /// It was not evaluated: another branch was taken, or something before it failed.
    Unevaluated,
}

/// The value as [`Template::eval`] computes it, but a decimal keeps the digits that JSON lost.
/// The template must have been read without errors; a broken one is for [`Template::eval`].
pub fn exact(template: &Template, ctx: &dyn Context) -> Result<Operand<'static>, EvalError> {
    let Some(Body::Value(expr)) = read(template) else { return template.eval(ctx).map(Into::into) };
    let value = Evaluator::new(ctx, template.source()).eval(&expr)?;
    if value.is_too_deep() { Err(too_deep()) } else { Ok(owned(value)) }
}

/// Computes the value and shows on the way what every part of the template gives. The template
/// must have been read without errors; a broken one is for [`Template::eval`].
///
/// Inside `each` and `with` of Handlebars only what does not depend on the block is shown, and
/// random numbers there are drawn anew. The budgets are those of an evaluation, copies included.
pub fn explain(template: &Template, ctx: &dyn Context) -> Explained {
    let source = template.source();
    let mut walker = Walker { ctx, source, notation: template.notation(), steps: 0, bytes: 0 };
    let mut children = Vec::new();
    let value = match read(template) {
        None => template.eval(ctx),
        Some(Body::Literal(value)) => Ok(value),
        Some(Body::Value(expr)) => return walker.expr(&expr).0,
        Some(Body::Text(parts)) if template.notation() == Notation::Handlebars => {
            walker.blocks(&parts, &mut children);
            template.eval(ctx)
        }
        Some(Body::Text(parts)) => walker.text(&parts, &mut children).map(Value::String),
    };
    let outcome = value.map_or_else(Outcome::Error, |value| Outcome::Value(value.into()));
    Explained { range: 0..source.len(), source: source.to_owned(), outcome, children }
}

/// Reads the string again; nothing if it is broken.
fn read(template: &Template) -> Option<Body> {
    let source = template.source();
    let (body, errors) = match template.notation() {
        Notation::Expression if !source.starts_with('@') => {
            let (expr, errors) = parser::parse(source, 0);
            (Body::Value(expr), errors)
        }
        Notation::Literal => (Body::Literal(template.literal()?.clone()), Vec::new()),
        Notation::Expression | Notation::Interpolation => {
            let (_, body, errors) = reader::read(source, Dialect::Wdl);
            (body, errors)
        }
        Notation::JsonPath | Notation::Handlebars => {
            let (_, body, errors) = reader::read(source, Dialect::Flowright);
            (body, errors)
        }
    };
    errors.is_empty().then_some(body)
}

fn owned(value: Operand<'_>) -> Operand<'static> {
    match value {
        Operand::Json(value) => value.into_owned().into(),
        Operand::Decimal(decimal) => Operand::Decimal(decimal),
        Operand::Exact(exact) => Operand::Exact(exact),
        Operand::NonFinite(float) => Operand::NonFinite(float),
    }
}

/// One walk over a tree that evaluates each part once, from its own parts.
struct Walker<'a> {
    ctx: &'a dyn Context,
    source: &'a str,
    notation: Notation,
    steps: usize,
    bytes: usize,
}

/// What is shown of a part, and what whoever contains it goes on with.
type Seen<'a> = (Explained, Answer<'a>);

impl<'a> Walker<'a> {
    fn expr<'e>(&mut self, expr: &'e Expr) -> Seen<'e>
    where
        'a: 'e,
    {
        let mut children = Vec::new();
        let answer = self.value(expr, &mut children);
        let answer = answer.map_err(|error| error.at(&expr.range));
        let answer = answer.and_then(|value| self.charge(value));
        (self.explained(expr, &answer, children), answer)
    }

    fn explained(&self, expr: &Expr, answer: &Answer<'_>, children: Vec<Explained>) -> Explained {
        let outcome = match answer {
            Ok(value) => Outcome::Value(owned(value.clone())),
            Err(error) => Outcome::Error(error.clone()),
        };
        Explained { range: expr.range.clone(), source: self.written(expr), outcome, children }
    }

    fn unevaluated(&self, expr: &Expr) -> Explained {
        let (range, source) = (expr.range.clone(), self.written(expr));
        Explained { range, source, outcome: Outcome::Unevaluated, children: Vec::new() }
    }

    /// Counts what is shown, which is a copy even where the evaluation borrows.
    fn charge<'e>(&mut self, value: Operand<'e>) -> Answer<'e> {
        if value.is_too_deep() {
            return Err(too_deep());
        }
        self.bytes = self.bytes.saturating_add(value.json().map_or(16, base::value::weight));
        if self.bytes <= EXPRESSION_OUTPUT_BYTES_MAX {
            return Ok(value);
        }
        let most = EXPRESSION_OUTPUT_BYTES_MAX;
        Err(EvalError::limit(format!("an explanation shows at most {most} bytes")))
    }

    fn spend(&mut self, steps: usize) -> Result<(), EvalError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= EXPRESSION_STEPS_MAX {
            return Ok(());
        }
        Err(EvalError::limit(format!("an evaluation takes at most {EXPRESSION_STEPS_MAX} steps")))
    }

    fn value<'e>(&mut self, expr: &'e Expr, children: &mut Vec<Explained>) -> Answer<'e>
    where
        'a: 'e,
    {
        match &expr.node {
            Node::Literal(value) => Ok(Operand::lent(value)),
            Node::Call(call) => self.call(call, children),
            Node::Access { object, key, null_safe } => {
                let [object, key] = <[_; 2]>::try_from(self.all(&[object, key], children)?)
                    .unwrap_or([Operand::NULL, Operand::NULL]);
                let text = self.source.get(expr.range.clone()).unwrap_or(self.source);
                access::select(object, &key, *null_safe, text)
            }
            Node::Path(path) => {
                if path.base == Base::Root {
                    self.steps_of(&path.segments, &expr.range, children);
                }
                Evaluator::new(self.ctx, self.source).eval(expr)
            }
            Node::Query(query) => {
                for path in query.paths() {
                    self.steps_of(path, &expr.range, children);
                }
                Evaluator::new(self.ctx, self.source).eval(expr)
            }
        }
    }

    /// Evaluates all until one fails; those behind it are shown as not evaluated.
    fn all<'e>(
        &mut self,
        exprs: &[&'e Expr],
        children: &mut Vec<Explained>,
    ) -> Result<Vec<Operand<'e>>, EvalError>
    where
        'a: 'e,
    {
        let mut values = Ok(Vec::with_capacity(exprs.len()));
        for expr in exprs {
            let Ok(given) = &mut values else {
                children.extend(is_shown(expr).then(|| self.unevaluated(expr)));
                continue;
            };
            let (explained, answer) = self.expr(expr);
            children.extend(is_shown(expr).then_some(explained));
            match answer.and_then(|value| self.spend(value.extent()).map(|()| value)) {
                Ok(value) => given.push(value),
                Err(error) => values = Err(error),
            }
        }
        values
    }

    fn call<'e>(&mut self, call: &'e Call, children: &mut Vec<Explained>) -> Answer<'e>
    where
        'a: 'e,
    {
        let function = call.function.filter(|_| !self.ctx.hosts(&call.name));
        match function {
            Some(function) if matches!(function.eval, Eval::Lazy(_)) => {
                if !function.takes(call.arguments.len()) {
                    return Err(functions::miscounted(function, call.arguments.len()));
                }
                self.lazy(call, children)
            }
            Some(function) => {
                let values = self.all(&call.arguments.iter().collect::<Vec<_>>(), children)?;
                functions::apply(function, self.ctx, values)
            }
            None => {
                let values = self.all(&call.arguments.iter().collect::<Vec<_>>(), children)?;
                let literal = |(value, expr): (Operand<'_>, &Expr)| Expr {
                    range: expr.range.clone(),
                    node: Node::Literal(value.into_value()),
                };
                let arguments = values.into_iter().zip(&call.arguments).map(literal).collect();
                self.evaluate(call, arguments, self.ctx)
            }
        }
    }

    /// A function that decides itself what it evaluates: it is given arguments that tell us when.
    fn lazy<'e>(&mut self, call: &'e Call, children: &mut Vec<Explained>) -> Answer<'e>
    where
        'a: 'e,
    {
        let source = self.source;
        let probe = Probe {
            inner: self.ctx,
            arguments: &call.arguments,
            seen: RefCell::new(call.arguments.iter().map(|_| None).collect()),
            latest: RefCell::new(None),
            walker: RefCell::new(self),
        };
        let asking = |(index, expr): (usize, &Expr)| {
            let range = expr.range.clone();
            let call =
                Call { name: index.to_string(), function: None, arguments: Vec::new(), range };
            Expr { range: expr.range.clone(), node: Node::Call(call) }
        };
        let arguments = call.arguments.iter().enumerate().map(asking).collect();
        let answer = evaluate(call, arguments, &probe, source);
        let (seen, latest) = (probe.seen.into_inner(), probe.latest.into_inner());
        for (explained, expr) in seen.into_iter().zip(&call.arguments) {
            let explained = explained.unwrap_or_else(|| self.unevaluated(expr));
            children.extend(is_shown(expr).then_some(explained));
        }
        match (answer, latest) {
            (Err(_), Some(Err(error))) => Err(error),
            // What it gives is what it asked for last, with the digits that JSON has no room for.
            (Ok(value), Some(Ok(latest))) if !matches!(latest, Operand::Json(_)) => {
                let same = value.json() == Some(&latest.clone().into_value());
                Ok(if same { latest } else { value })
            }
            (answer, _) => answer,
        }
    }

    fn evaluate(&self, call: &Call, arguments: Vec<Expr>, ctx: &dyn Context) -> Answer<'static> {
        evaluate(call, arguments, ctx, self.source)
    }

    /// What the run hands out for the beginning of a path, and every step from there.
    fn steps_of(&self, path: &[Segment], range: &Range<usize>, children: &mut Vec<Explained>) {
        let names: Vec<&str> = path.iter().map_while(Segment::name).collect();
        let taken = self.ctx.resolve(&names).map_or(1, |(_, taken)| taken);
        for length in taken.max(1)..path.len() {
            let Some(steps) = path.get(..length) else { return };
            let found = resolve(self.ctx, steps);
            let missing = found.is_none();
            let value = found.map_or(Value::Null, std::borrow::Cow::into_owned);
            children.push(Explained {
                range: range.clone(),
                source: self.path_written(steps),
                outcome: Outcome::Value(value.into()),
                children: Vec::new(),
            });
            if missing {
                return;
            }
        }
    }

    /// A text with `@{…}`, put together from its explained parts.
    fn text(&mut self, parts: &[Part], children: &mut Vec<Explained>) -> Result<String, EvalError> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(between) => text.push_str(between),
                Part::Value(expr) => {
                    let (explained, answer) = self.expr(expr);
                    children.push(explained);
                    text.push_str(&answer?.to_text());
                }
                Part::If { .. } | Part::With { .. } | Part::Each { .. } => {}
            }
        }
        self.charge(text.as_str().into())?;
        Ok(text)
    }

    /// The parts of a Handlebars template that do not depend on a block around them.
    fn blocks(&mut self, parts: &[Part], children: &mut Vec<Explained>) {
        for part in parts {
            let (subject, then, otherwise): (_, &[Part], &[Part]) = match part {
                Part::Text(_) => continue,
                Part::Value(expr) => (expr, &[], &[]),
                Part::If { condition, then, otherwise } => (condition, then, otherwise),
                Part::With { value, body, otherwise } => (value, body, otherwise),
                Part::Each { list, body, otherwise } => (list, body, otherwise),
            };
            if !is_free(subject) {
                continue;
            }
            let (explained, answer) = self.expr(subject);
            children.push(explained);
            if let Ok(value) = answer {
                let taken = if self.is_truthy(value) { then } else { otherwise };
                self.blocks(taken, children);
            }
        }
    }

    fn is_truthy(&self, value: Operand<'_>) -> bool {
        let condition = Expr { range: 0..0, node: Node::Literal(value.into_value()) };
        let then = vec![Part::Text("1".to_owned())];
        let parts = [Part::If { condition, then, otherwise: Vec::new() }];
        Evaluator::new(self.ctx, self.source).write(&parts, 1).is_ok_and(|text| !text.is_empty())
    }

    fn path_written(&self, segments: &[Segment]) -> String {
        let path = Path { base: Base::Root, segments: segments.to_vec(), strict: false };
        let prefix = if self.notation == Notation::JsonPath { "$." } else { "" };
        format!("{prefix}{}", path.written())
    }

    /// The part as the string writes it; parts of a Handlebars tag have no places of their own.
    fn written(&self, expr: &Expr) -> String {
        if self.notation != Notation::Handlebars {
            return self.source.get(expr.range.clone()).unwrap_or_default().trim().to_owned();
        }
        let mut text = String::new();
        tag_written(expr, &mut text);
        text
    }
}

/// Evaluates a call with other arguments.
fn evaluate(call: &Call, arguments: Vec<Expr>, ctx: &dyn Context, source: &str) -> Answer<'static> {
    let (name, range) = (call.name.clone(), call.range.clone());
    let call = Call { name, function: call.function, arguments, range: range.clone() };
    let expr = Expr { range, node: Node::Call(call) };
    Evaluator::new(ctx, source).eval(&expr).map(owned)
}

fn tag_written(expr: &Expr, text: &mut String) {
    match &expr.node {
        Node::Literal(value) => {
            let _written = write!(text, "{value}");
        }
        Node::Path(path) => text.push_str(&path.written()),
        Node::Query(_) => {}
        Node::Access { object, key, .. } => {
            text.push_str("lookup ");
            tag_written(object, text);
            text.push(' ');
            tag_written(key, text);
        }
        Node::Call(call) => {
            text.push_str(&call.name);
            for argument in &call.arguments {
                let nested = matches!(argument.node, Node::Call(_) | Node::Access { .. });
                text.push_str(if nested { " (" } else { " " });
                tag_written(argument, text);
                text.push_str(if nested { ")" } else { "" });
            }
        }
    }
}

/// Whether a part is worth a line: a literal says itself what it is.
fn is_shown(expr: &Expr) -> bool {
    !matches!(expr.node, Node::Literal(_))
}

/// Whether nothing in it depends on a block of Handlebars.
fn is_free(expr: &Expr) -> bool {
    match &expr.node {
        Node::Literal(_) | Node::Query(_) => true,
        Node::Path(path) => path.base == Base::Root,
        Node::Access { object, key, .. } => is_free(object) && is_free(key),
        Node::Call(call) => call.arguments.iter().all(is_free),
    }
}

/// The context of a lazy call: its arguments are questions to this, which explains them.
struct Probe<'p, 'a, 'e> {
    inner: &'a dyn Context,
    arguments: &'e [Expr],
    walker: RefCell<&'p mut Walker<'a>>,
    seen: RefCell<Vec<Option<Explained>>>,
    latest: RefCell<Option<Answer<'e>>>,
}

impl<'a: 'e, 'e> Context for Probe<'_, 'a, 'e> {
    fn now(&self) -> base::Timestamp {
        self.inner.now()
    }

    fn hosts(&self, _function: &str) -> bool {
        false
    }

    fn host(&self, function: &str, _arguments: &[Value]) -> Option<Result<Value, Failure>> {
        let index: usize = function.parse().ok()?;
        let (explained, answer) = self.walker.borrow_mut().expr(self.arguments.get(index)?);
        *self.seen.borrow_mut().get_mut(index)? = Some(explained);
        let value = match &answer {
            Ok(value) => Ok(value.clone().into_value()),
            Err(error) => Err(Failure::new(error.code.clone(), error.message.clone())),
        };
        *self.latest.borrow_mut() = Some(answer);
        Some(value)
    }
}

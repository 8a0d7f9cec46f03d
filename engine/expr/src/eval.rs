//! Evaluation: one walk over the tree, with budgets for steps and for bytes made.

use std::borrow::Cow;

use base::limits::{EXPRESSION_OUTPUT_BYTES_MAX, EXPRESSION_STEPS_MAX};
use serde_json::Value;

use crate::access;
use crate::ast::{Base, Call, Expr, Node, Part, Path, Segment};
use crate::context::Context;
use crate::error::EvalError;
use crate::functions::{self, Answer, Eval};
use crate::operand::{Operand, VALUE_DEPTH_MAX};

/// One evaluation of one template.
pub struct Evaluator<'a> {
    ctx: &'a dyn Context,
    /// The text the tree was read from, for messages.
    source: &'a str,
    steps: usize,
    bytes: usize,
    /// The blocks of Handlebars that are open, innermost last.
    frames: Vec<Frame<'a>>,
    /// How long a text may get.
    text_bytes_max: usize,
}

/// What a block of Handlebars is about.
struct Frame<'a> {
    value: Cow<'a, Value>,
    index: usize,
    count: usize,
    key: Option<String>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(ctx: &'a dyn Context, source: &'a str) -> Self {
        let text_bytes_max = EXPRESSION_OUTPUT_BYTES_MAX;
        Self { ctx, source, steps: 0, bytes: 0, frames: Vec::new(), text_bytes_max }
    }

    /// The value of an expression.
    pub fn eval(&mut self, expr: &'a Expr) -> Answer<'a> {
        self.spend(1)?;
        match &expr.node {
            Node::Literal(value) => Ok(Operand::lent(value)),
            Node::Call(call) => {
                let mut answer = self.call(call);
                match &mut answer {
                    Ok(value) => self.charge(value)?,
                    Err(error) => error.place(&expr.range),
                }
                answer
            }
            Node::Access { object, key, null_safe } => {
                if let Some((found, steps)) = self.of_item(expr) {
                    self.spend(steps - 1)?;
                    return Ok(Operand::lent(found));
                }
                let object = self.eval(object)?;
                if let Operand::Json(Cow::Borrowed(Value::Object(map))) = object
                    && let Node::Literal(Value::String(name)) = &key.node
                    && let Some(found) = access::exactly(map, name)
                {
                    self.spend(1)?;
                    return Ok(Operand::lent(found));
                }
                let key = self.eval(key)?;
                let text = self.source.get(expr.range.clone()).unwrap_or(self.source);
                access::select(object, &key, *null_safe, text)
                    .map_err(|error| error.at(&expr.range))
            }
            Node::Path(path) => self.path(path, expr),
            Node::Query(query) => {
                let answer = query.eval(self.ctx).map_err(|error| error.at(&expr.range))?;
                self.charge(&answer)?;
                Ok(answer)
            }
        }
    }

    /// What `item()?['a']?['b']` is, and the steps to it, if the item is lent and has it: the most
    /// frequent of all expressions, and nothing of it needs a place of its own.
    fn of_item(&self, expr: &Expr) -> Option<(&'a Value, usize)> {
        match &expr.node {
            Node::Access { object, key, .. } => {
                let Node::Literal(Value::String(name)) = &key.node else { return None };
                let (object, steps) = self.of_item(object)?;
                Some((access::exactly(object.as_object()?, name)?, steps + 2))
            }
            Node::Call(call) if call.is_item() && !self.ctx.hosts(&call.name) => {
                match self.ctx.item()? {
                    Cow::Borrowed(item) => Some((item, 1)),
                    Cow::Owned(_) => None,
                }
            }
            Node::Call(_) | Node::Literal(_) | Node::Path(_) | Node::Query(_) => None,
        }
    }

    /// The value of an expression that must be `true` or `false`.
    pub(crate) fn truth(
        &mut self,
        expr: &'a Expr,
    ) -> Result<Result<bool, &'static str>, EvalError> {
        let value = self.eval(expr)?;
        Ok(value.json().and_then(Value::as_bool).ok_or_else(|| value.kind()))
    }

    fn spend(&mut self, steps: usize) -> Result<(), EvalError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= EXPRESSION_STEPS_MAX {
            return Ok(());
        }
        Err(EvalError::limit(format!("an evaluation takes at most {EXPRESSION_STEPS_MAX} steps")))
    }

    fn charge(&mut self, answer: &Operand<'_>) -> Result<(), EvalError> {
        let bytes = answer.weight().ok_or_else(too_deep)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= EXPRESSION_OUTPUT_BYTES_MAX {
            return Ok(());
        }
        let most = EXPRESSION_OUTPUT_BYTES_MAX;
        Err(EvalError::limit(format!("an evaluation makes at most {most} bytes")))
    }

    fn call(&mut self, call: &'a Call) -> Answer<'a> {
        let function = call.function.filter(|_| !self.ctx.hosts(&call.name));
        if let Some(function) = function
            && let Eval::Lazy(run) = function.eval
        {
            if function.takes(call.arguments.len()) {
                return run(self, call);
            }
            return Err(functions::miscounted(function, call.arguments.len()));
        }
        let mut values = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            let value = self.eval(argument)?;
            self.spend(value.extent())?;
            values.push(value);
        }
        match function {
            Some(function) => functions::apply(function, self.ctx, values),
            None => self.host(call, values),
        }
    }

    /// A function that only this position has.
    fn host(&self, call: &Call, values: Vec<Operand<'a>>) -> Answer<'a> {
        let values: Vec<Value> = values.into_iter().map(Operand::into_value).collect();
        match self.ctx.host(&call.name, &values) {
            Some(Ok(value)) => Ok(value.into()),
            Some(Err(failure)) => {
                Err(EvalError { code: failure.code, ..EvalError::template(failure.message) })
            }
            None => Err(EvalError::template(format!(
                "The template function '{}' is not defined or not valid.",
                call.name
            ))),
        }
    }

    fn path(&self, path: &'a Path, expr: &'a Expr) -> Answer<'a> {
        let found = match &path.base {
            Base::Root => resolve(self.ctx, &path.segments),
            Base::Frame(up) => {
                self.frame(*up).and_then(|frame| within(&frame.value, &path.segments))
            }
            Base::Local(up, name) => self.frame(*up).and_then(|frame| local(frame, name)),
        };
        match found {
            Some(value) => Ok(value.into()),
            None if !path.strict => Ok(Operand::NULL),
            None => {
                let text = self.source.get(expr.range.clone()).unwrap_or(self.source);
                Err(EvalError::template(format!(
                    "The template '{text}' cannot be evaluated because there is no '{}'.",
                    path.written()
                ))
                .at(&expr.range))
            }
        }
    }

    fn frame(&self, up: usize) -> Option<&Frame<'a>> {
        self.frames.len().checked_sub(up + 1).and_then(|at| self.frames.get(at))
    }

    /// Puts a text together that is at most so long.
    pub(crate) fn write(
        &mut self,
        parts: &'a [Part],
        text_bytes_max: usize,
    ) -> Result<String, EvalError> {
        self.text_bytes_max = text_bytes_max;
        let mut out = String::new();
        self.write_parts(parts, &mut out)?;
        Ok(out)
    }

    fn write_parts(&mut self, parts: &'a [Part], out: &mut String) -> Result<(), EvalError> {
        for part in parts {
            self.spend(1)?;
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(expr) => out.push_str(&self.eval(expr)?.to_text()),
                Part::If { condition, then, otherwise } => {
                    let chosen = if is_truthy(&self.eval(condition)?) { then } else { otherwise };
                    self.write_parts(chosen, out)?;
                }
                Part::With { value, body, otherwise } => {
                    let value = self.eval(value)?;
                    if is_truthy(&value) {
                        let value = value.into_cow();
                        let frame = Frame { value, index: 0, count: 1, key: None };
                        self.write_block(frame, body, out)?;
                    } else {
                        self.write_parts(otherwise, out)?;
                    }
                }
                Part::Each { list, body, otherwise } => {
                    self.write_each(list, body, otherwise, out)?;
                }
            }
            let most = self.text_bytes_max;
            if most < out.len() {
                return Err(EvalError::limit(format!("a text has at most {most} bytes")));
            }
        }
        Ok(())
    }

    fn write_block(
        &mut self,
        frame: Frame<'a>,
        body: &'a [Part],
        out: &mut String,
    ) -> Result<(), EvalError> {
        self.frames.push(frame);
        let written = self.write_parts(body, out);
        self.frames.pop();
        written
    }

    fn write_each(
        &mut self,
        list: &'a Expr,
        body: &'a [Part],
        otherwise: &'a [Part],
        out: &mut String,
    ) -> Result<(), EvalError> {
        let items = items_of(self.eval(list)?).map_err(|kind| {
            let message = format!("`each` goes over a list or an object, not over a {kind}");
            EvalError::template(message).at(&list.range)
        })?;
        if items.is_empty() {
            return self.write_parts(otherwise, out);
        }
        let count = items.len();
        self.spend(count)?;
        for (index, (key, value)) in items.into_iter().enumerate() {
            self.write_block(Frame { value, index, count, key }, body, out)?;
        }
        Ok(())
    }
}

/// The failure of an evaluation whose value nests too deep.
pub(crate) fn too_deep() -> EvalError {
    EvalError::limit(format!("a value nests at most {VALUE_DEPTH_MAX} deep"))
}

type Items<'a> = Vec<(Option<String>, Cow<'a, Value>)>;

/// What `each` goes over; nothing for null.
fn items_of(value: Operand<'_>) -> Result<Items<'_>, &'static str> {
    let kind = value.kind();
    match value.plain() {
        Operand::Json(Cow::Borrowed(Value::Array(items))) => {
            Ok(items.iter().map(|item| (None, Cow::Borrowed(item))).collect())
        }
        Operand::Json(Cow::Owned(Value::Array(items))) => {
            Ok(items.into_iter().map(|item| (None, Cow::Owned(item))).collect())
        }
        Operand::Json(Cow::Borrowed(Value::Object(map))) => {
            Ok(map.iter().map(|(key, it)| (Some(key.clone()), Cow::Borrowed(it))).collect())
        }
        Operand::Json(Cow::Owned(Value::Object(map))) => {
            Ok(map.into_iter().map(|(key, it)| (Some(key), Cow::Owned(it))).collect())
        }
        Operand::Json(value) if value.is_null() => Ok(Vec::new()),
        Operand::Json(_) | Operand::Decimal(_) | Operand::Exact(_) | Operand::NonFinite(_) => {
            Err(kind)
        }
    }
}

/// Follows a path from the roots of the context.
pub(crate) fn resolve<'a>(ctx: &'a dyn Context, path: &[Segment]) -> Option<Cow<'a, Value>> {
    let names: Vec<&str> = path.iter().map_while(Segment::name).collect();
    let (value, taken) = ctx.resolve(&names)?;
    path.get(taken..)?.iter().try_fold(value, access::part)
}

/// Follows a path inside a value of a frame, which lives no longer than the frame unless lent.
fn within<'a>(value: &Cow<'a, Value>, path: &[Segment]) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => path.iter().try_fold(Cow::Borrowed(*value), access::part),
        Cow::Owned(value) => {
            let found = path.iter().try_fold(Cow::Borrowed(value), access::part)?;
            Some(Cow::Owned(found.into_owned()))
        }
    }
}

fn local<'a>(frame: &Frame<'_>, name: &str) -> Option<Cow<'a, Value>> {
    let value = match name {
        "index" => Value::from(frame.index),
        "key" => frame.key.clone().map_or_else(|| Value::from(frame.index), Value::from),
        "first" => Value::from(frame.index == 0),
        "last" => Value::from(frame.index + 1 == frame.count),
        _ => return None,
    };
    Some(Cow::Owned(value))
}

/// What `if` of Handlebars takes for true: anything but false, 0, null and what is empty.
fn is_truthy(value: &Operand<'_>) -> bool {
    match value {
        Operand::Json(value) => match value.as_ref() {
            Value::Null => false,
            Value::Bool(truth) => *truth,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
        },
        // It has a decimal in it.
        Operand::Exact(_) => true,
        Operand::Decimal(decimal) => !decimal.is_zero(),
        Operand::NonFinite(number) => !number.is_nan(),
    }
}

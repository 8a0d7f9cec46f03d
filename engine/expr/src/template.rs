//! One string of a document: read once at load, evaluated as often as needed.

use std::{borrow::Cow, sync::Arc};

use base::limits::{EXPRESSION_OUTPUT_BYTES_MAX, TEMPLATE_OUTPUT_BYTES_MAX};
use serde_json::Value;

use crate::ast::{Expr, Part};
use crate::context::Context;
use crate::error::{EvalError, SyntaxError};
use crate::eval::{Evaluator, too_deep};
use crate::uses::Use;
use crate::{parser, reader, rewrite, uses};

/// Which notations a document knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `JSONPath` behind `$.`, Handlebars in `{{ }}`, expressions behind `@`.
    Flowright,
    /// Expressions only, as in Power Automate and Logic Apps.
    Wdl,
}

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// It means itself.
    Literal,
    /// `@…`: a value of any type.
    Expression,
    /// `…@{…}…`: always a text.
    Interpolation,
    /// `$.…`: a value, or a list of values.
    JsonPath,
    /// `…{{…}}…`: always a text.
    Handlebars,
}

/// One string of a document, read once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: String,
    dialect: Dialect,
    notation: Notation,
    body: Body,
    /// The first fault; a broken template fails when it is evaluated.
    broken: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Literal(Value),
    Value(Expr),
    Text(Vec<Part>),
}

impl Template {
    /// Reads a string of a document. Never fails; a broken one fails when evaluated.
    pub fn parse(text: &str, dialect: Dialect) -> (Self, Vec<SyntaxError>) {
        let (notation, body, errors) = reader::read(text, dialect);
        Self::new(text, dialect, notation, body, errors)
    }

    /// Reads an expression that is written without its `@`.
    pub fn parse_expression(text: &str) -> (Self, Vec<SyntaxError>) {
        let (expr, errors) = parser::parse(text, 0);
        Self::new(text, Dialect::Wdl, Notation::Expression, Body::Value(expr), errors)
    }

    fn new(
        source: &str,
        dialect: Dialect,
        notation: Notation,
        body: Body,
        errors: Vec<SyntaxError>,
    ) -> (Self, Vec<SyntaxError>) {
        let broken = errors.first().map(|error| error.message.clone());
        let inner = Inner { source: source.to_owned(), dialect, notation, body, broken };
        (Self(Arc::new(inner)), errors)
    }

    /// The string as written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The string as a document of that dialect has to write it to be read as the same. The error
    /// says what the dialect has no words for.
    pub fn written_in(&self, dialect: Dialect) -> Result<String, String> {
        rewrite::rewrite(self, self.0.dialect, dialect)
    }

    /// How the string is written.
    pub fn notation(&self) -> Notation {
        self.0.notation
    }

    /// The string without its escapes, if nothing in it is computed.
    pub fn literal(&self) -> Option<&Value> {
        match &self.0.body {
            Body::Literal(value) => Some(value),
            Body::Value(_) | Body::Text(_) => None,
        }
    }

    /// Computes the value.
    pub fn eval(&self, ctx: &dyn Context) -> Result<Value, EvalError> {
        self.eval_lent(ctx).map(Cow::into_owned)
    }

    /// Computes the value, without a copy where it is somebody else's.
    pub fn eval_lent<'a>(&'a self, ctx: &'a dyn Context) -> Result<Cow<'a, Value>, EvalError> {
        if let Some(fault) = &self.0.broken {
            return Err(EvalError::template(format!(
                "Unable to parse template language expression '{}': {fault}.",
                self.0.source
            )));
        }
        let mut evaluator = Evaluator::new(ctx, &self.0.source);
        match &self.0.body {
            Body::Literal(value) => Ok(Cow::Borrowed(value)),
            Body::Value(expr) => {
                let value = evaluator.eval(expr)?;
                if value.is_too_deep() { Err(too_deep()) } else { Ok(value.into_cow()) }
            }
            Body::Text(parts) => {
                let text = evaluator.write(parts, self.text_bytes_max())?;
                Ok(Cow::Owned(Value::String(text)))
            }
        }
    }

    fn text_bytes_max(&self) -> usize {
        match self.0.notation {
            Notation::Handlebars => TEMPLATE_OUTPUT_BYTES_MAX,
            Notation::Literal
            | Notation::Expression
            | Notation::Interpolation
            | Notation::JsonPath => EXPRESSION_OUTPUT_BYTES_MAX,
        }
    }

    pub(crate) fn body(&self) -> &Body {
        &self.0.body
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.0.broken.is_some()
    }

    /// Everything the string refers to, in order.
    pub fn uses(&self) -> Vec<Use> {
        match &self.0.body {
            Body::Literal(_) => Vec::new(),
            Body::Value(expr) => uses::of_expr(expr),
            Body::Text(parts) => uses::of_parts(parts),
        }
    }
}

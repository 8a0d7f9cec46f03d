//! What can go wrong: faults of the text, found when it is read, and of the data, found when it runs.

use std::ops::Range;

use base::Code;

/// A fault of the text itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// Bytes of the string the fault is about.
    pub range: Range<usize>,
    /// The rule that the text breaks.
    pub code: Code,
    /// What is wrong, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl SyntaxError {
    pub(crate) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        let code = base::code::EXPRESSION_SYNTAX;
        Self { range, code, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn limit(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { code: base::code::LIMIT_EXCEEDED, ..Self::new(range, message) }
    }
}

/// Why a value could not be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalError {
    /// The cloud's code, nearly always `InvalidTemplate`.
    pub code: String,
    /// The cloud's text, without the wrapper that names the action.
    pub message: String,
    /// Bytes of the string that were being evaluated, when known.
    pub range: Option<Range<usize>>,
}

impl EvalError {
    /// A failure of the template, as nearly all are.
    pub fn template(message: impl Into<String>) -> Self {
        Self { code: "InvalidTemplate".to_owned(), message: message.into(), range: None }
    }

    /// A bound of the engine was reached; the flow could run elsewhere, but not here.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self { code: "ExpressionLimitExceeded".to_owned(), ..Self::template(message) }
    }

    /// Notes where it happened, unless that is known more precisely already.
    pub(crate) fn at(mut self, range: &Range<usize>) -> Self {
        self.place(range);
        self
    }

    /// The same of one that is not moved.
    pub(crate) fn place(&mut self, range: &Range<usize>) {
        self.range.get_or_insert_with(|| range.clone());
    }
}

//! The arguments of one call, and the cloud's words for what is wrong with them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Function, Kind};
use crate::error::EvalError;
use crate::operand::Operand;

/// The evaluated arguments of one call. There are as many as the function takes.
pub struct Arguments<'a> {
    function: &'static Function,
    values: Vec<Operand<'a>>,
}

const ORDINALS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
const CARDINALS: [&str; 7] = ["no", "one", "two", "three", "four", "five", "six"];

impl<'a> Arguments<'a> {
    /// Checks the number of arguments.
    pub(crate) fn new(
        function: &'static Function,
        values: Vec<Operand<'a>>,
    ) -> Result<Self, EvalError> {
        let arguments = Self { function, values };
        let given = arguments.len();
        if function.takes(given) { Ok(arguments) } else { Err(miscounted(function, given)) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes an argument out; null when it was left out.
    pub fn take(&mut self, index: usize) -> Operand<'a> {
        self.values
            .get_mut(index)
            .map_or(Operand::NULL, |value| std::mem::replace(value, Operand::NULL))
    }

    /// Takes all of them out.
    pub fn take_all(&mut self) -> Vec<Operand<'a>> {
        std::mem::take(&mut self.values)
    }

    /// Looks at an argument; `None` when it was left out.
    pub fn get(&self, index: usize) -> Option<&Operand<'a>> {
        self.values.get(index)
    }

    /// Whether an argument was given at all; null counts as given.
    pub fn is_given(&self, index: usize) -> bool {
        index < self.values.len()
    }

    /// Takes out a text.
    pub fn text(&mut self, index: usize) -> Result<Cow<'a, str>, EvalError> {
        self.text_or(index, "be of type string")
    }

    /// Takes out a text; says of anything else that it is expected to `wanted`.
    pub fn text_or(&mut self, index: usize, wanted: &str) -> Result<Cow<'a, str>, EvalError> {
        match self.take(index) {
            Operand::Json(Cow::Borrowed(Value::String(text))) => Ok(Cow::Borrowed(text)),
            Operand::Json(Cow::Owned(Value::String(text))) => Ok(Cow::Owned(text)),
            other => Err(self.mismatch(index, wanted, other.kind())),
        }
    }

    /// Takes out a text that may be left out or null.
    pub fn optional_text(&mut self, index: usize) -> Result<Option<Cow<'a, str>>, EvalError> {
        match self.get(index) {
            Some(value) if !value.is_null() => self.text(index).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Reads a whole number.
    pub fn integer(&self, index: usize) -> Result<i64, EvalError> {
        let value = self.get(index);
        let number = value.and_then(|value| value.json()?.as_i64());
        number.ok_or_else(|| {
            self.mismatch(index, "be an integer", value.map_or("Null", Operand::kind))
        })
    }

    /// Reads `true` or `false`.
    pub fn boolean(&self, index: usize) -> Result<bool, EvalError> {
        let value = self.get(index);
        let truth = value.and_then(|value| value.json()?.as_bool());
        truth.ok_or_else(|| {
            self.mismatch(index, "be of type boolean", value.map_or("Null", Operand::kind))
        })
    }

    /// Takes out a list.
    pub fn array(&mut self, index: usize) -> Result<Cow<'a, [Value]>, EvalError> {
        match self.take(index).plain() {
            Operand::Json(Cow::Borrowed(Value::Array(items))) => Ok(Cow::Borrowed(items)),
            Operand::Json(Cow::Owned(Value::Array(items))) => Ok(Cow::Owned(items)),
            other => Err(self.mismatch(index, "be of type array", other.kind())),
        }
    }

    /// Takes out an object to change it.
    pub fn object(&mut self, index: usize) -> Result<Map<String, Value>, EvalError> {
        match self.take(index).plain() {
            Operand::Json(Cow::Borrowed(Value::Object(map))) => Ok(map.clone()),
            Operand::Json(Cow::Owned(Value::Object(map))) => Ok(map),
            other => Err(self.mismatch(index, "be of type object", other.kind())),
        }
    }

    /// "expects its second parameter to `wanted`. The provided value is of type `kind`."
    pub fn mismatch(&self, index: usize, wanted: &str, kind: &str) -> EvalError {
        let which = match (self.function.params.len(), ORDINALS.get(index)) {
            (1, _) | (_, None) => "parameter".to_owned(),
            (_, Some(ordinal)) => format!("{ordinal} parameter"),
        };
        self.failure(&format!(
            "expects its {which} to {wanted}. The provided value is of type '{kind}'"
        ))
    }

    /// "was invoked with a parameter that is not valid. The value cannot be converted …".
    pub fn inconvertible(&self) -> EvalError {
        self.failure(
            "was invoked with a parameter that is not valid. \
             The value cannot be converted to the target type",
        )
    }

    /// "The template language function 'f' `what`. Please see … for usage details."
    pub fn failure(&self, what: &str) -> EvalError {
        failure(self.function.name, what)
    }

    /// Refuses to make a value of so many bytes.
    pub fn affords(&self, bytes: usize) -> Result<(), EvalError> {
        if bytes <= base::limits::EXPRESSION_OUTPUT_BYTES_MAX {
            return Ok(());
        }
        Err(EvalError::limit(format!(
            "the result of `{}` would be longer than {} bytes",
            self.function.name,
            base::limits::EXPRESSION_OUTPUT_BYTES_MAX
        )))
    }

    /// The name of the function, for messages of its own.
    pub fn function(&self) -> &'static str {
        self.function.name
    }
}

/// "The template language function 'f' `what`. Please see … for usage details."
pub(crate) fn failure(function: &str, what: &str) -> EvalError {
    EvalError::template(format!(
        "The template language function '{function}' {what}. \
         Please see https://aka.ms/logicexpressions#{function} for usage details."
    ))
}

/// The wrong number of arguments: says how many and which the function takes.
pub(crate) fn miscounted(function: &Function, given: usize) -> EvalError {
    let names: Vec<_> = function.params.iter().map(|param| param.name).collect();
    let least = function.arity_min();
    let open = function.params.iter().any(|param| param.kind != Kind::Required);
    let count = CARDINALS.get(least).map_or_else(|| least.to_string(), |word| (*word).to_owned());
    let parameters = if least == 1 { "parameter" } else { "parameters" };
    let wanted = match (open, names.is_empty()) {
        (_, true) => "does not expect any parameters".to_owned(),
        (true, _) => format!("expects at least {count} {parameters}: {}", names.join(", ")),
        (false, _) => format!("expects {count} {parameters}: {}", names.join(", ")),
    };
    failure(
        function.name,
        &format!("{wanted}. The function was invoked with '{given}' parameter(s)"),
    )
}

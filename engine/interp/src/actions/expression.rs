//! The designer's date, number and text actions: each is a call of the function of that name.

use base::{Failure, value::object};
use expr::{Template, WithItem};
use flow::actions::expression::Expression;
use serde_json::{Number, Value};

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

/// Each kind as an expression over the action's inputs, which are its item.
const CALLS: &[(&str, &str)] = &[
    ("AddToTime", "addToTime(item()?['baseTime'], item()?['interval'], item()?['timeUnit'])"),
    (
        "ConvertTimeZone",
        "convertTimeZone(item()?['baseTime'], item()?['sourceTimeZone'], \
         item()?['destinationTimeZone'], coalesce(item()?['formatString'], 'o'))",
    ),
    ("CurrentTime", "utcNow()"),
    (
        "FormatNumber",
        "formatNumber(item()?['number'], item()?['format'], coalesce(item()?['locale'], 'en-US'))",
    ),
    ("GetFutureTime", "getFutureTime(item()?['interval'], item()?['timeUnit'])"),
    ("GetPastTime", "getPastTime(item()?['interval'], item()?['timeUnit'])"),
    ("IndexOf", "indexOf(item()?['text'], item()?['searchText'])"),
    (
        "Substring",
        "if(equals(item()?['length'], null), substring(item()?['text'], item()?['startPosition']), \
         substring(item()?['text'], item()?['startPosition'], item()?['length']))",
    ),
    (
        "SubtractFromTime",
        "subtractFromTime(item()?['baseTime'], item()?['interval'], item()?['timeUnit'])",
    ),
];

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Expression) -> Ended {
    let inputs = match exec.eval(key, &action.inputs) {
        Ok(inputs) => inputs,
        Err(ended) => return ended,
    };
    let call = CALLS.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(&action.kind));
    let Some((_, call)) = call else {
        let message = format!("there is no expression action of the kind '{}'", action.kind);
        return Ended::failed(Failure::new("ActionNotSupported", message)).inputs(inputs);
    };
    let (template, _) = Template::parse_expression(call);
    let item = with_numbers(inputs.clone());
    let value = template.eval(&WithItem::new(&exec.scope(key), &item));
    match value {
        Ok(value) => Ended::succeeded(Some(inputs), object([("body", value)])),
        Err(error) => Ended::failed(exec.invalid_inputs(key, &error)).inputs(inputs),
    }
}

/// The fields of the designer hold text, also where the function wants a number.
fn with_numbers(mut inputs: Value) -> Value {
    for name in ["interval", "length", "number", "startPosition"] {
        let number = inputs.get(name).and_then(Value::as_str);
        let number = number.and_then(|it| it.trim().parse::<Number>().ok());
        if let (Some(number), Some(inputs)) = (number, inputs.as_object_mut()) {
            inputs.insert(name.to_owned(), Value::Number(number));
        }
    }
    inputs
}

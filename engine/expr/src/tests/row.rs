//! One row of a data file of cases: an expression or a template, and what it gives.

use serde_json::{Value, json};

use super::world::World;
use crate::{Dialect, Operand, Template, equals};

/// Evaluates one row and compares.
pub(super) fn run(row: &Value) -> Result<(), String> {
    let world = World::new(row.get("context").cloned().unwrap_or_else(|| json!({})));
    let ((template, errors), text) = match (row.get("expression"), row.get("template")) {
        (Some(Value::String(text)), _) => (Template::parse_expression(text), text),
        (_, Some(Value::String(text))) => {
            let flowright = row.get("dialect") == Some(&json!("flowright"));
            let dialect = if flowright { Dialect::Flowright } else { Dialect::Wdl };
            (Template::parse(text, dialect), text)
        }
        _ => return Err("neither expression nor template".to_owned()),
    };
    if let Some(parse) = row.get("parse") {
        let valid = if errors.is_empty() { "ok" } else { "error" };
        return (parse == valid).then_some(()).ok_or_else(|| format!("{text}: {errors:?}"));
    }
    let actual = template.eval(&world);
    if row.get("actual_error").is_some()
        || (row.get("error").is_some() && row.get("actual").is_none())
    {
        return match (&actual, row.get("message").and_then(Value::as_str)) {
            (Ok(value), _) => Err(format!("{text} = {value}, not an error")),
            (Err(error), Some(message)) if !error.message.contains(message) => {
                Err(format!("{text}: `{}`, not `{message}`", error.message))
            }
            (Err(_), _) => Ok(()),
        };
    }
    let actual = actual.map_err(|error| format!("{text}: {}", error.message))?;
    if let Some(any) = row.get("expected_one_of").and_then(Value::as_array) {
        return any.iter().any(|it| equals(it, &actual)).then_some(()).ok_or("not one of".into());
    }
    if let Some(pattern) = row.get("expected_pattern").and_then(Value::as_str) {
        let expected = [("{8}", 36), ("{32}", 32), ("\\{", 38)];
        let length = expected.iter().rev().find(|(mark, _)| pattern.contains(mark)).map(|it| it.1);
        let actual_length = actual.as_str().map(str::len);
        return (actual_length == length).then_some(()).ok_or(format!("{actual} {pattern}"));
    }
    if let Some(expected) = row.get("expected_xml").and_then(Value::as_str) {
        let shown = crate::to_text(&actual);
        return (shown == expected).then_some(()).ok_or(format!("{shown}, not {expected}"));
    }
    let expected = row.get("actual").or(row.get("expected")).unwrap_or(&Value::Null);
    let typed = match row.get("expected_type").and_then(Value::as_str) {
        Some("integer") => actual.is_i64(),
        Some("float") => actual.is_f64(),
        _ => true,
    };
    if equals(expected, &actual) && typed {
        return Ok(());
    }
    let shown = Operand::from(actual).to_text().into_owned();
    Err(format!("{text} = {shown}, not {expected}"))
}

/// Whether what a row says of its failure stands in our message; `None` if it says nothing.
pub(super) fn message_agrees(row: &Value) -> Option<bool> {
    let said = row.get("error")?.as_str()?;
    let world = World::new(row.get("context").cloned().unwrap_or_else(|| json!({})));
    let text = row.get("expression").or(row.get("template"))?.as_str()?;
    let template = match row.get("expression") {
        Some(_) => Template::parse_expression(text).0,
        None => Template::parse(text, Dialect::Wdl).0,
    };
    Some(template.eval(&world).is_err_and(|error| error.message.contains(said)))
}

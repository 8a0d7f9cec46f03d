//! Applies a mapping file to a source object.

use base::Failure;
use expr::{Context, EvalError, Key, Tree, WithItem};
use flow::mapping::{Comparison, Conversion, Field, Mapping};
use serde_json::{Map, Value};

use crate::convert::convert;

/// The target object: every field of the mapping whose `when` holds, in the order of the file.
///
/// # Errors
/// Names the field that cannot be made, and why.
pub(crate) fn apply(
    mapping: &Mapping,
    source: &Value,
    ctx: &dyn Context,
) -> Result<Value, Failure> {
    let ctx = WithItem::document(ctx, source);
    let mut target = Map::new();
    for field in &mapping.fields {
        let name = target_name(mapping, field, &ctx)?;
        let fail = |error: EvalError| invalid(mapping, &name, &error.message);
        if let Some(when) = &field.when
            && !when.eval(&ctx).map_err(fail)?
        {
            continue;
        }
        let value = value_of(mapping, field, &name, &ctx)?;
        put(&mut target, &name, value);
    }
    Ok(Value::Object(target))
}

/// What became of one field, for people.
pub(crate) struct Row {
    pub target: String,
    /// Where it comes from, as written.
    pub source: String,
    pub conversion: Option<&'static str>,
    pub comparison: &'static str,
    /// Its `when` did not hold.
    pub is_left_out: bool,
    pub from: Option<Value>,
    pub value: Option<Value>,
    pub error: Option<String>,
}

/// Every field on its own: what is wrong with one does not keep the others from being shown.
pub(crate) fn rows(mapping: &Mapping, source: &Value, ctx: &dyn Context) -> Vec<Row> {
    let ctx = WithItem::document(ctx, source);
    mapping.fields.iter().map(|field| row(mapping, field, &ctx)).collect()
}

fn row(mapping: &Mapping, field: &Field, ctx: &dyn Context) -> Row {
    let named = target_name(mapping, field, ctx);
    let target = match (&named, &field.target) {
        (Ok(name), _) | (Err(_), Key::Plain(name)) => name.clone(),
        (Err(_), Key::Computed(name)) => name.template.source().to_owned(),
    };
    let name_of = |names: &'static [(&str, Conversion)], wanted: Conversion| {
        names.iter().find(|(_, it)| *it == wanted).map(|(name, _)| *name)
    };
    let comparison = Comparison::NAMES.iter().find(|(_, it)| *it == field.compare);
    let when = field.when.as_ref().map_or(Ok(true), |it| it.eval(ctx));
    let is_left_out = matches!(when, Ok(false));
    let value = if is_left_out { None } else { Some(value_of(mapping, field, &target, ctx)) };
    let error = match (&named, when, &value) {
        (Err(failure), _, _) | (_, _, Some(Err(failure))) => Some(failure.message.clone()),
        (_, Err(error), _) => Some(error.message),
        (Ok(_), Ok(_), Some(Ok(_)) | None) => None,
    };
    Row {
        target,
        source: written(&field.source),
        conversion: field.convert.and_then(|it| name_of(Conversion::NAMES, it)),
        comparison: comparison.map_or("exact", |(name, _)| *name),
        is_left_out,
        from: field.source.eval(ctx).ok(),
        value: value.and_then(Result::ok),
        error,
    }
}

/// A source as the file has it, as far as that is one line.
fn written(tree: &Tree) -> String {
    match tree {
        Tree::Template(placed) => placed.template.source().to_owned(),
        Tree::Value(value) => expr::to_text(value),
        Tree::Array(_) => "[…]".to_owned(),
        Tree::Object(_) => "{…}".to_owned(),
    }
}

/// The name of a field in the target.
pub(crate) fn target_name(
    mapping: &Mapping,
    field: &Field,
    ctx: &dyn Context,
) -> Result<String, Failure> {
    match &field.target {
        Key::Plain(name) => Ok(name.clone()),
        Key::Computed(name) => {
            let source = name.template.source();
            let value = name.template.eval(ctx);
            let value = value.map_err(|error| invalid(mapping, source, &error.message))?;
            Ok(expr::to_text(&value))
        }
    }
}

fn value_of(
    mapping: &Mapping,
    field: &Field,
    name: &str,
    ctx: &dyn Context,
) -> Result<Value, Failure> {
    let fail = |error: EvalError| invalid(mapping, name, &error.message);
    let mut value = field.source.eval(ctx).map_err(fail)?;
    if let Some(values) = &field.values
        && !value.is_null()
    {
        let text = expr::to_text(&value);
        value = match (values.get(&text), &field.otherwise) {
            (Some(found), _) => found.clone(),
            (None, Some(otherwise)) => otherwise.eval(ctx).map_err(fail)?,
            (None, None) => {
                let message =
                    format!("`{text}` is none of its `values`, and there is no `otherwise`");
                return Err(invalid(mapping, name, &message));
            }
        };
    }
    if value.is_null()
        && let Some(default) = &field.default
    {
        value = default.eval(ctx).map_err(fail)?;
    }
    if let Some(conversion) = field.convert {
        let shown = expr::to_text(&value);
        value = convert(value, conversion).ok_or_else(|| {
            invalid(mapping, name, &format!("`{shown}` is not {}", describe(conversion)))
        })?;
    }
    if field.required && (value.is_null() || value.as_str() == Some("")) {
        return Err(invalid(mapping, name, "it is required and the source has no value for it"));
    }
    Ok(value)
}

/// Puts a value at a name; a `/` in it leads into nested objects, as in flattened parameters.
pub(crate) fn put(target: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('/') {
        None => {
            target.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = target.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn invalid(mapping: &Mapping, field: &str, why: &str) -> Failure {
    let name = &mapping.name;
    Failure::new("MappingFailed", format!("field `{field}` of the mapping `{name}`: {why}"))
}

const fn describe(conversion: Conversion) -> &'static str {
    match conversion {
        Conversion::Text => "text",
        Conversion::Integer => "a whole number",
        Conversion::Number => "a number",
        Conversion::Money => "an amount of money",
        Conversion::Date => "a date",
        Conversion::DateTime => "an instant",
        Conversion::Boolean => "true or false",
        Conversion::List => "a list",
    }
}

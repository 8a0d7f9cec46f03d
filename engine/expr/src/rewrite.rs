//! Writes strings for documents: escapes, and our notations in the words of the cloud's.

use serde_json::Value;

use crate::ast::{Base, Expr, Node, Part, Path, Segment};
use crate::functions::{self, Origin};
use crate::reader::{from_wdl, to_wdl};
use crate::template::{Body, Dialect, Notation, Template};

/// A text as a document of that dialect has to write it to mean itself.
pub fn literal_in(text: &str, dialect: Dialect) -> String {
    let escaped = match text.strip_prefix('@') {
        Some(rest) => format!("@@{rest}"),
        None => text.replace("@{", "@@{"),
    };
    match dialect {
        Dialect::Wdl => escaped,
        Dialect::Flowright => from_wdl(&escaped),
    }
}

type Written = Result<String, String>;

/// The source of a template in another dialect than its own.
pub(crate) fn rewrite(template: &Template, from: Dialect, to: Dialect) -> Written {
    let source = template.source();
    if template.notation() == Notation::Expression && !source.starts_with('@') {
        return Ok(format!("@{source}"));
    }
    match (from, to) {
        (Dialect::Wdl, Dialect::Flowright) => Ok(from_wdl(source)),
        (Dialect::Flowright, Dialect::Wdl) if template.is_broken() => Ok(to_wdl(source)),
        (Dialect::Flowright, Dialect::Wdl) => in_wdl(template),
        (Dialect::Flowright, Dialect::Flowright) | (Dialect::Wdl, Dialect::Wdl) => {
            Ok(source.to_owned())
        }
    }
}

fn in_wdl(template: &Template) -> Written {
    match (template.notation(), template.body()) {
        (Notation::Literal, Body::Literal(value)) => {
            Ok(literal_in(value.as_str().unwrap_or_default(), Dialect::Wdl))
        }
        (Notation::JsonPath, Body::Value(expr)) => {
            let mut text = "@".to_owned();
            write(&mut text, expr)?;
            Ok(text)
        }
        (Notation::Handlebars, Body::Text(parts)) => of_parts(parts),
        (_, body) => {
            known_functions(body)?;
            Ok(to_wdl(template.source()))
        }
    }
}

/// The cloud must know every function that is called.
fn known_functions(body: &Body) -> Result<(), String> {
    let mut uses = match body {
        Body::Literal(_) => Vec::new(),
        Body::Value(expr) => crate::uses::of_expr(expr),
        Body::Text(parts) => crate::uses::of_parts(parts),
    };
    let ours = uses.drain(..).find_map(|it| match it.what {
        crate::What::Function { name, .. } if is_ours(&name) => Some(name),
        _ => None,
    });
    ours.map_or(Ok(()), |name| Err(unknown(&name)))
}

fn is_ours(name: &str) -> bool {
    functions::find(name).is_some_and(|it| it.origin == Origin::Flowright)
}

fn unknown(name: &str) -> String {
    format!("the cloud has no function `{name}`")
}

/// A text with holes. A `@` that would make something of what follows it is a hole itself.
fn of_parts(parts: &[Part]) -> Written {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(plain) => match plain.strip_prefix('@').filter(|_| text.is_empty()) {
                Some(rest) => {
                    text.push_str(AT);
                    text.push_str(&rest.replace("@{", "@@{"));
                }
                None => text.push_str(&plain.replace("@{", "@@{")),
            },
            Part::Value(expr) => {
                text.push_str("@{");
                write(&mut text, expr)?;
                text.push('}');
            }
            Part::If { .. } => return Err(no_block("if")),
            Part::Each { .. } => return Err(no_block("each")),
            Part::With { .. } => return Err(no_block("with")),
        }
    }
    Ok(text)
}

/// The text `@` as a hole.
const AT: &str = "@{'@'}";

fn no_block(name: &str) -> String {
    format!("the cloud has no blocks such as `{{{{#{name}}}}}`")
}

fn write(text: &mut String, expr: &Expr) -> Result<(), String> {
    match &expr.node {
        Node::Literal(value) => write_literal(text, value),
        Node::Call(call) => {
            if is_ours(call.name()) {
                return Err(unknown(call.name()));
            }
            text.push_str(call.canonical_name());
            text.push('(');
            for (nth, argument) in call.arguments().iter().enumerate() {
                if 0 < nth {
                    text.push_str(", ");
                }
                write(text, argument)?;
            }
            text.push(')');
            Ok(())
        }
        Node::Access { object, key, null_safe } => {
            write(text, object)?;
            text.push_str(if *null_safe { "?[" } else { "[" });
            write(text, key)?;
            text.push(']');
            Ok(())
        }
        Node::Path(path) => write_path(text, path),
        Node::Query(_) => Err("the cloud has no queries that give several values".to_owned()),
    }
}

fn write_literal(text: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::String(it) => text.push_str(&quoted(it)),
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::Array(_) | Value::Object(_) => {
            return Err("the cloud's expressions have no lists and objects in them".to_owned());
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn write_path(text: &mut String, path: &Path) -> Result<(), String> {
    let missing = || format!("the cloud has no counterpart of `{}`", path.written());
    let (Base::Root, Some(Segment::Name(root))) = (&path.base, path.segments.first()) else {
        return Err(missing());
    };
    let named = path.segments.get(1).and_then(Segment::name).map(quoted);
    let member = |nth| path.segments.get(nth).and_then(Segment::name).unwrap_or_default();
    let (start, used) = match (root.as_str(), named) {
        ("trigger", _) => match member(1) {
            "body" => ("triggerBody()".to_owned(), 2),
            "headers" | "queries" | "relativePathParameters" | "statusCode" => {
                ("triggerOutputs()".to_owned(), 1)
            }
            "outputs" => ("triggerOutputs()".to_owned(), 2),
            _ => ("trigger()".to_owned(), 1),
        },
        ("body", _) => ("triggerBody()".to_owned(), 1),
        ("headers" | "queries" | "relativePathParameters", _) => ("triggerOutputs()".to_owned(), 0),
        ("actions", Some(name)) => match member(2) {
            "body" => (format!("body({name})"), 3),
            "outputs" => (format!("outputs({name})"), 3),
            "headers" | "statusCode" => (format!("outputs({name})"), 2),
            _ => (format!("actions({name})"), 2),
        },
        (root @ ("variables" | "parameters" | "items"), Some(name)) => {
            (format!("{root}({name})"), 2)
        }
        ("item", _) => ("item()".to_owned(), 1),
        ("run", _) => ("workflow()".to_owned(), 0),
        ("flow", _) => ("workflow()".to_owned(), 1),
        (_, _) => return Err(missing()),
    };
    text.push_str(&start);
    for segment in path.segments.iter().skip(used) {
        let key = match segment {
            Segment::Name(name) => quoted(name),
            Segment::Either(digits) => digits.clone(),
            Segment::Index(index) if 0 <= *index => index.to_string(),
            Segment::Index(_) => return Err(missing()),
        };
        text.push_str(if path.strict { "[" } else { "?[" });
        text.push_str(&key);
        text.push(']');
    }
    Ok(())
}

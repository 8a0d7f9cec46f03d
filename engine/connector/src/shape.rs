//! Values that a connector file describes: bodies to send, outputs to give, lists made of lists.

use base::Failure;
use expr::{Key, Tree};
use serde_json::{Map, Value, json};

use crate::{encode::invalid, scope::Scope};

/// What an object may have that stands for a list, or for an object with computed names.
pub(crate) const EACH: &str = "$each";
const WHERE: &str = "$where";
const NAME: &str = "$name";
const AS: &str = "$as";
const JOIN: &str = "$join";
/// All of these.
pub(crate) const KEYS: &[&str] = &[AS, EACH, JOIN, NAME, WHERE];

/// What becomes of members that are computed as null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// They are null.
    Keep,
    /// They are not there, as what a flow leaves out is not sent.
    Drop,
}

/// Computes a value. An object with `$each` stands for what `$as` is of each item of a list, or of
/// each `{name, value}` of an object; `$where` picks items, with `$name` an object is made, with `$join` a text.
pub(crate) fn eval(scope: &Scope<'_>, tree: &Tree, nulls: Nulls) -> Result<Value, Failure> {
    match tree {
        Tree::Value(value) => Ok(value.clone()),
        Tree::Template(_) => scope.eval_tree(tree),
        Tree::Array(items) => items.iter().map(|it| eval(scope, it, nulls)).collect(),
        Tree::Object(entries) => match member(entries, EACH) {
            Some(source) => each(scope, entries, &eval(scope, source, nulls)?, nulls),
            None => object(scope, entries, nulls),
        },
    }
}

fn object(scope: &Scope<'_>, entries: &[(Key, Tree)], nulls: Nulls) -> Result<Value, Failure> {
    let mut map = Map::with_capacity(entries.len());
    for (key, tree) in entries {
        // Keys of connector files are never computed.
        let Key::Plain(key) = key else { continue };
        let value = eval(scope, tree, nulls)?;
        if !value.is_null() || nulls == Nulls::Keep {
            map.insert(key.clone(), value);
        }
    }
    Ok(Value::Object(map))
}

fn each(
    scope: &Scope<'_>,
    entries: &[(Key, Tree)],
    source: &Value,
    nulls: Nulls,
) -> Result<Value, Failure> {
    let items = match source {
        Value::Null => return Ok(Value::Null),
        Value::Array(items) => items.clone(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(invalid("what `$each` is given is neither a list nor an object"));
        }
    };
    let (name, shape) = (member(entries, NAME), member(entries, AS));
    let (mut list, mut map) = (Vec::new(), Map::new());
    for item in &items {
        let scope = scope.of_item(item);
        let wanted = member(entries, WHERE).map(|it| scope.eval_tree(it)).transpose()?;
        if wanted.is_some_and(|it| it != Value::Bool(true)) {
            continue;
        }
        let value = match shape {
            Some(shape) => eval(&scope, shape, nulls)?,
            None => item.clone(),
        };
        match name {
            Some(name) => drop(map.insert(expr::to_text(&scope.eval_tree(name)?), value)),
            None => list.push(value),
        }
    }
    Ok(match member(entries, JOIN).map(|it| scope.eval_tree(it)).transpose()? {
        Some(between) => {
            let texts: Vec<String> = list.iter().map(expr::to_text).collect();
            texts.join(&expr::to_text(&between)).into()
        }
        None if name.is_some() => Value::Object(map),
        None => Value::Array(list),
    })
}

fn member<'t>(entries: &'t [(Key, Tree)], name: &str) -> Option<&'t Tree> {
    let named = |key: &Key| matches!(key, Key::Plain(key) if key == name);
    entries.iter().find(|(key, _)| named(key)).map(|(_, tree)| tree)
}

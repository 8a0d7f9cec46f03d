//! Lays a YAML file out anew: the same values, the same comments, one style.

mod scalars;
mod trivia;
mod writer;

use std::collections::BTreeMap;

use base::{Severity, code};

use crate::{
    node::{Kind, Node},
    parse::{comments, parse},
};
use writer::Writer;

/// The order in which entries of objects are written, by the first byte of the object: indices of
/// the entries as they stand. Objects that are not here stay as they are.
pub type Orders = BTreeMap<usize, Vec<usize>>;

/// Lays a file out.
///
/// # Errors
/// Says why it must stay as it is: it is no YAML, or it would not mean the same.
pub fn format(text: &str, orders: impl Fn(&Node) -> Orders) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    let (root, found) = parse(&text);
    let faults = found.iter().filter(|it| it.severity == Severity::Error);
    // An expression without quotes is read, and gets them.
    if let Some(fault) = faults.clone().find(|it| it.code != code::UNQUOTED_EXPRESSION) {
        return Err(fault.message.clone());
    }
    let Some(root) = root else { return Err("it cannot be read".to_owned()) };
    if !matches!(root.kind, Kind::Map(_) | Kind::Seq(_)) {
        return Ok(text);
    }
    let orders = orders(&root);
    let written = Writer::new(&text, &orders).document(&root)?;
    let (again, found) = parse(&written);
    if let Some(fault) = found.iter().find(|it| it.severity == Severity::Error) {
        return Err(format!("it would not be readable: {}", fault.message));
    }
    if !again.is_some_and(|again| is_same(&root, &again, &orders)) {
        return Err("it would not mean the same".to_owned());
    }
    let mut kept = [&text, &written].map(|it| {
        let mut texts: Vec<String> =
            comments(it).into_iter().map(|it| it.text.trim_end().to_owned()).collect();
        texts.sort_unstable();
        texts
    });
    let [before, after] = &mut kept;
    if before != after {
        return Err("a comment would be lost".to_owned());
    }
    Ok(written)
}

/// Whether two trees are the same values, in the same order but where it was changed on purpose.
fn is_same(one: &Node, other: &Node, orders: &Orders) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Map(a), Kind::Map(b)) => {
            let is_reordered = orders.contains_key(&one.span.start);
            let in_order = a.iter().zip(b).all(|(a, b)| a.key.text == b.key.text);
            a.len() == b.len()
                && (is_reordered || in_order)
                && a.iter().all(|entry| {
                    b.get(&entry.key.text).is_some_and(|it| is_same(&entry.value, it, orders))
                })
        }
        (Kind::Seq(a), Kind::Seq(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b, orders))
        }
        (Kind::Str(a), Kind::Str(b)) => a.text == b.text,
        (a, b) => a == b,
    }
}

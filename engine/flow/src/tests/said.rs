//! Everything that a flow says as text, so that two flows can be compared.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::Flow;

/// Everything that a flow says, action by action, apart from where it stands, how its texts are
/// escaped and the order of actions beside each other. It is what `Debug` shows, so that nothing
/// that is added to the model can be forgotten.
pub(crate) fn said(flow: &Flow) -> BTreeMap<String, String> {
    let mut flow = flow.clone();
    flow.dialect = expr::Dialect::Flowright;
    let names: Vec<String> = flow.actions.iter().map(|it| it.name.folded().to_owned()).collect();
    flow.names.clear();
    let actions = std::mem::take(&mut flow.actions);
    let mut said: BTreeMap<String, String> = actions
        .iter()
        .map(|it| (format!("action {}", it.name), plain(&format!("{it:?}"), &names)))
        .collect();
    said.insert("flow".to_owned(), plain(&format!("{flow:?}"), &names));
    said
}

/// Without places and sources; numbers of actions become names.
fn plain(debug: &str, names: &[String]) -> String {
    let mut out = String::with_capacity(debug.len());
    let mut rest = debug;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = without(rest) {
            rest = after;
        } else if let Some((text, after)) = named(rest, names) {
            out.push_str(&text);
            rest = after;
        } else {
            let next = from(rest, c.len_utf8()).find(['S', 'r', 'v', 'd', 's', 'p', 'B']);
            let (before, after) = rest.split_at(next.map_or(rest.len(), |it| it + c.len_utf8()));
            out.push_str(before);
            rest = after;
        }
    }
    out
}

fn from(text: &str, at: usize) -> &str {
    text.get(at..).unwrap()
}

/// What follows something that does not count.
fn without(text: &str) -> Option<&str> {
    if let Some(after) = text.strip_prefix("Span {") {
        return after.split_once('}').map(|(_, after)| after);
    }
    for start in ["range: ", "verbatim_at: ", "dialect: "] {
        if let Some(after) = text.strip_prefix(start) {
            return Some(from(after, after.find([',', ' ', '}']).unwrap()));
        }
    }
    let after = text.strip_prefix("source: \"")?;
    let mut escaped = false;
    let end = after.char_indices().find(|(_, c)| {
        let is_end = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    });
    Some(from(after, end.unwrap().0 + 1))
}

/// Numbers of actions by their names, those of a block in alphabetical order.
fn named<'a>(text: &'a str, names: &[String]) -> Option<(String, &'a str)> {
    let name = |number: &str| &names[number.parse::<usize>().unwrap()];
    for start in ["predecessor: ", "parent: Some("] {
        if let Some(after) = text.strip_prefix(start) {
            let (number, after) =
                after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap());
            return Some((format!("{start}{}", name(number)), after));
        }
    }
    let (numbers, after) = text.strip_prefix("Block { actions: [")?.split_once(']')?;
    let numbers = numbers.split(", ").filter(|it| !it.is_empty());
    let mut block: Vec<&String> = numbers.map(name).collect();
    block.sort();
    let mut text = String::new();
    write!(text, "Block {block:?}").unwrap();
    Some((text, after))
}

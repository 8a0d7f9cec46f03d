//! Runs data files of cases: our own always, a folder of others when the environment names one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::row::{message_agrees, run};
use crate::{Dialect, Template, What};

pub(super) const OURS: &[(&str, &str)] = &[
    ("collections", include_str!("data/collections.jsonl")),
    ("encodings", include_str!("data/encodings.jsonl")),
    ("numbers", include_str!("data/numbers.jsonl")),
    ("text", include_str!("data/text.jsonl")),
];

#[test]
fn our_own_cases_hold() {
    for (file, text) in OURS {
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            if let Err(fault) = run(&row) {
                panic!("{file}: {line}\n{fault}");
            }
        }
    }
}

/// What services and documents were seen to give, row by row (see `data/README.md`).
const RECORDED: &[&str] = &[
    include_str!("data/recorded-reference.jsonl"),
    include_str!("data/recorded-services.jsonl"),
    include_str!("data/computed-formats.jsonl"),
    include_str!("data/computed-zones.jsonl"),
];

/// Which rows differ, and why.
const DIFFERENCES: &str = include_str!("../../../../docs/spec/expression-differences.md");

/// Each row holds, or the page of differences names it; and what that page names does differ.
#[test]
fn recorded_rows_hold_or_are_explained() {
    let mut wrong = Vec::new();
    for line in RECORDED.iter().flat_map(|text| text.lines()) {
        let row: Value = serde_json::from_str(line).unwrap();
        let named = DIFFERENCES.contains(&format!("| `{}` |", row["id"].as_str().unwrap()));
        match (run(&row), named) {
            (Ok(()), false) | (Err(_), true) => {}
            (Err(fault), false) => wrong.push(format!("{}: {fault}", row["id"])),
            (Ok(()), true) => wrong.push(format!("{} holds, and the page names it", row["id"])),
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a row says of its failure stands in our message, or the page explains why not.
#[test]
fn recorded_messages_agree_or_are_explained() {
    for line in RECORDED.iter().flat_map(|text| text.lines()) {
        let row: Value = serde_json::from_str(line).unwrap();
        let Some(agrees) = message_agrees(&row) else { continue };
        let named = DIFFERENCES.contains(&format!("| `{}` message |", row["id"].as_str().unwrap()));
        assert_eq!(agrees, !named, "{line}");
    }
}

/// Prints how many rows of each function hold; says nothing when no folder is named.
#[test]
#[allow(clippy::disallowed_methods, reason = "a harness for data that is not in the repository")]
#[allow(clippy::print_stdout, reason = "the rates are what this test is asked for")]
fn corpus_in_the_named_folder() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    for file in ["wdl-function-cases.jsonl", "wdl-function-cases-peers.jsonl"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let (mut passed, mut total, mut messages) = (0, 0, (0, 0));
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            if row.get("action").is_some() || row.get("disputed").is_some() {
                continue;
            }
            let outcome = run(&row);
            let name = row["function"].as_str().unwrap_or("?").to_owned();
            let count = counts.entry(name).or_default();
            let hit = usize::from(outcome.is_ok());
            (count.0, count.1, passed, total) =
                (count.0 + hit, count.1 + 1, passed + hit, total + 1);
            if let Some(agrees) = message_agrees(&row) {
                messages = (messages.0 + usize::from(agrees), messages.1 + 1);
                if !agrees {
                    println!("  {} says `{}`", row["id"], row["error"]);
                }
            }
            if let Err(fault) = outcome {
                println!("  {} {}", row["id"], fault);
            }
        }
        for (name, (hits, rows)) in counts.iter().filter(|(_, (hits, rows))| hits < rows) {
            println!("  {name}: {hits}/{rows}");
        }
        println!("{file}: {passed}/{total}; messages {}/{}", messages.0, messages.1);
    }
}

/// Every function that is listed is there and takes as many arguments as flows give it.
#[test]
#[allow(clippy::disallowed_methods, reason = "a harness for data that is not in the repository")]
fn functions_in_the_named_folder_are_there() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let text = std::fs::read_to_string(format!("{folder}/wdl-functions.json")).unwrap();
    let listed: Value = serde_json::from_str(&text).unwrap();
    let mut faults = Vec::new();
    for row in listed["functions"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let Some(function) = crate::functions::find(name) else {
            faults.push(format!("{name} is missing"));
            continue;
        };
        let seen = row["corpus_arity"].as_object().into_iter().flat_map(serde_json::Map::keys);
        let documented = row["arity"]["max"].as_u64().map(|most| most.to_string());
        for count in seen.cloned().chain(documented) {
            // Seen in single flows: the first two fail in the cloud, of the third nothing is known.
            let odd = [("concat", "0"), ("createArray", "0"), ("sort", "3")];
            let odd = odd.contains(&(name, count.as_str()));
            if !odd && !function.takes(count.parse().unwrap()) {
                faults.push(format!("{name} does not take {count} arguments"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Prints which strings of real flows cannot be read; says nothing when no folder is named.
#[test]
#[allow(clippy::disallowed_methods, reason = "a harness for data that is not in the repository")]
fn flows_in_the_named_folder_are_read() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let (mut total, mut broken, mut unknown) = (0, 0, BTreeMap::<String, usize>::new());
    for kit in std::fs::read_dir(format!("{folder}/flows")).unwrap() {
        for file in std::fs::read_dir(kit.unwrap().path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
            let mut strings = Vec::new();
            strings_of(&document, &mut strings);
            for text in strings.into_iter().filter(|text| text.contains('@')) {
                let (template, errors) = Template::parse(text, Dialect::Wdl);
                total += 1;
                if let Some(error) = errors.first() {
                    broken += 1;
                    println!(
                        "  {} in {}",
                        error.message,
                        text.chars().take(120).collect::<String>()
                    );
                }
                for it in template.uses() {
                    if let What::Function { name, .. } = it.what
                        && crate::functions::find(&name).is_none()
                    {
                        *unknown.entry(name).or_default() += 1;
                    }
                }
            }
        }
    }
    println!("strings with `@`: {total}, not read: {broken}; unknown functions: {unknown:?}");
}

pub(super) fn strings_of<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings_of(item, out)),
        Value::Object(map) => map.values().for_each(|item| strings_of(item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

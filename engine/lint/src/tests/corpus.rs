//! Real flows, when the environment names a folder of them: no error may be a false alarm.

use std::{collections::BTreeMap, fs, path::Path};

use base::{Severity, Source};
use connector::Catalog;
use flow::package;

use crate::{FlowFile, Project, check};

/// Where the corpus is; without it there is nothing to check.
const CORPUS: &str = "FLOWRIGHT_CORPUS";

/// Errors that were looked at and are faults of the files: placeholders in published templates,
/// actions and variables that are nowhere defined, test files of designers without any inputs.
const CHECKED: &[(&str, usize)] = &[
    ("bad-run-after", 3),
    ("expression-syntax", 20),
    // Keys that were published.
    ("hardcoded-secret", 3),
    ("invalid-time", 1),
    ("missing-key", 999),
    // Answers behind an answer.
    ("response-contract", 2),
    // A field of a list, and operands that designers generated: they fail when they are reached.
    ("type-mismatch", 42),
    ("unknown-action-reference", 15),
    ("unknown-variable", 114),
    ("wrong-argument-count", 1),
];

#[test]
#[allow(clippy::disallowed_methods, reason = "the corpus is not part of the repository")]
fn real_flows() {
    let Ok(corpus) = std::env::var(CORPUS) else { return };
    let mut texts = Vec::new();
    read_all(&Path::new(&corpus).join("flows"), &mut texts);
    assert!(!texts.is_empty(), "no flow in {corpus}");
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (name, text) in &texts {
        let package = package::read(&Source::new(name, text), &[]);
        let flows = [FlowFile { name, package: &package }];
        let catalog = Catalog::default();
        let found = check(&Project { flows: &flows, catalog: &catalog, environment: None });
        let mut seen = std::collections::BTreeSet::new();
        for it in found.iter().flat_map(|it| &it.found) {
            let key = format!("{} {}", it.severity.name(), it.code.slug);
            let count = counts.entry(key.clone()).or_default();
            count.0 += 1;
            count.1 += usize::from(seen.insert(key));
            if it.severity == Severity::Error {
                let place = package.diagnostics[0].0.location(it.span.start);
                let name = name.strip_prefix(&corpus).unwrap_or(name);
                println!("{} {name}:{}:{} {}", it.code.slug, place.line, place.column, it.message);
            }
        }
    }
    println!("{} flows", texts.len());
    for (key, (findings, flows)) in &counts {
        println!("{key}: {findings} in {flows} flows");
    }
    let checked = |key: &str| CHECKED.iter().find(|(slug, _)| key == format!("error {slug}"));
    for (key, (findings, _)) in counts.iter().filter(|(key, _)| key.starts_with("error ")) {
        let most = checked(key).map_or(0, |(_, most)| *most);
        assert!(*findings <= most, "{key}: {findings} findings, of which {most} are known faults");
    }
}

#[allow(clippy::disallowed_methods, reason = "the corpus is not part of the repository")]
fn read_all(folder: &Path, texts: &mut Vec<(String, String)>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_all(&path, texts);
        } else if path.extension().is_some_and(|it| it == "json") {
            let text = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            texts.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

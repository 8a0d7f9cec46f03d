//! The tables of files, their readers and their JSON Schemas say the same, key by key.

use std::{collections::BTreeSet, fs, path::Path};

use base::{Code, Severity, Source, code};
use serde_json::{Map, Value, json};

use crate::{
    Schema,
    shape::{File, Key, Kind, Shape, Takes},
};

/// A place in a sample: the keys from the root down.
type Place = Vec<String>;

/// A value that a key takes.
fn sample(takes: &Takes, depth: usize) -> Value {
    match takes {
        Takes::Value | Takes::Template | Takes::Condition => "@true".into(),
        Takes::Text | Takes::Json => "x".into(),
        Takes::Named(_) => "a.b".into(),
        Takes::Flag => true.into(),
        Takes::Whole(least, _) => (*least).into(),
        Takes::Day => (-1).into(),
        Takes::Duration => "PT1M".into(),
        Takes::Words(words) => words()[0].into(),
        Takes::Exact(word) => (*word).into(),
        Takes::Schema | Takes::AnyObject | Takes::RunAfter => json!({}),
        Takes::Object(shape) | Takes::Maybe(shape) => object(shape, shape.kinds.first(), depth),
        Takes::Map(inside) => json!({ "x": sample(inside, depth) }),
        Takes::List(inside) => json!([sample(inside, depth)]),
        Takes::OneOrMore(inside) => sample(inside, depth),
        Takes::Either(all) => sample(&all[0], depth),
        Takes::Block => json!([]),
        Takes::Pattern(_) => "10GB".into(),
    }
}

/// An object with all its keys.
fn object(shape: &Shape, kind: Option<&Kind>, depth: usize) -> Value {
    let of_kind = kind.into_iter().flat_map(|it| std::iter::once(&it.key).chain(it.beside));
    let value = |it: &Key| {
        // What is one of several objects is looked at as each of them elsewhere.
        let value = if 8 < depth { Value::Null } else { sample(&it.takes, depth + 1) };
        (it.name.to_owned(), value)
    };
    Value::Object(shape.keys.iter().chain(of_kind).map(value).collect())
}

/// Files that have one object with all its keys, and where that object stands.
fn samples(file: File) -> Vec<(Value, Place, &'static Shape, Option<&'static Kind>)> {
    let root = file.shape();
    let mut found = vec![(object(root, None, 0), Vec::new(), root, None)];
    let mut seen = BTreeSet::new();
    let mut open = vec![(object(root, None, 0), Vec::new(), root, None)];
    while let Some((whole, place, shape, kind)) = open.pop() {
        let of_kind = kind
            .into_iter()
            .flat_map(|it: &'static Kind| std::iter::once(&it.key).chain(it.beside));
        for key in shape.keys.iter().chain(of_kind) {
            for (inside, takes) in objects(&key.takes) {
                let below = takes.kinds.iter().map(Some);
                let kinds: Vec<_> =
                    if takes.kinds.is_empty() { vec![None] } else { below.collect() };
                for kind in kinds {
                    let name = (takes.name, kind.map(|it| it.key.name), file as usize);
                    if !seen.insert(name) {
                        continue;
                    }
                    let mut place: Place = place.clone();
                    place.push(key.name.to_owned());
                    place.extend(inside.iter().map(|it| (*it).to_owned()));
                    let mut whole = whole.clone();
                    put(&mut whole, &place, object(takes, kind, 0));
                    open.push((whole.clone(), place.clone(), takes, kind));
                    found.push((whole, place, takes, kind));
                }
            }
        }
    }
    found
}

/// The objects that a value may be or hold, and how they are reached.
fn objects(takes: &Takes) -> Vec<(Vec<&'static str>, &'static Shape)> {
    let below = |inside: &Takes, step: &'static str| {
        let mut found = objects(inside);
        for (path, _) in &mut found {
            path.insert(0, step);
        }
        found
    };
    match takes {
        Takes::Object(shape) | Takes::Maybe(shape) => vec![(Vec::new(), shape)],
        Takes::Map(inside) => below(inside, "x"),
        Takes::List(inside) | Takes::OneOrMore(inside) => below(inside, "0"),
        Takes::Either(all) => all.iter().flat_map(objects).collect(),
        Takes::Block => {
            vec![(vec!["0"], &crate::shape::ACTION), (vec!["0"], &crate::shape::PARALLEL)]
        }
        _ => Vec::new(),
    }
}

fn put(whole: &mut Value, place: &[String], value: Value) {
    let mut at = whole;
    for step in place {
        at = if step == "0" && !at.is_object() {
            if !at.is_array() {
                *at = json!([null]);
            }
            let items = at.as_array_mut().unwrap();
            if items.is_empty() {
                items.push(Value::Null);
            }
            &mut items[0]
        } else {
            if !at.is_object() {
                *at = json!({});
            }
            &mut at[step]
        };
    }
    *at = value;
}

fn at<'v>(whole: &'v mut Value, place: &[String]) -> &'v mut Map<String, Value> {
    let pointer: String = place.iter().flat_map(|it| ["/", it]).collect();
    whole.pointer_mut(&pointer).unwrap().as_object_mut().unwrap()
}

/// What the reader finds, as errors.
fn found(file: File, text: &str) -> Vec<(Code, String)> {
    let source = Source::new("file.yaml", text);
    let found = match file {
        File::Flow => crate::read(&source).1,
        File::Mapping => crate::mapping::read(&source).1,
        File::Environment => crate::environment::read(&source).1,
        File::Project => crate::project::read(&source).1,
    };
    let errors = found.into_iter().filter(|it| it.severity == Severity::Error);
    errors.map(|it| (it.code, it.message)).collect()
}

fn schema(file: File) -> Schema {
    let (schema, invalid) = Schema::new(file.schema().clone());
    assert_eq!(invalid, None);
    schema
}

fn told(schema: &Schema, value: &Value) -> Vec<String> {
    schema.check(value).unwrap().iter().map(|it| format!("{it:?}")).collect()
}

/// A value that a key does not take, and whether a schema can tell; none if it takes everything.
fn wrong(takes: &Takes) -> Option<(Value, bool)> {
    match takes {
        Takes::Value => Some(("@(".into(), false)),
        Takes::Template | Takes::Condition => Some((json!([[1]]), true)),
        Takes::Json => None,
        Takes::Either(all) if all.iter().any(|it| matches!(it, Takes::Value)) => None,
        Takes::Text
        | Takes::Named(_)
        | Takes::Flag
        | Takes::Whole(..)
        | Takes::Duration
        | Takes::Day
        | Takes::Words(_)
        | Takes::Exact(_)
        | Takes::Pattern(_)
        | Takes::OneOrMore(_)
        | Takes::Either(_) => Some((json!([[["no"]]]), true)),
        Takes::Schema
        | Takes::AnyObject
        | Takes::Object(_)
        | Takes::Maybe(_)
        | Takes::Map(_)
        | Takes::List(_)
        | Takes::Block
        | Takes::RunAfter => Some((true.into(), true)),
    }
}

#[test]
fn readers_and_schemas_know_the_same_keys() {
    for (_, file) in File::ALL {
        let schema = schema(file);
        for (whole, place, shape, kind) in samples(file) {
            let name = format!("{}.{:?}", shape.name, kind.map(|it| it.key.name));
            let found_now = found(file, &whole.to_string());
            let unknown = found_now.iter().find(|(code, _)| *code == code::UNKNOWN_KEY);
            assert_eq!(unknown, None, "{name}: {whole}");
            let mut other = whole.clone();
            at(&mut other, &place).insert("zzz".to_owned(), true.into());
            let found_now = found(file, &other.to_string());
            assert!(
                found_now.iter().any(|(code, _)| *code == code::UNKNOWN_KEY),
                "{name} takes any key: {other}"
            );
            assert!(!told(&schema, &other).is_empty(), "the schema of {name} takes any key");
        }
    }
}

#[test]
fn readers_and_schemas_mind_the_same_values() {
    for (_, file) in File::ALL {
        let schema = schema(file);
        for (whole, place, shape, kind) in samples(file) {
            let of_kind = kind.into_iter().flat_map(|it| std::iter::once(&it.key).chain(it.beside));
            for key in shape.keys.iter().chain(of_kind) {
                let name =
                    format!("`{}` of {}.{:?}", key.name, shape.name, kind.map(|it| it.key.name));
                let before = found(file, &whole.to_string());
                if let Some((value, tells)) = wrong(&key.takes) {
                    let mut other = whole.clone();
                    at(&mut other, &place).insert(key.name.to_owned(), value.clone());
                    let after = found(file, &other.to_string());
                    let is_new = after.iter().any(|it| !before.contains(it));
                    assert!(is_new, "{name} takes {value}: {other}");
                    let told = told(&schema, &other);
                    assert!(!tells || !told.is_empty(), "the schema lets {name} be {value}");
                }
                let is_kind = kind.is_some_and(|it| {
                    let is_other = |key: &Key| shape.kinds.iter().any(|it| it.key.name == key.name);
                    it.key.name == key.name && !it.beside.iter().any(is_other)
                });
                if key.required || is_kind {
                    let mut other = whole.clone();
                    at(&mut other, &place).shift_remove(key.name);
                    let after = found(file, &other.to_string());
                    assert!(after.iter().any(|it| !before.contains(it)), "{name} is not required");
                    assert!(
                        !told(&schema, &other).is_empty(),
                        "{name} is not required by the schema"
                    );
                }
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the files that are shipped are the samples")]
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the files that are shipped are the samples")]
fn files_of_the_repository_are_as_published() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = vec![root.join("flowright.yaml")];
    files(&root.join("flows"), &mut all);
    files(&root.join("tests/cases"), &mut all);
    let mut seen = 0;
    for path in all {
        let name = path.file_name().unwrap().to_str().unwrap();
        let file = match name {
            "flow.yaml" => File::Flow,
            "flowright.yaml" => File::Project,
            _ if name.ends_with(".mapping.yaml") => File::Mapping,
            _ if path.parent().unwrap().ends_with("environments") => File::Environment,
            _ => continue,
        };
        let text = fs::read_to_string(&path).unwrap();
        if !found(file, &text).is_empty() {
            continue;
        }
        seen += 1;
        let value = yaml::parse(&text).0.unwrap().to_json();
        assert_eq!(told(&schema(file), &value), Vec::<String>::new(), "{}", path.display());
    }
    assert!(60 < seen, "{seen}");
}

#[test]
fn words_are_taken_in_any_case() {
    let flow = |retry: &str| {
        json!({ "flow": "f", "triggers": [{ "name": "t", "manual": null }], "actions": [
            { "name": "a", "compose": 1, "retryPolicy": { "type": retry, "count": 1, "interval": "PT1S" } },
        ] })
    };
    for (word, fits) in [("fixed", true), ("Fixed", true), ("EXPONENTIAL", true), ("fix", false)] {
        assert_eq!(found(File::Flow, &flow(word).to_string()).is_empty(), fits, "{word}");
        assert_eq!(told(&schema(File::Flow), &flow(word)).is_empty(), fits, "{word}");
    }
}

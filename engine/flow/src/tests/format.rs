//! Layout of flow files: keys in the order of the format, and every file of the repository.

use std::{fs, path::PathBuf};

use crate::{format, shape::File};

fn check(text: &str, expected: &str) {
    let once = format(text, Some(File::Flow)).unwrap();
    assert_eq!(once, expected, "\n{text}");
    assert_eq!(format(&once, Some(File::Flow)).unwrap(), once, "not stable");
}

#[test]
fn keys_have_the_order_of_the_format() {
    check(
        "actions:\n  - call: a.B\n    name: x\ntriggers: []\nflow: f\n",
        "flow: f\ntriggers: []\nactions:\n  - name: x\n    call: a.B\n",
    );
    check(
        "flow: f\ntriggers:\n  - request:\n    name: t\nactions:\n  - retryPolicy: none\n    scope:\n      - name: y\n        retryPolicy: none\n        with: { zeta: 1, alpha: 2 }\n        call: a.B\n    runAfter: {}\n    name: x\n",
        "flow: f\ntriggers:\n  - name: t\n    request:\nactions:\n  - name: x\n    runAfter: {}\n    retryPolicy: none\n    scope:\n      - name: y\n        call: a.B\n        with: { zeta: 1, alpha: 2 }\n        retryPolicy: none\n",
    );
    check(
        "flow: f\ntriggers: []\nactions:\n  - parallel:\n      - - compose: 1\n          name: a\n      - - { compose: 2, name: b }\n",
        "flow: f\ntriggers: []\nactions:\n  - parallel:\n      - - name: a\n          compose: 1\n      - - { name: b, compose: 2 }\n",
    );
    // What is data keeps its order, whatever its keys are called.
    check(
        "flow: f\ntriggers: []\nactions:\n  - name: a\n    compose: { compose: 1, name: 2 }\n",
        "flow: f\ntriggers: []\nactions:\n  - name: a\n    compose: { compose: 1, name: 2 }\n",
    );
    // A comment before a dash would look as if it were about the whole action.
    check(
        "flow: f\ntriggers: []\nactions:\n  - compose: 1\n    # what it is called\n    name: a\n",
        "flow: f\ntriggers: []\nactions:\n  - compose: 1\n    # what it is called\n    name: a\n",
    );
}

#[allow(clippy::disallowed_methods, reason = "the files of the repository are the samples")]
fn files() -> Vec<(PathBuf, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut open: Vec<PathBuf> =
        ["flows", "connectors", "tests/cases", "docs"].iter().map(|it| root.join(it)).collect();
    let mut found = vec![(root.join("flowright.yaml"), String::new())];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "yaml") {
                found.push((path, String::new()));
            }
        }
    }
    for (path, text) in &mut found {
        *text = fs::read_to_string(path).unwrap();
    }
    found.sort();
    found
}

fn kind(path: &std::path::Path) -> Option<File> {
    let name = path.file_name()?.to_str()?;
    match name {
        "flow.yaml" => Some(File::Flow),
        "flowright.yaml" => Some(File::Project),
        _ if name.ends_with(".mapping.yaml") => Some(File::Mapping),
        _ => None,
    }
}

#[test]
fn files_of_the_repository_are_laid_out_safely() {
    let (mut changed, mut all) = (0, 0);
    for (path, text) in files() {
        let Ok(once) = format(&text, kind(&path)) else {
            // Examples of connectors are files of several documents, which are none of a project's.
            assert!(text.contains("\n---\n"), "{}", path.display());
            continue;
        };
        all += text.lines().count();
        changed +=
            base::diff::unified("", &text, &once).lines().filter(|it| it.starts_with('-')).count();
        let values = |text: &str| yaml::parse(text).0.map(|it| it.to_json());
        assert_eq!(values(&once), values(&text), "{}", path.display());
        let comments = |text: &str| {
            let mut all: Vec<String> =
                yaml::comments(text).into_iter().map(|it| it.text.trim_end().to_owned()).collect();
            all.sort();
            all
        };
        assert_eq!(comments(&once), comments(&text), "{}", path.display());
        assert_eq!(format(&once, kind(&path)).as_ref(), Ok(&once), "{}", path.display());
    }
    // The style is the one that the files have.
    assert!(changed * 10 < all, "{changed} of {all} lines");
}

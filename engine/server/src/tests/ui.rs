//! The files of the pages: all of them are served, small, and none makes markup of a text.

use std::{fs, path::Path};

use crate::ui::served;

const LINES_MAX: usize = 300;
/// What would make markup, a style or a script of a text, or fetch something from elsewhere.
const FORBIDDEN: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "setAttribute('style'",
    "setAttribute('on",
    "javascript:",
    "importScripts",
    "https://",
    "http://",
];
/// Names that are no addresses.
const KNOWN: &[&str] = &["http://www.w3.org/2000/svg"];

#[test]
fn every_file_is_served_and_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let mut names = Vec::new();
    for (prefix, place) in [("", folder.clone()), ("js/", folder.join("js"))] {
        for entry in
            fs::read_dir(place).unwrap().map(Result::unwrap).filter(|it| it.path().is_file())
        {
            names.push(format!("{prefix}{}", entry.file_name().to_str().unwrap()));
        }
    }
    let mut listed: Vec<&str> = served().map(|(name, _)| name).collect();
    listed.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, listed);
    for (name, text) in served() {
        if name.starts_with("js/") {
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{name} has {lines} lines");
            assert!(text.starts_with("// "), "{name} does not say what it is");
            for import in text.split("'./").skip(1) {
                let file = import.split('\'').next().unwrap();
                assert!(names.contains(&format!("js/{file}")), "{name} imports {file}");
            }
        }
        let text = KNOWN.iter().fold(text.to_owned(), |text, known| text.replace(known, ""));
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{name} has `{word}`");
        }
        // Nothing stands inline, so that the policy needs no exception.
        let inline = ["<style", " style=", " onload=", " onclick=", " onerror=", "<script>"];
        assert!(!inline.iter().any(|it| text.contains(it)), "{name}");
    }
}

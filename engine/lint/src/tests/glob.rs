//! Patterns of paths.

use crate::glob::{Pattern, ignores};

fn check(pattern: &str, has: &[&str], has_not: &[&str]) {
    let read = Pattern::parse(pattern).unwrap();
    for path in has {
        assert!(read.matches(path), "{pattern} has {path}");
    }
    for path in has_not {
        assert!(!read.matches(path), "{pattern} has not {path}");
    }
}

#[test]
fn patterns_are_those_of_git() {
    check("target/", &["target/a", "x/target/b/c"], &["target", "x/target", "targets/a"]);
    check("*.log", &["a.log", "x/b.log"], &["a.logs", "log"]);
    check("/a.yaml", &["a.yaml"], &["x/a.yaml"]);
    check("flows/*/old", &["flows/a/old", "flows/a/old/f"], &["flows/a/b/old", "x/flows/a/old"]);
    check("flows/**/old", &["flows/old", "flows/a/b/old/f.yaml"], &["old"]);
    check("flows/**", &["flows/a", "flows/a/b"], &["flows", "flow/a"]);
    check("**/x.yaml", &["x.yaml", "a/b/x.yaml"], &["xx.yaml"]);
    check("f?o[0-9a]", &["foo1", "fxoa"], &["fo1", "foob"]);
    check("[!a]b", &["cb"], &["ab"]);
    check("a*b*c", &["abc", "axxbyyc"], &["ab", "acb"]);
    check("\\#x", &["#x"], &["x"]);
    check("ä*", &["äö"], &["aö"]);
}

#[test]
fn the_last_pattern_decides() {
    let all: Vec<Pattern> = ["# comment", "", "*.json", "!keep.json"]
        .iter()
        .filter_map(|it| Pattern::parse(it))
        .collect();
    assert_eq!(all.len(), 2);
    assert!(ignores(&all, "a/b.json"));
    assert!(!ignores(&all, "a/keep.json"));
    assert!(!ignores(&all, "a/b.yaml"));
}

#[test]
fn hostile_patterns_are_quick() {
    let pattern = Pattern::parse(&"*a".repeat(2_000)).unwrap();
    assert!(!pattern.matches(&"a".repeat(1_999)));
    assert!(
        Pattern::parse("[").unwrap().matches("[") == Pattern::parse("[a").unwrap().matches("[")
    );
}

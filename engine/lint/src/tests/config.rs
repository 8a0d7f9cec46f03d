//! The configuration of lint, and what it changes.

use base::{Severity, Source};
use connector::Catalog;
use flow::package;

use crate::{
    FlowFile, Project, check_with,
    config::{self, Config},
    report::concise,
};

/// A flow with a warning, a finding of a pedantic rule and an error.
const FLOW: &str = "flow: F
triggers: [{ name: T, manual: }]
actions:
  - { name: Compose 1, compose: no }
  - { name: B, compose: \"@nothing()\" }
";

fn read(text: &str) -> (Config, Vec<String>) {
    let source = Source::new("flowright.yaml", &format!("lint:\n  {text}\n"));
    let (project, mut found) = flow::project::read(&source);
    let (config, of_names) = config::read(&project.lint.unwrap());
    found.extend(of_names);
    let said = found.iter().map(|it| {
        let place = source.location(it.span.start);
        let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{}:{} {}{hint}", place.line, place.column, it.message)
    });
    (config, said.collect())
}

/// Severities and slugs of what is found in a file with a configuration.
fn check(text: &str, file: &str, expected: &[&str]) {
    let (config, faults) = read(text);
    assert_eq!(faults, Vec::<String>::new(), "{text}");
    let package = package::read(&Source::new(file, FLOW), &[]);
    let flows = [FlowFile { name: "f", package: &package }];
    let catalog = Catalog::default();
    let project = Project { flows: &flows, catalog: &catalog, environment: None };
    let found = check_with(&project, &config.settings);
    let found: Vec<String> = found
        .iter()
        .flat_map(|it| &it.found)
        .map(|it| format!("{} {}", it.severity.name(), it.code.slug))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn rules_are_chosen() {
    let (scalar, function) = ("warning ambiguous-scalar", "error unknown-function");
    let name = "info default-name";
    check("{}", "f.yaml", &[scalar, function]);
    check("extend: [default-name]", "f.yaml", &[name, scalar, function]);
    check("select: [FL3]", "f.yaml", &[function]);
    check(
        "{ select: [all], ignore: [FL2, missing-description] }",
        "f.yaml",
        &[name, scalar, function],
    );
    check("ignore: ambiguous-scalar", "f.yaml", &[function]);
    check(
        "severity: { ambiguous-scalar: error, FL302: info }",
        "f.yaml",
        &["error ambiguous-scalar", "info unknown-function"],
    );
}

#[test]
fn some_files_are_another_matter() {
    let text =
        "files: [{ paths: [\"old/**\"], ignore: [FL0], severity: { unknown-function: warning } }]";
    check(text, "old/a/flow.yaml", &["warning unknown-function"]);
    check(text, "new/flow.yaml", &["warning ambiguous-scalar", "error unknown-function"]);
    let text = "files: [{ paths: \"*.yaml\", extend: [default-name] }, { paths: x, ignore: all }]";
    check(text, "x/f.yaml", &[]);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, expected) in [
        ("selct: []", "2:3 unknown key `selct` in `lint` (did you mean `select`?)"),
        (
            "ignore: [unused-varable]",
            "2:12 there is no rule `unused-varable`; the rules are those of `flowright explain`",
        ),
        (
            "ignore: [unknown-varable]",
            "2:12 there is no rule `unknown-varable`: did you mean `unknown-variable`?",
        ),
        (
            "severity: { FL302: fatal }",
            "2:22 a severity cannot be `fatal` (one of info, warning, error)",
        ),
        (
            "target: azure",
            "2:11 `target` cannot be `azure` (one of flowright, power-automate, logic-apps)",
        ),
        (
            "files: [{ ignore: all }]",
            "2:13 an item of `files` needs the key `paths` (add `paths:`)",
        ),
        (
            "options: { deep-nesting: { containers: many } }",
            "2:42 `containers` must be a whole number, not text",
        ),
        ("[]", "2:3 `lint` must be an object, not a list"),
    ] {
        assert_eq!(read(text).1, [expected], "{text}");
    }
}

#[test]
fn targets_have_limits_of_their_own() {
    let (config, _) = read("target: power-automate");
    let actions: String = (0..501)
        .map(|it| ["  - { name: A", &it.to_string(), ", compose: 1 }\n"].concat())
        .collect();
    let text = format!("flow: F\ntriggers: [{{ name: T, manual: }}]\nactions:\n{actions}");
    let package = package::read(&Source::new("f.yaml", &text), &[]);
    let flows = [FlowFile { name: "f", package: &package }];
    let catalog = Catalog::default();
    let project = Project { flows: &flows, catalog: &catalog, environment: None };
    assert_eq!(
        concise(&check_with(&project, &config.settings)),
        "f.yaml:504:13: error[limit-exceeded]: actions: 501, of which Power Automate allows 500\n"
    );
    assert_eq!(concise(&crate::check(&project)), "");
}

#[test]
fn severities_are_in_order() {
    assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Error);
}

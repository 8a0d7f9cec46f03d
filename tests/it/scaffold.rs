//! `flowright init`, `new`, `graph`, `diff` and `completions`: what they write is right where it is written.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use cli::scaffold;
use serde_json::Value;

use crate::support::service::{flowright, root};

/// Runs the program in a folder.
fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(flowright());
    // Nothing of whoever runs the tests is needed.
    let command = command.env_clear().args(args).current_dir(folder);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn good(folder: &Path, args: &[&str]) -> String {
    let (code, out, err) = run(folder, args);
    assert_eq!(code, 0, "{args:?}\n{out}{err}");
    out
}

#[test]
fn a_small_project_is_right_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("mine");
    good(folder.path(), &["init", "mine"]);
    assert!(home.join(".gitignore").exists());
    let (code, out, err) = run(&home, &["lint"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    good(&home, &["test", "--min-coverage", "100"]);
    let out = good(&home, &["run", "hello", "--input", "name=Ada", "--output", "json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["outputs"]["greeting"], "Hello, Ada!");
    // What is there stays, all of it.
    fs::remove_file(home.join("README.md")).unwrap();
    let (code, _, err) = run(&home, &["init"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("nothing is written") && !home.join("README.md").exists(), "{err}");
    // Flows and tests are added.
    good(&home, &["new", "flow", "orders/send-on"]);
    good(&home, &["test", "orders"]);
    good(&home, &["new", "connector", "orders"]);
    let (code, out, err) = run(&home, &["lint"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    good(&home, &["new", "test", "orders/send-on"]);
    assert_eq!(run(&home, &["new", "test", "orders/send-on"]).0, 2, "it is there already");
    assert_eq!(run(&home, &["new", "flow", "../elsewhere"]).0, 2, "it is no name");
    good(&home, &["test", "orders", "--update"]);
    let written = home.join("flows/orders/send-on/tests/new.test.yaml");
    let text = fs::read_to_string(written).unwrap();
    assert!(text.contains("      status: Succeeded\n"), "{text}");
}

#[test]
fn tests_of_every_shipped_flow_can_be_begun() {
    let suite = cli::testing::find(&root(), &[]).unwrap();
    let project = worker::Project::load(&root(), None).unwrap();
    for file in &project.flows {
        let text = scaffold::test(&file.package.flow, None);
        let (tests, found) = flow::test_file::read(&base::Source::new("new.test.yaml", &text));
        assert!(found.is_empty() && tests.tests.len() == 1, "{}: {found:#?}\n{text}", file.name);
    }
    drop(suite);
}

#[test]
fn co_sell_projects_are_right_at_once() {
    let crms = [("dynamics", "dynamics-365"), ("salesforce", "salesforce")];
    for (flag, connector) in crms {
        let Ok(files) = scaffold::co_sell(&[connector]) else {
            // Packages that are not in the program cannot be written.
            let (code, _, err) = run(&root(), &["init", "co-sell", "nowhere", "--crm", flag]);
            assert!(code == 2 && err.contains("no co-sell packages"), "{err}");
            continue;
        };
        let other = crms.iter().find(|(it, _)| *it != flag).unwrap().1;
        assert!(files.iter().all(|(path, _)| !path.contains(&format!("connectors/{other}/"))));
        check_co_sell(flag);
    }
    if scaffold::co_sell(&["dynamics-365", "salesforce"]).is_ok() {
        check_co_sell("both");
    }
}

fn check_co_sell(crm: &str) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("sync");
    good(folder.path(), &["init", "co-sell", "sync", "--crm", crm]);
    for environment in ["development", "production"] {
        // What the packages may be warned of is seen where they are made.
        good(&home, &["lint", "--environment", environment]);
    }
    good(&home, &["test"]);
    let read = |file: &str| fs::read_to_string(home.join(file)).unwrap();
    let readme = read("README.md");
    assert!(readme.contains("`co-sell/register-webhooks`") && !readme.contains('%'), "{readme}");
    // Every variable is told of, and no file leads out of the project.
    let production = read("environments/production.yaml");
    let variables: BTreeSet<&str> = production
        .split("${env:")
        .skip(1)
        .filter_map(|it| it.split_once('}').map(|(name, _)| name))
        .filter(|it| *it != "NAME")
        .collect();
    assert!(!variables.is_empty());
    for variable in variables {
        assert!(readme.contains(&format!("`{variable}`")), "{variable}\n{readme}");
        let own = format!("${{env:DEV_{variable}}}");
        assert!(read("environments/development.yaml").contains(&own), "{own}");
    }
    let mut open = vec![home.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("](../../../"), "{}", path.display());
            assert!(!text.contains("yaml-language-server"), "{}", path.display());
        }
    }
}

#[test]
fn flows_are_drawn() {
    let mermaid = good(&root(), &["graph", "examples/scope-try-catch"]);
    for line in [
        "flowchart TD",
        "  t0([\"Manually trigger a flow\"])",
        "  subgraph a0[\"Try\"]",
        "    a1[\"Read\"]",
        "  t0 --> a0",
        "  a1 --> a2",
        "  a0 -- \"Failed, TimedOut\" --> a3",
    ] {
        assert!(mermaid.lines().any(|it| it == line), "{line}\n{mermaid}");
    }
    let dot = good(&root(), &["graph", "examples/switch", "--format", "dot"]);
    assert!(dot.contains("a0 -> a2 [label=\"Under way\"];"), "{dot}");
    assert_eq!(dot.matches('{').count(), dot.matches('}').count(), "{dot}");
    // Every picture is XML with every action in it.
    let project = worker::Project::load(&root(), None).unwrap();
    for file in &project.flows {
        let flow = &file.package.flow;
        let svg = cli::graph::svg(flow);
        let rects = svg.matches("<rect ").count();
        assert!(flow.actions.len() + flow.triggers.len() <= rects, "{}", file.name);
        assert_eq!(svg.matches("<title>").count(), rects + 1, "{}", file.name);
        assert!(!svg.contains("& ") && !svg.contains("=\"-0\""), "{}", file.name);
        let links: usize = flow.actions.iter().map(|it| it.run_after.len()).sum();
        assert!(links <= svg.matches("marker-end").count(), "{}", file.name);
    }
}

const BEFORE: &str = "\
flow: Orders
parameters: { limit: { type: integer, default: 100 } }
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: First, compose: 1 }
  - name: Group
    scope:
      - { name: Inner, http: { method: GET, uri: 'https://a.example' } }
      - { name: Same, compose: { deep: { value: 1, other: 2 } } }
  - { name: Last, compose: done }
";

/// What is told of a change of the flow's text, and of its mapping's.
fn differences(change: &dyn Fn(&str) -> String) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a", BEFORE.to_owned()), ("b", change(BEFORE))] {
        let home = folder.path().join(name);
        fs::create_dir(&home).unwrap();
        fs::write(home.join("flow.yaml"), text).unwrap();
    }
    let (code, out, err) = run(folder.path(), &["diff", "a", "b"]);
    assert_eq!(code, i32::from(!out.is_empty()), "{out}{err}");
    out.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn differences_are_in_what_flows_mean() {
    let told = |from: &'static str, to: &'static str| {
        differences(&|text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    };
    let none: [&str; 0] = [];
    assert_eq!(
        told("  - { name: First, compose: 1 }", "  # why\n  - name: First\n    compose: 1"),
        none
    );
    assert_eq!(
        told("default: 100", "default: 200"),
        ["  ~ parameter `limit`", "      default: 100 → 200"]
    );
    assert_eq!(
        told("other: 2", "other: 2, more: [1]"),
        ["  ~ action `Same`", "      compose.deep.more: + [1]"]
    );
    assert_eq!(
        told("name: Inner", "name: Ask"),
        ["  ~ action `Ask` was `Inner`", "  ~ action `Same`", "      runAfter: `Inner` → `Ask`"]
    );
    assert_eq!(
        told("  - { name: Last, compose: done }", "      - { name: Last, compose: done }"),
        ["  → action `Last` from the flow to `Group`"]
    );
    assert_eq!(
        told("  - { name: Last, compose: done }\n", ""),
        ["  - action `Last` from the flow"]
    );
    assert_eq!(
        told(
            "  - { name: Last,",
            "  - { name: More, compose: 2 }\n  - { name: Last, runAfter: { Group: [Failed] },"
        ),
        [
            "  + action `More` in the flow",
            "  ~ action `Last`",
            "      runAfter: `Group` → `Group` Failed",
        ]
    );
}

#[test]
fn folders_of_flows_are_compared_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("a/orders/flow.yaml", BEFORE);
    put("a/gone/flow.yaml", BEFORE);
    put("b/orders/flow.yaml", BEFORE);
    put("b/new/flow.yaml", BEFORE);
    let mapping = |of: &str| format!("mapping: m\nfields:\n  name: {of}\n  same: $.same\n");
    put("a/orders/m.mapping.yaml", &mapping("$.name"));
    put("b/orders/m.mapping.yaml", &mapping("{ from: $.name, as: text }"));
    let (code, out, err) = run(folder.path(), &["diff", "a", "b", "--output", "json"]);
    assert_eq!(code, 1, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let told: Vec<String> = found["flows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it["kind"], it["name"], it["changes"][0]["name"]))
        .collect();
    assert_eq!(
        told,
        [
            "\"added\" \"new\" null",
            "\"changed\" \"orders\" \"m: name\"",
            "\"removed\" \"gone\" null"
        ]
    );
    assert_eq!(run(folder.path(), &["diff", "a", "a"]).0, 0);
    assert_eq!(run(folder.path(), &["diff", "a", "nowhere"]).0, 2);
}

#[test]
fn shells_get_their_scripts() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = good(&root(), &["completions", shell]);
        assert!(script.contains("flowright") && script.contains("min-coverage"), "{shell}");
    }
}

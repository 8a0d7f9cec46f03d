//! Flows that come from the cloud and go back, as people do it with the program.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::service::{flowright, root};

/// Exit code, standard output and standard error.
fn told(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(flowright());
    command.env_remove("FLOWRIGHT_ENVIRONMENT").args(arguments).current_dir(folder);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn definition() -> Value {
    json!({
        "triggers": { "manual": { "type": "Request", "kind": "Http" } },
        "actions": {
            "After": {
                "type": "Compose",
                "inputs": { "text": "{{n}} @{outputs('Before')} $.x", "$.key": "$.y" },
                "runAfter": { "Before": ["Succeeded", "Failed"] },
            },
            "Before": { "type": "Compose", "inputs": "@triggerBody()?['n']" },
            "Count": { "type": "InitializeVariable", "inputs": { "variables": [{ "name": "n", "type": "integer" }] } },
            "Loop": {
                "type": "Until",
                "expression": "@equals(variables('n'), 9)",
                "limit": { "count": 2 },
                "actions": { "Add": { "type": "IncrementVariable", "inputs": { "name": "n" } } },
                "runAfter": { "Count": ["Succeeded"] },
            },
        },
    })
}

fn write(folder: &Path, name: &str, value: &Value) {
    fs::write(folder.join(name), value.to_string()).unwrap();
}

#[test]
fn what_is_imported_runs_as_the_definition_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "My Flow.json", &definition());
    write(folder, "event.json", &json!({ "n": 7 }));
    let (code, out, err) = told(folder, &["import", "My Flow.json", "-o", "flows"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("written to flows/my-flow/flow.yaml"), "{out}");
    let run = |flow: &str| {
        let (code, out, err) =
            told(folder, &["run", flow, "--event", "event.json", "--output", "json"]);
        assert_eq!(code, 0, "{out}{err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let (cloud, ours) = (run("My Flow.json"), run("flows/my-flow/flow.yaml"));
    assert_eq!(cloud["actions"]["After"]["outputs"]["text"], "{{n}} 7 $.x");
    assert_eq!(cloud["actions"]["After"]["outputs"]["$.key"], "$.y");
    assert_eq!(cloud["actions"], ours["actions"]);
    // And back again: what is exported is imported to the same text.
    let arguments = ["export", "flows/my-flow", "--format", "solution", "-o", "back/flow.json"];
    let (code, out, err) = told(folder, &arguments);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("written to back/flow.json"), "{err}");
    let (code, out, _) = told(folder, &["import", "back", "-o", "again"]);
    assert_eq!(code, 0, "{out}");
    let text = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
    assert_eq!(text("again/my-flow/flow.yaml"), text("flows/my-flow/flow.yaml"));
}

#[test]
fn nothing_is_overwritten_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let resource = |name: &str| {
        json!({
            "type": "Microsoft.Logic/workflows",
            "name": name,
            "properties": { "definition": definition() },
        })
    };
    let template = json!({ "resources": [resource("One"), resource("one!"), resource("…")] });
    write(folder, "template.json", &template);
    let broken =
        json!({ "triggers": {}, "actions": { "A": { "type": "Compose", "inputs": "@f(" } } });
    write(folder, "broken.json", &broken);
    let import = |more: &[&str]| {
        let arguments = [&["import", ".", "-o", "out", "--output", "json"], more].concat();
        let (code, out, err) = told(folder, &arguments);
        let shown: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        let results = shown["flows"].as_array().unwrap().iter();
        let results: Vec<Value> =
            results.map(|it| it.get("written").unwrap_or(&it["not_written"]).clone()).collect();
        (code, results, shown["summary"]["written"].clone())
    };
    let files = ["out/one/flow.yaml", "out/one-2/flow.yaml", "out/flow/flow.yaml"];
    let (code, results, written) = import(&["--schema", "https://x.example/flow.json"]);
    assert_eq!((code, &written), (1, &json!(3)));
    assert_eq!(results[0], "it has errors");
    assert_eq!(&results[1..], files);
    let path = folder.join(files[0]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with(
            "# yaml-language-server: $schema=https://x.example/flow.json\nflow: One\n"
        )
    );
    fs::write(&path, "flow: mine\n").unwrap();
    let (code, results, written) = import(&[]);
    assert_eq!((code, &written), (1, &json!(0)));
    assert_eq!(results[1], "`out/one/flow.yaml` is there already; --force overwrites it");
    assert_eq!(fs::read_to_string(&path).unwrap(), "flow: mine\n");
    let (_, _, written) = import(&["--force"]);
    assert_eq!(written, 3);
    assert!(fs::read_to_string(&path).unwrap().starts_with("flow: One\n"));
    // Either a report or files; both cannot be meant.
    assert_eq!(told(folder, &["import", "."]).0, 2);
    assert_eq!(told(folder, &["import", ".", "--check", "-o", "out"]).0, 2);
    assert_eq!(told(folder, &["import", ".", "--check", "--force"]).0, 2);
}

#[test]
fn what_has_no_counterpart_is_told_with_its_place() {
    let (code, out, err) = told(&root(), &["export", "co-sell/partner-center-to-dynamics"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    for what in [
        "the cloud has no `dedupe`",
        "the cloud does not verify signatures",
        "the cloud has no counterpart of `map`, which `Opportunity fields` is",
        "the cloud has no counterpart of `compare`, which `Differences` is",
        "the cloud has no function `odataLiteral`",
        "nothing is written",
    ] {
        assert!(err.contains(what), "{what}: {err}");
    }
    let source =
        fs::read_to_string(root().join("flows/co-sell/partner-center-to-dynamics/flow.yaml"));
    let line = source.unwrap().lines().position(|it| it.contains("name: Differences")).unwrap() + 1;
    assert!(err.contains(&format!("flow.yaml:{line}:")), "{line}: {err}");
    let (code, out, _) =
        told(&root(), &["export", "co-sell/partner-center-to-dynamics", "--partial"]);
    assert_eq!(code, 1);
    let written: Value = serde_json::from_str(&out).unwrap();
    assert!(written["triggers"]["When a HTTP request is received"].is_object(), "{out}");
    let (code, out, err) =
        told(&root(), &["export", "co-sell/register-webhooks", "--format", "workflow"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let written: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(written["kind"], "Stateful");
    let (code, _, err) = told(&root(), &["export", "no/such/flow"]);
    assert_eq!(code, 2);
    assert!(err.contains("no/such/flow"), "{err}");
}

#[test]
fn the_guide_shows_what_the_program_writes() {
    let page = fs::read_to_string(root().join("docs/guide/from-power-automate.md")).unwrap();
    let block = |start: &str| {
        let rest = page.split_once(start).unwrap().1;
        rest.split_once("```").unwrap().0.to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.json"), block("```json\n")).unwrap();
    let (code, out, _) = told(folder.path(), &["import", "x.json", "-o", "flows"]);
    assert_eq!(code, 0, "{out}");
    let written = fs::read_to_string(folder.path().join("flows/keep-new-leads/flow.yaml")).unwrap();
    assert_eq!(written, block("```yaml\n"));
    // And back, each way the page shows.
    for format in ["definition", "solution", "workflow"] {
        let arguments =
            ["export", "flows/keep-new-leads", "--format", format, "-o", "back.json", "--force"];
        let (code, _, err) = told(folder.path(), &arguments);
        assert_eq!(code, 0, "{err}");
        let (code, out, _) = told(folder.path(), &["import", "back.json", "-o", format]);
        assert_eq!(code, 0, "{out}");
    }
    let back = fs::read_to_string(folder.path().join("solution/keep-new-leads/flow.yaml")).unwrap();
    assert_eq!(back, written);
}

#[test]
#[allow(clippy::print_stderr, reason = "says that it was left out")]
fn every_real_definition_becomes_a_file() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the definitions");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let flows = Path::new(&corpus).join("flows");
    let arguments = ["import", flows.to_str().unwrap(), "-o", "out", "--output", "json"];
    let (_, out, err) = told(folder.path(), &arguments);
    assert_eq!(err, "");
    let shown: Value = serde_json::from_str(&out).unwrap();
    let summary = &shown["summary"];
    assert_eq!(summary["not_written"], summary["with_errors"], "{summary:#}");
    for flow in shown["flows"].as_array().unwrap() {
        let is_there = flow["written"].as_str().is_some_and(|it| folder.path().join(it).is_file());
        assert_eq!(is_there, flow["has_errors"] == false, "{}", flow["not_written"]);
    }
}

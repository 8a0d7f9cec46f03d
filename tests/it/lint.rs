//! `flowright lint` and `flowright explain` as people, editors and build servers use them.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::service::flowright;

const FLOW: &str = "# of the sales department
flow: F
triggers: [{ name: T, manual: }]
actions:
  - name: Get it   # stays
    compose: { id: 7, open: no }
  - name: B
    compose: \"@outputs('get_it')\"
";

/// A project with one flow.
fn project(flow: &str, configuration: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("flows/f")).unwrap();
    fs::write(folder.path().join("flowright.yaml"), configuration).unwrap();
    fs::write(folder.path().join("flows/f/flow.yaml"), flow).unwrap();
    folder
}

/// Exit code, standard output, standard error.
fn run(folder: &Path, args: &[&str], input: Option<&str>) -> (i32, String, String) {
    let mut command = Command::new(flowright());
    for name in ["FLOWRIGHT_ENVIRONMENT", "FLOWRIGHT_OUTPUT_FORMAT"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).spawn().unwrap();
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(text.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Slugs in one line a finding.
fn slugs(text: &str) -> Vec<&str> {
    let slug = |it: &'_ str| {
        it.split_once('[').and_then(|(_, it)| it.split_once(']')).map(|it| it.0.to_owned())
    };
    let all: Vec<_> = text.lines().filter_map(slug).collect();
    text.lines()
        .zip(all)
        .filter_map(|(line, slug)| line.find(&slug).and_then(|at| line.get(at..at + slug.len())))
        .collect()
}

const CONCISE: &str = "--output-format=concise";

#[test]
fn exit_codes_are_as_promised() {
    let folder = project(FLOW, "flows: [flows]\n");
    let path = folder.path();
    let code = |args: &[&str]| run(path, &[&["lint"], args].concat(), None).0;
    assert_eq!(code(&[]), 0, "warnings let it pass");
    assert_eq!(code(&["--fail-on", "warning"]), 1);
    assert_eq!(code(&["--fail-on", "never", "--select", "all"]), 0);
    assert_eq!(code(&["--fail-on", "info", "--select", "missing-description"]), 1);
    assert_eq!(code(&["--select", "no-such-rule"]), 2);
    assert_eq!(code(&["no/such/file"]), 2);
    assert_eq!(code(&["--nonsense"]), 2);
    fs::write(path.join("flows/f/flow.yaml"), FLOW.replace("get_it", "nothing")).unwrap();
    assert_eq!(code(&[]), 1);
    assert_eq!(code(&["--ignore", "unknown-action-reference"]), 0);
    fs::write(path.join("flowright.yaml"), "lint: { selekt: [] }\n").unwrap();
    let (code, _, err) = run(path, &["lint"], None);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `select`?") && err.contains("flowright.yaml:1:9"), "{err}");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run(empty.path(), &["lint"], None).0, 2);
    assert_eq!(run(empty.path(), &["lint", "--allow-empty"], None).0, 0);
}

#[test]
fn fixes_keep_comments_and_layout() {
    let folder = project(FLOW, "{}\n");
    let file = folder.path().join("flows/f/flow.yaml");
    let (code, out, err) = run(folder.path(), &["lint", "--diff"], None);
    assert_eq!(code, 1, "{err}");
    assert!(
        out.contains(
            "-    compose: \"@outputs('get_it')\"\n+    compose: \"@outputs('Get_it')\"\n"
        ),
        "{out}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), FLOW, "nothing is written");
    let (code, out, err) = run(folder.path(), &["lint", "--fix", CONCISE], None);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let mended = FLOW.replace("open: no", "open: \"no\"").replace("get_it", "Get_it");
    assert_eq!(fs::read_to_string(&file).unwrap(), mended);
    assert_eq!(run(folder.path(), &["lint", "--diff"], None).0, 0);
}

#[test]
fn unsafe_fixes_are_asked_for() {
    let flow = "flow: F\ntriggers: [{ name: T, manual: }]\nactions:\n  - name: A\n    http: { method: GET, uri: \"http://a.example.com/\" }\n";
    let folder = project(flow, "{}\n");
    let file = folder.path().join("flows/f/flow.yaml");
    run(folder.path(), &["lint", "--fix"], None);
    assert_eq!(fs::read_to_string(&file).unwrap(), flow);
    run(folder.path(), &["lint", "--unsafe-fixes"], None);
    assert_eq!(fs::read_to_string(&file).unwrap(), flow.replace("http://", "https://"));
}

#[test]
fn old_projects_begin_with_a_baseline_or_with_comments() {
    let folder = project(FLOW, "lint: { baseline: known.json }\n");
    let path = folder.path();
    assert_eq!(run(path, &["lint"], None).0, 2, "the baseline is missing");
    let (code, _, err) = run(path, &["lint", "--update-baseline"], None);
    assert_eq!(code, 0, "{err}");
    assert_eq!(run(path, &["lint", CONCISE, "--fail-on", "info"], None).0, 0);
    fs::write(path.join("flows/f/flow.yaml"), FLOW.replace("'get_it'", "'GET_IT'")).unwrap();
    let (_, out, err) = run(path, &["lint", CONCISE], None);
    assert_eq!(slugs(&out), ["case-mismatch"]);
    assert!(err.contains("1 findings of the baseline are gone"), "{err}");
    fs::write(path.join("flowright.yaml"), "{}\n").unwrap();
    let (code, _, err) = run(path, &["lint", "--add-ignore=since ever"], None);
    assert_eq!(code, 0, "{err}");
    let text = fs::read_to_string(path.join("flows/f/flow.yaml")).unwrap();
    assert!(text.contains("    # lint: ignore[case-mismatch] since ever\n    compose: "), "{text}");
    assert_eq!(run(path, &["lint", CONCISE], None).1, "");
    assert_eq!(slugs(&run(path, &["lint", CONCISE, "--no-ignores"], None).1).len(), 2);
}

#[test]
fn editors_give_the_text_that_is_open() {
    let folder = project(FLOW, "{}\n");
    let path = folder.path();
    let open = FLOW.replace("get_it", "nothing");
    let args = ["lint", "-", "--stdin-filename", "flows/f/flow.yaml", CONCISE];
    let (code, out, _) = run(path, &args, Some(&open));
    assert_eq!((code, slugs(&out)), (1, vec!["ambiguous-scalar", "unknown-action-reference"]));
    assert!(out.starts_with("flows/f/flow.yaml:6:"), "{out}");
    let (code, out, _) = run(path, &["lint", "-", "--fix"], Some(FLOW));
    assert_eq!(code, 0);
    assert_eq!(out, FLOW.replace("open: no", "open: \"no\"").replace("get_it", "Get_it"));
    let definition = r#"{ "definition": { "triggers": { "manual": { "type": "Request", "kind": "Http", "inputs": {} } },
 "actions": { "Look": { "type": "If", "expression": "@empty(guid())", "actions": {}, "runAfter": {},
  "else": { "actions": { "Say it": { "type": "Compose", "inputs": "@body('Nowhere')", "runAfter": {} } } } } } } }"#;
    let args =
        ["lint", "-", "--stdin-filename", "a.json", "--output-format", "json", "--select", "FL201"];
    let (code, out, err) = run(path, &args, Some(definition));
    assert_eq!(code, 1, "{out}{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&found[0]["line"], &found[0]["path"]),
        (&3.into(), &"actions/Look/else/actions/Say_it".into())
    );
    assert_eq!(run(path, &["lint", "-", "flows"], Some("")).0, 2);
    let args = ["lint", "-", "--stdin-filename", "connectors/c/connector.yaml"];
    assert_eq!(run(path, &args, Some("connector: c\n")).0, 2, "a connector is no flow");
}

/// Flows of a circle.
const MANY: usize = 40;
/// So many files are looked into by several threads.
const FILES: usize = 2000;

#[test]
fn flows_see_each_other_however_many_there_are() {
    let folder = project(FLOW, "flows: [flows]\n");
    let path = folder.path();
    for nth in 0..MANY {
        let next = (nth + 1) % MANY;
        let flow = format!(
            "flow: N{nth}\ntriggers: [{{ name: T, flow: }}]\nactions: [{{ name: Go, runFlow: N{next} }}]\n"
        );
        fs::create_dir(path.join(format!("flows/n{nth:02}"))).unwrap();
        fs::write(path.join(format!("flows/n{nth:02}/flow.yaml")), flow).unwrap();
    }
    let circles = |args: &[&str]| -> Vec<Value> {
        let (code, text, _) = run(path, &[&["lint", "--output-format=jsonl"], args].concat(), None);
        assert_eq!(code, 1);
        let all = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        all.filter(|it| it["slug"] == "subflow-contract").collect()
    };
    let all = circles(&[]);
    let files: Vec<&str> = all.iter().map(|it| it["file"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..MANY).map(|it| format!("flows/n{it:02}/flow.yaml")).collect();
    assert_eq!(files, expected);
    assert!(all.iter().all(|it| it["path"] == "actions/Go"));
    assert_eq!(circles(&["flows/n07"]), [all[7].clone()], "of one flow the same is said");
}

#[test]
fn many_definitions_are_told_of_in_their_order() {
    let folder = project(FLOW, "flows: [flows]\n");
    let path = folder.path();
    fs::create_dir(path.join("cloud")).unwrap();
    let names: Vec<String> = (0..FILES).map(|it| format!("cloud/{it:04}.json")).collect();
    for name in &names {
        let definition = r#"{"triggers":{"T":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":"@variables('x')"}}}"#;
        fs::write(path.join(name), definition).unwrap();
    }
    let found = |of: &str| run(path, &["lint", CONCISE, of], None).1;
    let one = found(&names[7]);
    assert!(one.contains("unknown-variable"), "{one}");
    let all: String = names.iter().map(|it| one.replace(&names[7], it)).collect();
    assert!(found("cloud") == all, "the same of each, in the order of the files");
}

#[test]
fn what_git_ignores_is_left_out() {
    let folder = project(FLOW, "{}\n");
    let path = folder.path();
    fs::create_dir_all(path.join("flows/g")).unwrap();
    fs::write(path.join("flows/g/flow.yaml"), FLOW).unwrap();
    let files = |args: &[&str]| {
        let (_, out, _) = run(path, &[&["lint", CONCISE], args].concat(), None);
        let mut files: Vec<String> =
            out.lines().filter_map(|it| it.split(':').next()).map(str::to_owned).collect();
        files.dedup();
        files
    };
    assert_eq!(files(&[]), ["flows/f/flow.yaml", "flows/g/flow.yaml"]);
    fs::write(path.join(".gitignore"), "flows/g/\n").unwrap();
    assert_eq!(files(&[]), ["flows/f/flow.yaml"]);
    assert_eq!(files(&["flows"]), ["flows/f/flow.yaml"]);
    assert_eq!(files(&["flows/g/flow.yaml"]), ["flows/g/flow.yaml"], "it is named");
    fs::write(path.join("flows/.gitignore"), "!g/\nf/\n").unwrap();
    assert_eq!(files(&[]), ["flows/g/flow.yaml"]);
    fs::remove_file(path.join("flows/.gitignore")).unwrap();
    fs::remove_file(path.join(".gitignore")).unwrap();
    fs::write(path.join("flowright.yaml"), "lint: { exclude: \"flows/f/**\" }\n").unwrap();
    assert_eq!(files(&[]), ["flows/g/flow.yaml"]);
}

#[test]
fn every_format_is_written() {
    let folder = project(FLOW, "{}\n");
    for format in ["json", "sarif", "gitlab", "rdjson"] {
        let (code, out, err) = run(folder.path(), &["lint", "--output-format", format], None);
        assert_eq!((code, err.as_str()), (0, ""), "{format}");
        assert!(serde_json::from_str::<Value>(&out).is_ok(), "{format}: {out}");
    }
    for (format, begin) in [
        ("jsonl", "{\"code\":"),
        ("github", "::warning file="),
        ("junit", "<?xml"),
        ("concise", "flows/f/flow.yaml:6:"),
        ("full", "warning[ambiguous-scalar]"),
    ] {
        let (_, out, _) = run(folder.path(), &["lint", "--output-format", format], None);
        assert!(out.starts_with(begin), "{format}: {out}");
    }
    let (_, out, _) = run(folder.path(), &["lint", "--statistics"], None);
    assert_eq!(out, "     1  warning  ambiguous-scalar\n     1  warning  case-mismatch\n");
}

#[test]
fn rules_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run(folder.path(), &["explain", "unbounded-loop"], None);
    assert_eq!(code, 0);
    assert!(out.starts_with("unbounded-loop\n") || out.starts_with("# unbounded-loop\n"), "{out}");
    assert!(out.contains("FL402, error") && out.contains("## Correct"), "{out}");
    assert_eq!(run(folder.path(), &["explain", "fl402"], None).1, out);
    let (code, _, err) = run(folder.path(), &["explain", "unbounded-lop"], None);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `unbounded-loop`?"), "{err}");
    let (_, all, _) = run(folder.path(), &["explain"], None);
    assert_eq!(all.lines().count(), lint::rules::TABLE.len());
}

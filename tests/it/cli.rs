//! The program as people and scripts use it: what it prints, where, and how it exits.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use crate::{
    cosell::{edit, project_copy},
    support::service::{SYNC, flowright, root},
};

fn run_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(flowright());
    // The environment of whoever runs the tests must not matter.
    for name in ["FLOWRIGHT_PROJECT", "FLOWRIGHT_ENVIRONMENT", "FLOWRIGHT_OUTPUT_FORMAT"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).output().unwrap()
}

/// Runs in the repository; exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    told(&run_in(&root(), args))
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_names_every_command() {
    let (code, out, err) = run(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for command in ["lint", "run", "import", "serve", "demo"] {
        assert!(out.contains(&format!("\n  {command} ")), "{out}");
        let (code, out, err) = run(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        assert!(out.contains("Usage: flowright"), "{out}");
    }
    let (code, out, err) = run(&["lnt"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("lint"), "{err}");
}

#[test]
fn lint_finds_nothing_in_what_is_shipped() {
    let (code, out, err) = run(&["lint", "flows/co-sell", "connectors"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("no findings"), "{err}");
    // The examples may be warned of, one by one on purpose.
    let (code, out, err) = run(&["lint"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("error["), "{out}");
}

#[test]
fn lint_says_where_and_what_was_meant() {
    let folder = project_copy();
    let flow = format!("flows/{SYNC}/flow.yaml");
    let path = folder.path().join(&flow);
    edit(&path, "call: partnerCenter.GetReferralById", "call: partnerCenter.GetReferalById");
    let line = fs::read_to_string(&path).unwrap();
    let line = line.lines().position(|it| it.contains("GetReferalById")).unwrap() + 1;
    let (code, out, err) = told(&run_in(folder.path(), &["lint", "--output-format", "concise"]));
    assert_eq!(code, 1, "{out}{err}");
    let found = out.lines().find(|it| it.contains("GetReferalById")).unwrap();
    assert!(found.starts_with(&format!("{flow}:{line}:15: error[")), "{found}");
    assert!(found.contains("GetReferralById"), "{found}");
    let (code, out, _) = told(&run_in(folder.path(), &["lint", "--output-format", "json"]));
    assert_eq!(code, 1);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found:#}");
    let (code, out, err) = told(&run_in(folder.path(), &["lint"]));
    assert_eq!(code, 1);
    assert!(out.contains(&format!("{flow}:{line}:15")), "{out}{err}");
    assert!(out.contains("did you mean"), "{out}");
}

#[test]
fn lint_says_what_it_cannot_read() {
    let (code, out, err) = run(&["lint", "no/such/folder"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("no/such/folder"), "{err}");
    let (code, _, err) = run(&["lint", "--output-format", "xml"]);
    assert_eq!(code, 2);
    assert!(err.contains("concise"), "{err}");
}

#[test]
fn run_prints_the_run_and_exits_by_its_end() {
    let event = "flows/examples/http/event.json";
    let mocks = "flows/examples/http/mocks.json";
    let (code, out, err) = run(&["run", "examples/http", "--event", event, "--mocks", mocks]);
    assert_eq!(code, 0, "{out}{err}");
    for text in ["Ask the service", "Sentence", "Succeeded"] {
        assert!(out.contains(text), "{out}");
    }
    let folder = tempfile::tempdir().unwrap();
    let failing = folder.path().join("mocks.json");
    fs::write(&failing, r#"{ "Ask the service": { "statusCode": 404 } }"#).unwrap();
    let failing = failing.to_str().unwrap();
    let args = ["run", "examples/http", "--event", event, "--mocks", failing];
    let (code, out, err) = run(&args);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("Failed"), "{out}");
    let (code, out, _) = run(&[&args[..], &["--json"]].concat());
    assert_eq!(code, 1);
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["status"], "Failed");
    // Without mocks for it, nothing is called.
    fs::write(failing, "{}").unwrap();
    let (code, out, err) = run(&args);
    assert_eq!(code, 1);
    assert!(format!("{out}{err}").contains("Ask_the_service"), "{out}{err}");
}

#[test]
fn run_suggests_what_was_meant() {
    let (code, out, err) = run(&["run", "examples/htp"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("did you mean `examples/http`?"), "{err}");
    let (code, _, err) = run(&["run", "examples/http", "--event", "no-such-file.json"]);
    assert_eq!(code, 2);
    assert!(err.contains("no-such-file.json"), "{err}");
    let (code, _, err) = run(&["run", "co-sell/register-webhooks"]);
    assert_eq!(code, 2);
    assert!(err.contains("`endpoint`") && err.contains("--input NAME=VALUE"), "{err}");
    let args = ["run", "co-sell/register-webhooks", "--input", "endpont=x"];
    let (code, _, err) = run(&args);
    assert_eq!(code, 2);
    assert!(err.contains("endpoint"), "{err}");
}

#[test]
fn serve_refuses_addresses_that_others_can_reach() {
    let folder = project_copy();
    let (code, _, err) = told(&run_in(folder.path(), &["serve", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("loopback"), "{err}");
    let nowhere = tempfile::tempdir().unwrap();
    let (code, _, err) = told(&run_in(nowhere.path(), &["serve"]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("flowright.yaml"), "{err}");
}

const INVENTED: &str = "
flow: Invented
triggers: [{ name: By hand, request: { kind: Button, schema: { properties: { n: { type: integer } } } } }]
staticResults: { made up: { outputs: { statusCode: OK, body: invented } } }
actions:
  - { name: Ask, staticResult: made up, http: { method: GET, uri: 'https://service.example/' } }
  - { name: Answer, respond: { body: [$.actions.Ask.body, $.trigger.body.n] } }
";

#[test]
fn static_results_are_for_tests() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir_all(folder.path().join("flows/invented")).unwrap();
    write("flowright.yaml", "{}");
    write("flows/invented/flow.yaml", INVENTED);
    write("none.json", "{}");
    let run = |args: &[&str]| told(&run_in(folder.path(), args));
    let mocked = ["run", "invented", "--mocks", "none.json", "--input", "n=3", "--json"];
    let (code, out, err) = run(&mocked);
    assert_eq!(code, 0, "{err}");
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["response"]["body"], serde_json::json!(["invented", 3]), "{out}");
    for args in [&["run", "invented"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let (code, out, err) = run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?} {err}");
        assert!(err.contains("static result"), "{err}");
    }
}

#[test]
fn the_demo_verifies_its_story() {
    // Building the program is not part of it.
    flowright();
    let begun = Instant::now();
    let (code, out, err) = run(&["demo"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("all of it was verified"), "{out}");
    // What the README shows is what it says.
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown =
        readme.split("<!-- demo -->").nth(1).unwrap().split("<!-- /demo -->").next().unwrap();
    let said = |text: &str| {
        let lines = text.lines().filter(|it| it.starts_with('▸') || it.starts_with("  ✓ "));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said(shown), said(&out));
    // Where there is no project it shows what it brings.
    let nowhere = tempfile::tempdir().unwrap();
    let (code, out, err) = told(&run_in(nowhere.path(), &["demo", "--crm", "salesforce"]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("all of it was verified"), "{out}");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}

#[test]
fn serve_says_which_database_it_cannot_use_but_not_its_password() {
    let folder = project_copy();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (database, part) in [
        ("mysql://u:hunter2@localhost/runs".to_owned(), "no database is reached by `mysql:`"),
        ("postgres://u:hunter2@localhost".to_owned(), "names no database"),
        (
            "postgres://u:hunter2@h/runs?sslmode=allow".to_owned(),
            "`sslmode=allow` is not supported",
        ),
        (format!("postgresql://u:hunter2@{gone}/runs"), "could not connect to the database"),
        ("sqlite:flowright.yaml".to_owned(), "cannot open"),
    ] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
        let (code, out, err) = told(&run_in(folder.path(), &args));
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(part) && !err.contains("hunter2"), "{err}");
    }
    let args = ["serve", "--listen", "127.0.0.1:0", "--node", "a"];
    let (code, _, err) = told(&run_in(folder.path(), &args));
    assert!(code == 2 && err.contains("needs a database server"), "{err}");
    let mut help = Command::new(flowright());
    help.args(["serve", "--help"]).env("FLOWRIGHT_DATABASE", "postgres://u:hunter2@h/runs");
    let (code, out, _) = told(&help.output().unwrap());
    assert!(code == 0 && out.contains("FLOWRIGHT_DATABASE") && !out.contains("hunter2"), "{out}");
}

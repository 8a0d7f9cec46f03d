//! The published description of the API as strangers read it: schemathesis asks every route what the description allows
//! and forbids, as each role. Only when it is asked for.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use server::Role;

use super::{Api, Choice, LINES, WAITS, project};

/// Names the folder that schemathesis is installed in, and by that asks for this test.
const FOLDER: &str = "FLOWRIGHT_SCHEMATHESIS";
/// What has to be true of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// Not asked: a stream that ends when its run does, and what sends a browser elsewhere. What comes last is
/// what it shuts itself out with: it revokes its own token, and tokens that it makes up are guesses, after
/// which nothing is answered for a while.
const LEFT_OUT: &str = r"(/events|/auth/login|/auth/callback|/api/v1/session|/tokens/\{token\})$";
const LAST: &str = r"(/api/v1/session|/tokens/\{token\})$";
/// What would say that most of it was refused unseen.
const REFUSED: &str = "Rate limited:";

const FAILS: &str = "
flow: Fails
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Stop, terminate: { status: Failed, code: Odd, message: no } }
";

#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_the_api_as_it_is_described() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        eprintln!("skipped: {FOLDER} names no folder to install schemathesis in");
        return;
    };
    let program = install(&folder);
    let mut failed = Vec::new();
    for role in [Role::Admin, Role::Editor, Role::Operator, Role::Viewer] {
        let files = tempfile::tempdir().unwrap();
        let flows = [("lines", LINES), ("deep/waits", WAITS), ("fails", FAILS)];
        let (flows, workshop) = project(files.path(), &flows);
        let choice = Choice { is_guarded: true, ..Choice::default() };
        let choice = Choice { flows: Some(flows), workshop: Some(workshop), ..choice };
        let api = Api::start(choice).await;
        let token = api.token(role, None);
        let admin = api.token(Role::Admin, None);
        let mut runs = Vec::new();
        for flow in ["lines", "deep%2Fwaits", "fails"] {
            let fire = json!({ "body": { "items": [1, 2] } });
            let path = format!("/api/v1/flows/{flow}/triggers/Go/run");
            let (status, told) = api.ask_as(Some(&admin), "POST", &path, &fire).await;
            assert_eq!(status, 202, "{told}");
            runs.push(told["runs"][0]["id"].clone());
        }
        // Tokens and cookies that it makes up would count as guesses, after which nothing is answered any
        // more: it is not told that there are any.
        let mut description = api.get("/api/v1/openapi.json").await;
        description["security"] = json!([]);
        description["components"]["securitySchemes"] = json!({});
        name_what_is_there(&mut description, &runs);
        let described = files.path().join("openapi.json");
        std::fs::write(&described, description.to_string()).unwrap();
        let mut command = asked(&program, &described, &api.address.to_string());
        command
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args(["--max-examples", &examples(role), "--exclude-path-regex", LEFT_OUT])
            .current_dir(files.path());
        failed.extend(carry_out(command, role, Some(REFUSED)).await);
        let (status, info) = api.ask_as(Some(&admin), "GET", "/api/v1/info", &Value::Null).await;
        assert_eq!(status, 200, "it is not there any more: {info}");
        let mut command = asked(&program, &described, &api.address.to_string());
        command
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args(["--include-path-regex", LAST])
            .current_dir(files.path());
        failed.extend(carry_out(command, role, None).await);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What every question has in common. Two workers stumble over each other's caches now and then.
fn asked(program: &Path, described: &Path, address: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg(described)
        .args(["--url", &format!("http://{address}"), "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args(["--seed", "1", "--workers", "1", "--no-color"]);
    command
}

/// What was wrong, if anything was.
#[allow(clippy::print_stderr, reason = "shows what the tool has said")]
async fn carry_out(mut command: Command, role: Role, refused: Option<&str>) -> Option<String> {
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    eprintln!("as {role}:\n{said}");
    let is_good = done.status.success() && !refused.is_some_and(|it| said.contains(it));
    (!is_good).then(|| format!("{role}: {said}\n{}", String::from_utf8_lossy(&done.stderr)))
}

/// Puts names that are there beside those that it makes up, so that it sees more than that nothing is found.
fn name_what_is_there(description: &mut Value, runs: &[Value]) {
    let known = |name: &str| match name {
        "id" | "run" => runs.to_vec(),
        "flow" => vec![json!("lines"), json!("deep/waits"), json!("fails")],
        "trigger" => vec![json!("Go"), json!("Daily")],
        "path" | "action" => ["Each", "Each#1/Double", "Hidden", "Nap"].map(Value::from).to_vec(),
        _ => Vec::new(),
    };
    let paths = description["paths"].as_object_mut().unwrap().values_mut();
    for operation in paths.flat_map(|it| it.as_object_mut().unwrap().values_mut()) {
        for parameter in operation["parameters"].as_array_mut().unwrap() {
            let named = known(parameter["name"].as_str().unwrap());
            if !named.is_empty() && parameter["required"] == true {
                parameter["schema"]["enum"] = named.into();
            }
        }
    }
}

/// Who may do everything is looked at most; the others are mostly refused.
fn examples(role: Role) -> String {
    if role == Role::Admin { "60" } else { "15" }.to_owned()
}

/// Gets it from the registry, unless it is there already.
fn install(folder: &Path) -> PathBuf {
    let program = folder.join("venv/bin/schemathesis");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")));
        let pip = folder.join("venv/bin/pip");
        run(Command::new(pip).args(["install", "-q", "schemathesis>=4,<5"]));
    }
    program
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

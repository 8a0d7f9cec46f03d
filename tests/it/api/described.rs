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
/// Not asked: a stream that ends when its run does, and what sends a browser elsewhere.
const LEFT_OUT: &str = r"(/events|/auth/login|/auth/callback)$";

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
        let (flows, workshop) = project(files.path(), &[("lines", LINES), ("deep/waits", WAITS)]);
        let choice = Choice { is_guarded: true, ..Choice::default() };
        let choice = Choice { flows: Some(flows), workshop: Some(workshop), ..choice };
        let api = Api::start(choice).await;
        let token = api.token(role, None);
        let admin = api.token(Role::Admin, None);
        let fire = json!({ "body": { "items": [1, 2] } });
        let path = "/api/v1/flows/lines/triggers/Go/run";
        let (status, told) = api.ask_as(Some(&admin), "POST", path, &fire).await;
        assert_eq!((status, told["runs"][0]["id"].is_string()), (202, true), "{told}");
        // Cookies that it makes up would count as guesses, after which nothing is answered any more.
        let mut description = api.get("/api/v1/openapi.json").await;
        description["security"] = json!([{ "token": [] }]);
        description["components"]["securitySchemes"].as_object_mut().unwrap().remove("session");
        let described = files.path().join("openapi.json");
        std::fs::write(&described, description.to_string()).unwrap();
        let mut command = Command::new(&program);
        command
            .arg("run")
            .arg(described)
            .args(["--url", &format!("http://{}", api.address)])
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args(["--checks", CHECKS, "--exclude-path-regex", LEFT_OUT])
            .args(["--phases", "examples,coverage,fuzzing", "--max-examples", &examples(role)])
            .args(["--continue-on-failure", "--seed", "1", "--workers", "2", "--no-color"])
            .current_dir(files.path());
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        eprintln!("as {role}:\n{said}");
        if !done.status.success() {
            failed.push(format!("{role}: {said}\n{}", String::from_utf8_lossy(&done.stderr)));
        }
        let (status, info) = api.ask_as(Some(&admin), "GET", "/api/v1/info", &Value::Null).await;
        assert_eq!(status, 200, "it is not there any more: {info}");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
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

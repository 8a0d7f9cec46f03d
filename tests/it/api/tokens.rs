//! `flowright tokens`, and a service that asks for them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};

use super::{LINES, project};
use crate::{
    crash::{free_port, until},
    support::service::flowright,
};

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(flowright())
        .args(args)
        .arg("--project")
        .arg(folder)
        .env_remove("FLOWRIGHT_TOKEN")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_command_makes_tokens_that_a_running_service_knows() {
    let folder = tempfile::tempdir().unwrap();
    let (_, workshop) = project(folder.path(), &[("lines", LINES)]);
    drop(workshop);
    fs::write(
        folder.path().join("flowright.yaml"),
        "flows: [flows]\nserve: { auth: required, session: PT1H }\n",
    )
    .unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    // Nobody could sign in.
    let (code, _, told) = run(folder.path(), &["serve", "--listen", &listen]);
    assert!(code == 2 && told.contains("flowright tokens create"), "{code} {told}");
    let create = |name: &str, more: &[&str]| {
        let args = [&["tokens", "create", name, "--output", "json"], more].concat();
        let (code, text, told) = run(folder.path(), &args);
        assert_eq!(code, 0, "{told}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let admin = create("ada", &["--role", "admin"]);
    let file = folder.path().join(".flowright/tokens");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains(admin["token"].as_str().unwrap()), "{kept}");
    let mut service = Command::new(flowright())
        .args(["serve", "--listen", &listen, "--project"])
        .arg(folder.path())
        .spawn()
        .unwrap();
    let ready = format!("http://{listen}/health/ready");
    until("the service does not start", async || reqwest::get(&ready).await.is_ok()).await;
    let url = format!("http://{listen}");
    let list = |token: Option<&str>| {
        let mut command = Command::new(flowright());
        command.args(["runs", "list", "--url", &url]).env_remove("FLOWRIGHT_TOKEN");
        if let Some(token) = token {
            command.env("FLOWRIGHT_TOKEN", token);
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(list(admin["token"].as_str()).0, 0);
    let (code, told) = list(None);
    assert!(code == 2 && told.contains("say who you are"), "{told}");
    let viewer = create("bob", &["--role", "viewer", "--only", "runs,metrics", "--expires", "P1D"]);
    assert_eq!((&viewer["only"], &viewer["role"]), (&json!(["runs", "metrics"]), &json!("viewer")));
    assert_eq!(list(viewer["token"].as_str()).0, 0);
    assert_eq!(run(folder.path(), &["tokens", "revoke", "bob"]).0, 0);
    assert_eq!(list(viewer["token"].as_str()).0, 2);
    let (_, text, _) = run(folder.path(), &["tokens", "list"]);
    assert!(
        text.contains("ada") && text.contains("revoked") && !text.contains("flowright_"),
        "{text}"
    );
    // What was done beside the service is noticed by it.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let audit = format!("{url}/api/v1/audit");
    until("it is not noted", async || {
        let request = http.get(&audit).bearer_auth(admin["token"].as_str().unwrap());
        let text = request.send().await.unwrap().text().await.unwrap();
        text.contains("tokens.create") && text.contains("tokens.revoke")
    })
    .await;
    service.kill().unwrap();
    service.wait().unwrap();
    refusals(folder.path());
    // A file that others can write is not believed.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, told) = run(folder.path(), &["tokens", "list"]);
    assert!(code == 2 && told.contains("chmod 600"), "{told}");
}

/// What `flowright tokens` does not do, and says why.
fn refusals(project: &Path) {
    for (args, what) in [
        (&["tokens", "create", "ada", "--role", "viewer"][..], "already"),
        (&["tokens", "create", "x", "--role", "viewer", "--only", "nothing"], "no part"),
        (&["tokens", "create", "x", "--role", "viewer", "--expires", "P9999D"], "366 days"),
        (&["tokens", "create", "", "--role", "viewer"], "name"),
        (&["tokens", "revoke", "nobody"], "no token"),
    ] {
        let (code, _, told) = run(project, args);
        assert!(code == 2 && told.contains(what), "{args:?} {code} {told}");
    }
}

#[test]
fn flags_win_over_variables_and_variables_over_files() {
    let folder = tempfile::tempdir().unwrap();
    drop(project(folder.path(), &[("lines", LINES)]));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "flowright.yaml",
        "flows: [flows]\nserve: { listen: '127.0.0.1:1001', publicUrl: 'http://a.example' }\n",
    );
    write("serve.yaml", "listen: '127.0.0.1:1002'\n");
    let listens = |args: &[&str], variable: Option<&str>| {
        let mut command = Command::new(flowright());
        command.args(["doctor", "--output", "json"]).args(args).arg("--project").arg(folder.path());
        command.env_remove("FLOWRIGHT_LISTEN");
        if let Some(variable) = variable {
            command.env("FLOWRIGHT_LISTEN", variable);
        }
        let output = command.output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = found.as_array().unwrap();
        let about = found.iter().find(|it| it["check"] == "configuration").unwrap();
        about["message"].as_str().unwrap().to_owned()
    };
    let config = folder.path().join("serve.yaml");
    let config = ["--config", config.to_str().unwrap()];
    assert_eq!(listens(&[], None), "listens on 127.0.0.1:1001");
    assert_eq!(listens(&config, None), "listens on 127.0.0.1:1002");
    assert_eq!(listens(&config, Some("127.0.0.1:1003")), "listens on 127.0.0.1:1003");
    let flag = [config.as_slice(), &["--listen", "127.0.0.1:1004"]].concat();
    assert_eq!(listens(&flag, Some("127.0.0.1:1003")), "listens on 127.0.0.1:1004");
    write("serve.yaml", "lisen: '127.0.0.1:1002'\n");
    assert!(listens(&config, None).contains("did you mean `listen`"), "{}", listens(&config, None));
}

#[test]
fn the_doctor_says_what_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    drop(project(folder.path(), &[("lines", LINES)]));
    let doctor = |args: &[&str]| {
        let (code, text, told) =
            run(folder.path(), &[&["doctor", "--output", "json"], args].concat());
        let found: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {told}"));
        (code, found.as_array().unwrap().clone())
    };
    let state = |found: &[Value], check: &str| {
        found
            .iter()
            .find(|it| it["check"] == check)
            .map(|it| it["state"].as_str().unwrap().to_owned())
    };
    let (code, found) = doctor(&[]);
    assert_eq!(code, 0, "{found:?}");
    for (check, expected) in
        [("project", "ok"), ("sign-in", "warning"), ("keys", "ok"), ("database", "ok")]
    {
        assert_eq!(state(&found, check).as_deref(), Some(expected), "{found:?}");
    }
    let (code, found) = doctor(&["--listen", "0.0.0.0:8080"]);
    assert_eq!((code, state(&found, "sign-in").as_deref()), (1, Some("error")), "{found:?}");
    let (code, found) = doctor(&["--listen", "0.0.0.0:8080", "--auth", "required"]);
    assert_eq!((code, state(&found, "sign-in").as_deref()), (1, Some("error")), "{found:?}");
    fs::write(folder.path().join(".flowright/flowright.db"), "no database").unwrap();
    let (code, found) = doctor(&[]);
    assert_eq!((code, state(&found, "database").as_deref()), (1, Some("error")), "{found:?}");
}

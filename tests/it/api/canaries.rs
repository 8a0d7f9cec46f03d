//! Secrets with names that are looked for: in everything that the API says, in the database and the log.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use server::openapi;

use crate::{
    crash::{free_port, until},
    operate::secretive,
    support::{recorder::Recorder, service::flowright},
};

const CANARY: &str = "canary-0815-never-shown";

/// Everything that can be read of the project and the run.
fn readable(run: &str) -> Vec<String> {
    let mut all = Vec::new();
    for route in openapi::listed().iter().filter(|it| it.method == "GET") {
        let path = route
            .path
            .replace("{flow}", "secretive")
            .replace("{trigger}", "Go")
            .replace("{id}", run)
            .replace("{connector}", "vault")
            .replace("{connection}", "vault");
        for name in ["Put", "Plain", "Number"] {
            all.push(path.replace("{path}", name).replace("{part}", name));
        }
    }
    all
}

#[tokio::test]
async fn no_secret_is_anywhere() {
    let service = Recorder::open("200 OK\r\ncontent-type: text/plain", "a plain answer").await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    secretive(root, &service);
    let created = Command::new(flowright())
        .args(["tokens", "create", "ada", "--role", "admin", "--project"])
        .arg(root)
        .output()
        .unwrap();
    let token = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let port = free_port();
    let mut child = Command::new(flowright())
        .args(["serve", "--auth", "required", "--log-format", "json"])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--project"])
        .arg(root)
        .env("CANARY", CANARY)
        .env("RUST_LOG", "trace")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let origin = format!("http://127.0.0.1:{port}");
    until("the service does not start", async || {
        reqwest::get(format!("{origin}/health/ready")).await.is_ok()
    })
    .await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = http.request(method, format!("{origin}{path}")).bearer_auth(&token);
        request.send().await.unwrap().text().await.unwrap()
    };
    let fired: Value =
        serde_json::from_str(&ask("POST", "/api/v1/flows/secretive/triggers/Go/run").await)
            .unwrap();
    let run = fired["runs"][0]["id"].as_str().unwrap().to_owned();
    until("the run does not end", async || {
        ask("GET", &format!("/api/v1/runs/{run}")).await.contains("\"Failed\"")
    })
    .await;
    let mut said = ask("POST", "/api/v1/connections/vault/test").await;
    for path in readable(&run) {
        said.push_str(&ask("GET", &path).await);
    }
    // It was asked something at all.
    assert!(said.contains("*sanitized*") && said.contains("secretive") && 20_000 < said.len());
    assert!(
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success()
    );
    assert!(child.wait().unwrap().success());
    let log = log.join().unwrap();
    assert!(
        service.sent().iter().any(|it| it.header("x-key") == Some(CANARY)),
        "{:?}",
        service.sent()
    );
    let secret = token.rsplit('_').next().unwrap();
    let places = places(root, said, log);
    let found = held(&places, &[CANARY, secret]);
    assert!(found.is_empty(), "{found:?}");
}

/// Where secrets could be.
fn places(root: &Path, said: String, log: String) -> Vec<(String, Vec<u8>)> {
    let mut places =
        vec![("the API".to_owned(), said.into_bytes()), ("the log".to_owned(), log.into_bytes())];
    for file in fs::read_dir(root.join(".flowright")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            places.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    places
}

/// Which of the words are where.
fn held(places: &[(String, Vec<u8>)], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in places {
        let is_there = |word: &&&str| bytes.windows(word.len()).any(|it| it == word.as_bytes());
        found.extend(words.iter().filter(is_there).map(|word| format!("{place}: {word}")));
    }
    found
}

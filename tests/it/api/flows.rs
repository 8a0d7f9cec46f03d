//! Flows over the API: what they are made of, their versions, checking and saving them, firing their triggers.

use std::{fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use server::Workshop;
use worker::{Flows, Project};

use super::{Api, Choice, LINES, WAITS, project};
use crate::support::{git, service::NoSecrets};

struct Edited {
    api: Api,
    folder: tempfile::TempDir,
    workshop: Arc<Workshop>,
}

impl Edited {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let texts = [("lines", LINES), ("deep/waits", WAITS)];
        let (flows, workshop) = project(folder.path(), &texts);
        let mine = Arc::clone(&workshop);
        let choice = Choice { flows: Some(flows), workshop: Some(mine), ..Choice::default() };
        Self { api: Api::start(choice).await, folder, workshop }
    }

    /// As the service does when files have changed.
    async fn deploy(&self) {
        let (project, flows) = load(self.folder.path());
        self.api.engine.deploy(flows).await.unwrap();
        self.workshop.renew(project);
    }

    async fn save(&self, flow: &str, body: &Value) -> (u16, Value) {
        self.api.ask("PUT", &format!("/api/v1/flows/{flow}/source"), body).await
    }
}

fn load(folder: &Path) -> (Project, Flows) {
    let project = Project::load(folder, None).unwrap();
    let flows = project.deploy(&NoSecrets).unwrap();
    (project, flows)
}

#[tokio::test]
async fn a_flow_tells_what_it_is_made_of_and_no_secret() {
    let edited = Edited::start().await;
    let flow = edited.api.get("/api/v1/flows/lines").await;
    assert_eq!(flow["parameters"][0]["secure"], true, "{flow}");
    assert!(!flow.to_string().contains("canary-parameter"), "{flow}");
    assert_eq!(flow["triggerDetails"][0]["kind"], "request");
    assert_eq!(flow["triggerDetails"][0]["signed"], true);
    assert!(!flow.to_string().contains("sig="), "{flow}");
    assert_eq!(flow["triggerDetails"][0]["inputs"][0]["name"], "items", "{flow}");
    assert_eq!(flow["files"][0]["name"], "flows/lines/flow.yaml");
    let deep = edited.api.get("/api/v1/flows/deep%2Fwaits").await;
    assert_eq!(deep["triggerDetails"][1]["recurrence"]["frequency"], "Day", "{deep}");
    let (status, _) = edited.api.ask("GET", "/api/v1/flows/nothing", &Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn saved_flows_are_files_of_the_project_and_have_versions() {
    let edited = Edited::start().await;
    let api = &edited.api;
    let source = api.get("/api/v1/flows/lines/source").await;
    assert_eq!((&source["current"], &source["files"][0]["text"]), (&json!(true), &json!(LINES)));
    let version = source["version"].clone();
    let text = LINES.replace("mul(item(), 2)", "mul(item(), 3)");
    let mapping = "mapping: one\nfields:\n  name: \"@triggerBody()\"\n";
    let files = json!([
        { "name": "flow.yaml", "text": text },
        { "name": "one.mapping.yaml", "text": mapping },
    ]);
    let body = json!({ "version": version, "files": files });
    let (status, saved) = edited.save("lines", &body).await;
    assert_eq!(status, 200, "{saved}");
    let on_disk = edited.folder.path().join("flows/lines");
    assert_eq!(fs::read_to_string(on_disk.join("flow.yaml")).unwrap(), text);
    assert!(on_disk.join("one.mapping.yaml").is_file());
    edited.deploy().await;
    let (_, flows) = load(edited.folder.path());
    assert_eq!(saved["version"], flows["lines"].sha.as_str());
    // Whoever has read the version before has to read again.
    let (status, told) = edited.save("lines", &body).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("VersionConflict")), "{told}");
    let versions = api.get("/api/v1/flows/lines/versions").await;
    let all = versions["value"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["current"], &all[1]["version"]), (2, &json!(true), &version));
    let diff =
        api.get(&format!("/api/v1/flows/lines/diff?from={}", version.as_str().unwrap())).await;
    let changes: Vec<&Value> =
        diff["files"].as_array().unwrap().iter().map(|it| &it["change"]).collect();
    assert_eq!(changes, ["changed", "added"], "{diff}");
    let hunk = diff["files"][0]["diff"].as_str().unwrap();
    assert!(
        hunk.contains("\n-      - { name: Double, compose: \"@mul(item(), 2)\" }\n+"),
        "{hunk}"
    );
    let old = format!("/api/v1/flows/lines/source?version={}", version.as_str().unwrap());
    assert_eq!(api.get(&old).await["files"][0]["text"], LINES);
    // A file that is left out goes.
    let body =
        json!({ "version": saved["version"], "files": [{ "name": "flow.yaml", "text": text }] });
    assert_eq!(edited.save("lines", &body).await.0, 200);
    assert!(!on_disk.join("one.mapping.yaml").exists());
    let new = json!({ "version": null, "files": [{ "name": "flow.yaml", "text": WAITS }] });
    assert_eq!(edited.save("new%2Fone", &new).await.0, 200);
    assert!(edited.folder.path().join("flows/new/one/flow.yaml").is_file());
    assert_eq!(edited.save("new%2Fone", &new).await.0, 409);
}

#[tokio::test]
async fn versions_tell_the_commits_that_hold_them() {
    let edited = Edited::start().await;
    let api = &edited.api;
    let address = "/api/v1/flows/lines/commits";
    let told = api.get(address).await;
    assert_eq!(told["value"], json!([]), "{told}");
    assert!(told["reason"].as_str().unwrap().contains("Git"), "{told}");
    let Some(first) = git::commit(edited.folder.path(), "Double <lines>") else { return };
    let source = api.get("/api/v1/flows/lines/source").await;
    let text = LINES.replace("mul(item(), 2)", "mul(item(), 3)");
    let files = json!([{ "name": "flow.yaml", "text": text }]);
    let body = json!({ "version": source["version"], "files": files });
    assert_eq!(edited.save("lines", &body).await.0, 200);
    edited.deploy().await;
    let told = api.get(address).await;
    let [new, old] = told["value"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&told["reason"], &new["commit"]), (&Value::Null, &Value::Null), "{told}");
    assert_eq!((&old["version"], &old["commit"]["id"]), (&source["version"], &json!(first)));
    assert_eq!(old["commit"]["subject"], "Double <lines>");
    let page = format!("https://code.example.com/us/flows/commit/{first}");
    assert_eq!(old["commit"]["url"], page);
    // What is committed later is known at once.
    let second = git::commit(edited.folder.path(), "Triple lines").unwrap();
    let told = api.get(&format!("{address}?version={}", new["version"].as_str().unwrap())).await;
    assert_eq!(told["value"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["value"][0]["commit"]["id"], second, "{told}");
    for path in ["/api/v1/flows/nothing/commits", "/api/v1/flows/lines/commits?version=0"] {
        assert_eq!(api.ask("GET", path, &Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_and_not_saved() {
    let edited = Edited::start().await;
    let faulty = LINES.replace("mul(item(), 2)", "mull(item(), 2)");
    let files = json!([{ "name": "flow.yaml", "text": faulty }]);
    let body = json!({ "flow": "lines", "files": files });
    let (status, told) = edited.api.ask("POST", "/api/v1/flows/validate", &body).await;
    assert_eq!((status, &told["valid"]), (200, &json!(false)), "{told}");
    let is_it = |it: &&Value| it["slug"] == "unknown-function";
    let found = told["findings"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!((&found["file"], &found["severity"]), (&json!("flow.yaml"), &json!("error")));
    assert!(found["line"].is_number() && found["end"]["column"].is_number(), "{found}");
    let version = edited.api.get("/api/v1/flows/lines/source").await["version"].clone();
    let (status, told) = edited.save("lines", &json!({ "version": version, "files": files })).await;
    assert_eq!((status, &told["error"]["code"]), (422, &json!("InvalidFlow")), "{told}");
    assert!(told["findings"].as_array().unwrap().iter().any(|it| is_it(&it)), "{told}");
    let text = fs::read_to_string(edited.folder.path().join("flows/lines/flow.yaml")).unwrap();
    assert_eq!(text, LINES);
}

#[tokio::test]
async fn nothing_is_saved_outside_of_the_flows() {
    let edited = Edited::start().await;
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), edited.folder.path().join("flows/link")).unwrap();
    let file = |name: &str| json!({ "version": null, "files": [{ "name": name, "text": WAITS }] });
    let fine = file("flow.yaml");
    for flow in [
        "..%2Fx",
        "a%2F..%2F..%2Fx",
        "%2Fetc%2Fx",
        ".git%2Fx",
        "a%2F%2Fb",
        "a%5Cb",
        "a%0Ab",
        "link%2Fx",
        "C:%2Fx",
        "%2e%2e",
        "x%00y",
    ] {
        let (status, told) = edited.save(flow, &fine).await;
        assert!(matches!(status, 400 | 403 | 404), "{flow} {status} {told}");
    }
    for name in [
        "../flow.yaml",
        "flow.yml",
        "/flow.yaml",
        "connector.yaml",
        "..mapping.yaml",
        "a/b.mapping.yaml",
        ".x.mapping.yaml",
        "flowright.yaml",
        "a\\b.mapping.yaml",
    ] {
        let mut body = file(name);
        body["files"].as_array_mut().unwrap().push(fine["files"][0].clone());
        let (status, told) = edited.save("safe", &body).await;
        assert_eq!(
            (status, &told["error"]["code"]),
            (400, &json!("InvalidFlowFiles")),
            "{name} {told}"
        );
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!edited.folder.path().join("flows/safe").exists());
}

#[tokio::test]
async fn triggers_are_fired_and_their_addresses_are_told() {
    let api = Api::open().await;
    let told = api.get("/api/v1/flows/lines/triggers/Go/url").await;
    let url = told["url"].as_str().unwrap().to_owned();
    let post =
        async |url: &str| api.http.post(url).body("{}").send().await.unwrap().status().as_u16();
    assert_eq!(post(&url).await, 202);
    let (status, told) =
        api.ask("GET", "/api/v1/flows/deep%2Fwaits/triggers/Daily/url", &Value::Null).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("NoAddress")));
    let run = api.fire("lines", &json!({ "items": [7] })).await;
    api.ended(&run).await;
    let shown = api.get(&format!("/api/v1/runs/{run}/trigger")).await;
    assert_eq!(shown["outputs"]["body"]["items"], json!([7]), "{shown}");
    // A schedule can be fired before its time.
    let path = "/api/v1/flows/deep%2Fwaits/triggers/Daily/run";
    assert_eq!(api.ask("POST", path, &Value::Null).await.0, 202);
    // With a new key the address is another, and the one before is good until it is revoked.
    api.ask("POST", "/api/v1/triggers/rotate-key", &Value::Null).await;
    let fresh =
        api.get("/api/v1/flows/lines/triggers/Go/url").await["url"].as_str().unwrap().to_owned();
    assert_ne!(fresh, url);
    assert_eq!((post(&fresh).await, post(&url).await), (202, 202));
    api.ask("POST", "/api/v1/triggers/rotate-key", &json!({ "revoke": true })).await;
    assert_eq!((post(&fresh).await, post(&url).await), (202, 401));
    api.ask("PATCH", "/api/v1/flows/lines", &json!({ "on": false })).await;
    let (status, _) = api.ask("POST", "/api/v1/flows/lines/triggers/Go/run", &Value::Null).await;
    assert_eq!(status, 409);
}

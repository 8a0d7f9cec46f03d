//! Triggers of a published connector with the real binary: a webhook that is subscribed and taken back,
//! polls by the service's protocol and by a policy, and a value that is looked up first.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use serde_json::{Value, json};

use super::server::{self, Answer, Sent};
use crate::crash::{Process, free_port, until};

/// A service that tells of things; written down as it would be published.
fn definition() -> Value {
    let things = json!({ "type": "array", "items": { "type": "object" } });
    let hook = json!({ "type": "object", "properties": {
        "target": { "type": "string", "x-ms-notification-url": true },
        "kind": { "type": "string" },
    } });
    let tag = json!({ "name": "If-Match", "in": "header", "type": "string" });
    json!({
        "swagger": "2.0",
        "info": { "title": "Things", "version": "1" },
        "host": "localhost",
        "basePath": "/api",
        "paths": {
            "/hooks": {
                "x-ms-notification-content": { "schema": { "type": "object" } },
                "post": { "operationId": "OnThing", "x-ms-trigger": "single", "parameters": [
                    { "name": "hook", "in": "body", "schema": hook },
                ] },
            },
            "/changes": { "get": {
                "operationId": "OnChange", "x-ms-trigger": "batch",
                "responses": { "200": { "schema": things }, "202": {} },
            } },
            "/list": { "get": {
                "operationId": "OnNew", "x-ms-trigger": "batch",
                "responses": { "200": { "schema": { "type": "object" } } },
            } },
            "/things/{id}": { "put": { "operationId": "SetThing", "parameters": [
                { "name": "id", "in": "path", "type": "string", "required": true },
                tag,
                { "name": "thing", "in": "body", "schema": { "type": "object" } },
            ] } },
        },
    })
}

fn properties() -> Value {
    let of = |id: &str, operation: &str, parameters: Value| {
        let mut all = json!({ "x-ms-apimTemplate-operationName": [operation] });
        for (name, value) in parameters.as_object().unwrap() {
            all[format!("x-ms-apimTemplateParameter.{name}")] = value.clone();
        }
        json!({ "templateId": id, "title": id, "parameters": all })
    };
    json!({ "properties": { "policyTemplateInstances": [
        of("pollingtrigger", "OnNew", json!({
            "triggerConfig": { "after": "@{triggerBody().value[0].id}" },
            "triggerDataPath": "@triggerBody().value",
        })),
        of("setvaluefromurl", "SetThing", json!({
            "parameterTemplate": "@headers('If-Match')",
            "parameterValueUrl": "/things/{id}/tag",
            "parameterValuePathTemplate": "@body().tag",
        })),
    ] } })
}

/// The service: what it answers, and what it was sent.
struct Things {
    origin: String,
    seen: Arc<Mutex<Vec<Sent>>>,
}

impl Things {
    fn open() -> Self {
        let (told, sent) = mpsc::channel();
        let origin = server::answering(told, Box::new(answer));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        thread::spawn(move || sent.iter().for_each(|it| kept.lock().unwrap().push(it)));
        Self { origin, seen }
    }

    fn lines(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|it| format!("{} {}", it.method, it.target)).collect()
    }

    fn find(&self, line: &str) -> Option<Sent> {
        let seen = self.seen.lock().unwrap();
        seen.iter().find(|it| format!("{} {}", it.method, it.target) == line).cloned()
    }
}

fn answer(sent: &Sent) -> Answer {
    let json = |status, body: Value| Answer { status, location: None, body: body.to_string() };
    let at = |status, location: &str, body: Value| Answer {
        location: Some(location.to_owned()),
        ..json(status, body)
    };
    match format!("{} {}", sent.method, sent.target).as_str() {
        "POST /api/hooks" => at(201, "/api/hooks/7?of=us", json!({})),
        "GET /api/changes" => at(202, "/api/changes?from=1", Value::Null),
        "GET /api/changes?from=1" => {
            at(200, "/api/changes?from=2", json!([{ "id": 11 }, { "id": 12 }]))
        }
        "GET /api/changes?from=2" => json(202, Value::Null),
        "GET /api/list" => json(200, json!({ "value": [{ "id": 5 }] })),
        "GET /api/list?after=5" => json(200, json!({ "value": [{ "id": 7 }, { "id": 6 }] })),
        "GET /api/list?after=7" => json(200, json!({ "value": [] })),
        "GET /api/things/1/tag" => json(200, json!({ "tag": "W/9" })),
        "PUT /api/things/1" | "DELETE /api/hooks/7?of=us" => json(200, json!({})),
        _ => json(404, json!({ "message": "there is no such thing" })),
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn project(folder: &Path, things: &Things) {
    let settings = "flows: [flows]\nconnectors: [connectors]\nenvironment: test\n";
    write(folder, "flowright.yaml", settings);
    write(folder, "connectors/things/apiDefinition.swagger.json", &definition().to_string());
    write(folder, "connectors/things/apiProperties.json", &properties().to_string());
    let connection =
        "connections: { things: { connector: things, params: { baseUrl: 'BASE/api' } } }";
    write(folder, "environments/test.yaml", &connection.replace("BASE", &things.origin));
    let every = "recurrence: { frequency: Second, interval: 1 }";
    for (name, trigger, value) in [
        ("told", "on: things.OnThing, with: { hook/kind: big }".to_owned(), "id"),
        ("changed", format!("on: things.OnChange, {every}, splitOn: '@triggerBody()'"), "id"),
        ("new", format!("on: things.OnNew, {every}, splitOn: \"@triggerBody()?['value']\""), "id"),
    ] {
        let text = format!(
            "flow: {name}\nconnections: {{ things: things }}\ntriggers: [{{ name: T, {trigger} }}]\n\
             actions:\n  - {{ name: Said, compose: \"@triggerBody()?['{value}']\" }}\n"
        );
        write(folder, &format!("flows/{name}/flow.yaml"), &text);
    }
    let set = "  - name: Set\n    call: things.SetThing\n    with: { id: '1', thing: { a: 2 } }\n";
    let file = folder.join("flows/told/flow.yaml");
    let text = fs::read_to_string(&file).unwrap() + set;
    fs::write(file, text).unwrap();
}

/// What the runs of a flow said, in the order of their values.
async fn said(port: u16, flow: &str) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}/api/v1/runs");
    let get = async |url: String| -> Value {
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let mut all = Vec::new();
    for run in get(url.clone()).await["value"].as_array().unwrap() {
        if run["flow"] != flow || run["status"] == "Running" {
            continue;
        }
        let run = get(format!("{url}/{}", run["id"].as_str().unwrap())).await;
        let said = crate::support::service::action(run["actions"].as_array().unwrap(), "Said");
        all.push(format!("{} {}", run["status"].as_str().unwrap(), said.unwrap()["outputs"]));
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_of_a_published_connector_start_flows() {
    let folder = tempfile::tempdir().unwrap();
    let things = Things::open();
    project(folder.path(), &things);
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    until("nobody subscribes", async || things.find("POST /api/hooks").is_some()).await;
    let hook: Value =
        serde_json::from_slice(&things.find("POST /api/hooks").unwrap().body).unwrap();
    assert_eq!(hook["kind"], "big");
    until("changes start no run", async || said(port, "changed").await.len() == 2).await;
    until("new things start no run", async || said(port, "new").await.len() == 2).await;
    assert_eq!(said(port, "changed").await, ["Succeeded 11", "Succeeded 12"]);
    assert_eq!(said(port, "new").await, ["Succeeded 6", "Succeeded 7"]);
    until("polls do not go on", async || {
        let lines = things.lines();
        let has = |line: &str| lines.iter().any(|it| it == line);
        has("GET /api/changes?from=2") && has("GET /api/list?after=7")
    })
    .await;

    // A subscription is there once, also after a crash.
    process.kill();
    let _process = Process::start(folder.path(), port);
    let request = reqwest::Client::new()
        .post(hook["target"].as_str().unwrap())
        .header("content-type", "application/json")
        .body("{\"id\": 3}");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    until("the delivery starts no run", async || said(port, "told").await.len() == 1).await;
    assert_eq!(said(port, "told").await, ["Succeeded 3"]);
    let set = things.find("PUT /api/things/1").unwrap();
    assert_eq!(set.header("if-match"), Some("W/9"));
    assert_eq!(set.body, b"{\"a\":2}");
    let subscribed = things.lines().iter().filter(|it| *it == "POST /api/hooks").count();
    assert_eq!(subscribed, 1);

    // What no flow wants any more is removed where the service said.
    fs::remove_dir_all(folder.path().join("flows/told")).unwrap();
    until("the subscription stays", async || things.find("DELETE /api/hooks/7?of=us").is_some())
        .await;
    assert_eq!(said(port, "changed").await.len(), 2);
}

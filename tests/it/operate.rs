//! What an operator sees of a service: health, measurements, log lines.

use std::{
    fs,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, Secret, Timestamp};
use interp::{Plan, effect::Ask};
use journal::Store;
use serde_json::{Value, json};
use server::{Bounds, Listener, Server};
use tokio::task::JoinHandle;
use worker::{
    Addresses, Connections, Engine, Flows, Hooks, Metrics, Mocks, Performer, SystemClock,
};

use crate::{
    crash::{free_port, until},
    engine::flows,
    support::{
        recorder::Recorder,
        service::{client, flowright, root},
        troubled::Troubled,
    },
};

/// Answers from mocks, but for one action, which is never answered.
struct Desk(Mocks);

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        if ask.path.as_str() == "Stall" {
            std::future::pending::<()>().await;
        }
        self.0.perform(plan, ask, now).await
    }
}

/// A server over a store, without any service behind it.
pub(crate) struct Small {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    hooks: Hooks,
    serving: JoinHandle<()>,
}

impl Small {
    pub(crate) async fn start(store: Arc<dyn Store>, flows: Flows, bounds: Bounds) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let address = listener.address();
        let public_url = format!("http://{address}");
        let addresses = Addresses::new(&public_url, Secret::new("a key".to_owned()));
        let mocks = json!({ "Ask": [{ "statusCode": 500 }, { "statusCode": 200 }], "Same": {} });
        let options = worker::Options {
            store,
            performer: Arc::new(Desk(Mocks::new(&mocks).unwrap())),
            clock: Arc::new(SystemClock::default()),
            flows,
            active_max: 10,
            addresses: Some(addresses.clone()),
        };
        let engine = Engine::start(options).await.unwrap();
        let hooks = || Hooks {
            client: client(),
            connections: Connections::default(),
            addresses: addresses.clone(),
        };
        let answer_wait = Duration::from_mins(1);
        let server = Server::new(server::Options {
            answer_wait,
            bounds,
            ..server::Options::new(listener, engine.clone(), hooks())
        });
        let serving = tokio::spawn(server.run(std::future::pending()));
        Self { engine, address, hooks: hooks(), serving }
    }

    /// The signed path of a flow's only trigger.
    pub(crate) fn path(&self, flow: &str) -> String {
        let flows = self.engine.flows();
        let flow = &flows[flow];
        self.hooks.address(flow, &flow.plan.flow.triggers[0]).unwrap()
    }

    pub(crate) async fn post(&self, flow: &str, body: String) -> reqwest::Response {
        let url = format!("http://{}{}", self.address, self.path(flow));
        reqwest::Client::new().post(url).body(body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.engine.stop();
        self.serving.abort();
    }
}

const ASKS: &str = "
flow: Asks
triggers: [{ name: Go, request: {}, dedupe: \"@triggerBody()\" }]
actions:
  - name: Ask
    http: { method: GET, uri: https://example.com }
    retryPolicy: { type: fixed, count: 1, interval: PT0.01S }
";

const FAILS: &str = "
flow: Fails
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Stop, terminate: { status: Failed, code: Broken, message: \"it says @{triggerBody()}\" } }
";

#[tokio::test]
async fn health_says_what_can_be_done() {
    let store = Troubled::new();
    let flows = flows(&[("asks", ASKS)]);
    let small = Small::start(Arc::clone(&store) as _, flows, Bounds::default()).await;
    let ok = || json!({ "status": "ok" }).to_string();
    assert_eq!(small.get("/health/live").await, (200, ok()));
    assert_eq!(small.get("/health/ready").await, (200, ok()));
    for trouble in [&store.failing, &store.stopped] {
        trouble.store(true, Ordering::SeqCst);
        let (status, text) = small.get("/health/ready").await;
        assert!(status == 503 && text.contains("StoreUnavailable"), "{status} {text}");
        trouble.store(false, Ordering::SeqCst);
        assert_eq!(small.get("/health/ready").await, (200, ok()));
    }
    small.engine.stop();
    let (status, text) = small.get("/health/ready").await;
    assert!(status == 503 && text.contains("Stopping"), "{status} {text}");
    assert_eq!(small.get("/health/live").await, (200, ok()));
}

/// The sample of that name and these labels, in any order; 0 if there is none.
pub(crate) fn sample(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    find(text, name, labels).map_or(0.0, |it| it.parse().unwrap())
}

/// The same of what is counted.
pub(crate) fn count(text: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    find(text, name, labels).map_or(0, |it| it.parse().unwrap())
}

fn find<'a>(text: &'a str, name: &str, labels: &[(&str, &str)]) -> Option<&'a str> {
    let fits = |line: &&str| {
        let (found, rest) = line.split_once(['{', ' ']).unwrap_or_default();
        let has = |(key, value): &(&str, &str)| rest.contains(&format!("{key}=\"{value}\""));
        found == name && labels.iter().all(has)
    };
    let found = text.lines().filter(|it| !it.starts_with('#')).find(fits)?;
    found.rsplit(' ').next()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let store = Troubled::new();
    let flows = flows(&[("asks", ASKS), ("fails", FAILS)]);
    let small = Small::start(store, flows, Bounds::default()).await;
    for body in ["1", "2", "2"] {
        assert_eq!(small.post("asks", body.to_owned()).await.status(), 202);
    }
    assert_eq!(small.post("fails", "canary-in-a-body".to_owned()).await.status(), 202);
    let rows = async || small.engine.runs(&journal::RunFilter::default(), 9).await.unwrap();
    until("a run does not end", async || {
        rows().await.iter().filter(|it| it.status.is_some()).count() == 3
    })
    .await;
    let ended = ("flowright_runs_ended_total", [("flow", "asks"), ("status", "Succeeded")]);
    until("an end is not counted", async || {
        count(&small.get("/metrics").await.1, ended.0, &ended.1) == 2
    })
    .await;
    let (_, text) = small.get("/metrics").await;
    let check = |name: &str, labels: &[(&str, &str)], expected: u64| {
        assert_eq!(count(&text, name, labels), expected, "{name} {labels:?}\n{text}");
    };
    check("flowright_runs_admitted_total", &[("flow", "asks"), ("result", "new")], 2);
    check("flowright_runs_admitted_total", &[("flow", "asks"), ("result", "duplicate")], 1);
    check("flowright_runs_ended_total", &[("flow", "fails"), ("status", "Failed")], 1);
    check("flowright_run_seconds_count", &[("flow", "asks")], 2);
    let call = [("kind", "http"), ("connection", ""), ("status", "Succeeded")];
    check("flowright_actions_total", &call, 2);
    check("flowright_actions_total", &[("kind", "terminate"), ("status", "Failed")], 0);
    check("flowright_actions_total", &[("kind", "terminate"), ("status", "Succeeded")], 1);
    check("flowright_retries_total", &[("flow", "asks"), ("kind", "http")], 2);
    check("flowright_timer_late_seconds_count", &[("kind", "pause")], 2);
    check("flowright_runs", &[("state", "open")], 0);
    assert!(0.0 < sample(&text, "flowright_store_write_seconds_count", &[("operation", "admit")]));
    if cfg!(target_os = "linux") {
        assert!(1e6 < sample(&text, "process_resident_memory_bytes", &[]), "{text}");
        assert!(0.0 < sample(&text, "process_cpu_seconds_total", &[]), "{text}");
    }
    assert!(!text.contains("canary"), "{text}");
    // Another name for this machine is a stranger's.
    let url = format!("http://{}/metrics", small.address);
    let stranger = reqwest::Client::new().get(url).header("host", "example.com");
    assert_eq!(stranger.send().await.unwrap().status(), 421);
}

#[test]
fn the_guide_lists_every_measurement() {
    let rows = Metrics::default().families().into_iter().map(|it| {
        let labels = if it.labels.is_empty() {
            "—".to_owned()
        } else {
            format!("`{}`", it.labels.join(" "))
        };
        format!("| `{}` | {} | {labels} | {} |", it.name, it.kind, it.help)
    });
    let page = fs::read_to_string(root().join("docs/guide/operate.md")).unwrap();
    let missing: Vec<String> = rows.filter(|row| !page.contains(row)).collect();
    assert!(missing.is_empty(), "docs/guide/operate.md lacks:\n{}", missing.join("\n"));
    let known = Metrics::default().families().len();
    let listed =
        page.lines().filter(|it| it.starts_with("| `flowright_") || it.starts_with("| `process_"));
    assert_eq!(listed.count(), known, "docs/guide/operate.md lists what there is not");
}

/// A project whose every secret has a name that is looked for.
pub(crate) fn secretive(folder: &Path, service: &Recorder) {
    fs::create_dir_all(folder.join("flows/secretive")).unwrap();
    fs::create_dir_all(folder.join("connectors/vault")).unwrap();
    fs::create_dir_all(folder.join("environments")).unwrap();
    let origin = &service.origin;
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "flowright.yaml",
        &format!(
            "flows: [flows]\nconnectors: [connectors]\nenvironment: here\nhttp: {{ allowHosts: ['{origin}'] }}\n"
        ),
    );
    write(
        "connectors/vault/connector.yaml",
        "connector: vault
version: 1.0.0
connection:
  params:
    baseUrl: { type: uri, required: true }
    key: { type: secret, required: true }
  auth: { type: apiKey, in: header, name: x-key, value: \"@connection('key')\" }
http: { baseUrl: \"@connection('baseUrl')\" }
operations:
  Put: { effect: update, request: PUT /things, params: { thing: { in: query, type: string } } }
",
    );
    write(
        "environments/here.yaml",
        &format!(
            "parameters: {{ password: '${{env:CANARY}}' }}
connections: {{ vault: {{ params: {{ baseUrl: '{origin}', key: '${{env:CANARY}}' }} }} }}\n"
        ),
    );
    write(
        "flows/secretive/flow.yaml",
        &format!(
            "flow: Secretive
parameters: {{ password: {{ type: string, secure: true }} }}
connections: {{ vault: vault }}
triggers: [{{ name: Go, request: }}]
actions:
  - name: Put
    call: vault.Put
    with: {{ thing: \"@parameters('password')\" }}
    secure: [inputs, outputs]
  - name: Plain
    http:
      method: POST
      uri: {origin}/plain
      headers: {{ Authorization: \"Bearer @{{parameters('password')}}\" }}
      body: \"@body('Put')\"
      authentication: {{ type: Basic, username: me, password: \"@parameters('password')\" }}
    secure: [inputs, outputs]
  - name: Number
    compose: \"@int(body('Put'))\"
"
        ),
    );
}

/// A service that logs everything, as lines of JSON.
fn logged(project: &Path, port: u16, canary: &str) -> (Child, std::thread::JoinHandle<String>) {
    let mut child = Command::new(flowright())
        .args(["serve", "--log-format", "json", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--project")
        .arg(project)
        .env("CANARY", canary)
        .env("RUST_LOG", "trace")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    (child, reading)
}

#[tokio::test]
async fn no_line_of_the_log_holds_a_secret() {
    const CANARY: &str = "canary-4711-never-shown";
    let service = Recorder::open("200 OK\r\ncontent-type: text/plain", CANARY).await;
    let folder = tempfile::tempdir().unwrap();
    secretive(folder.path(), &service);
    let port = free_port();
    let (mut child, reading) = logged(folder.path(), port, CANARY);
    let ready = format!("http://127.0.0.1:{port}/health/ready");
    until("the service does not start", async || reqwest::get(&ready).await.is_ok()).await;
    let key = fs::read_to_string(folder.path().join(".flowright/trigger.key")).unwrap();
    let signature = base::digest::hmac_sha256_hex(key.trim().as_bytes(), b"secretive/Go");
    let url = format!("http://127.0.0.1:{port}/hooks/secretive/Go?sig={signature}");
    assert_eq!(reqwest::Client::new().post(url).send().await.unwrap().status(), 202);
    let runs = format!("http://127.0.0.1:{port}/api/v1/runs?status=Failed");
    until("the run does not fail", async || {
        let text = reqwest::get(&runs).await.unwrap().text().await.unwrap();
        text.contains("secretive")
    })
    .await;
    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let calls = [("connection", "vault")];
    assert_eq!(count(&metrics, "flowright_request_seconds_count", &calls), 1);
    // An orderly end: what is known is said.
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let text = reading.join().unwrap();
    // The service did get the secret.
    assert!(
        service.sent().iter().any(|it| it.header("x-key") == Some(CANARY)),
        "{:?}",
        service.sent()
    );
    // The signature of an address is as good as a key.
    let is_secret = |line: &&str| line.contains(CANARY) || line.contains(&signature);
    let leak = text.lines().find(is_secret);
    assert_eq!(leak, None);
    assert!(!metrics.contains(CANARY));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let says = |message: &str| lines.iter().find(|it| it["message"] == message);
    let failed = says("A run has failed.");
    let failed = failed.unwrap_or_else(|| panic!("no line tells of the failed run:\n{text}"));
    assert_eq!(
        (&failed["level"], &failed["flow"]),
        (&json!("WARN"), &json!("secretive")),
        "{failed}"
    );
    assert!(failed["run"].is_string() && failed["code"].is_string(), "{failed}");
    for message in [
        "The engine has started.",
        "Flows are deployed.",
        "The engine stops; open runs stay in the store.",
    ] {
        assert!(says(message).is_some(), "{message}");
    }
    let in_run =
        |it: &&Value| it["spans"][0]["flow"] == "secretive" && it["spans"][1]["path"] == "Put";
    assert!(
        lines.iter().any(|it| in_run(&it)),
        "no line of an action names its run, flow and path"
    );
}

//! MCP servers as connectors: small ones of the tests, and published ones where they can be had.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use base::{ErrorClass, Outcome};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    crash::{free_port, until},
    support::{
        programs::{PASSWORD, Stage, describe, has_python, project},
        service::{flowright, root},
    },
};

fn body(outcome: &Outcome) -> &Value {
    assert!(outcome.failure.is_none(), "{outcome:?}");
    &outcome.outputs.as_ref().unwrap()["body"]
}

fn failed(outcome: &Outcome) -> (&str, Option<ErrorClass>) {
    let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("{outcome:?}"));
    (&failure.code, failure.class)
}

/// A project with the small server, described.
async fn small(mode: &str) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let program = root().join("tests/data/programs/mcp.py");
    let connector = format!(
        "connector: small\nversion: 1.0.0\nkind: mcp\ncommand: [python3, -u, {}]\n\
         env: {{ MCP_MODE: {mode}, MCP_LOG: {}, TOKEN: \"@connection('token')\" }}\n\
         limits: {{ call: PT1S }}\n\
         connection: {{ params: {{ token: {{ type: secret, required: true }} }} }}\n\
         operations: {{ fail: {{ title: It fails, effect: read }} }}\n",
        json!(program),
        json!(folder.path().join("odd.log")),
    );
    project(folder.path(), "small", &connector, None);
    let environment = format!(
        "connections: {{ small: {{ connector: small, params: {{ token: {PASSWORD} }} }} }}\n"
    );
    fs::write(folder.path().join("environments/test.yaml"), environment).unwrap();
    describe(folder.path(), "small").await;
    Stage::of(folder, "small")
}

#[tokio::test]
async fn tools_are_operations() {
    if !has_python() {
        return;
    }
    for mode in ["handshake", "stateless"] {
        let stage = small(mode).await;
        let connector = &stage.connection.connector;
        let shown: Vec<String> = connector
            .operations
            .values()
            .map(|it| {
                let params = it
                    .params
                    .iter()
                    .map(|it| format!("{}{}", it.name, if it.required { "!" } else { "" }));
                let params = params.collect::<Vec<_>>().join(" ");
                format!("{} {} ({params}) {}", it.id, it.effect.name(), it.returns.is_some())
            })
            .collect();
        let expected = [
            "add read (a! b) true",
            "ask action () false",
            "fail read () false",
            "fs/move update (to!) false",
            "hang action () false",
            "more action () false",
            "nothing action () false",
            "picture action () false",
            "secret action () false",
            "two action () false",
        ];
        assert_eq!(shown, expected, "{mode}");
        assert_eq!(connector.operations["add"].title, "Add");
        assert_eq!(connector.operations["fail"].title, "It fails");
        assert!(connector.schemas.contains_key("fs/move.Point"));
        let cases = [
            ("add", json!({ "a": 2 }), json!({ "sum": 3 })),
            ("add", json!({ "a": 2, "b": 40 }), json!({ "sum": 42 })),
            ("fs/move", json!({ "to": { "x": 1 } }), json!(r#"{"to": {"x": 1}}"#)),
            (
                "two",
                json!({}),
                json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]),
            ),
            ("picture", json!({}), json!({ "$content-type": "image/png", "$content": "iVBORw==" })),
            ("nothing", json!(null), json!(null)),
            ("secret", json!({}), json!(PASSWORD)),
            ("ask", json!({}), json!(r#"{"p1": {}, "p2": -32601}"#)),
        ];
        for (tool, inputs, expected) in cases {
            assert_eq!(body(&stage.call(tool, inputs).await), &expected, "{mode} {tool}");
        }
        let outcome = stage.call("fail", json!({})).await;
        assert_eq!(failed(&outcome), ("ToolFailed", Some(ErrorClass::Permanent)));
        let message = outcome.failure.unwrap().message;
        assert_eq!(message, "it\ndid not work with *sanitized*");
        let outcome = stage.call("add", json!({})).await;
        assert_eq!(failed(&outcome).1, Some(ErrorClass::Validation));
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_taken_back() {
    if !has_python() {
        return;
    }
    let stage = small("handshake").await;
    let outcome = stage.call("hang", json!({})).await;
    assert_eq!(failed(&outcome), ("TimedOut", Some(ErrorClass::Transient)));
    until("it was told", async || {
        let log = stage.log();
        let hung = log.iter().find_map(|it| it.strip_prefix("hangs ")).map(str::to_owned);
        hung.is_some_and(|id| log.contains(&format!("notifications/cancelled {id}")))
    })
    .await;
    let log = stage.log();
    assert!(log.contains(&"initialize 2025-11-25".to_owned()), "{log:?}");
    assert!(log.contains(&"notifications/initialized".to_owned()), "{log:?}");
}

#[tokio::test]
async fn tools_that_change_are_asked_for_again() {
    if !has_python() {
        return;
    }
    let stage = small("handshake").await;
    let lists = || stage.log().iter().filter(|it| *it == "list").count();
    body(&stage.call("add", json!({ "a": 1 })).await);
    // Once to describe it, once to compare; each has three pages.
    until("it was compared", async || lists() == 6).await;
    body(&stage.call("more", json!({})).await);
    until("it was compared again", async || lists() == 9).await;
}

#[tokio::test]
async fn a_version_that_nobody_knows_is_refused() {
    if !has_python() {
        return;
    }
    let stage = small("handshake").await;
    let file = stage.folder.path().join("connectors/small/connector.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("env: {", "env: { MCP_VERSION: '2030-01-01',")).unwrap();
    let Stage { folder, .. } = stage;
    let stage = Stage::of(folder, "small");
    let outcome = stage.call("two", json!({})).await;
    assert_eq!(failed(&outcome), ("ProtocolNotSupported", Some(ErrorClass::Permanent)));
}

/// One request to a server over HTTP: its headers in small letters, and its message.
type Asked = (BTreeMap<String, String>, Value);

/// An MCP server over HTTP that keeps what it is asked.
#[derive(Clone, Default)]
struct Web {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Sessions that it knows; a new one forgets the others.
    session: Arc<Mutex<usize>>,
    is_stateless: bool,
}

impl Web {
    async fn start(is_stateless: bool) -> (Self, String) {
        let web = Self { is_stateless, ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let shared = web.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let web = shared.clone();
                tokio::spawn(async move { web.serve(stream).await });
            }
        });
        (web, url)
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            let mut chunk = [0; 4_096];
            let n = stream.read(&mut chunk).await.unwrap_or(0);
            if n == 0 {
                return;
            }
            bytes.extend_from_slice(&chunk[..n]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|it| {
                let (name, value) = it.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let length: usize = length.unwrap_or(0);
            if head.len() + 4 + length <= bytes.len() {
                break (head.to_owned(), length);
            }
        };
        let headers: BTreeMap<String, String> = head
            .lines()
            .filter_map(|it| it.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let body = &bytes[head.len() + 4..head.len() + 4 + length];
        let message: Value = serde_json::from_slice(body).unwrap();
        let answer = self.answer(&headers, &message);
        self.asked.lock().unwrap().push((headers, message));
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    fn answer(&self, headers: &BTreeMap<String, String>, message: &Value) -> String {
        let text = |status: &str, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let json_type = "content-type: application/json\r\n";
        let id = &message["id"];
        let result =
            |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
        if headers.get("authorization").map(String::as_str) != Some("Bearer correct horse") {
            return text("401 Unauthorized", "", "");
        }
        let method = message["method"].as_str().unwrap();
        if self.is_stateless {
            let version = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
            if version != "2026-07-28"
                || headers.get("mcp-method").map(String::as_str) != Some(method)
            {
                let error = json!({ "code": -32022, "message": "no", "data": { "supported": ["2026-07-28"] } });
                let body = json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string();
                return text("400 Bad Request", json_type, &body);
            }
        } else if method == "initialize" {
            let mut session = self.session.lock().unwrap();
            *session += 1;
            let more = format!("{json_type}mcp-session-id: s{session}\r\n");
            let body = result(
                json!({ "protocolVersion": "2025-06-18", "serverInfo": { "version": "7" } }),
            );
            return text("200 OK", &more, &body);
        } else {
            let known = format!("s{}", self.session.lock().unwrap());
            if headers.get("mcp-session-id") != Some(&known) {
                return text("404 Not Found", "", "");
            }
        }
        match (method, message["params"]["name"].as_str()) {
            ("notifications/initialized", _) => text("202 Accepted", "", ""),
            ("tools/list", _) => {
                let text_of = json!({ "type": "string", "x-mcp-header": "Region" });
                let schema = json!({ "type": "object", "properties": { "region": text_of } });
                let all = ["where", "slow", "broken"]
                    .map(|it| json!({ "name": it, "inputSchema": schema }));
                text("200 OK", json_type, &result(json!({ "tools": all })))
            }
            ("tools/call", Some("where")) => {
                let said = result(json!({ "content": [{ "type": "text", "text": "here" }] }));
                let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
                let body = format!(
                    ": hello\n\nid: 1\ndata:\n\nevent: message\ndata: {progress}\n\n\
                     event: message\r\ndata: {said}\r\n\r\n"
                );
                text("200 OK", "content-type: text/event-stream\r\n", &body)
            }
            ("tools/call", Some("slow")) => {
                text("503 Service Unavailable", "retry-after: 7\r\n", "later")
            }
            _ => text("200 OK", "content-type: text/html\r\n", "<html>"),
        }
    }

    /// The messages that came, and the value of a header with each.
    fn log(&self, header: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let line = |(headers, message): &Asked| {
            let value = headers.get(header).map_or("-", String::as_str);
            format!("{} {value}", message["method"].as_str().unwrap())
        };
        asked.iter().map(line).collect()
    }
}

async fn over_http(url: &str) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let connector = "connector: web\nversion: 1.0.0\nkind: mcp\nurl: \"@connection('url')\"\n\
                     connection:\n  params:\n    url: { type: uri, required: true }\n    \
                     token: { type: secret, required: true }\n  auth: { type: bearer }\n";
    project(folder.path(), "web", connector, None);
    let environment = format!(
        "connections: {{ web: {{ connector: web, params: {{ url: '{url}', token: {PASSWORD} }} }} }}\n"
    );
    fs::write(folder.path().join("environments/test.yaml"), environment).unwrap();
    describe(folder.path(), "web").await;
    Stage::of(folder, "web")
}

#[tokio::test]
async fn a_server_over_http_keeps_a_session() {
    let (web, url) = Web::start(false).await;
    let stage = over_http(&url).await;
    assert_eq!(body(&stage.call("where", json!({ "region": "north" })).await), "here");
    // The session of whoever described it is not that of the flows, and forgotten sessions are made anew.
    *web.session.lock().unwrap() += 1;
    assert_eq!(body(&stage.call("where", json!({ "region": "south" })).await), "here");
    let expected = [
        "initialize -",
        "notifications/initialized s1",
        "tools/list s1",
        "initialize -",
        "notifications/initialized s2",
        "tools/call s2",
        "tools/call s2",
        "initialize -",
        "notifications/initialized s4",
        "tools/call s4",
    ];
    assert_eq!(web.log("mcp-session-id"), expected);
    assert_eq!(web.log("mcp-protocol-version").last().unwrap(), "tools/call 2025-06-18");
    let outcome = stage.call("slow", json!({})).await;
    assert_eq!(failed(&outcome), ("ServiceUnavailable", Some(ErrorClass::Transient)));
    assert_eq!(outcome.failure.unwrap().retry_after, Some(base::Duration::seconds(7)));
}

#[tokio::test]
async fn a_server_over_http_without_sessions_is_told_everything_each_time() {
    let (web, url) = Web::start(true).await;
    let stage = over_http(&url).await;
    assert_eq!(body(&stage.call("where", json!({ "region": "Łódź" })).await), "here");
    let expected =
        ["initialize -", "tools/list tools/list", "initialize -", "tools/call tools/call"];
    assert_eq!(web.log("mcp-method"), expected);
    assert_eq!(web.log("mcp-name")[3], "tools/call where");
    assert_eq!(web.log("mcp-param-region")[3], "tools/call =?base64?xYHDs2TFug==?=");
    let outcome = stage.call("broken", json!({})).await;
    assert_eq!(failed(&outcome).1, Some(ErrorClass::Permanent));
}

/// Published servers, which have to be fetched: only where that was asked for.
struct Published(PathBuf);

impl Published {
    #[allow(clippy::print_stderr, reason = "says that it was left out")]
    fn new() -> Option<Self> {
        let asked = env::var_os("FLOWRIGHT_MCP_SERVERS");
        let Some(folder) = asked.filter(|it| !it.is_empty()) else {
            eprintln!(
                "left out: published MCP servers; they are fetched into the folder that \
                 `FLOWRIGHT_MCP_SERVERS` names"
            );
            return None;
        };
        let folder = PathBuf::from(folder);
        fs::create_dir_all(&folder).unwrap();
        Some(Self(folder))
    }

    fn fetch(&self, file: &str, steps: &[&[&str]]) -> PathBuf {
        let file = self.0.join(file);
        for step in steps.iter().filter(|_| !file.is_file()) {
            let out = Command::new(step[0]).args(&step[1..]).current_dir(&self.0).output().unwrap();
            assert!(out.status.success(), "{step:?}: {}", String::from_utf8_lossy(&out.stderr));
        }
        assert!(file.is_file(), "{}", file.display());
        file.canonicalize().unwrap()
    }

    fn everything(&self) -> PathBuf {
        self.fetch(
            "node_modules/@modelcontextprotocol/server-everything/dist/index.js",
            &[&[
                "npm",
                "install",
                "--silent",
                "--prefix",
                ".",
                "@modelcontextprotocol/server-everything",
            ]],
        )
    }

    fn time(&self) -> PathBuf {
        self.fetch(
            "venv/bin/mcp-server-time",
            &[
                &["python3", "-m", "venv", "venv"],
                &["venv/bin/pip", "install", "-q", "mcp-server-time"],
            ],
        )
    }
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn save(folder: &Path, name: &str) {
    let out = Command::new(flowright())
        .args(["connectors", "describe", name, "--save"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

async fn everything(stage: &Stage) {
    let sum = stage.call("get-sum", json!({ "a": 2, "b": 40 })).await;
    assert!(body(&sum).as_str().unwrap().contains("42"), "{sum:?}");
    let weather = stage.call("get-structured-content", json!({ "location": "Chicago" })).await;
    assert!(body(&weather)["temperature"].is_number(), "{weather:?}");
    let long = stage.call("trigger-long-running-operation", json!({ "duration": 1, "steps": 3 }));
    assert!(body(&long.await).is_string());
}

#[tokio::test]
async fn a_published_server_that_is_started_here() {
    let Some(published) = Published::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let connector = format!(
        "connector: every\nversion: 1.0.0\nkind: mcp\ncommand: [node, {}, stdio]\n",
        json!(published.everything())
    );
    project(folder.path(), "every", &connector, None);
    save(folder.path(), "every");
    let stage = Stage::of(folder, "every");
    everything(&stage).await;
    let environment = stage.call("get-env", json!({})).await;
    let shown: Value = serde_json::from_str(body(&environment).as_str().unwrap()).unwrap();
    assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), ["PATH"]);
    stage.host.shutdown().await;
}

#[tokio::test]
async fn a_published_server_over_http() {
    let Some(published) = Published::new() else { return };
    let port = free_port();
    let server = Command::new("node")
        .arg(published.everything())
        .arg("streamableHttp")
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Server(server);
    until("it listens", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
    let folder = tempfile::tempdir().unwrap();
    let connector = "connector: every\nversion: 1.0.0\nkind: mcp\nurl: \"@connection('url')\"\n\
                     connection: { params: { url: { type: uri, required: true } } }\n";
    project(folder.path(), "every", connector, None);
    let environment = format!(
        "connections: {{ every: {{ connector: every, params: {{ url: 'http://127.0.0.1:{port}/mcp' }} }} }}\n"
    );
    fs::write(folder.path().join("environments/test.yaml"), environment).unwrap();
    save(folder.path(), "every");
    everything(&Stage::of(folder, "every")).await;
}

#[tokio::test]
async fn a_published_server_in_python() {
    let Some(published) = Published::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let connector = format!(
        "connector: time\nversion: 1.0.0\nkind: mcp\ncommand: [{}, --local-timezone, UTC]\n\
         limits: {{ start: PT60S }}\n",
        json!(published.time())
    );
    project(folder.path(), "time", &connector, None);
    save(folder.path(), "time");
    let stage = Stage::of(folder, "time");
    let now = stage.call("get_current_time", json!({ "timezone": "Europe/Berlin" })).await;
    assert_eq!(body(&now)["timezone"], "Europe/Berlin");
    let outcome = stage.call("get_current_time", json!({ "timezone": "Nowhere" })).await;
    assert_eq!(failed(&outcome), ("ToolFailed", Some(ErrorClass::Permanent)));
}

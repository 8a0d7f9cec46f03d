//! Actions that wait to be called back, with the real binary, killed while they wait.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    crash::{Process, free_port, until},
    support::service::action,
};

/// A service that agrees to everything and keeps what it was sent, request line and body.
struct Shop {
    origin: String,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 8192];
                let mut length = 0;
                let text = loop {
                    length += stream.read(&mut bytes[length..]).await.unwrap();
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    if is_whole(&text) {
                        break text;
                    }
                };
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
                kept.lock().unwrap().push((line.to_owned(), body.to_owned()));
                let answer = "HTTP/1.1 201 Created\r\nlocation: /hooks/7?of=me\r\n\
                              content-length: 0\r\nconnection: close\r\n\r\n";
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        Self { origin, seen }
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// The address that was asked to be called.
    async fn address(&self) -> String {
        until("nobody subscribes", async || !self.seen().is_empty()).await;
        let (line, body) = self.seen().remove(0);
        assert_eq!(line, "POST /hooks");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["url"].as_str().unwrap().to_owned()
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
    length.is_none_or(|it| it.parse::<usize>().unwrap() <= body.len())
}

/// A project with one flow that waits for the shop.
fn project(folder: &Path, shop: &Shop, more: &str) {
    fs::create_dir_all(folder.join("flows/order")).unwrap();
    let settings = format!("flows: [flows]\nhttp: {{ allowHosts: ['{}'] }}\n", shop.origin);
    fs::write(folder.join("flowright.yaml"), settings).unwrap();
    let flow = format!(
        "flow: Order
triggers: [{{ name: Go, request: }}]
actions:
  - name: Wait for the shop
    {more}
    httpWebhook:
      subscribe: {{ method: POST, uri: {0}/hooks, body: {{ url: \"@listCallbackUrl()\" }} }}
      unsubscribe: {{ method: DELETE, uri: \"{0}/hooks/@{{action()?['outputs']?['statusCode']}}\" }}
  - {{ name: Said, compose: \"@body('Wait_for_the_shop')?['state']\" }}
",
        shop.origin
    );
    fs::write(folder.join("flows/order/flow.yaml"), flow).unwrap();
}

async fn shown(port: u16) -> Value {
    let url = format!("http://127.0.0.1:{port}/api/v1/runs");
    let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
    let runs: Value = serde_json::from_str(&text).unwrap();
    let id = runs["value"][0]["id"].as_str().unwrap();
    let text = reqwest::get(format!("{url}/{id}")).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn begin(folder: &Path, port: u16) {
    let listing = fs::read_to_string(folder.join(".flowright/trigger.key")).unwrap();
    let signature = base::digest::hmac_sha256_hex(listing.trim().as_bytes(), b"order/Go");
    let url = format!("http://127.0.0.1:{port}/hooks/order/Go?sig={signature}");
    let response = Client::new().post(url).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
}

async fn call(url: &str, state: &str) -> u16 {
    let body = json!({ "state": state }).to_string();
    let request = Client::new().post(url).header("content-type", "application/json").body(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_run_that_waits_survives_a_kill_and_is_called_back_once() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    project(folder.path(), &shop, "description: months may pass");
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    begin(folder.path(), port).await;
    let url = shop.address().await;
    // The subscription's answer is on its way to the journal; it may not have arrived.
    process.kill();
    let _process = Process::start(folder.path(), port);

    let waiting = shown(port).await;
    assert_eq!(waiting["status"], "Running");
    // Nobody who can see the history can call in the place of the service.
    let signature = url.rsplit("sig=").next().unwrap();
    assert!(!waiting.to_string().contains(signature), "{waiting}");

    assert_eq!(call(&url.replace("sig=", "sig=0"), "forged").await, 404);
    assert_eq!(call(&url.replace("Wait_for_the_shop", "Said"), "forged").await, 404);
    assert_eq!(call(&url, "paid").await, 200);
    until("the run does not end", async || shown(port).await["status"] == "Succeeded").await;
    assert_eq!(call(&url, "twice").await, 410);
    let run = shown(port).await;
    let said = action(run["actions"].as_array().unwrap(), "Said").unwrap();
    assert_eq!(said["outputs"], "paid");
    assert!(shop.seen().iter().all(|(line, _)| line == "POST /hooks"), "{:?}", shop.seen());
}

#[tokio::test]
async fn a_wait_that_times_out_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    project(folder.path(), &shop, "timeout: PT1S");
    let port = free_port();
    let _process = Process::start(folder.path(), port);
    begin(folder.path(), port).await;
    let url = shop.address().await;
    until("the run does not end", async || shown(port).await["status"] == "TimedOut").await;
    until("the shop is not told", async || shop.seen().len() == 2).await;
    assert_eq!(shop.seen()[1].0, "DELETE /hooks/201");
    assert_eq!(call(&url, "late").await, 410);
}

/// A connector to the shop. The place of the address is marked, as API descriptions do; of `Told` the
/// file says how it is taken back.
const DESK: &str = r#"
connector: desk
version: 1.0.0
title: Desk
connection:
  params: { shop: { type: uri, required: true, description: Address of the shop. } }
  auth: { type: none }
http: { baseUrl: "@connection('shop')" }
operations:
  Wait:
    effect: action
    request: POST /hooks
    success: [201]
    body: { type: object, properties: { order: { type: string }, url: { type: string, x-ms-notification-url: true } } }
  Told:
    extends: Wait
    unsubscribe: { operation: Forget, with: { id: "@{input('body')?['order']}@{last(split(headers('location'), '/'))}" } }
  Forget: { effect: delete, request: "PUT /hooks/{id}/end", params: { id: { type: string, required: true } } }
"#;

async fn given_up(operation: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("flowright.yaml", "flows: [flows]\nconnectors: [connectors]\nenvironment: test\n");
    write("connectors/desk/connector.yaml", DESK);
    let environment = "connections: { desk: { connector: desk, params: { shop: 'SHOP' } } }";
    write("environments/test.yaml", &environment.replace("SHOP", &shop.origin));
    let flow = "flow: Order
connections: { desk: desk }
triggers: [{ name: Go, request: }]
actions:
  - name: Bounded
    timeout: PT4S
    scope:
      - name: Wait for the shop
        call: { connection: desk, operation: OPERATION, webhook: true }
        with: { body/order: '9' }
";
    write("flows/order/flow.yaml", &flow.replace("OPERATION", operation));
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    begin(folder.path(), port).await;
    let url = shop.address().await;
    until("the answer is not known", async || {
        shown(port).await.to_string().contains("\"waitsFor\":\"a call back\"")
    })
    .await;
    process.kill();
    // What the service had answered is in the journal.
    let _process = Process::start(folder.path(), port);
    until("the run does not end", async || shown(port).await["status"] == "TimedOut").await;
    until("the shop is not told", async || shop.seen().len() == 2).await;
    assert_eq!(shop.seen()[1], (expected.to_owned(), String::new()));
    assert_eq!(call(&url, "late").await, 410);
}

#[tokio::test]
async fn what_an_operation_subscribed_to_is_removed_where_the_service_said() {
    given_up("Wait", "DELETE /hooks/7?of=me").await;
}

#[tokio::test]
async fn what_an_operation_subscribed_to_is_taken_back_as_its_connector_says() {
    given_up("Told", "PUT /hooks/97%3Fof%3Dme/end").await;
}

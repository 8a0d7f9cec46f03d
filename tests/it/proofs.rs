//! Deliveries with a proof of their own, over HTTP: what is genuine starts a run, what only asks is
//! answered, and nothing else does anything.

use std::fs;

use base::digest::hmac_sha256_hex;
use serde_json::{Value, json};

use crate::support::service::{Parts, Service, project, world};

const CONNECTOR: &str = r#"connector: chat
version: 1.0.0
connection: { params: { secret: { type: secret, required: true } } }
http: { baseUrl: "https://chat.example" }
triggers:
  Message:
    kind: webhook
    receive:
      status: 200
      verify:
        scheme: hmac
        algorithm: sha256
        header: X-Signature
        prefix: v0=
        secrets: "@connection('secret')"
        signed: "@{request('method')}:@{request('url')}:@{request('body')}"
      handshake:
        - method: GET
          when: "@not(empty(request('queries')?['challenge']))"
          body: "@request('queries')?['challenge']"
        - when: "@equals(body()?['type'], 'hello')"
          verified: true
          body: { echo: "@body()?['text']" }
      dedupe: { key: "@triggerBody()?['id']" }
  Plain:
    kind: webhook
    receive:
      verify: { scheme: urlSecret }
      handshake:
        when: "@not(empty(request('queries')?['validationToken']))"
        body: "@request('queries')?['validationToken']"
"#;

fn flow(name: &str, trigger: &str) -> String {
    format!(
        "flow: {name}\nconnections: {{ chat: chat }}\ntriggers: [{{ name: T, {trigger} }}]\n\
         actions: [{{ name: A, compose: one }}]\n"
    )
}

/// A service with three flows: by the connector's trigger, by the address, by a request trigger.
async fn service(folder: &std::path::Path) -> Service {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("flowright.yaml", "flows: [flows]\nconnectors: [connectors]\n");
    write("connectors/chat/connector.yaml", CONNECTOR);
    write("flows/message/flow.yaml", &flow("message", "on: chat.Message"));
    write("flows/plain/flow.yaml", &flow("plain", "on: chat.Plain"));
    let request = "request: { verify: { connector: chat, trigger: Message } }";
    write("flows/request/flow.yaml", &flow("request", request));
    let params = json!({ "secret": "s3cret" });
    let project = project(folder, &json!({ "chat": { "params": params } }));
    Service::start(world().await, &project, Parts::default()).await
}

#[tokio::test]
async fn what_is_genuine_starts_a_run_and_what_asks_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path()).await;
    let base = format!("http://{}/hooks", service.address);
    let http = reqwest::Client::new();
    let send = async |method: &str, path: &str, body: &Value, signature: Option<&str>| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = http.request(method, format!("{base}/{path}"));
        request = request.header("content-type", "application/json").body(body.to_string());
        if let Some(signature) = signature {
            request = request.header("x-signature", signature);
        }
        let answer = request.send().await.unwrap();
        format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
    };
    let sign = |path: &str, body: &Value| {
        let signed = format!("POST:{base}/{path}:{body}");
        format!("v0={}", hmac_sha256_hex(b"s3cret", signed.as_bytes()))
    };
    let event = json!({ "id": 1, "text": "hi" });
    for path in ["message/T", "request/T"] {
        let good = sign(path, &event);
        let answer = send("POST", path, &event, Some(&good)).await;
        assert!(answer.starts_with('2'), "{path}: {answer}");
        let refused = async |body: &Value, signature: Option<&str>| {
            let answer = send("POST", path, body, signature).await;
            assert!(answer.starts_with("401 ") && !answer.contains("s3cret"), "{path}: {answer}");
        };
        refused(&event, None).await;
        refused(&json!({ "id": 2, "text": "hi" }), Some(&good)).await;
        refused(&event, Some(&sign("message/U", &event))).await;
        // Whoever asks whether the address is ours need not be known, and gets his own words back.
        let asked = format!("{path}?challenge=a%20b&x=1");
        assert_eq!(send("GET", &asked, &event, None).await, "200 a b");
        assert!(send("GET", path, &event, None).await.starts_with("401 "));
        assert!(send("PUT", path, &event, Some(&good)).await.starts_with("405 "));
        // One that must prove itself is no event either.
        let hello = json!({ "type": "hello", "text": "x" });
        refused(&hello, None).await;
        let answer = send("POST", path, &hello, Some(&sign(path, &hello))).await;
        assert_eq!(answer, "200 {\"echo\":\"x\"}");
    }
    let address = service.trigger_url("plain");
    let path = address.split_once("/hooks/").unwrap().1;
    let asked = format!("{path}&validationToken=abc");
    assert_eq!(send("POST", &asked, &Value::Null, None).await, "200 abc");
    assert!(
        send("POST", "plain/T?validationToken=abc", &Value::Null, None).await.starts_with("401 ")
    );
    assert_eq!(send("POST", path, &event, None).await, "202 ");
    for flow in ["message", "plain", "request"] {
        assert_eq!(service.rows(flow).await.len(), 1, "{flow}");
    }
    service.stop().await;
}

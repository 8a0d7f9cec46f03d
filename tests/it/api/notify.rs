//! Who is told of runs that fail, and how often.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use base::{Secret, quota::Rate};
use http_client::mail::MailServer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpListener,
};
use worker::{
    Connections,
    notify::{Notifier, Smtp, Way, Wish},
};

use super::{Api, Choice};
use crate::{
    crash::until,
    engine::flows,
    support::{
        recorder::Recorder,
        service::{NoSecrets, client},
    },
};

const FAILS: &str = "
flow: Fails
parameters: { password: { type: string, secure: true, default: canary } }
triggers: [{ name: Go, request: {} }]
actions:
  - name: Stop
    terminate: { status: Failed, code: Broken, message: \"<b>it</b> says @{triggerBody()} [x](y) canary\" }
";

async fn service() -> Api {
    let flows = flows(&[("a/fails", FAILS), ("b/fails", FAILS), ("lines", super::LINES)]);
    Api::start(Choice { flows: Some(flows), ..Choice::default() }).await
}

fn notifier(connections: Connections) -> Notifier {
    Notifier { client: client(), connections, origin: "https://ops.example.com".to_owned() }
}

fn bodies(recorder: &Recorder) -> Vec<Value> {
    recorder.sent().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect()
}

#[tokio::test]
async fn failures_are_told_together_and_not_too_often() {
    let api = service().await;
    let recorder = Recorder::open("202 Accepted", "").await;
    let way = || Way::Webhook(Secret::new(format!("{}/alert?sig=1", recorder.origin)));
    let rate = Some(Rate { calls: 1, per: base::Duration::seconds(6) });
    let wish = Wish { way: way(), flows: vec!["a/*".to_owned()], rate };
    api.engine.notify(wish, notifier(Connections::default()));
    for (flow, body) in [("a%2Ffails", "1"), ("b%2Ffails", "2"), ("a%2Ffails", "3")] {
        api.ended(&api.fire(flow, &json!(body)).await).await;
    }
    until("nobody is told", async || recorder.sent().len() == 1).await;
    api.ended(&api.fire("lines", &json!({ "items": [1] })).await).await;
    for body in ["4", "5", "6"] {
        api.ended(&api.fire("a%2Ffails", &json!(body)).await).await;
    }
    until("the rest is not told", async || recorder.sent().len() == 2).await;
    let told = bodies(&recorder);
    let counts: Vec<&Value> = told.iter().map(|it| &it["count"]).collect();
    assert_eq!(counts, [&json!(2), &json!(3)], "{told:?}");
    let run = &told[0]["runs"][0];
    assert_eq!((&run["flow"], &run["code"]), (&json!("a/fails"), &json!("Broken")));
    assert_eq!(
        run["url"],
        format!("https://ops.example.com/#/runs/{}", run["id"].as_str().unwrap())
    );
    assert!(!json!(told).to_string().contains("canary"), "{told:?}");
}

#[tokio::test]
async fn a_channel_gets_a_card_and_a_person_a_mail() {
    let api = service().await;
    let recorder = Recorder::open("200 OK", "{}").await;
    let folder = tempfile::tempdir().unwrap();
    let connections = mailing(folder.path(), &recorder.origin);
    let wish = |way| Wish { way, flows: Vec::new(), rate: None };
    let teams = Way::Teams(Secret::new(format!("{}/teams", recorder.origin)));
    let mail = Way::Email { connection: "post".to_owned(), to: "ops@example.com".to_owned() };
    api.engine.notify(wish(teams), notifier(connections.clone()));
    api.engine.notify(wish(mail), notifier(connections));
    api.ended(&api.fire("a%2Ffails", &json!("no")).await).await;
    until("they are not told", async || recorder.sent().len() == 2).await;
    let sent = recorder.sent();
    let of = |path: &str| {
        let it = sent.iter().find(|it| it.head.contains(path)).unwrap();
        serde_json::from_str::<Value>(&it.body).unwrap()
    };
    let card = &of("/teams")["attachments"][0]["content"];
    assert_eq!(card["body"][0]["text"], "A run of a/fails has failed");
    let line = card["body"][1]["text"].as_str().unwrap();
    assert!(!line.contains("[x](y)") && !line.contains("<b>"), "{line}");
    let mail = of("/mail");
    assert_eq!(
        (&mail["To"], &mail["Subject"]),
        (&json!("ops@example.com"), &json!("A run of a/fails has failed"))
    );
    let body = mail["Body"].as_str().unwrap();
    assert!(body.contains("&lt;b&gt;it&lt;/b&gt; says no"), "{body}");
}

/// A connection to something that sends mails.
fn mailing(folder: &Path, origin: &str) -> Connections {
    fs::create_dir_all(folder.join("connectors/post")).unwrap();
    fs::create_dir_all(folder.join("environments")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("flowright.yaml", "connectors: [connectors]\nenvironment: here\n");
    write(
        "connectors/post/connector.yaml",
        "connector: post
version: 1.0.0
connection:
  params: { baseUrl: { type: uri, required: true } }
http: { baseUrl: \"@connection('baseUrl')\" }
operations:
  SendEmailV2:
    effect: action
    request: POST /mail
    bodyParam: emailMessage
    body: { type: object, properties: { To: { type: string }, Subject: { type: string }, Body: { type: string } } }
",
    );
    write(
        "environments/here.yaml",
        &format!("connections: {{ post: {{ params: {{ baseUrl: '{origin}' }} }} }}\n"),
    );
    let project = worker::Project::load(folder, None).unwrap();
    assert!(!project.has_errors(), "{:?}", project.diagnostics);
    project.connections(&NoSecrets)
}

/// A mail server that takes everything; gives its address and the mails. How it is spoken with encrypted is
/// tested where that is done.
async fn post() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("smtp://{}", listener.local_addr().unwrap());
    let mails = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&mails);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufStream::new(stream);
            let (mut answer, mut mail): (&str, Option<String>) = ("220 here\r\n", None);
            loop {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    break;
                }
                answer = match (&mut mail, line.trim_end()) {
                    (Some(_), ".") => {
                        taken.lock().unwrap().extend(mail.take());
                        "250 taken\r\n"
                    }
                    (Some(text), _) => {
                        text.push_str(&line);
                        ""
                    }
                    (None, "DATA") => {
                        mail = Some(String::new());
                        "354 go\r\n"
                    }
                    (None, _) => "250 well\r\n",
                };
            }
        }
    });
    (address, mails)
}

#[tokio::test]
async fn a_mail_server_is_told() {
    let api = service().await;
    let (address, mails) = post().await;
    let server = MailServer::new(&address, None, None).unwrap();
    let (from, to) = ("flows@example.com".to_owned(), "ops@example.com".to_owned());
    let way = Way::Smtp(Box::new(Smtp { server, from, to }));
    let rate = Some(Rate { calls: 1, per: base::Duration::seconds(4) });
    api.engine.notify(Wish { way, flows: Vec::new(), rate }, notifier(Connections::default()));
    for body in ["1", "2"] {
        api.ended(&api.fire("a%2Ffails", &json!(body)).await).await;
    }
    until("nobody is told", async || mails.lock().unwrap().len() == 1).await;
    api.ended(&api.fire("b%2Ffails", &json!("3")).await).await;
    until("the rest is not told", async || mails.lock().unwrap().len() == 2).await;
    let told = mails.lock().unwrap().clone();
    assert!(told[0].contains("Subject: 2 runs of a/fails have failed"), "{told:?}");
    assert!(told[1].contains("Subject: A run of b/fails has failed"), "{told:?}");
    assert!(!told.concat().contains("canary") && !told.concat().contains("<b>it"), "{told:?}");
}

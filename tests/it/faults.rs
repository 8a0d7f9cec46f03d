//! Services in trouble: what is asked is repeated as the policy says, then fails with what was answered.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base::{Status, Timestamp};
use emulators::{Fault, FaultKind};
use journal::{RunRow, Store};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use worker::Incoming;

use crate::{
    cosell::edit,
    crash::until,
    support::service::{
        PATIENCE, Parts, SYNC, Service, action, connections, one_way, project, referral, world,
    },
};

/// One call that is tried three times, a path that takes its failure, and a path of its own.
const FLOW: &str = "
flow: Fragile
connections: { crm: dynamics-365 }
triggers:
  - name: Go
    manual: {}
actions:
  - name: Ask
    call: crm.ListRecords
    with: { entityName: accounts, $top: 1 }
    retryPolicy: { type: fixed, count: 2, interval: PT0.2S }
  - name: After a failure
    runAfter: { Ask: [Failed, TimedOut] }
    compose: \"@outputs('Ask')\"
  - name: Besides
    runAfter: {}
    compose: reached
";

/// What a service does with a request.
#[derive(Clone)]
enum Reply {
    /// Status, headers, body.
    Answer(u16, &'static str, Vec<u8>),
    /// Nothing, and the connection stays open.
    Stall,
    /// The connection is reset.
    Reset,
    /// The head promises more than comes before the connection ends.
    Broken,
    /// A byte now and then, for ever.
    Trickle,
    /// A body that never ends.
    Endless,
}

/// A service that gives tokens, and of other requests says what it was told to.
struct Upstream {
    origin: String,
    asked: Arc<Mutex<Vec<Instant>>>,
    sent: Arc<AtomicUsize>,
    /// Statuses of the first answers to whoever asks for a token; then there is one.
    no_tokens: Arc<Mutex<Vec<u16>>>,
}

impl Upstream {
    /// The last reply is given for all further requests.
    async fn new(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::new(AtomicUsize::new(0));
        let no_tokens = Arc::default();
        let (noted, bytes, refused) =
            (Arc::clone(&asked), Arc::clone(&sent), Arc::clone(&no_tokens));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, bytes, refused) =
                    (Arc::clone(&noted), Arc::clone(&bytes), Arc::clone(&refused));
                let script = script.clone();
                tokio::spawn(async move {
                    let counts = Counts { noted: &noted, sent: &bytes, refused: &refused };
                    serve(stream, &counts, &script).await;
                });
            }
        });
        Self { origin, asked, sent, no_tokens }
    }

    fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().clone()
    }

    /// The pauses between requests in milliseconds.
    fn pauses(&self) -> Vec<u128> {
        self.asked().windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }
}

struct Counts<'a> {
    noted: &'a Mutex<Vec<Instant>>,
    sent: &'a AtomicUsize,
    refused: &'a Mutex<Vec<u16>>,
}

async fn serve(mut stream: TcpStream, counts: &Counts<'_>, script: &[Reply]) {
    let mut head = Vec::new();
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let mut part = [0; 4096];
        let Ok(count @ 1..) = stream.read(&mut part).await else { return };
        head.extend_from_slice(&part[..count]);
    }
    if head.starts_with(b"POST ") && head.windows(8).any(|it| it == b"/oauth2/") {
        let refused = counts.refused.lock().unwrap().pop();
        if let Some(status) = refused {
            let body = br#"{"error":"invalid_grant","error_description":"no token"}"#;
            return answer(&mut stream, status, JSON, body).await;
        }
        let token = br#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#;
        return answer(&mut stream, 200, "content-type: application/json", token).await;
    }
    let at = {
        let mut noted = counts.noted.lock().unwrap();
        noted.push(Instant::now());
        noted.len() - 1
    };
    match &script[at.min(script.len() - 1)] {
        Reply::Answer(status, headers, body) => answer(&mut stream, *status, headers, body).await,
        Reply::Stall => tokio::time::sleep(PATIENCE).await,
        Reply::Reset => {
            stream.set_zero_linger().unwrap();
        }
        Reply::Broken => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
            drop(stream.write_all(head.as_bytes()).await);
        }
        Reply::Trickle => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Reply::Endless => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            let part = vec![b' '; 1 << 16];
            while stream.write_all(&part).await.is_ok() {
                counts.sent.fetch_add(part.len(), Ordering::Relaxed);
            }
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    drop(stream.write_all(head.as_bytes()).await);
    drop(stream.write_all(body).await);
}

/// A project with the flow and a connector that waits a second only.
fn fragile_project() -> tempfile::TempDir {
    let folder = one_way();
    edit(
        &folder.path().join("connectors/dynamics-365/connector.yaml"),
        "timeout: PT120S",
        "timeout: PT1S",
    );
    let flow = folder.path().join("flows/fragile");
    fs::create_dir(&flow).unwrap();
    fs::write(flow.join("flow.yaml"), FLOW).unwrap();
    folder
}

/// A service whose Dynamics 365 is the upstream.
async fn service(folder: &Path, upstream: &Upstream, parts: Parts) -> Service {
    let world = world().await;
    let mut connections = connections(&world);
    let params = &mut connections["dynamics-365"]["params"];
    params["orgUrl"] = upstream.origin.as_str().into();
    params["loginUrl"] = upstream.origin.as_str().into();
    Service::start(world, &project(folder, &connections), parts).await
}

/// Runs the flow against replies; what became of it, and the upstream.
async fn run(script: Vec<Reply>) -> (RunRow, Vec<Value>, Upstream) {
    let folder = fragile_project();
    let upstream = Upstream::new(script).await;
    let service = service(folder.path(), &upstream, Parts::default()).await;
    let row = service.run_to_end("fragile", "Go", json!({})).await;
    let shown = service.shown(&row).await;
    assert_eq!(action(&shown, "Besides").unwrap()["status"], "Succeeded");
    (row, shown, upstream)
}

fn status(status: u16, headers: &'static str) -> Reply {
    let body = json!({ "error": { "code": "0x1", "message": "in trouble" } });
    Reply::Answer(status, headers, body.to_string().into_bytes())
}

const JSON: &str = "content-type: application/json";

fn rows() -> Reply {
    Reply::Answer(200, JSON, br#"{"value":[]}"#.to_vec())
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for() {
    let all = [
        status(500, JSON),
        status(503, JSON),
        status(429, JSON),
        Reply::Reset,
        Reply::Stall,
        Reply::Broken,
        Reply::Trickle,
    ];
    let mut cases = JoinSet::new();
    for trouble in all {
        cases.spawn(async move {
            let (row, shown, upstream) = run(vec![trouble.clone(), trouble, rows()]).await;
            assert_eq!(row.status, Some(Status::Succeeded), "{row:#?}");
            let ask = action(&shown, "Ask").unwrap();
            assert_eq!(ask["status"], "Succeeded", "{ask:#}");
            assert_eq!(ask["attempts"].as_array().map(Vec::len), Some(3), "{ask:#}");
            assert_eq!(action(&shown, "After a failure").unwrap()["status"], "Skipped");
            assert!(upstream.pauses().iter().all(|it| 200 <= *it), "{:?}", upstream.pauses());
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn trouble_that_stays_fails_the_action_only() {
    let cases = [
        (status(500, JSON), Some(500)),
        (status(429, JSON), Some(429)),
        (Reply::Reset, None),
        (Reply::Stall, None),
        (Reply::Broken, None),
    ];
    let mut all = JoinSet::new();
    for (trouble, expected) in cases {
        all.spawn(async move {
            let (row, shown, upstream) = run(vec![trouble]).await;
            assert_eq!(upstream.asked().len(), 3);
            let ask = action(&shown, "Ask").unwrap();
            assert_eq!(ask["status"], "Failed");
            assert_eq!(ask["outputs"]["statusCode"].as_u64(), expected, "{ask:#}");
            let after = action(&shown, "After a failure").unwrap();
            assert_eq!(after["status"], "Succeeded", "{after:#}");
            if expected.is_some() {
                assert_eq!(after["outputs"]["body"]["error"]["message"], "in trouble", "{after:#}");
            }
            // The failure was taken by the action after it.
            assert_eq!(row.status, Some(Status::Succeeded));
        });
    }
    all.join_all().await;
}

#[tokio::test]
async fn what_a_repetition_cannot_mend_is_not_repeated() {
    for code in [400, 401, 403, 404, 409] {
        let (_, shown, upstream) = run(vec![status(code, JSON)]).await;
        // A token that is turned down is replaced once.
        assert_eq!(upstream.asked().len(), if code == 401 { 2 } else { 1 }, "{code}");
        let ask = action(&shown, "Ask").unwrap();
        assert_eq!(ask["outputs"]["statusCode"], code);
        assert_eq!(ask["outputs"]["body"]["error"]["message"], "in trouble");
    }
}

#[tokio::test]
async fn a_service_says_when_to_come_back() {
    let busy = status(429, "content-type: application/json\r\nretry-after: 1");
    let (row, shown, upstream) = run(vec![busy, rows()]).await;
    assert_eq!(row.status, Some(Status::Succeeded));
    assert_eq!(action(&shown, "Ask").unwrap()["status"], "Succeeded");
    let pauses = upstream.pauses();
    assert!((1_000..3_000).contains(&pauses[0]), "{pauses:?}");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_kept_as_they_are() {
    for text in ["{\"value\":[", "<html>", "{\"value\":[]}}"] {
        let (_, shown, upstream) =
            run(vec![Reply::Answer(200, JSON, text.as_bytes().to_vec())]).await;
        assert_eq!(upstream.asked().len(), 1);
        let ask = action(&shown, "Ask").unwrap();
        assert_eq!(ask["outputs"]["body"], text, "{ask:#}");
    }
    let invalid = Reply::Answer(200, JSON, b"{\"value\":\"\xff\"}".to_vec());
    let (_, shown, _) = run(vec![invalid]).await;
    let body = &action(&shown, "Ask").unwrap()["outputs"]["body"];
    assert!(body["$content"].is_string(), "{body:#}");
}

#[tokio::test]
async fn bodies_without_end_are_not_read_to_their_end() {
    let announced = Reply::Answer(200, JSON, vec![b' '; (16 << 20) + 1]);
    for reply in [announced, Reply::Endless] {
        let (_, shown, upstream) = run(vec![reply]).await;
        let ask = action(&shown, "Ask").unwrap();
        assert_eq!(ask["status"], "Failed");
        assert_eq!(ask["error"]["code"], "ResponseTooLarge", "{ask:#}");
        assert_eq!(upstream.asked().len(), 1, "it would be as large the next time");
        let sent = upstream.sent.load(Ordering::Relaxed);
        assert!(sent < 40 << 20, "{sent} bytes were sent");
    }
}

#[tokio::test]
async fn a_sign_in_service_in_trouble_is_waited_for() {
    for (statuses, status) in
        [(vec![500, 503], "Succeeded"), (vec![429], "Succeeded"), (vec![400], "Failed")]
    {
        let folder = fragile_project();
        let upstream = Upstream::new(vec![rows()]).await;
        upstream.no_tokens.lock().unwrap().clone_from(&statuses);
        let service = service(folder.path(), &upstream, Parts::default()).await;
        let row = service.run_to_end("fragile", "Go", json!({})).await;
        let shown = service.shown(&row).await;
        let ask = action(&shown, "Ask").unwrap();
        assert_eq!(ask["status"], status, "{statuses:?} {ask:#}");
    }
}

#[tokio::test]
async fn retries_survive_a_restart() {
    let folder = fragile_project();
    edit(&folder.path().join("flows/fragile/flow.yaml"), "interval: PT0.2S", "interval: PT1S");
    let file = folder.path().join("flowright.db");
    let store = || -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&file, store_sqlite::Options::default()).unwrap())
    };
    let upstream = Upstream::new(vec![status(500, JSON), status(500, JSON), rows()]).await;
    let parts = || Parts { store: store(), ..Parts::default() };
    let mut now = service(folder.path(), &upstream, parts()).await;
    let incoming = Incoming {
        flow: "fragile".to_owned(),
        trigger: "Go".to_owned(),
        outputs: json!({ "headers": {}, "body": {} }).into(),
        by: None,
    };
    now.engine.fire(incoming).await.unwrap();
    for asked in 1..=2 {
        while upstream.asked().len() < asked {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Long enough for the answer to be stored, and shorter than the pause.
        tokio::time::sleep(Duration::from_millis(200)).await;
        now.stop().await;
        now = service(folder.path(), &upstream, parts()).await;
    }
    let row = now.rows("fragile").await.remove(0);
    let row = tokio::time::timeout(PATIENCE, now.engine.wait(&row.run)).await.unwrap().unwrap();
    assert_eq!(row.status, Some(Status::Succeeded));
    let shown = now.shown(&row).await;
    assert_eq!(action(&shown, "Ask").unwrap()["attempts"].as_array().map(Vec::len), Some(3));
    let pauses = upstream.pauses();
    assert_eq!(pauses.len(), 2, "{pauses:?}");
    assert!(pauses.iter().all(|it| (1_000..5_000).contains(it)), "{pauses:?}");
}

#[tokio::test]
async fn an_opportunity_whose_creation_was_not_confirmed_is_not_made_twice() {
    let folder = one_way();
    let flow = folder.path().join("flows").join(SYNC).join("flow.yaml");
    let call = "call: crm.CreateRecord\n            with:\n              entityName: opportunities";
    let text = fs::read_to_string(&flow).unwrap();
    assert_eq!(text.matches(call).count(), 1);
    let policy = "retryPolicy: { type: fixed, count: 2, interval: PT0.05S }\n            ";
    fs::write(&flow, text.replace(call, &format!("{policy}{call}"))).unwrap();
    let world = world().await;
    let project = project(folder.path(), &connections(&world));
    let service = Service::start(world, &project, Parts::default()).await;
    service.register().await;
    let lose = Fault::once("/api/data/v9.2/opportunities(", FaultKind::LoseReply);
    service.world.dataverse.fault(lose.for_method("PATCH"));
    let id = service.world.partner_center.create_referral(referral());
    service.quiet_and_good().await;
    let rows = service.world.dataverse.rows("opportunities");
    assert_eq!(rows.len(), 1);
    let referral = service.world.partner_center.referral(&id).unwrap();
    assert_eq!(referral["externalReferenceId"], rows[0]["opportunityid"]);
    let requests = service.world.dataverse.requests().into_iter();
    let lost = requests.filter(|it| it.fault.as_deref() == Some("LoseReply")).count();
    assert_eq!(lost, 1);
}

#[tokio::test]
async fn one_flow_in_trouble_does_not_hold_up_others() {
    let folder = fragile_project();
    edit(
        &folder.path().join("connectors/dynamics-365/connector.yaml"),
        "timeout: PT1S",
        "timeout: PT30S",
    );
    let upstream = Upstream::new(vec![Reply::Stall]).await;
    let service = service(folder.path(), &upstream, Parts::default()).await;
    for _ in 0..200 {
        let incoming = Incoming {
            flow: "fragile".to_owned(),
            trigger: "Go".to_owned(),
            outputs: json!({ "headers": {}, "body": {} }).into(),
            by: None,
        };
        service.engine.fire(incoming).await.unwrap();
    }
    let begun = Instant::now();
    // Partner Center is well.
    let row = service.run_register("https://a.example/hook", false).await;
    assert_eq!(row.status, Some(Status::Succeeded));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(service.rows("fragile").await.iter().all(|it| it.status.is_none()));
    // Nor is the service in trouble asked by all at once: its connector says how many may.
    while upstream.asked().len() < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(upstream.asked().len(), 20);
}

/// Starts a run of the fragile flow without waiting for its end.
async fn begin(service: &Service) -> base::RunId {
    let (flow, trigger) = ("fragile".to_owned(), "Go".to_owned());
    let outputs = json!({ "headers": {}, "body": {} }).into();
    let incoming = Incoming { flow, trigger, outputs, by: None };
    let receipt = service.engine.fire(incoming).await.unwrap();
    let [journal::Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
    run.clone()
}

/// A good end after so many attempts; and how long the last of them waited before it was sent.
async fn good_end(service: &Service, run: &base::RunId, attempts: usize) -> base::Duration {
    let row = tokio::time::timeout(PATIENCE, service.engine.wait(run)).await.unwrap().unwrap();
    assert_eq!(row.status, Some(Status::Succeeded), "{row:#?}");
    let shown = service.shown(&row).await;
    let ask = action(&shown, "Ask").unwrap();
    assert_eq!(ask["attempts"].as_array().map(Vec::len), Some(attempts), "{ask:#}");
    let last = &ask["attempts"][attempts - 1];
    let [start, sent, end] = ["startTime", "sentTime", "endTime"]
        .map(|it| last[it].as_str().map(|text| Timestamp::parse(text).unwrap()));
    assert!(sent.is_none_or(|it| start.unwrap() <= it && it <= end.unwrap()), "{last:#}");
    sent.map_or(base::Duration::ZERO, |it| it.since(start.unwrap()))
}

#[tokio::test]
async fn a_service_that_wants_to_be_left_alone_is_by_all_runs() {
    let folder = fragile_project();
    let busy = status(503, "content-type: application/json\r\nretry-after: 7");
    let upstream = Upstream::new(vec![busy, rows()]).await;
    let store = journal::MemoryStore::new();
    let parts = || Parts { store: Arc::new(store.reopen()), ..Parts::default() };
    let first = service(folder.path(), &upstream, parts()).await;
    let runs = [begin(&first).await, {
        until("the service is not asked", async || upstream.asked().len() == 1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        begin(&first).await
    }];
    // Both wait outside of memory: one sleeps until its second attempt, one has not had its first.
    until("a run stays in memory", async || {
        let text = first.engine.metrics_text().await;
        let of = |state| crate::operate::count(&text, "flowright_runs", &[("state", state)]);
        (of("active"), of("open")) == (0, 1)
    })
    .await;
    good_end(&first, &runs[0], 2).await;
    // The one that was not asked says how long it waited.
    let waited = good_end(&first, &runs[1], 1).await;
    assert!(base::Duration::seconds(5) < waited, "{waited:?}");
    let asked = upstream.asked();
    assert_eq!(asked.len(), 3);
    assert!(Duration::from_secs(6) < asked[1] - asked[0], "{asked:?}");
    first.stop().await;
}

#[tokio::test]
async fn a_question_that_waits_is_asked_after_a_restart() {
    let folder = fragile_project();
    let busy = status(429, "content-type: application/json\r\nretry-after: 3600");
    let upstream = Upstream::new(vec![busy, rows()]).await;
    let store = journal::MemoryStore::new();
    let parts = || Parts { store: Arc::new(store.reopen()), ..Parts::default() };
    let first = service(folder.path(), &upstream, parts()).await;
    begin(&first).await;
    until("the service is not asked", async || upstream.asked().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let waiting = begin(&first).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(upstream.asked().len(), 1, "the gate is closed");
    first.stop().await;
    let second = service(folder.path(), &upstream, parts()).await;
    let waited = good_end(&second, &waiting, 1).await;
    assert!(base::Duration::milliseconds(300) <= waited, "{waited:?}");
    second.stop().await;
}

#[tokio::test]
async fn an_environment_says_how_often_a_service_is_asked() {
    let folder = fragile_project();
    let upstream = Upstream::new(vec![rows()]).await;
    let world = world().await;
    let mut connections = connections(&world);
    let crm = &mut connections["dynamics-365"];
    crm["params"]["orgUrl"] = upstream.origin.as_str().into();
    crm["params"]["loginUrl"] = upstream.origin.as_str().into();
    crm["limits"] = json!({ "concurrency": 1, "rate": { "calls": 2, "per": "PT1S" } });
    let project = project(folder.path(), &connections);
    let service = Service::start(world, &project, Parts::default()).await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(begin(&service).await);
    }
    let mut waited = Vec::new();
    for run in &runs {
        waited.push(good_end(&service, run, 1).await);
    }
    waited.sort_unstable();
    assert!(base::Duration::milliseconds(800) < waited[4], "{waited:?}");
    assert!(waited[0] < waited[4], "{waited:?}");
    let asked = upstream.asked();
    let gaps: Vec<u128> = asked.windows(3).map(|it| (it[2] - it[0]).as_millis()).collect();
    assert_eq!(gaps.len(), 3);
    // What is on its way a little longer than what follows it comes closer to it.
    assert!(gaps.iter().all(|it| 800 <= *it), "{gaps:?}");
    service.stop().await;
}

//! More than a service can take: what it acknowledges is durable, the rest is refused and says when to
//! come back, and nobody is kept from it by those who are slow.

use std::{
    collections::BTreeSet,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use journal::{RunFilter, Store as _};
use serde_json::Value;
use server::Bounds;
use store_sqlite::SqliteStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    crash::{Process, free_port, until},
    engine::flows,
    operate::{Small, count, sample},
    support::{service::PATIENCE, troubled::Troubled},
};

const FREE: &str = "
flow: Free
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Nap, wait: PT0.05S }
  - { name: Same, compose: \"@triggerBody()\" }
";

const NARROW: &str = "
flow: Narrow
triggers: [{ name: Go, request: {}, concurrency: { runs: 1, maxWaiting: 20 } }]
actions:
  - { name: Nap, wait: PT0.05S }
";

const STUCK: &str = "
flow: Stuck
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Stall, http: { method: GET, uri: https://example.com } }
";

const ANSWERED: &str = "
flow: Answered
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Same, http: { method: GET, uri: https://example.com } }
";

/// What somebody was answered who posts to an address for as long as told, again and again.
#[derive(Default)]
struct Told {
    taken: Vec<String>,
    refused: Vec<u16>,
}

async fn flood(client: reqwest::Client, url: String, body: &'static str, until: Instant) -> Told {
    let mut told = Told::default();
    while Instant::now() < until {
        let response = client.post(&url).body(body).send().await.unwrap();
        let status = response.status().as_u16();
        if status == 202 {
            let run = response.headers()["x-flowright-run-id"].to_str().unwrap();
            told.taken.push(run.to_owned());
        } else {
            assert!(response.headers().contains_key("retry-after"), "{status}");
            told.refused.push(status);
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_over_a_slow_store_is_taken_in_or_refused_and_nothing_is_lost() {
    let store = Troubled::new();
    let flows = flows(&[("free", FREE), ("narrow", NARROW)]);
    let small = Small::start(Arc::clone(&store) as _, flows, Bounds::default()).await;
    *store.pause.lock().unwrap() = Duration::from_millis(30);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let end = Instant::now() + Duration::from_secs(2);
    let mut callers = JoinSet::new();
    for n in 0..64 {
        let flow = if n % 2 == 0 { "free" } else { "narrow" };
        let url = format!("http://{}{}", small.address, small.path(flow));
        callers.spawn(flood(client.clone(), url, "a body", end));
    }
    let all = callers.join_all().await;
    let taken: Vec<&String> = all.iter().flat_map(|it| &it.taken).collect();
    let refused: BTreeSet<u16> = all.iter().flat_map(|it| it.refused.clone()).collect();
    assert!(32 < taken.len(), "{}", taken.len());
    assert!(
        refused.contains(&429) && refused.iter().all(|it| matches!(it, 429 | 503)),
        "{refused:?}"
    );
    let distinct: BTreeSet<&&String> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len());
    *store.pause.lock().unwrap() = Duration::ZERO;
    for run in taken {
        let run = base::RunId::new(run.clone());
        let ended = small.engine.wait(&run);
        let row = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
        assert_eq!(row.status, Some(base::Status::Succeeded), "{row:?}");
    }
    let text = small.engine.metrics_text().await;
    assert!(0 < count(&text, "flowright_refused_total", &[("reason", "turn")]), "{text}");
}

#[tokio::test]
async fn no_more_wait_than_may_however_many_come_at_once() {
    let store = Troubled::new();
    let flows = flows(&[("narrow", &NARROW.replace("PT0.05S", "PT1H"))]);
    let small = Small::start(Arc::clone(&store) as _, flows, Bounds::default()).await;
    *store.pause.lock().unwrap() = Duration::from_millis(100);
    let client = reqwest::Client::new();
    let url = format!("http://{}{}", small.address, small.path("narrow"));
    let mut all = JoinSet::new();
    for _ in 0..60 {
        let request = client.post(&url);
        all.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let statuses = all.join_all().await;
    // One has its turn, and twenty wait for it.
    assert_eq!(statuses.iter().filter(|it| **it == 202).count(), 21, "{statuses:?}");
    assert!(statuses.iter().all(|it| matches!(it, 202 | 429)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_on_disk_has_acknowledged_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("flows/free")).unwrap();
    fs::write(folder.path().join("flowright.yaml"), "flows: [flows]\n").unwrap();
    fs::write(folder.path().join("flows/free/flow.yaml"), FREE).unwrap();
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    let key = fs::read_to_string(folder.path().join(".flowright/trigger.key")).unwrap();
    let signature = base::digest::hmac_sha256_hex(key.trim().as_bytes(), b"free/Go");
    let url = format!("http://127.0.0.1:{port}/hooks/free/Go?sig={signature}");
    let body: &'static str = Box::leak("x".repeat(10_000).into_boxed_str());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let end = Instant::now() + Duration::from_secs(2);
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        callers.spawn(flood(client.clone(), url.clone(), body, end));
    }
    let all = callers.join_all().await;
    let text = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    let text = text.text().await.unwrap();
    process.kill();
    let memory = sample(&text, "process_resident_memory_bytes", &[]);
    assert!(memory < 512e6, "{memory}");
    let file = folder.path().join(".flowright/flowright.db");
    let store = SqliteStore::open(&file, store_sqlite::Options::default()).unwrap();
    let rows = store.runs(&RunFilter::default(), journal::Page::Newest, 1_000_000).await.unwrap();
    let stored: BTreeSet<&str> = rows.iter().map(|it| it.run.as_str()).collect();
    let taken: Vec<&String> = all.iter().flat_map(|it| &it.taken).collect();
    assert!(32 < taken.len(), "{}", taken.len());
    let lost: Vec<_> = taken.iter().filter(|it| !stored.contains(it.as_str())).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn more_runs_than_may_wait_are_refused() {
    let store = Troubled::new();
    let hour = FREE.replace("wait: PT0.05S", "http: { method: GET, uri: 'https://example.com' }");
    let narrow = NARROW.replace("maxWaiting: 20", "maxWaiting: 100000");
    let flows = flows(&[("free", &hour), ("narrow", &narrow.replace("PT0.05S", "PT1H"))]);
    let small = Small::start(store, flows, Bounds::default()).await;
    // Ten may be worked on, so five hundred may wait.
    let mut statuses = Vec::new();
    for _ in 0..520 {
        statuses.push(small.post("narrow", String::new()).await.status().as_u16());
    }
    assert_eq!(statuses.iter().filter(|it| **it == 202).count(), 501, "{statuses:?}");
    let refused = small.post("free", String::new()).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(body["error"]["code"], "TooBusy");
}

#[tokio::test]
async fn bodies_in_memory_are_bounded_together() {
    let bounds = Bounds { body_bytes: 3_000_000, ..Bounds::default() };
    let store = Troubled::new();
    let small = Small::start(Arc::clone(&store) as _, flows(&[("free", FREE)]), bounds).await;
    *store.pause.lock().unwrap() = Duration::from_millis(500);
    let url = format!("http://{}{}", small.address, small.path("free"));
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let request = reqwest::Client::new().post(&url).body("x".repeat(900_000));
        all.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let statuses = all.join_all().await;
    let taken = statuses.iter().filter(|it| **it == 202).count();
    assert!((1..=3).contains(&taken), "{statuses:?}");
    assert!(statuses.iter().all(|it| matches!(it, 202 | 503)), "{statuses:?}");
    // What was set aside is given back.
    assert_eq!(small.post("free", "x".repeat(1_000_000)).await.status(), 202);
    assert_eq!(small.post("free", "x".repeat(1_100_000)).await.status(), 413);
}

/// What a slow caller does.
#[derive(Clone, Copy)]
enum Slow {
    /// It says nothing.
    Silent,
    /// A byte of the head now and then.
    Head,
    /// A byte of the body now and then.
    Body,
}

/// Is as slow as told until it is cut off; what it was answered.
async fn crawl(address: std::net::SocketAddr, path: String, slow: Slow) -> (Slow, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n");
    let begin = match slow {
        Slow::Silent => String::new(),
        Slow::Head => head,
        Slow::Body => format!("{head}content-length: 100000\r\n\r\n"),
    };
    stream.write_all(begin.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let is_over = match slow {
                Slow::Silent => false,
                Slow::Head | Slow::Body => writer.write_all(b"x").await.is_err(),
            };
            if is_over {
                return;
            }
        }
    });
    let mut answer = Vec::new();
    // A connection that is reset is over as well.
    drop(reader.read_to_end(&mut answer).await);
    writing.abort();
    (slow, String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_callers_are_cut_off_and_keep_nobody_waiting() {
    let read_timeout = Duration::from_secs(2);
    let bounds = Bounds { read_timeout, ..Bounds::default() };
    let small = Small::start(Troubled::new(), flows(&[("free", FREE)]), bounds).await;
    let mut slow = JoinSet::new();
    for _ in 0..150 {
        for kind in [Slow::Silent, Slow::Head, Slow::Body] {
            slow.spawn(crawl(small.address, small.path("free"), kind));
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..20 {
        assert_eq!(small.post("free", "quick".to_owned()).await.status(), 202);
    }
    let mut left = [150; 3];
    let mut cut = Vec::new();
    while let Ok(Some(done)) = tokio::time::timeout(PATIENCE / 4, slow.join_next()).await {
        let (kind, answer) = done.unwrap();
        left[kind as usize] -= 1;
        cut.push(answer);
    }
    assert_eq!(left, [0; 3], "some of the silent, slow head, slow body are not cut off");
    let late = cut.iter().filter(|it| it.starts_with("HTTP/1.1 408")).count();
    assert!(150 <= late, "{late}");
    assert!(cut.iter().all(|it| it.is_empty() || it.starts_with("HTTP/1.1 408")), "{cut:?}");
    let text = small.engine.metrics_text().await;
    assert_eq!(count(&text, "flowright_refused_total", &[("reason", "slow")]), 150);
}

#[tokio::test]
async fn there_are_no_more_connections_than_may_be() {
    let read_timeout = Duration::from_secs(1);
    let bounds = Bounds { connections: 5, read_timeout, ..Bounds::default() };
    let small = Small::start(Troubled::new(), flows(&[("free", FREE)]), bounds).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(small.address).await.unwrap());
    }
    // Somebody who comes then is answered when the first of them is cut off.
    let begun = Instant::now();
    assert_eq!(small.post("free", String::new()).await.status(), 202);
    assert!(Duration::from_millis(500) < begun.elapsed(), "{:?}", begun.elapsed());
    until("the run does not end", async || {
        let rows = small.engine.runs(&RunFilter::default(), 9).await.unwrap();
        rows.iter().all(|it| it.status.is_some())
    })
    .await;
    drop(held);
}

#[tokio::test]
async fn no_flow_has_all_of_the_memory() {
    let flows = flows(&[("stuck", STUCK), ("free", ANSWERED)]);
    let small = Small::start(Troubled::new(), flows, Bounds::default()).await;
    for _ in 0..30 {
        assert_eq!(small.post("stuck", String::new()).await.status(), 202);
    }
    until("the stuck runs do not take their places", async || {
        let text = small.engine.metrics_text().await;
        7 < count(&text, "flowright_runs", &[("state", "active")])
    })
    .await;
    let text = small.engine.metrics_text().await;
    assert_eq!(count(&text, "flowright_runs", &[("state", "active")]), 8, "{text}");
    let (flow, trigger) = ("free".to_owned(), "Go".to_owned());
    let incoming =
        worker::Incoming { flow, trigger, outputs: serde_json::json!({}).into(), by: None };
    let receipt = small.engine.fire(incoming).await.unwrap();
    let [journal::Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
    let row = tokio::time::timeout(PATIENCE, small.engine.wait(run)).await.unwrap().unwrap();
    assert_eq!(row.status, Some(base::Status::Succeeded));
}

/// Services that take their time, each its own.
struct Unhurried;

#[async_trait::async_trait]
impl worker::Performer for Unhurried {
    async fn perform(
        &self,
        plan: &interp::Plan,
        _ask: &interp::effect::Ask,
        _now: base::Timestamp,
    ) -> base::Outcome {
        let quiet = plan.flow.name == "Quiet";
        tokio::time::sleep(Duration::from_millis(if quiet { 100 } else { 30_000 })).await;
        let response = serde_json::json!({ "statusCode": 200, "headers": {}, "body": "" });
        base::Outcome::of_response(response, base::Timestamp::default())
    }
}

/// How long runs of a quiet flow take, sorted, beside so many runs of a noisy one.
async fn quiet_beside(noisy: usize) -> Vec<Duration> {
    let asking = |name: &str| {
        format!(
            "flow: {name}\ntriggers: [{{ name: Go, manual: {{}} }}]\nactions:\n  - {{ name: Ask, \
             http: {{ method: GET, uri: 'https://{name}.example/' }} }}\n"
        )
    };
    let (quiet, loud) = (asking("Quiet"), asking("Noisy"));
    let store = Arc::new(journal::MemoryStore::new());
    let flows = flows(&[("quiet", &quiet), ("noisy", &loud)]);
    let engine = crate::engine::start(store, &Arc::new(Unhurried), flows, 40).await;
    for _ in 0..noisy {
        crate::engine::fire(&engine, "noisy", Value::Null).await.unwrap();
    }
    let mut took = Vec::new();
    for _ in 0..100 {
        let begun = tokio::time::Instant::now();
        let run = crate::engine::fire(&engine, "quiet", Value::Null).await.unwrap();
        engine.wait(&run).await.unwrap();
        took.push(begun.elapsed());
    }
    engine.stop();
    took.sort();
    took
}

/// Time stands still while anything is at work, so what is measured is waiting for others, and nothing
/// else. What both cost in processor time is measured by `cargo xtask bench`.
#[tokio::test(start_paused = true)]
async fn a_noisy_flow_does_not_make_others_wait() {
    let alone = quiet_beside(0).await;
    let beside = quiet_beside(500).await;
    let p99 = |all: &[Duration]| all[98];
    assert!(Duration::from_millis(90) < p99(&alone), "{alone:?}");
    assert!(p99(&beside) < p99(&alone) * 2, "alone {:?}, beside {:?}", p99(&alone), p99(&beside));
}

//! Services that misbehave: each failure is precise and comes in time, and nobody else suffers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base::{Outcome, limits};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::redirects::{ask, connection};
use crate::{Client, Options};

/// What a connection may take here; the ways to misbehave last longer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Misbehaves as the path says.
async fn upstream() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move { misbehave(stream, &count).await });
        }
    });
    (origin, sent)
}

async fn misbehave(mut stream: TcpStream, sent: &AtomicUsize) -> Option<()> {
    let mut bytes = vec![0; 8192];
    let n_bytes = stream.read(&mut bytes).await.ok()?;
    let text = String::from_utf8_lossy(&bytes[..n_bytes]).into_owned();
    let path = text.split(' ').nth(1)?.trim_start_matches('/');
    stream.write_all(&said(path)).await.ok()?;
    match path {
        "stall" | "stall-head" | "stall-body" | "announced" => {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        "reset" => stream.set_zero_linger().ok()?,
        "trickle" => {
            for _ in 0..1000 {
                stream.write_all(b" ").await.ok()?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        "large" => {
            let chunk = vec![b' '; 1 << 20];
            while sent.load(Ordering::Relaxed) < 1 << 30 {
                stream.write_all(&chunk).await.ok()?;
                sent.fetch_add(chunk.len(), Ordering::Relaxed);
            }
        }
        _ => {}
    }
    Some(())
}

/// What is said at once.
fn said(path: &str) -> Vec<u8> {
    let head = |rest: &str, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{rest}\r\n\r\n{body}")
    };
    let packed = |coding: &str| {
        head(&format!("content-encoding: {coding}\r\ncontent-length: 9"), "not valid")
    };
    let text = match path {
        "stall" | "close" => String::new(),
        "stall-head" => "HTTP/1.1 200 OK\r\ncontent-".to_owned(),
        "stall-body" | "reset" => head("content-length: 100", "half"),
        "trickle" => head("content-length: 1000", ""),
        "large" => head("connection: close", ""),
        "announced" => head("content-length: 1073741824", ""),
        "gzip" => packed("gzip"),
        "brotli" => packed("br"),
        "zstd" => packed("zstd"),
        "loop" => "HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "utf8" => return [head("content-length: 6", "{\"a\":").as_bytes(), b"\xff"].concat(),
        "json" => head("content-length: 6", "{\"a\": "),
        "headers" => format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(10_000)),
        "noise" => "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "broken" => "HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n".to_owned(),
        _ => head("content-length: 8", "{\"a\": 1}"),
    };
    text.into_bytes()
}

/// The code of what came of it, or the body.
fn told(outcome: &Outcome) -> String {
    match &outcome.failure {
        Some(failure) => format!("{} {}", failure.class.unwrap().name(), failure.code),
        None => outcome.outputs.as_ref().unwrap()["body"].to_string(),
    }
}

/// How each misbehaviour is told.
const CASES: &[(&str, &str)] = &[
    ("good", "{\"a\":1}"),
    ("stall", "transient TimedOut"),
    ("stall-head", "transient TimedOut"),
    ("stall-body", "transient TimedOut"),
    ("trickle", "transient TimedOut"),
    ("reset", "transient ConnectionLost"),
    ("close", "transient ConnectionLost"),
    ("large", "permanent ResponseTooLarge"),
    ("announced", "permanent ResponseTooLarge"),
    ("gzip", "transient ConnectionLost"),
    ("zstd", "transient ConnectionLost"),
    ("brotli", "transient ConnectionLost"),
    ("loop", "permanent TooManyRedirects"),
    // What claims to be JSON and is not is given as it is, as the cloud does.
    ("utf8", "{\"$content-type\":\"application/json\",\"$content\":\"eyJhIjr/\"}"),
    ("json", "\"{\\\"a\\\": \""),
    ("headers", "transient ConnectionLost"),
    ("noise", "transient ConnectionLost"),
    ("broken", "transient InternalServerError"),
];

#[tokio::test]
async fn every_misbehaviour_has_its_failure_in_time() {
    let (origin, sent) = upstream().await;
    let client = Client::new(Options { timeout: TIMEOUT, ..Options::default() }).unwrap();
    let connection = connection(&origin, &[]);
    let calls: Vec<_> = CASES
        .iter()
        .map(|(path, expected)| {
            let (client, connection) = (client.clone(), connection.clone());
            tokio::spawn(async move {
                let began = Instant::now();
                let outcome = ask(&client, &connection, "Get", path).await;
                (path, told(&outcome), expected, began.elapsed())
            })
        })
        .collect();
    for call in calls {
        let (path, found, expected, took) = call.await.unwrap();
        assert_eq!(found, **expected, "{path}");
        // A busy machine takes its time, but none of it waits for what never comes.
        assert!(took < Duration::from_secs(20), "{path}: {took:?}");
    }
    // No more is read than is kept, and what the kernel has buffered.
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < limits::RESPONSE_BYTES_MAX + (16 << 20), "{sent}");
}

#[tokio::test]
async fn others_are_not_kept_waiting() {
    let (bad, _) = upstream().await;
    let (good, _) = upstream().await;
    let client = Client::new(Options { timeout: TIMEOUT, ..Options::default() }).unwrap();
    let (bad, mut good) = (connection(&bad, &[]), connection(&good, &[]));
    "good".clone_into(&mut good.name);
    let trouble: Vec<_> = (0..200)
        .map(|number| {
            let (client, bad) = (client.clone(), bad.clone());
            let path = ["stall", "stall-body", "trickle", "reset", "gzip"][number % 5];
            tokio::spawn(async move { ask(&client, &bad, "Get", path).await })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let began = Instant::now();
        assert_eq!(told(&ask(&client, &good, "Get", "good").await), "{\"a\":1}");
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < TIMEOUT, "{slowest:?}");
    for call in trouble {
        assert!(call.await.unwrap().failure.is_some());
    }
}

//! How long calls of one connection take while services of others misbehave: `cargo bench -p http-client`.
//!
//! Prints the median and the 99th percentile of calls to a good service, alone and beside calls that
//! stall, trickle, are reset and are too large.

#![allow(clippy::unwrap_used, reason = "a benchmark says what went wrong by panicking")]

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base::{Source, Timestamp};
use connector::{Call, Connection, ConnectionValue};
use http_client::{Client, InvokeOptions, Options};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Calls that are measured.
const CALLS: usize = 5_000;
/// Calls under way to services that misbehave.
const TROUBLED: usize = 200;
/// How soon a call that failed is made again; flows wait longer.
const RETRY: Duration = Duration::from_secs(1);

const FILE: &str = "connector: x
version: 1.0.0
connection: { params: { url: { type: uri } } }
http: { baseUrl: \"@connection('url')\", timeout: PT2S }
operations:
  Get: { effect: read, request: \"GET /{p}\", params: { p: { type: string, required: true } } }
";
const GOOD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::main]
async fn main() {
    let (good, bad) = (connection("good", &service().await), connection("bad", &service().await));
    let client = Client::new(Options::default()).unwrap();
    measure(&client, &good).await;
    let alone = measure(&client, &good).await;
    let stop = Arc::new(AtomicBool::new(false));
    for number in 0..TROUBLED {
        let (client, bad, stop) = (client.clone(), bad.clone(), Arc::clone(&stop));
        let path = ["stall", "trickle", "reset", "large"][number % 4];
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                ask(&client, &bad, path).await;
                tokio::time::sleep(RETRY).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let beside = measure(&client, &good).await;
    stop.store(true, Ordering::Relaxed);
    let mut out = std::io::stdout();
    for (name, (median, p99)) in [("alone", alone), ("beside 200 in trouble", beside)] {
        writeln!(out, "{name:<24} median {median:>10.1?}  p99 {p99:>10.1?}").unwrap();
    }
    let ratio = beside.1.as_secs_f64() / alone.1.as_secs_f64();
    writeln!(out, "p99 beside trouble is {ratio:.2} times that alone").unwrap();
}

/// Median and 99th percentile of calls, eight at a time.
async fn measure(client: &Client, connection: &Connection) -> (Duration, Duration) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, connection) = (client.clone(), connection.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                for _ in 0..CALLS / 8 {
                    let began = Instant::now();
                    assert!(ask(&client, &connection, "good").await, "a good call failed");
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    took.sort();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

async fn ask(client: &Client, connection: &Connection, path: &str) -> bool {
    let inputs = json!({ "p": path });
    let call = Call {
        inputs: &inputs,
        idempotency_key: "k",
        now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
        seed: 1,
        link: None,
        callback_url: None,
    };
    let operation = connection.connector.operation("Get").unwrap();
    client.invoke(connection, operation, &call, InvokeOptions::default()).await.failure.is_none()
}

fn connection(name: &str, origin: &str) -> Connection {
    let (connector, _) = connector::read(&Source::new("x", FILE));
    let values = BTreeMap::from([("url".to_owned(), ConnectionValue::Plain(origin.into()))]);
    let (connection, problems) = Connection::new(name, Arc::new(connector), values);
    assert_eq!(problems, Vec::new());
    connection
}

async fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    origin
}

async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut bytes = vec![0; 4096];
    loop {
        let n_bytes = stream.read(&mut bytes).await.ok().filter(|it| 0 < *it)?;
        let text = String::from_utf8_lossy(&bytes[..n_bytes]).into_owned();
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
        match text.split(' ').nth(1)? {
            "/stall" => tokio::time::sleep(Duration::from_mins(1)).await,
            "/trickle" => {
                stream.write_all(head.as_bytes()).await.ok()?;
                loop {
                    stream.write_all(b" ").await.ok()?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            "/reset" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                stream.set_zero_linger().ok()?;
                return None;
            }
            "/large" => {
                stream.write_all(head.as_bytes()).await.ok()?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            _ => stream.write_all(GOOD.as_bytes()).await.ok()?,
        }
    }
}

//! Tests against servers on the loopback address; no other host is asked.

mod bounds;
mod compression;
mod guard;
mod invoke;
mod login;
mod mail;
mod proof;
mod proxies;
mod redirects;
mod shipped;
mod sign;
mod signature;
mod ssrf;
mod tls;
mod tokens;
mod upstreams;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use base::{HttpRequest, Timestamp};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What a server answers: status, headers, body.
pub(super) type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `GET /path?query`.
    pub(super) line: String,
    /// Names in small letters.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A server that notes what it is asked.
pub(super) struct Server {
    pub(super) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, noted) = (Arc::new(answer), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                tokio::spawn(async move { serve(stream, &*answer, &noted).await });
            }
        });
        Self { origin, seen }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The request lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|it| it.line).collect()
    }
}

/// One exchange on a connection, which is then closed.
async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Seen) -> Answer + Send + Sync),
    noted: &Mutex<Vec<Seen>>,
) {
    let Some(seen) = receive(&mut stream).await else { return };
    noted.lock().unwrap().push(seen.clone());
    let (status, headers, body) = answer(&seen);
    let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !head.contains("content-length") {
        write!(head, "content-length: {}\r\n", body.len()).unwrap();
    }
    head.push_str("\r\n");
    // The client may have gone away, which is what some tests are about.
    if stream.write_all(head.as_bytes()).await.is_ok() {
        stream.write_all(&body).await.ok();
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|it| it.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let seen = Seen { line, headers, body: body.to_owned() };
            let length = seen.header("content-length").map_or(0, |it| it.parse().unwrap());
            if length <= body.len() {
                return Some(seen);
            }
        }
        let mut chunk = [0; 4096];
        let n_bytes = stream.read(&mut chunk).await.ok().filter(|it| 0 < *it)?;
        bytes.extend_from_slice(&chunk[..n_bytes]);
    }
}

pub(super) fn json(body: &str) -> Answer {
    (200, vec![("content-type", "application/json".to_owned())], body.as_bytes().to_vec())
}

pub(super) fn get(url: &str) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None }
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

//! A service that keeps what it is sent and gives one answer to everything.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the service was sent: head in lower case, body as it came.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Sent {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str()))
    }
}

/// The service.
pub(crate) struct Recorder {
    pub(crate) origin: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    /// Answers everything with this head, which begins with the status, and body.
    pub(crate) async fn open(head: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { serve(stream, &kept, (head, body)).await });
            }
        });
        Self { origin, sent }
    }

    /// Everything so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Sent>>, (head, body): (&str, &str)) {
    let mut bytes = Vec::new();
    let sent = loop {
        let mut part = [0; 8_192];
        let Ok(count @ 1..) = stream.read(&mut part).await else { return };
        bytes.extend_from_slice(&part[..count]);
        if let Some(sent) = whole(&String::from_utf8_lossy(&bytes)) {
            break sent;
        }
    };
    kept.lock().unwrap().push(sent);
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    drop(stream.write_all(answer.as_bytes()).await);
}

fn whole(text: &str) -> Option<Sent> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let sent = Sent { head: head.to_ascii_lowercase(), body: body.to_owned() };
    let length = sent.header("content-length").map_or(0, |it| it.parse().unwrap());
    (length <= body.len()).then_some(sent)
}

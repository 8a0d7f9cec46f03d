//! A service that tells what it was sent.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc::Sender},
    thread,
};

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    /// Path and query, as they stand in the request line.
    pub(super) target: String,
    /// Names in small letters.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What the service answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: String,
}

type Answers = Box<dyn Fn(&Sent) -> Answer + Send + Sync>;

/// Starts a service that agrees to everything; each request is told to `seen`.
pub(super) fn start(seen: Sender<Sent>) -> String {
    let agree = |_: &Sent| Answer { status: 200, location: None, body: "{}".to_owned() };
    answering(seen, Box::new(agree))
}

/// Starts a service that answers so.
pub(super) fn answering(seen: Sender<Sent>, answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, answers) = (seen.clone(), Arc::clone(&answers));
            let Ok(stream) = stream else { return };
            thread::spawn(move || serve(stream, &seen, &answers));
        }
    });
    origin
}

fn serve(mut stream: TcpStream, seen: &Sender<Sent>, answers: &Answers) {
    // Answers that wait for each other would take the test a minute.
    stream.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    loop {
        while let Some((sent, length)) = whole(&bytes) {
            bytes.drain(..length);
            let Answer { status, location, body } = answers(&sent);
            let body = if sent.method == "HEAD" { "" } else { &body };
            let location = location.map_or_else(String::new, |it| format!("location: {it}\r\n"));
            if seen.send(sent).is_err() {
                return;
            }
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{location}\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
        let mut part = [0; 16 << 10];
        let Ok(count @ 1..) = stream.read(&mut part) else { return };
        bytes.extend_from_slice(&part[..count]);
    }
}

/// The first request among the bytes, and how many are of it.
fn whole(bytes: &[u8]) -> Option<(Sent, usize)> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.filter_map(|it| it.split_once(':'));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let mut sent = Sent { method, target, headers, body: Vec::new() };
    let length: usize = sent.header("content-length").map_or(0, |it| it.parse().unwrap());
    let start = end + 4;
    sent.body = bytes.get(start..start + length)?.to_vec();
    Some((sent, start + length))
}

//! What one exchange may take, and what its failures say.

use std::{io::Write as _, time::Duration};

use base::{HttpRequest, limits};
use flate2::{Compression, write::GzEncoder};

use super::{Answer, Server, get, json};
use crate::{Client, Egress, Options};

async fn exchange(server: &Server, path: &str) -> Result<(u16, Vec<u8>), String> {
    // Only the slow answer is not waited for: a busy machine takes its time for the others.
    let timeout = Duration::from_secs(if path.starts_with("/slow") { 1 } else { 60 });
    let client = Client::new(Options { timeout, ..Options::default() });
    let request = get(&format!("{}{path}", server.origin));
    let answer = client.unwrap().send(&request, &Egress::public().allow(&server.origin)).await;
    let place = |text: &str| text.replace(&server.origin, "SERVER");
    answer
        .map(|it| (it.status, it.body))
        .map_err(|it| format!("{} {}: {}", it.class.unwrap().name(), it.code, place(&it.message)))
}

fn gzip(bytes: &[u8]) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    (200, vec![("content-encoding", "gzip".to_owned())], encoder.finish().unwrap())
}

#[tokio::test]
async fn redirects_are_answers() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /a" => (302, vec![("location", "/b".to_owned())], b"there".to_vec()),
        _ => json("{}"),
    })
    .await;
    assert_eq!(exchange(&server, "/a").await, Ok((302, b"there".to_vec())));
    assert_eq!(server.lines(), ["GET /a"]);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /announced" => {
            let length = (limits::RESPONSE_BYTES_MAX + 1).to_string();
            (200, vec![("content-length", length)], Vec::new())
        }
        "GET /streamed" => {
            let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
            let body = chunk.repeat(17).into_bytes();
            (
                200,
                vec![
                    ("transfer-encoding", "chunked".to_owned()),
                    ("x-content-length", String::new()),
                ],
                body,
            )
        }
        "GET /gzip" => gzip(b"{\"a\": 1}"),
        "GET /bomb" => gzip(&vec![b' '; limits::RESPONSE_BYTES_MAX / 2]),
        "GET /broken" => (200, vec![("content-encoding", "gzip".to_owned())], b"not gzip".to_vec()),
        "GET /empty" => (200, vec![("content-encoding", "gzip".to_owned())], Vec::new()),
        _ => (200, Vec::new(), vec![b'x'; 1 << 20]),
    })
    .await;
    let large = format!(
        "permanent ResponseTooLarge: `SERVER` answered with more than {} bytes",
        limits::RESPONSE_BYTES_MAX
    );
    assert_eq!(exchange(&server, "/announced").await, Err(large.clone()));
    assert_eq!(exchange(&server, "/streamed").await, Err(large));
    assert_eq!(exchange(&server, "/gzip").await, Ok((200, b"{\"a\": 1}".to_vec())));
    assert_eq!(
        exchange(&server, "/bomb").await,
        Err("permanent ResponseTooLarge: `SERVER` answered with a body that unpacks beyond all measure".to_owned())
    );
    let broken = exchange(&server, "/broken").await.unwrap_err();
    assert!(
        broken.starts_with("transient ConnectionLost: the body from `SERVER` is not valid gzip")
    );
    assert_eq!(exchange(&server, "/empty").await, Ok((200, Vec::new())));
    assert_eq!(exchange(&server, "/plain").await.unwrap().1.len(), 1 << 20);
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip, br, zstd"));
}

#[tokio::test]
async fn failures_of_the_network_are_transient_and_name_the_origin_only() {
    let server = Server::start(|seen| {
        if seen.line.starts_with("GET /slow") {
            std::thread::sleep(Duration::from_millis(1500));
        }
        (200, vec![("content-length", "9".to_owned())], b"short".to_vec())
    })
    .await;
    assert_eq!(
        exchange(&server, "/slow?key=s3cret").await,
        Err("transient TimedOut: no answer in time from `SERVER`: operation timed out".to_owned())
    );
    let lost = exchange(&server, "/?key=s3cret").await.unwrap_err();
    assert!(
        lost.starts_with("transient ConnectionLost: the connection broke off to `SERVER`"),
        "{lost}"
    );
    assert!(!lost.contains("s3cret"), "{lost}");

    let client = Client::new(Options::default()).unwrap();
    let request = get("http://127.0.0.1:1/path?key=s3cret");
    let failure = client.send(&request, &Egress::everything()).await.unwrap_err();
    assert_eq!(failure.code, "ConnectionFailed");
    assert!(
        failure.message.starts_with("no connection to `http://127.0.0.1:1`: "),
        "{}",
        failure.message
    );
    assert!(!failure.message.contains("s3cret"), "{}", failure.message);
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let client = Client::new(Options::default()).unwrap();
    let check = async |request: HttpRequest, expected: &str| {
        let failure = client.send(&request, &Egress::everything()).await.unwrap_err();
        assert_eq!(failure.message, expected);
    };
    check(get("not a url"), "the URL cannot be read: relative URL without a base").await;
    let with = |name: &str, value: &str| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        HttpRequest { headers, ..get("http://127.0.0.1:1/") }
    };
    check(
        with("x-key", "s3cret\r\nhost: evil"),
        "the value of the header `x-key` has characters that HTTP refuses",
    )
    .await;
    check(with("x key", "v"), "`x key` is not the name of a header").await;
    check(
        HttpRequest { method: "G T".to_owned(), ..get("http://127.0.0.1:1/") },
        "`G T` is not a method",
    )
    .await;
}

#[tokio::test]
async fn the_frame_of_a_message_is_not_for_flows() {
    let server = Server::start(|_| json("{}")).await;
    let given = ["Content-Length", "HOST", "Transfer-Encoding", "connection", "x-mine"];
    let headers = given.map(|it| (it.to_owned(), "1".to_owned())).to_vec();
    let request = HttpRequest { headers, body: Some(b"hello".to_vec()), ..get(&server.origin) };
    let client = Client::new(Options::default()).unwrap();
    client.send(&request, &Egress::everything()).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.body, "hello");
    assert_eq!(seen.header("content-length"), Some("5"));
    assert_eq!(seen.header("host"), server.origin.strip_prefix("http://"));
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!(seen.header("x-mine"), Some("1"));
}

#[test]
fn extra_roots_must_be_certificates() {
    let root = include_str!("data/root.pem").to_owned();
    assert!(Client::new(Options { extra_roots_pem: vec![root], ..Options::default() }).is_ok());
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    assert!(Client::new(Options { extra_roots_pem: vec![bad], ..Options::default() }).is_err());
}

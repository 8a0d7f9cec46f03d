//! Connections: encrypted, slow, stalled.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use server::Tls;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::{Api, Choice};

fn write(folder: &Path) -> (Arc<Tls>, String) {
    let made = emulators::TlsFiles::generate().unwrap();
    fs::write(folder.join("chain.pem"), made.chain).unwrap();
    fs::write(folder.join("key.pem"), made.key).unwrap();
    let tls = Tls::load(&folder.join("chain.pem"), &folder.join("key.pem")).unwrap();
    (Arc::new(tls), made.root)
}

fn client(trusted: &str) -> reqwest::Client {
    let trusted = reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test]
async fn it_is_encrypted_with_a_certificate_that_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, first) = write(folder.path());
    let api = Api::start(Choice { tls: Some(tls), ..Choice::default() }).await;
    let url = format!("https://localhost:{}/api/v1/runs", api.address.port());
    let response = client(&first).get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("strict-transport-security"));
    // Nobody is answered without it.
    assert!(api.http.get(format!("http://{}/api/v1/runs", api.address)).send().await.is_err());
    let (_, second) = write(folder.path());
    assert!(client(&second).get(&url).send().await.is_err());
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(client(&second).get(&url).send().await.unwrap().status(), 200);
    // A certificate that cannot be used does not take the place of the one that can.
    fs::write(folder.path().join("chain.pem"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(client(&second).get(&url).send().await.unwrap().status(), 200);
    assert!(Tls::load(&folder.path().join("chain.pem"), &folder.path().join("key.pem")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_slow_connections_keep_nobody_waiting() {
    let api = Api::open().await;
    let mut slow = JoinSet::new();
    for n in 0..2_000 {
        let address = api.address;
        slow.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Half of a head, a body that does not come, or nothing at all.
            let begun = match n % 3 {
                0 => "GET /api/v1/runs HTTP/1.1\r\nhost: localhost\r\nx: ",
                1 => "POST /hooks/lines/Go HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{",
                _ => "",
            };
            stream.write_all(begun.as_bytes()).await.unwrap();
            let since = Instant::now();
            let mut rest = Vec::new();
            // What was written may be met by a reset, which is an end as well.
            drop(stream.read_to_end(&mut rest).await);
            since.elapsed()
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut took = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        assert_eq!(api.request("GET", "/health/live").send().await.unwrap().status(), 200);
        took.push(begun.elapsed());
    }
    took.sort();
    // The bound is for a machine that others use, too.
    assert!(took[98] < Duration::from_secs(1), "{:?}", took[98]);
    let held = slow.join_all().await;
    let longest = held.iter().max().unwrap();
    assert!(*longest < Duration::from_secs(25), "{longest:?}");
}

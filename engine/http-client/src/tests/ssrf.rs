//! A corpus of addresses that must not be called, asked for in every way there is.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base::HttpRequest;
use reqwest::dns::Resolve as _;
use tokio::net::TcpListener;

use super::{Server, get, json};
use crate::{
    Client, Egress, Options, Proxies,
    guard::{Found, Lookup, PublicOnly, refusal},
};

const CORPUS: &str = include_str!("data/ssrf.txt");

/// Counts who connects.
async fn canary() -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = first.local_addr().unwrap().port();
    // A machine may have no IPv6.
    let second = TcpListener::bind(("::1", port)).await.ok();
    for listener in std::iter::once(first).chain(second) {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    (port, count)
}

fn lookup(
    found: impl Fn(usize) -> Vec<IpAddr> + Send + Sync + 'static,
) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_: String| -> Found {
        let found = found(count.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move { Ok(found.into_iter().map(|it| SocketAddr::new(it, 0)).collect()) })
    });
    (lookup, asked)
}

fn corpus(port: u16) -> Vec<String> {
    let lines = CORPUS.lines().filter(|it| !it.is_empty() && !it.starts_with("# "));
    lines.map(|it| it.replace("PORT", &port.to_string())).collect()
}

#[tokio::test]
async fn no_address_of_the_corpus_is_connected_to() {
    let (port, connected) = canary().await;
    let (here, _) = lookup(|_| vec![Ipv4Addr::LOCALHOST.into()]);
    let proxy = format!("http://127.0.0.1:{port}");
    let proxied = Proxies::of_variables(Some(&proxy), Some(&proxy), None);
    // Nothing is asked directly then.
    let all = Proxies::all(&base::Secret::new(proxy));
    let mut asked = 0;
    for proxies in [Proxies::default(), proxied, all] {
        let options = Options { proxies, ..Options::default() };
        let client = Client::with_lookup(options, Arc::clone(&here)).unwrap();
        // An origin that the operator has named opens no other one.
        let other = Egress::public().allow("http://127.0.0.1:1").allow("crm.internal");
        for egress in [Egress::public(), other] {
            for url in corpus(port) {
                let failure = client.send(&get(&url), &egress).await.unwrap_err();
                let code = failure.code.as_str();
                assert!(matches!(code, "DestinationRefused" | "InvalidRequest"), "{url}: {code}");
                assert!(!failure.class.unwrap().retryable(), "{url}");
                asked += 1;
            }
        }
    }
    assert!(600 <= asked, "{asked}");
    assert_eq!(connected.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_into_the_corpus_is_not_followed() {
    let (port, connected) = canary().await;
    let urls = corpus(port);
    let server = Server::start({
        let urls = urls.clone();
        move |seen| {
            let number: usize = seen.line.rsplit('/').next().unwrap().parse().unwrap();
            // A header holds visible ASCII only.
            let location = urls[number].chars().filter(char::is_ascii_graphic).collect();
            (302, vec![("location", location)], Vec::new())
        }
    })
    .await;
    let (here, _) = lookup(|_| vec![Ipv4Addr::LOCALHOST.into()]);
    let client = Client::with_lookup(Options::default(), here).unwrap();
    let connection = super::redirects::connection(&server.origin, &[]);
    for (number, url) in urls.iter().enumerate() {
        // Some are relative and stay at the service, which then sends further on.
        let outcome =
            super::redirects::ask(&client, &connection, "Get", &format!("{number}")).await;
        assert!(outcome.failure.is_some() || outcome.status_code() == Some(302), "{url}");
    }
    assert_eq!(connected.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_taken() {
    // A name that answers with a public address first and with a private one after it.
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    let (rebinding, asked) = lookup(move |number| {
        if number == 0 {
            vec![Ipv4Addr::LOCALHOST.into(), public]
        } else {
            vec![Ipv4Addr::LOCALHOST.into()]
        }
    });
    let resolver = PublicOnly(rebinding);
    let taken: Vec<SocketAddr> =
        resolver.resolve("rebind.example".parse().unwrap()).await.ok().unwrap().collect();
    assert_eq!(taken, [SocketAddr::new(public, 0)]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let error = resolver.resolve("rebind.example".parse().unwrap()).await.err().unwrap();
    assert_eq!(refusal(&*error).unwrap().code, "DestinationRefused");
    // Whoever asks through a proxy asks for nothing that has a private address besides.
    let proxy = Server::start(|_| json("{}")).await;
    let (mixed, _) = lookup(move |_| vec![public, Ipv4Addr::new(10, 0, 0, 1).into()]);
    let proxies = Proxies::of_variables(Some(&proxy.origin), None, None);
    let client = Client::with_lookup(Options { proxies, ..Options::default() }, mixed).unwrap();
    let refused = client.send(&get("http://rebind.example/"), &Egress::public()).await.unwrap_err();
    assert_eq!(refused.code, "DestinationRefused");
    assert_eq!(proxy.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_is_asked_for_public_names_only_and_told_its_password() {
    let proxy = Server::start(|_| json("{\"via\": \"proxy\"}")).await;
    let (public, _) = lookup(|_| vec!["8.8.8.8".parse().unwrap()]);
    let address = proxy.origin.replace("http://", "http://me:s3cret@");
    let proxies = Proxies::of_variables(Some(&address), None, Some("direct.example"));
    let client = Client::with_lookup(Options { proxies, ..Options::default() }, public).unwrap();
    let url = "http://service.example/a?b=1";
    let answer = client.send(&get(url), &Egress::public()).await.unwrap();
    assert_eq!(answer.body, b"{\"via\": \"proxy\"}");
    let seen = proxy.seen().remove(0);
    assert_eq!(seen.line, format!("GET {url}"));
    // `me:s3cret` in base64.
    assert_eq!(seen.header("proxy-authorization"), Some("Basic bWU6czNjcmV0"));
    // This machine and what is excepted are asked directly.
    let service = Server::start(|_| json("{}")).await;
    let own = Egress::public().allow(&service.origin);
    let request = HttpRequest { method: "POST".to_owned(), ..get(&service.origin) };
    client.send(&request, &own).await.unwrap();
    assert_eq!((service.lines().len(), proxy.lines().len()), (1, 1));
}

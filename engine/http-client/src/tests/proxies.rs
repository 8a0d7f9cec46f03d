//! Which addresses go through a proxy, and that of one connection.

use base::Secret;
use url::Url;

use super::{
    Server, json,
    redirects::{ask, connection},
};
use crate::{Client, Options, Proxies};

#[test]
fn exceptions_are_read_as_other_programs_read_them() {
    let check = |no_proxy: &str, proxied: &str, direct: &str| {
        let proxies =
            Proxies::of_variables(Some("proxy:3128"), Some("http://proxy:3128"), Some(no_proxy));
        for (urls, expected) in [(proxied, true), (direct, false)] {
            for url in urls.split_whitespace() {
                assert_eq!(proxies.serve(&Url::parse(url).unwrap()), expected, "{no_proxy}: {url}");
            }
        }
    };
    check(
        "",
        "http://a.example https://a.example http://10.0.0.1",
        "http://localhost http://127.0.0.1 http://127.9.9.9:1 http://[::1]",
    );
    check("*", "", "http://a.example https://10.0.0.1");
    check(
        "a.example",
        "http://b.example http://xa.example",
        "http://a.example https://b.a.example:8443 http://A.example.",
    );
    check(
        ".a.example, *.b.example",
        "http://xb.example",
        "http://a.example http://x.a.example http://x.b.example",
    );
    check("a.example:8443", "https://a.example", "https://a.example:8443");
    check(
        "10.0.0.0/8,fd00::/8",
        "http://11.0.0.1 http://[fe00::1]",
        "http://10.255.0.1 http://[fd12::1]",
    );
    check(
        "192.168.1.7 , [2001:db8::1]",
        "http://192.168.1.8",
        "http://192.168.1.7:80 http://[2001:db8::1]",
    );
    check("0.0.0.0/0", "http://a.example", "http://1.2.3.4");
    check(",,a.example:x,/,10.0.0.0/99", "http://a.example", "http://10.0.0.0");
    let https_only = Proxies::of_variables(None, Some("proxy"), None);
    assert!(https_only.serve(&Url::parse("https://a.example").unwrap()));
    assert!(!https_only.serve(&Url::parse("http://a.example").unwrap()));
}

#[tokio::test]
async fn a_connection_has_a_proxy_of_its_own() {
    let proxy = Server::start(|_| json("{}")).await;
    let service = Server::start(|_| json("{}")).await;
    let client = Client::new(Options::default()).unwrap();
    let mut through = connection(&service.origin, &[]);
    through.network.proxy = Some(Secret::new(proxy.origin.clone()));
    assert_eq!(ask(&client, &through, "Get", "a").await.failure, None);
    assert_eq!(proxy.lines(), [format!("GET {}/a", service.origin)]);
    assert_eq!(service.lines(), Vec::<String>::new());
    // The same name with other values is another connection.
    assert_eq!(ask(&client, &connection(&service.origin, &[]), "Get", "a").await.failure, None);
    assert_eq!((service.lines().len(), proxy.lines().len()), (1, 1));
    let mut wrong = connection(&service.origin, &[]);
    wrong.network.proxy = Some(Secret::new("socks9://me:s3cret@x".to_owned()));
    let failure = ask(&client, &wrong, "Get", "a").await.failure.unwrap();
    assert_eq!(failure.code, "InvalidConnection");
    assert!(!failure.message.contains("s3cret"), "{}", failure.message);
}

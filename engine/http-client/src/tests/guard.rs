//! Addresses that must not be called, in every spelling we know of.

use url::Url;

use super::{Server, get, json};
use crate::{
    Client, Egress, Options,
    guard::{Route, is_public},
};

#[test]
fn only_addresses_of_the_internet_are_public() {
    let check = |expected: bool, addresses: &str| {
        for address in addresses.split_whitespace() {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    };
    check(
        true,
        "1.1.1.1 8.8.8.8 172.15.255.255 172.32.0.0 100.63.255.255 100.128.0.0 192.167.0.1
         192.169.0.1 198.17.0.1 198.20.0.0 223.255.255.255 11.0.0.0 9.255.255.255 126.0.0.1
         128.0.0.1 169.253.0.1 169.255.0.1 203.0.112.1 2606:4700:4700::1111 2001:4860:4860::8888
         2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::808:808",
    );
    check(
        false,
        "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255
         127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2
         172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
         198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
         255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:0
         ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:db8::1
         2001:10::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1
         4000::1",
    );
}

#[test]
fn spellings_of_private_addresses_are_refused() {
    let private = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://127.000.000.001/",
        "http://127.0.0.1:80/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://a.localhost/",
        "http://%6c%6f%63%61%6c%68%6f%73%74/",
        "http://127%2e0%2e0%2e1/",
        "http://127。0。0。1/",
        "http://①②⑦.⓪.⓪.①/",
        "http:\\\\127.0.0.1\\",
        "https://127.0.0.1/",
        "http:127.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:70/",
        "data:text/plain,a",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://:p@example.com/",
    ];
    for text in private {
        let url = Url::parse(text).unwrap();
        let refusal = Egress::public().route(&url).unwrap_err();
        assert_eq!(refusal.code, "DestinationRefused", "{text}");
    }
    for text in
        ["https://example.com/", "http://8.8.8.8/", "http://[2606:4700::1]/", "http://mylocalhost/"]
    {
        assert_eq!(Egress::public().route(&Url::parse(text).unwrap()), Ok(Route::Public), "{text}");
    }
}

#[test]
fn the_operator_names_origins_and_hosts() {
    let check = |egress: &Egress, url: &str, named: bool| {
        let route = egress.route(&Url::parse(url).unwrap());
        assert_eq!(route == Ok(Route::Named), named, "{url}");
    };
    let origin = Egress::public().allow("http://127.0.0.1:8071/api");
    check(&origin, "http://127.0.0.1:8071/x", true);
    check(&origin, "http://127.1:8071/x", true);
    check(&origin, "http://127.0.0.1:8072/x", false);
    check(&origin, "https://127.0.0.1:8071/x", false);
    check(&origin, "http://user@127.0.0.1:8071/x", false);
    let host =
        Egress::public().allow("crm.internal").allow("::1").allow("[::1]").allow("not a host/");
    check(&host, "http://crm.internal:81/", true);
    check(&host, "http://CRM.internal/", true);
    check(&host, "http://[::1]:5000/", true);
    check(&host, "http://crm.internal.example.com/", false);
    check(&Egress::everything(), "http://10.0.0.1/", true);
    check(&Egress::everything(), "file:///etc/passwd", false);
}

#[tokio::test]
async fn nothing_is_connected_to_a_name_with_a_private_address() {
    let server = Server::start(|_| json("{}")).await;
    let client = Client::new(Options::default()).unwrap();
    // Every name that this machine gives its own address goes through the resolver.
    let names: Vec<String> = std::fs::read_to_string("/etc/hosts")
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("127."))
        .flat_map(|line| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let port = server.origin.rsplit(':').next().unwrap().to_owned();
    for name in names.iter().map(String::as_str).chain(["localhost", "localhost."]) {
        let url = format!("http://{name}:{port}/secret");
        let failure = client.send(&get(&url), &Egress::public()).await.unwrap_err();
        assert_eq!(failure.code, "DestinationRefused", "{name}");
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    let named = Egress::public().allow(&server.origin);
    assert_eq!(client.send(&get(&server.origin), &named).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_resolver_gives_no_private_address() {
    use reqwest::dns::Resolve as _;
    let answer = crate::guard::PublicOnly(crate::guard::system_lookup())
        .resolve("localhost".parse().unwrap())
        .await;
    let error = answer.err().unwrap();
    assert_eq!(
        crate::guard::refusal(&*error).unwrap().message,
        "`localhost` is not a public address and is not among the hosts that may be called"
    );
}

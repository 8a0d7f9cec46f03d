//! Where browsers come back to.

use std::{collections::BTreeMap, sync::Arc};

use base::Source;
use connector::Connection;

use crate::login::BrowserLogin;

fn connection() -> Connection {
    let text = "connector: x\nversion: 1.0.0\nconnection:\n  auth: { type: oauth2, grant: authorizationCode, \
         clientId: c, tokenUrl: 'https://l.example/t', authorizeUrl: 'https://l.example/a' }\n\
         http: { baseUrl: 'https://x.example' }\n";
    let (connector, found) = connector::read(&Source::new("x", text));
    assert_eq!(found, Vec::new());
    Connection::new("x", Arc::new(connector), BTreeMap::new()).0
}

#[tokio::test]
async fn browsers_come_back_to_this_machine_only() {
    let connection = connection();
    // The digits of a port are `0`, as it is another one each time.
    let start = async |redirect: Option<&str>| {
        let login = BrowserLogin::start(&connection, redirect).await;
        let url = login.map_err(|it| it.code)?.url;
        let (_, rest) = url.split_once("redirect_uri=").unwrap();
        let shown = rest.split('&').next().unwrap().replace("%3A", ":").replace("%2F", "/");
        let (before, after) = shown.rsplit_once(':').unwrap();
        Ok::<_, String>(format!(
            "{before}:0{}",
            after.trim_start_matches(|it: char| it.is_ascii_digit())
        ))
    };
    let check = async |redirect: Option<&str>, expected: Result<&str, &str>| {
        let found = start(redirect).await;
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{redirect:?}");
    };
    check(None, Ok("http://127.0.0.1:0/callback")).await;
    check(Some("http://localhost"), Ok("http://localhost:0")).await;
    check(Some("http://localhost/"), Ok("http://localhost:0/")).await;
    check(Some("http://127.0.0.1:0/a/b"), Ok("http://127.0.0.1:0/a/b")).await;
    for elsewhere in [
        "https://127.0.0.1/callback",
        "http://0.0.0.0:8400/",
        "http://192.168.1.1:8400/",
        "http://example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1/?code=x",
        "http://127.0.0.1/#x",
        "callback",
        "",
    ] {
        check(Some(elsewhere), Err("InvalidRedirect")).await;
    }
}

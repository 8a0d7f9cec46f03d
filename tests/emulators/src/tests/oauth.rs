//! The token endpoint and who is let in with what.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{REFERRALS, WEBHOOKS, World};

#[tokio::test]
async fn grants() {
    let world = World::new().await;
    let client = world.client_form();
    let url = world.running.dataverse.url().to_owned();
    let cases = [
        ("oauth2/token", "grant_type=refresh_token&refresh_token=sandbox-refresh-token", 200, ""),
        (
            "oauth2/token",
            "grant_type=password&username=Seller@fabrikam.example&password=sandbox-password",
            200,
            "",
        ),
        ("oauth2/token", "grant_type=client_credentials", 200, ""),
        ("oauth2/token", "grant_type=refresh_token&refresh_token=stale", 400, "invalid_grant"),
        ("oauth2/token", "grant_type=password&username=a&password=b", 400, "invalid_grant"),
        ("oauth2/token", "grant_type=magic", 400, "unsupported_grant_type"),
        ("oauth2/token", "scope=openid", 400, "invalid_request"),
        ("oauth2/v2.0/token", "grant_type=client_credentials", 400, "invalid_scope"),
        (
            "oauth2/v2.0/token",
            "grant_type=client_credentials&scope=https%3A%2F%2Felsewhere.example%2F.default",
            400,
            "invalid_scope",
        ),
    ];
    for (endpoint, form, status, code) in cases {
        let form = format!("{form}&resource={REFERRALS}&{client}");
        let got = world.ask_token(endpoint, &form).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{form}: {}", got.text);
    }
    for (form, status, code) in [
        ("client_id=someone&client_secret=sandbox-client-secret".to_owned(), 401, "invalid_client"),
        (client.replace("sandbox-client-secret", "guess"), 401, "invalid_client"),
    ] {
        let form = format!("grant_type=client_credentials&resource={REFERRALS}&{form}");
        let got = world.ask_token("oauth2/token", &form).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{form}");
    }
    let form = format!("grant_type=client_credentials&resource=https://elsewhere.example&{client}");
    assert_eq!(world.ask_token("oauth2/token", &form).await.code(), "invalid_resource");
    let form = format!("grant_type=client_credentials&scope={url}/.default&{client}");
    let got = world.ask_token("oauth2/v2.0/token", &form).await.json();
    assert_eq!(got["expires_in"], json!(3599));
    assert_eq!(got["refresh_token"], Value::Null);
}

#[tokio::test]
async fn the_first_version_writes_numbers_as_texts_and_rotates() {
    let world = World::new().await;
    let ask = async |refresh: &str| {
        let form = format!(
            "grant_type=refresh_token&refresh_token={refresh}&resource={REFERRALS}&{}",
            world.client_form()
        );
        world.ask_token("oauth2/token", &form).await.json()
    };
    let first = ask("sandbox-refresh-token").await;
    assert_eq!(first["expires_in"], "3599");
    assert_eq!(first["expires_on"], "1772355599");
    assert_eq!(first["resource"], REFERRALS);
    let second = ask(first["refresh_token"].as_str().unwrap()).await;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert!(ask("sandbox-refresh-token").await["access_token"].is_string());
}

#[tokio::test]
async fn tokens_are_bound_to_their_audience_and_age() {
    let mut world = World::new().await;
    let application = world
        .token("oauth2/token", &format!("grant_type=client_credentials&resource={REFERRALS}"))
        .await;
    let hook_application = world
        .token("oauth2/token", &format!("grant_type=client_credentials&resource={WEBHOOKS}"))
        .await;
    let referrals = format!("{}/v1.0/engagements/referrals", world.pc().url());
    let webhooks = format!("{}/webhooks/v1/registration/events", world.pc().url());
    let dataverse = format!("{}/api/data/v9.2/WhoAmI", world.running.dataverse.url());
    let cases = [
        (&referrals, world.referrals.as_str(), 200),
        (&referrals, world.webhooks.as_str(), 401),
        (&referrals, world.dataverse.as_str(), 401),
        (&referrals, application.as_str(), 403),
        (&referrals, "nonsense", 401),
        (&webhooks, world.webhooks.as_str(), 200),
        (&webhooks, hook_application.as_str(), 200),
        (&webhooks, world.referrals.as_str(), 401),
        (&dataverse, world.dataverse.as_str(), 200),
        (&dataverse, world.referrals.as_str(), 401),
    ];
    for (url, token, status) in cases {
        let got = world.api(("GET", url), token, &[], Value::Null).await;
        assert_eq!(got.status, status, "{url}: {}", got.text);
    }
    for url in [&referrals, &webhooks, &dataverse] {
        assert_eq!(world.send("GET", url, &[], String::new()).await.status, 401);
    }
    // The emulator's own origin, by either name, is the resource of both its APIs.
    let own = world.pc().url().to_owned();
    for resource in [own.replace("127.0.0.1", "localhost"), own + "/"] {
        let form = "grant_type=refresh_token&refresh_token=sandbox-refresh-token";
        let token = world.token("oauth2/token", &format!("{form}&resource={resource}")).await;
        for (url, status) in [(&referrals, 200), (&webhooks, 200), (&dataverse, 401)] {
            let got = world.api(("GET", url), &token, &[], Value::Null).await;
            assert_eq!(got.status, status, "{url} with {resource}");
        }
    }
    world.pc().advance(Duration::from_hours(1));
    assert_eq!(world.referral("GET", "", &[], Value::Null).await.status, 401);
    world.sign_in().await;
    assert_eq!(world.referral("GET", "", &[], Value::Null).await.status, 200);
}

#[tokio::test]
async fn secrets_do_not_enter_the_log() {
    let world = World::new().await;
    world.referral("GET", "", &[], Value::Null).await;
    let log = format!("{:?}", world.pc().requests());
    for secret in ["sandbox-client-secret", "sandbox-refresh-token", &world.referrals] {
        assert!(!log.contains(secret));
    }
    assert!(log.contains("grant_type=refresh_token"));
    assert!(log.contains("<redacted>"));
}

#[tokio::test]
async fn chunked_forms_and_basic_clients() {
    let world = World::new().await;
    let it = world.pc().credentials().clone();
    let form = format!("grant_type=client_credentials&resource={REFERRALS}");
    let basic = STANDARD.encode(format!("{}:{}", it.client_id, it.client_secret));
    let (first, second) = form.split_at(10);
    let text = format!(
        "POST /{}/oauth2/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         authorization: Basic {basic}\r\ntransfer-encoding: chunked\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        it.tenant_id,
        first.len(),
        second.len()
    );
    let address = world.pc().url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
}

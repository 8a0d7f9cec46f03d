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

#[tokio::test]
async fn a_person_signs_in_with_a_browser() {
    let world = World::new().await;
    let credentials = world.pc().credentials();
    let hashed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"verifier");
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hashed.as_ref());
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!(
        "{}/common/oauth2/v2.0/authorize?response_type=code&client_id={}&state=s%201\
         &redirect_uri=http://localhost:1/cb&code_challenge={challenge}",
        world.pc().url(),
        credentials.client_id
    );
    // Only the safe way of answering a challenge is known.
    assert_eq!(client.get(&url).send().await.unwrap().status(), 400);
    let url = format!("{url}&code_challenge_method=S256");
    for (verifier, statuses) in [("verifier", [200, 400]), ("other", [400, 400])] {
        let sent = client.get(&url).send().await.unwrap();
        let location = sent.headers()["location"].to_str().unwrap().to_owned();
        let (place, rest) = location.split_once("?code=").unwrap();
        assert_eq!(place, "http://localhost:1/cb");
        let (code, state) = rest.split_once('&').unwrap();
        assert_eq!(state, "state=s%201");
        let form = format!(
            "grant_type=authorization_code&client_id={}&code={code}&code_verifier={verifier}\
             &redirect_uri=http://localhost:1/cb&scope=https://api.partner.microsoft.com/.default",
            credentials.client_id
        );
        for status in statuses {
            let got = world.ask_token("oauth2/v2.0/token", &form).await;
            assert_eq!(got.status, status, "{}", got.text);
            if status == 200 {
                // What was got without a secret is refreshed without one.
                let refresh = got.json()["refresh_token"].as_str().unwrap().to_owned();
                let form = format!(
                    "grant_type=refresh_token&client_id={}&refresh_token={refresh}\
                     &scope=https://api.partner.microsoft.com/.default",
                    credentials.client_id
                );
                assert_eq!(world.ask_token("oauth2/v2.0/token", &form).await.status, 200);
            }
        }
    }
    let seeded = format!(
        "grant_type=refresh_token&client_id={}&refresh_token={}&scope=https://api.partner.microsoft.com/.default",
        credentials.client_id, credentials.refresh_token
    );
    assert_eq!(world.ask_token("oauth2/v2.0/token", &seeded).await.status, 401);
}

#[tokio::test]
async fn a_person_signs_in_for_a_device() {
    let world = World::new().await;
    let id = &world.pc().credentials().client_id;
    let ask = format!("client_id={id}&scope=offline_access");
    let device = world.ask_token("oauth2/v2.0/devicecode", &ask).await.json();
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={id}&device_code={}\
         &scope=https://api.partner.microsoft.com/.default",
        device["device_code"].as_str().unwrap()
    );
    let page = device["verification_uri"].as_str().unwrap();
    assert_eq!(page, format!("{}/devicelogin", world.pc().url()));
    let typed = device["user_code"].as_str().unwrap();
    let open = async |code: &str| {
        world.send("GET", &format!("{page}?code={code}"), &[], String::new()).await.status
    };
    let poll = async || world.ask_token("oauth2/v2.0/token", &form).await.code();
    assert_eq!(poll().await, "authorization_pending");
    assert_eq!(open("WRONG").await, 404);
    assert_eq!(poll().await, "authorization_pending");
    assert_eq!(open(typed).await, 200);
    assert_eq!(poll().await, "");
    assert_eq!(poll().await, "bad_verification_code");

    let device = world.ask_token("oauth2/v2.0/devicecode", &ask).await.json();
    world.pc().advance(Duration::from_mins(20));
    let late = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={id}&device_code={}",
        device["device_code"].as_str().unwrap()
    );
    assert_eq!(world.ask_token("oauth2/v2.0/token", &late).await.code(), "expired_token");
}

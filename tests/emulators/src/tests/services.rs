//! What the emulators have in common: TLS, the clock, mishaps of deliveries, routes of their own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{CHAIN, World};
use crate::{Chaos, Mishap, MishapKind, Options, start};

#[tokio::test]
async fn tls_speaks_to_those_who_trust_its_root() {
    let options = Options { tls: true, signing: Some(CHAIN.clone()), ..Options::default() };
    let running = start(options).await.unwrap();
    let root = reqwest::Certificate::from_pem(running.tls_root_pem().unwrap().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder().no_proxy().tls_certs_merge([root]).build().unwrap();
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let urls = [running.partner_center.url(), running.dataverse.url(), running.salesforce.url()];
    for url in urls {
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        assert_eq!(trusting.get(url).send().await.unwrap().status(), 200);
        let named = url.replace("127.0.0.1", "localhost");
        assert_eq!(trusting.get(named).send().await.unwrap().status(), 200);
        assert!(stranger.get(url).send().await.is_err());
        assert!(trusting.get(url.replace("https", "http")).send().await.is_err());
    }
    running.stop();
}

/// The ids of the referrals whose notifications arrived, in order.
async fn told(kind: Option<MishapKind>) -> Vec<usize> {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    world.register(&url, true).await;
    if let Some(kind) = kind {
        world.pc().mishap(Mishap { event_prefix: "referral-".to_owned(), kind, count: 1 });
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.pc().create_referral(json!({})));
        if kind != Some(MishapKind::Reorder) {
            world.pc().settled().await;
        }
    }
    world.pc().settled().await;
    let place = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        let uri = body["ResourceUri"].as_str().unwrap().to_owned();
        ids.iter().position(|id| uri.ends_with(id.as_str())).unwrap()
    };
    receiver.received().iter().map(|it| place(&it.body)).collect()
}

#[tokio::test]
async fn deliveries_can_go_wrong() {
    assert_eq!(told(None).await, [0, 1, 2]);
    assert_eq!(told(Some(MishapKind::Duplicate)).await, [0, 0, 1, 2]);
    assert_eq!(told(Some(MishapKind::Lose)).await, [1, 2]);
    // Different referrals do not wait for each other, so only the first one's place is certain.
    let reordered = told(Some(MishapKind::Reorder)).await;
    let at = |wanted| reordered.iter().position(|it| *it == wanted).unwrap();
    assert!(reordered.len() == 3 && at(0) > at(1), "{reordered:?}");
}

#[tokio::test]
async fn chance_strikes_deliveries_and_loses_none() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    world.register(&url, true).await;
    world.pc().chaos(Some(&Chaos { seed: 5, percent: 100 }));
    let made: BTreeSet<String> = (0..8).map(|_| world.pc().create_referral(json!({}))).collect();
    world.pc().settled().await;
    let received = receiver.received();
    let told: BTreeSet<String> = received
        .iter()
        .map(|it| {
            let body: Value = serde_json::from_slice(&it.body).unwrap();
            body["ResourceUri"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()
        })
        .collect();
    assert_eq!(told, made);
    assert!(received.len() > made.len(), "nothing came twice");
}

#[tokio::test]
async fn requests_are_kept_without_secrets() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let org = world.running.salesforce.clone();
    let it = org.credentials();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let envelope = format!(
        "<e><login><username>{}</username><password>{}</password></login></e>",
        it.username, it.password
    );
    let sent = [
        ("/services/Soap/u/59.0", envelope.clone(), "sessionId"),
        ("/services/Soap/u/59.0", envelope.replace(&it.password, "wrong"), "INVALID_LOGIN"),
        ("/services/Soap/u/59.0", "<broken".to_owned(), "UNKNOWN_EXCEPTION"),
        ("/services/oauth2/revoke", format!("token={}", it.refresh_token), ""),
        ("/services/oauth2/revoke", format!("token={}", it.refresh_token), "invalid_token"),
    ];
    for (path, body, part) in sent {
        let got = world.send("POST", &format!("{}{path}", org.url()), &form, body).await;
        assert!(got.text.contains(part), "{path}: {}", got.text);
    }
    let kept = format!("{:?}{:?}", org.requests(), world.pc().requests());
    let credentials = world.pc().credentials();
    for secret in [
        &it.password,
        &it.client_secret,
        &it.refresh_token,
        &credentials.client_secret,
        &credentials.refresh_token,
        &world.session,
    ] {
        assert!(!kept.contains(secret.as_str()), "{secret} is kept");
    }
}

#[tokio::test]
async fn routes_of_their_own() {
    let world = World::new().await;
    let running = &world.running;
    let (pc, dv, sf) =
        (running.partner_center.url(), running.dataverse.url(), running.salesforce.url());
    let send = async |method: &str, url: &str, body: Value| {
        world.send(method, url, &[], body.to_string()).await
    };
    let id = send("POST", &format!("{pc}/_emulator/referrals"), json!({ "name": "R" })).await;
    let id = id.json()["id"].as_str().unwrap().to_owned();
    let row =
        send("POST", &format!("{dv}/_emulator/records/accounts"), json!({ "name": "A" })).await;
    let row = row.json()["id"].as_str().unwrap().to_owned();
    let record =
        send("POST", &format!("{sf}/_emulator/records/Account"), json!({ "Name": "A" })).await;
    let record = record.json()["id"].as_str().unwrap().to_owned();
    let cases = [
        ("PATCH", format!("{pc}/_emulator/referrals/{id}"), json!({ "name": "S" }), 204),
        ("PATCH", format!("{pc}/_emulator/referrals/nobody"), json!({}), 404),
        ("POST", format!("{pc}/_emulator/clock"), json!({ "advance": "P14D" }), 200),
        ("POST", format!("{pc}/_emulator/clock"), json!({ "advance": "-P1D" }), 400),
        ("POST", format!("{pc}/_emulator/clock"), json!({ "advance": "soon" }), 400),
        ("POST", format!("{pc}/_emulator/mishaps"), json!([{ "kind": "lose", "count": 2 }]), 200),
        ("POST", format!("{pc}/_emulator/mishaps"), json!({ "kind": "explode" }), 400),
        ("POST", format!("{sf}/_emulator/mishaps"), json!({ "kind": "lose" }), 404),
        ("POST", format!("{pc}/_emulator/chaos"), json!({ "seed": 1, "percent": 0 }), 204),
        ("POST", format!("{pc}/_emulator/chaos"), json!({ "seed": 1, "percent": 101 }), 400),
        ("DELETE", format!("{pc}/_emulator/chaos"), Value::Null, 204),
        ("POST", format!("{dv}/_emulator/records/nobody"), json!({}), 404),
        ("POST", format!("{dv}/_emulator/records/accounts"), json!({ "nick": 1 }), 400),
        ("DELETE", format!("{dv}/_emulator/records/accounts/{row}"), Value::Null, 204),
        ("DELETE", format!("{dv}/_emulator/records/accounts/{row}"), Value::Null, 404),
        ("POST", format!("{sf}/_emulator/records/Account"), json!({ "Nick": 1 }), 400),
        ("DELETE", format!("{sf}/_emulator/records/Account/{record}"), Value::Null, 204),
        ("POST", format!("{sf}/_emulator/limits"), json!({ "left": 3 }), 204),
        ("POST", format!("{sf}/_emulator/limits"), json!({}), 400),
        ("POST", format!("{sf}/_emulator/sessions/expire"), Value::Null, 204),
        ("GET", format!("{sf}/_emulator/elsewhere"), Value::Null, 404),
    ];
    for (method, url, body, status) in cases {
        let got = send(method, &url, body.clone()).await;
        assert_eq!(got.status, status, "{method} {url} {body}: {}", got.text);
    }
    let clock = send("GET", &format!("{dv}/_emulator/clock"), Value::Null).await.json();
    assert_eq!(clock["now"], "2026-03-15T08:00:00.0000000Z");
    // Two weeks are over, so the referral has expired.
    world.referral("GET", "", &[], Value::Null).await;
    let expired = running.partner_center.referral(&id).unwrap();
    assert_eq!((&expired["name"], &expired["substatus"]), (&json!("S"), &json!("Expired")));
}

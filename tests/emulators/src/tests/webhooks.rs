//! Registration, signed deliveries, retries, dead letters, replays, validation.

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::receiver::{Received, Receiver};
use super::{World, der};
use crate::{Delivery, DeliveryState};

#[tokio::test]
async fn registration() {
    let world = World::new().await;
    let body = |url: &str, events: Value| json!({ "WebhookUrl": url, "webhookEvents": events });
    let good = body("https://flows.example/hook", json!(["referral-created"]));
    let cases = [
        ("GET", "", Value::Null, 404),
        ("PUT", "", good.clone(), 404),
        ("POST", "/validationEvents", Value::Null, 404),
        ("POST", "", body("flows.example", json!(["referral-created"])), 400),
        ("POST", "", body("https://flows.example", json!([])), 400),
        ("POST", "", body("https://flows.example", json!(["referral-exploded"])), 400),
        ("POST", "", json!([]), 400),
        ("POST", "", good.clone(), 200),
        ("POST", "", good.clone(), 409),
        ("PUT", "", good, 200),
        ("GET", "", Value::Null, 200),
        ("POST", "/validationEvents", Value::Null, 400),
        ("DELETE", "", Value::Null, 405),
        ("GET", "/validationEvents/nobody", Value::Null, 404),
        ("GET", "/elsewhere", Value::Null, 404),
        ("GET", "/events", Value::Null, 200),
    ];
    for (method, rest, body, status) in cases {
        let got = world.webhook(method, rest, body.clone()).await;
        assert_eq!(got.status, status, "{method} {rest} {body}: {}", got.text);
        if status >= 400 {
            assert_eq!(got.code(), status.to_string());
        }
        assert!(!got.header("ms-requestid").is_empty());
    }
    let shown = world.webhook("GET", "", Value::Null).await.json();
    assert_eq!(shown["webhookUrl"], "https://flows.example/hook");
    assert_eq!(shown["webhookEvents"], json!(["referral-created"]));
    assert_eq!(shown["signatureTokenToMsSignatureHeader"], false);
    assert_eq!(shown["lastModifiedTimestamp"], "2026-03-01T08:00:00.0000000Z");
    let events = world.webhook("GET", "/events", Value::Null).await.json();
    assert!(events.as_array().unwrap().contains(&json!("related-referral-updated")));
}

/// Verifies a delivery as a receiver would, with nothing but what arrived and the published root.
async fn verify(world: &World, received: &Received, header: &str) -> bool {
    let signature = received.headers[header].strip_prefix("Signature ").unwrap();
    assert_eq!(received.headers["x-ms-signature-algorithm"], "rsa-sha256");
    let url = &received.headers["x-ms-certificate-url"];
    assert!(url.starts_with(world.pc().certificate_origin()));
    let leaf = world.client.get(url).send().await.unwrap().bytes().await.unwrap();

    let root = der::from_pem(world.pc().root_certificate_pem());
    for part in ["Microsoft Corporation", "SANDBOX"] {
        assert!(root.windows(part.len()).any(|it| it == part.as_bytes()));
    }
    let (root, leaf) = (der::certificate(&root), der::certificate(&leaf));
    for signed in [&root, &leaf] {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &root.key);
        key.verify(&signed.signed, &signed.signature).unwrap();
    }
    let signature = STANDARD.decode(signature).unwrap();
    assert_eq!(signature.len(), 256);
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &leaf.key);
    let mut spaced = received.body.clone();
    spaced.push(b' ');
    assert!(key.verify(&spaced, &signature).is_err());
    key.verify(&received.body, &signature).is_ok()
}

#[tokio::test]
async fn deliveries_are_signed_in_either_header() {
    for (ms_header, header, other) in
        [(true, "x-ms-signature", "authorization"), (false, "authorization", "x-ms-signature")]
    {
        let world = World::new().await;
        let (receiver, url) = Receiver::start(&[]).await;
        world.register(&url, ms_header).await;
        let id = world.pc().create_referral(json!({}));
        world.pc().settled().await;
        let received = receiver.received();
        assert_eq!(received.len(), 1);
        assert!(verify(&world, &received[0], header).await);
        assert!(!received[0].headers.contains_key(other));
        let body: Value = serde_json::from_slice(&received[0].body).unwrap();
        let expected = json!({
            "EventName": "referral-created",
            "ResourceUri": format!("https://api.partnercenter.microsoft.com/engagements/v1/referrals/{id}"),
            "ResourceName": "referral",
            "AuditUri": null,
            "ResourceChangeUtcDate": "2026-03-01T08:00:00.0000000+00:00",
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn every_change_is_told_in_order_once_the_receiver_answers() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[503, 503, 202, 400]).await;
    world.register(&url, true).await;
    let id = world.pc().create_referral(json!({}));
    world.pc().patch_referral(&id, json!({ "details": { "dealValue": 1 } }));
    let note = json!([{ "op": "replace", "path": "/details/notes", "value": "hello" }]);
    assert_eq!(world.referral("PATCH", &format!("/{id}"), &[], note).await.status, 204);
    world.pc().settled().await;

    let events: Vec<(String, String)> = receiver
        .received()
        .iter()
        .map(|it| {
            let body: Value = serde_json::from_slice(&it.body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            (text("EventName"), text("ResourceChangeUtcDate"))
        })
        .collect();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let (created, updated) = ("referral-created", "referral-updated");
    assert_eq!(names, [created, created, created, updated, updated, updated]);
    let mut dates: Vec<_> = events.iter().map(|(_, date)| date).collect();
    assert!(dates.is_sorted());
    dates.dedup();
    assert_eq!(dates.len(), 3);

    let statuses = |it: &Delivery| it.attempts.iter().map(|it| it.status).collect::<Vec<_>>();
    let deliveries = world.pc().deliveries();
    let attempts: Vec<_> = deliveries.iter().map(statuses).collect();
    assert_eq!(
        attempts,
        [vec![Some(503), Some(503), Some(202)], vec![Some(400), Some(202)], vec![Some(202)]]
    );
}

#[tokio::test]
async fn what_nobody_takes_is_a_dead_letter() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[500, 500, 500]).await;
    world.register(&url, true).await;
    world.pc().create_referral(json!({}));
    world.pc().settled().await;
    let dead = world.pc().dead_letters();
    assert_eq!(dead.len(), 1);
    let answers: Vec<_> = dead[0].attempts.iter().map(|it| it.answer.as_str()).collect();
    assert_eq!(answers, ["answer 1", "answer 2", "answer 3"]);

    // A replay is the same bytes under the same signature.
    assert!(world.pc().redeliver(0));
    assert!(!world.pc().redeliver(7));
    world.pc().settled().await;
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert_eq!(received[0].body, received[3].body);
    assert_eq!(received[0].headers["x-ms-signature"], received[3].headers["x-ms-signature"]);
    let again = &world.pc().deliveries()[1];
    assert_eq!((again.state, again.replay_of), (DeliveryState::Delivered, Some(0)));

    let gone =
        json!({ "webhookUrl": "http://127.0.0.1:1/", "webhookEvents": ["referral-created"] });
    assert_eq!(world.webhook("PUT", "", gone).await.status, 200);
    let id = world.pc().create_referral(json!({}));
    world.pc().patch_referral(&id, json!({}));
    world.pc().settled().await;
    let dead = world.pc().dead_letters();
    assert_eq!(dead.len(), 2, "an update is not told to who asked for creations only");
    assert!(dead[1].attempts.iter().all(|it| it.status.is_none() && it.error.is_some()));
}

#[tokio::test]
async fn validation_is_delivered_recorded_and_limited() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[500]).await;
    world.register(&url, false).await;
    let ask = async || world.webhook("POST", "/validationEvents", Value::Null).await;
    let id = ask().await.json()["correlationId"].as_str().unwrap().to_owned();
    world.pc().settled().await;
    let body: Value = serde_json::from_slice(&receiver.received()[0].body).unwrap();
    assert_eq!(body["EventName"], "test-created");
    assert_eq!(body["ResourceName"], "test");
    assert!(body["ResourceUri"].as_str().unwrap().ends_with(&format!("/validationEvents/{id}")));

    let record = world.webhook("GET", &format!("/validationEvents/{id}"), Value::Null).await.json();
    assert_eq!((&record["status"], &record["callbackUrl"]), (&json!("completed"), &json!(url)));
    let codes: Vec<_> =
        record["results"].as_array().unwrap().iter().map(|it| &it["responseCode"]).collect();
    assert_eq!(codes, ["InternalServerError", "Accepted"]);

    world.pc().advance(Duration::from_secs(20));
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "40"));
    world.pc().advance(Duration::from_secs(40));
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left() {
    let world = World::with(Duration::from_millis(60)).await;
    // Connections are taken by the system, but nobody ever reads them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.register(&format!("http://{}/", silent.local_addr().unwrap()), true).await;
    world.pc().create_referral(json!({}));
    world.pc().settled().await;
    let dead = world.pc().dead_letters();
    assert_eq!((dead.len(), dead[0].attempts.len()), (1, 3));
    assert!(dead[0].attempts.iter().all(|it| it.status.is_none() && it.error.is_some()));
}

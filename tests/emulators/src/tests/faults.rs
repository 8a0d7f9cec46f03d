//! Scripted faults, the emulators' own pages, stopping.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{World, deal};
use crate::{Fault, FaultKind};

const REFERRALS: &str = "/v1.0/engagements/referrals";

#[tokio::test]
async fn faults_strike_as_often_as_scripted() {
    let world = World::new().await;
    let throttle = FaultKind::Throttle { retry_after_seconds: 7 };
    world.pc().fault(Fault::once(REFERRALS, throttle).times(2).for_method("get"));
    world.pc().fault(Fault::once("/elsewhere", FaultKind::Reset));
    world.pc().fault(Fault::once(REFERRALS, FaultKind::Status(503)));
    let mut statuses = Vec::new();
    for method in ["POST", "GET", "GET", "GET"] {
        let body = if method == "POST" { deal() } else { Value::Null };
        let got = world.referral(method, "", &[], body).await;
        statuses.push((got.status, got.header("retry-after").to_owned()));
    }
    let expected = [(503, ""), (429, "7"), (429, "7"), (200, "")];
    assert_eq!(statuses, expected.map(|(status, after)| (status, after.to_owned())));
    assert!(world.pc().referrals().is_empty());
    let logged = world.pc().requests();
    let faults: Vec<_> = logged.iter().rev().take(4).map(|it| it.fault.is_some()).collect();
    assert_eq!(faults, [false, true, true, true]);
}

#[tokio::test]
async fn a_reset_performs_nothing_and_a_lost_reply_everything() {
    for (kind, made) in [(FaultKind::Reset, 0), (FaultKind::LoseReply, 1)] {
        let world = World::new().await;
        world.pc().fault(Fault::once(REFERRALS, kind));
        let url = format!("{}{REFERRALS}", world.pc().url());
        let bearer = format!("Bearer {}", world.referrals);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let lost = world.try_send("POST", &url, &headers, deal().to_string()).await;
        assert!(lost.is_err());
        assert_eq!(world.pc().referrals().len(), made);
        let logged = world.pc().requests();
        assert_eq!(logged.last().unwrap().status, None);
        assert_eq!(world.referral("GET", "", &[], Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn a_delay_delays() {
    let world = World::new().await;
    let pause = Duration::from_millis(80);
    world.running.dataverse.fault(Fault::once("/api/data/", FaultKind::Delay(pause)));
    let begun = Instant::now();
    assert_eq!(world.data("GET", "WhoAmI", &[], Value::Null).await.status, 200);
    assert!(begun.elapsed() >= pause);
}

#[tokio::test]
async fn scripts_over_http() {
    let world = World::new().await;
    let url = format!("{}/_emulator/faults", world.running.dataverse.url());
    let post = async |body: Value| world.send("POST", &url, &[], body.to_string()).await;
    let script = json!([
        { "method": "GET", "pathPrefix": "/api", "kind": "throttle", "retryAfterSeconds": 3 },
        { "pathPrefix": "/api", "kind": "status", "status": 502 },
        { "kind": "delay", "milliseconds": 1 },
    ]);
    assert_eq!(post(script).await.json()["added"], 3);
    for (status, code) in [(429, "0x80072322"), (502, "0x80040216"), (200, ""), (200, "")] {
        let got = world.data("GET", "WhoAmI", &[], Value::Null).await;
        assert_eq!((got.status, got.code().as_str()), (status, code));
    }
    for wrong in [
        json!("reset"),
        json!({ "kind": "explode" }),
        json!({ "kind": "status", "status": 200 }),
        json!({ "kind": "delay" }),
        json!({ "kind": "reset", "counts": 2 }),
        json!({ "kind": "reset", "count": "two" }),
    ] {
        assert_eq!(post(wrong.clone()).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_pages_show_what_happened_escaped() {
    let world = World::new().await;
    let id = world.pc().create_referral(json!({ "name": "<script>alert('x')</script>" }));
    world.referral("GET", &format!("/{id}"), &[], Value::Null).await;
    let get = async |path: &str| {
        world.send("GET", &format!("{}{path}", world.pc().url()), &[], String::new()).await
    };
    let page = get("/").await;
    assert!(page.text.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{}", page.text);
    assert!(!page.text.contains("<script"));
    assert!(page.text.contains(&id));
    assert_eq!(get("/_emulator/records").await.json()["referrals"][0]["id"], id.as_str());
    let requests = get("/_emulator/requests").await.json();
    let last = requests.as_array().unwrap().last().unwrap();
    assert_eq!(last["target"], format!("{REFERRALS}/{id}"));
    assert_eq!(last["headers"]["authorization"], "<redacted>");
    assert_eq!(get("/_emulator/deliveries").await.json(), json!([]));
    let url = format!("{}/_emulator/redeliver/0", world.pc().url());
    assert_eq!(world.send("POST", &url, &[], String::new()).await.status, 404);
    assert_eq!(get("/_emulator/elsewhere").await.status, 404);
    let data = world.send("GET", world.running.dataverse.url(), &[], String::new()).await;
    assert!(data.text.contains("US Dollar"));
}

#[tokio::test]
async fn stopping_closes_the_doors() {
    let world = World::new().await;
    world.running.stop();
    let url = world.pc().url().to_owned();
    for _ in 0..100 {
        if world.try_send("GET", &url, &[], String::new()).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("still answering after being stopped");
}

//! Calls that may have been made are looked for before they are made again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use base::{Source, Status, Timestamp};
use http_client::Egress;
use interp::{Run, view};
use journal::{Event, EventKind, Path};
use serde_json::{Map, Value, json};
use worker::{
    Deployed, Live, Project,
    local::{Driver, Time},
};

use crate::support::{
    responder::{Answer, Asked, Responder, json as answer},
    service::{NoSecrets, client, project},
};

const SHOP: &str = r#"connector: shop
version: 1.0.0
connection: { params: { baseUrl: { type: uri, required: true } } }
http: { baseUrl: "@connection('baseUrl')" }
operations:
  Find:
    effect: read
    request: GET /orders
    params: { reference: { type: string } }
  Add:
    effect: create
    request: POST /orders
    headers: { X-Reference: "@idempotencyKey()" }
    body: { type: object }
    idempotency:
      find:
        operation: Find
        with: { reference: "@idempotencyKey()" }
        found: "@first(body()?['value'])"
"#;

const FLOW: &str = "flow: orders
connections: { shop: shop }
triggers: [{ name: T, manual: {} }]
actions: [{ name: Add, call: shop.Add, with: { body/name: A } }]
";

/// What the shop does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// What it is asked.
    It,
    /// What it is asked, and hangs up.
    ItInSilence,
    /// Nothing, and hangs up.
    Nothing,
    /// Nothing, and answers with a status.
    Says(u16),
}

/// A shop that does these things one after the other, and ever after what it is asked.
async fn shop(script: &[Does], has: bool) -> Responder {
    let script = Mutex::new(VecDeque::from(script.to_vec()));
    let orders: Mutex<Vec<Value>> = Mutex::default();
    if has {
        orders.lock().unwrap().push(json!({ "id": 0, "reference": "run-1:Add" }));
    }
    let does = move |asked: &Asked| -> Answer {
        let next = script.lock().unwrap().pop_front().unwrap_or(Does::It);
        match next {
            Does::Nothing => return None,
            Does::Says(status) => return answer(status, &json!({})),
            Does::It | Does::ItInSilence => {}
        }
        let mut orders = orders.lock().unwrap();
        let said = if asked.line.starts_with("POST") {
            assert_eq!(asked.body, "{\"name\":\"A\"}");
            let order = json!({ "id": orders.len(), "reference": asked.header("x-reference") });
            orders.push(order.clone());
            order
        } else {
            let wanted = asked.line.split_once("reference=").unwrap().1.replace("%3A", ":");
            let found = orders.iter().filter(|it| it["reference"] == *wanted);
            json!({ "value": found.collect::<Vec<_>>() })
        };
        if next == Does::It { answer(200, &said) } else { None }
    };
    Responder::start(does).await
}

fn deployed(project: &Project) -> Deployed {
    let file = "flows/orders/flow.yaml".to_owned();
    let package = flow::package::read(&Source::new(&file, FLOW), &[]);
    assert!(!package.has_errors(), "{:?}", package.diagnostics);
    let files = vec![(file, FLOW.to_owned())];
    Deployed::new("orders", files, package, &project.catalog, &Map::new())
}

fn started(now: Timestamp) -> Event {
    let kind = EventKind::Started {
        trigger: "T".to_owned(),
        outputs: Arc::new(json!({ "body": {} })),
        parameters: Arc::default(),
        seed: 1,
        run: "run-1".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    Event { at: now, path: Path::run(), kind }
}

/// What the shop was asked, and how the action ended.
async fn story(script: &[Does], has: bool, crashed: bool) -> (Vec<String>, String) {
    let shop = shop(script, has).await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("connectors/shop");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("connector.yaml"), SHOP).unwrap();
    std::fs::write(folder.path().join("flowright.yaml"), "connectors: [connectors]\n").unwrap();
    let params = json!({ "baseUrl": shop.origin });
    let project = project(folder.path(), &json!({ "shop": { "params": params } }));
    let flow = deployed(&project);
    let live = Live::new(client(), project.connections(&NoSecrets), Egress::public());
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    let mut events = vec![started(now)];
    if crashed {
        let kind = EventKind::Intended { attempt: 1 };
        events.push(Event { at: now, path: Path::new([], "Add"), kind });
    }
    let flows = BTreeMap::new();
    let mut driver = Driver {
        performer: &live,
        time: Time::Virtual(now),
        flows: &flows,
        callback: None,
        watch: &mut |_: &Event, _: &Run| {},
    };
    let run = driver.drive(&flow.plan, events).await.run;
    let node = view::tree(&flow.plan, &run).remove(0);
    let end = match node.failure {
        Some(failure) => failure.code,
        None => node.outputs.unwrap()["body"]["id"].to_string(),
    };
    assert_eq!(run.end().unwrap().status == Status::Succeeded, end.parse::<i32>().is_ok());
    let methods = shop.lines().into_iter().map(|it| it.split(' ').next().unwrap().to_owned());
    (methods.collect(), end)
}

#[tokio::test]
async fn what_may_have_been_made_is_looked_for() {
    use Does::{It, ItInSilence, Nothing, Says};
    let check = async |script: &[Does], has: bool, crashed: bool, expected: &str| {
        let (asked, end) = story(script, has, crashed).await;
        assert_eq!(format!("{} {end}", asked.join(" ")), expected);
    };
    check(&[It], false, false, "POST 0").await;
    // The answer was lost, or the request.
    check(&[ItInSilence], false, false, "POST GET 0").await;
    check(&[Nothing], false, false, "POST GET POST 0").await;
    check(&[Nothing, It, ItInSilence], false, false, "POST GET POST GET 0").await;
    check(&[Says(503)], false, false, "POST GET POST 0").await;
    // Looking is tried again like anything else.
    check(&[ItInSilence, Says(503), Nothing], false, false, "POST GET GET GET 0").await;
    check(&[ItInSilence, Says(403)], false, false, "POST GET UnknownOutcome").await;
    // What the service has refused it has not done.
    check(&[Says(400)], false, false, "POST BadRequest").await;
    // The process died after it had written that it would ask.
    check(&[], true, true, "GET 0").await;
    check(&[], false, true, "GET POST 0").await;
    check(&[Says(503)], true, true, "GET GET 0").await;
}

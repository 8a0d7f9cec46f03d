//! Finding runs by words, marking those that went wrong as handled, and doing one again with another event.

use base::Duration;
use journal::Admitted;
use serde_json::{Value, json};
use server::Role;
use worker::{Incoming, Retention};

use super::{Api, Choice};
use crate::engine::flows;

const ORDERS: &str = "
flow: Orders
triggers:
  - name: Go
    manual: { inputs: { number: { type: string, required: true }, count: { type: integer, default: 1 } } }
    concurrency: { runs: 1, key: \"@triggerBody()?['number']\" }
actions:
  - { name: Price, compose: \"@div(100, triggerBody()?['count'])\" }
";

async fn orders() -> Api {
    Api::start(Choice { flows: Some(flows(&[("orders", ORDERS)])), ..Choice::default() }).await
}

/// Starts runs that have ended, in their order.
async fn run(api: &Api, bodies: &[Value]) -> Vec<String> {
    let mut runs = Vec::new();
    for body in bodies {
        let id = api.fire("orders", body).await;
        api.ended(&id).await;
        runs.push(id);
    }
    runs
}

async fn found(api: &Api, query: &str) -> Vec<String> {
    let list = api.get(&format!("/api/v1/runs?{query}")).await;
    let rows = list["value"].as_array().unwrap().iter();
    rows.map(|it| it["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn runs_are_found_by_words() {
    let api = orders().await;
    let bodies: Vec<Value> = (0..30)
        .map(|n| json!({ "number": format!("A-{n}/Zoë"), "count": i32::from(n % 10 != 3) }))
        .collect();
    let runs = run(&api, &bodies).await;
    for (query, expected) in [
        ("text=a-7%2F", vec!["A-7/Zoë"]),
        ("text=ZO%C3%8B%20a-12", vec!["A-12/Zoë"]),
        ("text=invalidTEMPLATE%20failed", vec!["A-23/Zoë", "A-13/Zoë", "A-3/Zoë"]),
        ("text=invalidTEMPLATE%20failed&key=A-13%2FZo%C3%AB", vec!["A-13/Zoë"]),
        ("text=InvalidTemplate&limit=2", vec!["A-23/Zoë", "A-13/Zoë"]),
        ("text=nowhere", vec![]),
    ] {
        assert_eq!(found(&api, query).await, expected, "{query}");
    }
    assert_eq!(found(&api, &format!("text={}", runs[4])).await, ["A-4/Zoë"]);
    // To and fro: every run once, in its order.
    let first = api.get("/api/v1/runs?text=zo%C3%AB&limit=20&count=true").await;
    assert_eq!((&first["count"], &first["hasMore"]), (&json!(30), &json!(false)));
    let second = api.get(first["nextLink"].as_str().unwrap()).await;
    assert_eq!(second["value"].as_array().map(Vec::len), Some(10));
    assert!(second["nextLink"].is_null(), "{second}");
    let back = api.get(second["previousLink"].as_str().unwrap()).await;
    assert_eq!(back["value"], first["value"]);
}

#[tokio::test]
async fn what_went_wrong_is_marked_as_handled() {
    let api = Api::guarded().await;
    let (admin, viewer) = (api.token(Role::Admin, None), api.token(Role::Viewer, None));
    let ask = async |method: &str, path: &str, body: Value| {
        api.ask_as(Some(&admin), method, path, &body).await
    };
    let mut runs = Vec::new();
    for items in [json!([1]), json!(["x"]), json!(["y"])] {
        let fire = json!({ "body": { "items": items } });
        let (_, fired) = ask("POST", "/api/v1/flows/lines/triggers/Go/run", fire).await;
        let id = fired["runs"][0]["id"].as_str().unwrap().to_owned();
        api.ended(&id).await;
        runs.push(id);
    }
    let handle = |run: &str| format!("/api/v1/runs/{run}/handle");
    let ids = async |query: &str| {
        let (_, list) = ask("GET", &format!("/api/v1/runs?{query}"), Value::Null).await;
        let rows = list["value"].as_array().unwrap().iter();
        rows.map(|it| runs.iter().position(|id| *id == it["id"]).unwrap()).collect::<Vec<_>>()
    };
    let failed = "status=Failed,TimedOut";
    assert_eq!(ids(&format!("{failed}&handled=false")).await, [2, 1]);
    let note = json!({ "note": "told the customer" });
    assert_eq!(api.ask_as(Some(&viewer), "POST", &handle(&runs[1]), &note).await.0, 403);
    assert_eq!(ask("POST", &handle(&runs[1]), note).await.0, 200);
    assert_eq!(ids(&format!("{failed}&handled=false")).await, [2]);
    assert_eq!(ids("handled=true").await, [1]);
    // Refused, and so without effect: what worked, what is unknown, what says too much.
    let long = json!({ "handled": false, "note": "x".repeat(301) });
    for (run, body, code) in [
        (runs[0].as_str(), json!({}), "NothingToHandle"),
        ("nobody", json!({}), "RunNotFound"),
        (&runs[1], long, "NoteTooLong"),
    ] {
        let (status, told) = ask("POST", &handle(run), body).await;
        assert!(400 <= status && told["error"]["code"] == code, "{told}");
    }
    let (_, tree) = ask("GET", &format!("/api/v1/runs/{}/tree", runs[1]), Value::Null).await;
    assert_eq!(
        (&tree["handled"]["who"], &tree["handled"]["note"]),
        (&json!("admin-0"), &json!("told the customer"))
    );
    assert_eq!(ask("POST", &handle(&runs[1]), json!({ "handled": false })).await.0, 200);
    assert_eq!(ids("handled=true").await, [0; 0]);
    // Many at once; only those that failed and are not marked.
    let bulk = json!({ "action": "handle", "filter": { "handled": "false" }, "reason": "outage" });
    let (_, preview) = ask("POST", "/api/v1/runs/actions", with(&bulk, "preview", true)).await;
    assert_eq!(preview["count"], 2, "{preview}");
    let (_, done) = ask("POST", "/api/v1/runs/actions", bulk).await;
    assert_eq!(done["done"].as_array().map(Vec::len), Some(2), "{done}");
    assert_eq!(ids("handled=true").await, [2, 1]);
    assert_eq!(ask("GET", "/api/v1/runs?handled=maybe", Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_run_tells_who_has_started_it() {
    let api = Api::guarded().await;
    let (admin, operator) = (api.token(Role::Admin, None), api.token(Role::Operator, None));
    let fire = json!({ "body": { "items": ["x"] } });
    let path = "/api/v1/flows/lines/triggers/Go/run";
    let (_, fired) = api.ask_as(Some(&operator), "POST", path, &fire).await;
    let by_hand = fired["runs"][0]["id"].as_str().unwrap().to_owned();
    api.ended(&by_hand).await;
    let again = format!("/api/v1/runs/{by_hand}/resubmit");
    let (_, told) = api.ask_as(Some(&admin), "POST", &again, &json!({})).await;
    let once_more = told["id"].as_str().unwrap().to_owned();
    let (flow, trigger, outputs) =
        ("lines".to_owned(), "Go".to_owned(), json!({ "body": { "items": [] } }).into());
    let incoming = Incoming { flow, trigger, outputs, by: None };
    let by_event = api.engine.fire(incoming).await.unwrap().runs;
    let [Admitted::New(by_event)] = by_event.as_slice() else { panic!("{by_event:?}") };
    for (run, who) in [
        (by_hand.as_str(), json!("operator-1")),
        (&once_more, json!("admin-0")),
        (by_event.as_str(), Value::Null),
    ] {
        for path in ["", "?bodies=false", "/tree"] {
            let path = format!("/api/v1/runs/{run}{path}");
            let (_, told) = api.ask_as(Some(&admin), "GET", &path, &Value::Null).await;
            assert_eq!(told["startedBy"], who, "{path}: {told}");
        }
    }
}

fn with(body: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut body = body.clone();
    body[name] = value.into();
    body
}

#[tokio::test]
async fn a_run_is_done_again_with_another_event() {
    let api = orders().await;
    let runs = run(&api, &[json!({ "number": "A-1", "count": 0 })]).await;
    let again = format!("/api/v1/runs/{}/resubmit", runs[0]);
    for (body, code) in [
        (json!({ "number": "A-1", "count": "many" }), "TriggerInputSchemaMismatch"),
        (json!({ "number": "*sanitized*" }), "HiddenValue"),
        (json!(null), "TriggerInputSchemaMismatch"),
    ] {
        let (status, told) = api.ask("POST", &again, &json!({ "body": body })).await;
        assert_eq!((status, &told["error"]["code"]), (400, &json!(code)), "{told}");
    }
    let body = json!({ "number": "A-2", "count": 4 });
    let (status, told) = api.ask("POST", &again, &json!({ "body": body })).await;
    assert_eq!(status, 201, "{told}");
    let new = told["id"].as_str().unwrap();
    api.ended(new).await;
    let tree = api.get(&format!("/api/v1/runs/{new}/tree")).await;
    // Its key is that of the new event, and it says that somebody has changed it.
    assert_eq!(
        json!([tree["status"], tree["key"], tree["resubmitOf"], tree["isEdited"]]),
        json!(["Succeeded", "A-2", runs[0], true])
    );
    let trigger = api.get(&format!("/api/v1/runs/{new}/trigger")).await;
    assert_eq!(trigger["outputs"]["body"], body);
    // Without another body it is the same event.
    let (_, told) = api.ask("POST", &again, &json!({})).await;
    let same = told["id"].as_str().unwrap();
    api.ended(same).await;
    let tree = api.get(&format!("/api/v1/runs/{same}/tree")).await;
    assert_eq!(json!([tree["status"], tree["isEdited"]]), json!(["Failed", false]));
}

#[tokio::test]
async fn the_page_of_a_run_knows_its_trace_and_forgets_what_is_deleted() {
    let api = orders().await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let fire = json!({ "body": { "number": "A-1" }, "headers": { "traceparent": traceparent } });
    let (_, told) = api.ask("POST", "/api/v1/flows/orders/triggers/Go/run", &fire).await;
    let run = told["runs"][0]["id"].as_str().unwrap();
    api.ended(run).await;
    let path = format!("/api/v1/runs/{run}");
    let tree = api.get(&format!("{path}/tree")).await;
    assert_eq!(tree["traceId"], "0af7651916cd43dd8448eb211c80319c");
    let price = api.get(&format!("{path}/action?path=Price")).await;
    assert_eq!(price["outputs"]["value"], 100, "{price}");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let nothing = Retention { age: Some(Duration::milliseconds(1)), bytes: None };
    assert_eq!(api.engine.expire(nothing).await.unwrap().runs, 1);
    for rest in ["/tree", "/action?path=Price", "/action"] {
        assert_eq!(api.ask("GET", &format!("{path}{rest}"), &Value::Null).await.0, 404, "{rest}");
    }
}

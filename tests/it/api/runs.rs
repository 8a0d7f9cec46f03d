//! Runs over the API: from outside, action by action, pass by pass, and as they go on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Api, Choice};

#[tokio::test]
async fn large_runs_are_shown_piece_by_piece() {
    let api = Api::open().await;
    let items: Vec<Value> =
        (0..250).map(|n| if n % 100 == 7 { json!("x") } else { json!(n) }).collect();
    let run = api.fire("lines", &json!({ "items": items })).await;
    api.ended(&run).await;
    let whole = api.get(&format!("/api/v1/runs/{run}")).await;
    assert_eq!(whole["actions"][0]["blocks"].as_array().map(Vec::len), Some(250));
    assert_eq!(whole["actions"][0]["blocks"][3]["actions"][0]["path"], "Each#3/Double");
    let outline = api.get(&format!("/api/v1/runs/{run}?bodies=false")).await;
    let each = &outline["actions"][0];
    let statuses = json!({ "count": 250, "statuses": { "Failed": 3, "Succeeded": 247 } });
    assert_eq!(
        (&each["path"], &each["kind"], &each["iterations"]),
        (&json!("Each"), &json!("foreach"), &statuses)
    );
    assert!(outline.to_string().len() < 3_000, "{outline}");
    assert!(!outline.to_string().contains("outputs"), "{outline}");
    let passes =
        api.get(&format!("/api/v1/runs/{run}/iterations/Each?status=Failed&limit=2")).await;
    let indexes: Vec<&Value> =
        passes["value"].as_array().unwrap().iter().map(|it| &it["index"]).collect();
    assert_eq!((indexes, &passes["count"]), (vec![&json!(7), &json!(107)], &json!(250)));
    assert!(passes["value"][0]["error"]["message"].is_string(), "{passes}");
    let next = api.get(passes["nextLink"].as_str().unwrap()).await;
    assert_eq!(next["value"][0]["index"], 207);
    assert!(next["nextLink"].is_null());
    let pass = api.get(&format!("/api/v1/runs/{run}/iterations/Each/107")).await;
    assert_eq!(
        (&pass["status"], &pass["actions"][0]["path"]),
        (&json!("Failed"), &json!("Each#107/Double"))
    );
    let action = api.get(&format!("/api/v1/runs/{run}/actions/Each%2321%2FDouble")).await;
    assert_eq!((&action["inputs"], &action["outputs"]), (&json!(42), &json!(42)), "{action}");
    let hidden = api.get(&format!("/api/v1/runs/{run}/actions/Hidden")).await;
    assert!(!hidden.to_string().contains("canary"), "{hidden}");
    for (path, code) in [
        ("actions/Nothing", "ActionNotFound"),
        ("actions/Each%23", "ActionNotFound"),
        ("iterations/Hidden", "LoopNotFound"),
        ("iterations/Each/250", "PassNotFound"),
        ("iterations/Each/x", "PassNotFound"),
        ("iterations/Each?status=Gone", "InvalidStatus"),
    ] {
        let (status, told) =
            api.ask("GET", &format!("/api/v1/runs/{run}/{path}"), &Value::Null).await;
        assert!(matches!(status, 400 | 404) && told["error"]["code"] == code, "{path} {told}");
    }
}

/// The next event of a stream: its name and its data.
async fn next(response: &mut reqwest::Response, rest: &mut String) -> Option<(String, Value)> {
    loop {
        if let Some((event, later)) =
            rest.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned()))
        {
            *rest = later;
            let line = |key: &str| event.lines().find_map(|it| it.strip_prefix(key)).unwrap_or("");
            if event.starts_with(':') {
                continue;
            }
            return Some((
                line("event: ").to_owned(),
                serde_json::from_str(line("data: ")).unwrap(),
            ));
        }
        let piece = response.chunk().await.unwrap()?;
        rest.push_str(std::str::from_utf8(&piece).unwrap());
    }
}

#[tokio::test]
async fn events_of_a_run_come_as_they_happen() {
    let api = Api::open().await;
    let run = api.fire("deep%2Fwaits", &Value::Null).await;
    let path = format!("/api/v1/runs/{run}/events");
    let mut stream = api.request("GET", &path).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut rest = String::new();
    let (name, first) = next(&mut stream, &mut rest).await.unwrap();
    assert_eq!(
        (name.as_str(), &first["type"], &first["number"]),
        ("journal", &json!("started"), &json!(1))
    );
    assert!(first.get("callback").is_none(), "{first}");
    let begun = Instant::now();
    api.ask("POST", &format!("/api/v1/runs/{run}/cancel"), &json!({ "reason": "enough" })).await;
    let (_, cancelled) = next(&mut stream, &mut rest).await.unwrap();
    assert_eq!((&cancelled["type"], &cancelled["reason"]), (&json!("cancelled"), &json!("enough")));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let (_, finished) = next(&mut stream, &mut rest).await.unwrap();
    assert_eq!(finished["type"], "finished");
    let (name, row) = next(&mut stream, &mut rest).await.unwrap();
    assert_eq!((name.as_str(), &row["status"]), ("end", &json!("Cancelled")));
    assert_eq!(next(&mut stream, &mut rest).await, None);
    // Who comes back goes on behind what is known.
    let request = api.request("GET", &path).header("last-event-id", "2");
    let (_, third) = next(&mut request.send().await.unwrap(), &mut String::new()).await.unwrap();
    assert_eq!(third["number"], 3);
    assert_eq!(api.ask("GET", "/api/v1/runs/nobody/events", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn no_more_watch_than_may() {
    let api = Api::open().await;
    let run = api.fire("deep%2Fwaits", &Value::Null).await;
    let path = format!("/api/v1/runs/{run}/events");
    let mut watching = Vec::new();
    for _ in 0..64 {
        watching.push(api.request("GET", &path).send().await.unwrap());
    }
    let refused = api.request("GET", &path).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    // Whoever has gone away makes room.
    drop(watching);
    crate::crash::until("nobody makes room", async || {
        api.request("GET", &path).send().await.unwrap().status() == 200
    })
    .await;
}

#[tokio::test]
async fn runs_are_paused_and_go_on() {
    let api = Api::open().await;
    let run = api.fire("deep%2Fwaits", &Value::Null).await;
    let path = |what: &str| format!("/api/v1/runs/{run}/{what}");
    let (code, row) = api.ask("POST", &path("pause"), &json!({ "reason": "the CRM rests" })).await;
    assert_eq!((code, &row["status"]), (200, &json!("Paused")), "{row}");
    // Once more changes nothing.
    assert_eq!(api.ask("POST", &path("pause"), &Value::Null).await.0, 200);
    let shown = api.get(&format!("/api/v1/runs/{run}")).await;
    assert_eq!(shown["paused"]["reason"], "the CRM rests", "{shown}");
    let journal = api.get(&path("journal")).await;
    let kinds: Vec<&Value> =
        journal["value"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["started", "paused"], "{journal}");
    let page = api.get(&path("tree")).await;
    assert_eq!(page["paused"]["reason"], "the CRM rests", "{page}");
    let listed = async |status: &str| {
        let list = api.get(&format!("/api/v1/runs?trigger=Go&status={status}")).await;
        list["value"].as_array().unwrap().len()
    };
    assert_eq!((listed("paused").await, listed("Running").await), (1, 0));
    assert_eq!(listed("Running,Paused").await, 1);
    let (code, row) = api.ask("POST", &path("resume"), &json!({})).await;
    assert_eq!((code, &row["status"]), (200, &json!("Running")), "{row}");
    assert_eq!((listed("Paused").await, listed("Running").await), (0, 1));
    // All that a filter lets through.
    let bulk = async |body: Value| api.ask("POST", "/api/v1/runs/actions", &body).await.1;
    let preview =
        bulk(json!({ "action": "pause", "filter": { "trigger": "Go" }, "preview": true })).await;
    assert_eq!(preview["count"], 1, "{preview}");
    let done =
        bulk(json!({ "action": "pause", "filter": { "flow": "deep/waits", "trigger": "Go" } }))
            .await;
    assert_eq!(done["done"][0]["id"], run, "{done}");
    crate::crash::until("nobody pauses", async || listed("Paused").await == 1).await;
    let preview =
        bulk(json!({ "action": "pause", "filter": { "trigger": "Go" }, "preview": true })).await;
    assert_eq!(preview["count"], 0, "{preview}");
    let done =
        bulk(json!({ "action": "resume", "filter": { "trigger": "Go" }, "reason": "all is well" }))
            .await;
    assert_eq!(done["done"][0]["id"], run, "{done}");
    crate::crash::until("nobody resumes", async || listed("Running").await == 1).await;
    api.ask("POST", &path("pause"), &Value::Null).await;
    let (_, row) = api.ask("POST", &path("cancel"), &json!({})).await;
    assert_eq!(row["status"], "Cancelled", "{row}");
    for what in ["pause", "resume"] {
        let (code, fault) = api.ask("POST", &path(what), &json!({})).await;
        assert_eq!((code, &fault["error"]["code"]), (409, &json!("RunHasEnded")));
        let nobody = api.ask("POST", &format!("/api/v1/runs/nobody/{what}"), &json!({})).await;
        assert_eq!(nobody.0, 404);
    }
    assert!(api.get(&format!("/api/v1/runs/{run}")).await["paused"].is_null());
}

const KEYED: &str = "
flow: Keyed
triggers: [{ name: Go, request: {}, dedupe: \"@triggerBody()['n']\", concurrency: { key: \"@triggerBody()['who']\", runs: 1 } }]
actions:
  - { name: Call, runFlow: called, with: { body: { who: \"@triggerBody()['who']\" } } }
  - { name: Late, if: \"@equals(triggerBody()['n'], 9)\", then: [{ name: Nap, wait: PT1H }] }
";

const CALLED: &str = "
flow: Called
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Answer, respond: { body: \"@triggerBody()\" } }
";

/// Nothing that was there of a person is there any more.
#[tokio::test]
async fn a_person_is_forgotten() {
    let flows = crate::engine::flows(&[("keyed", KEYED), ("called", CALLED)]);
    let api = Api::start(Choice { flows: Some(flows), ..Choice::default() }).await;
    for (who, n) in [("ada", 1), ("ada", 2), ("eve", 3)] {
        api.ended(&api.fire("keyed", &json!({ "who": who, "n": n })).await).await;
    }
    let open = api.fire("keyed", &json!({ "who": "ada", "n": 9 })).await;
    let purge = async |key: &str, preview: bool| {
        let body = json!({ "key": key, "preview": preview });
        api.ask("POST", "/api/v1/runs/purge", &body).await.1
    };
    let preview = purge("ada", true).await;
    assert_eq!((&preview["runs"], &preview["open"]), (&json!(2), &json!(1)), "{preview}");
    let purged = purge("ada", false).await;
    // With what they called, and by what each was known.
    assert_eq!((&purged["runs"], &purged["open"]), (&json!(4), &json!(1)), "{purged}");
    api.ask("POST", &format!("/api/v1/runs/{open}/cancel"), &json!({})).await;
    assert_eq!(purge("ada", false).await["runs"], 2);
    assert_eq!(purge("ada", false).await["runs"], 0);
    let left = api.get("/api/v1/runs").await;
    assert_eq!(left["value"].as_array().unwrap().len(), 2, "{left}");
    assert!(!left.to_string().contains("ada"), "{left}");
    let entries = api.get("/api/v1/audit?action=runs.purge").await;
    assert!(!entries["value"].as_array().unwrap().is_empty());
    assert!(!entries.to_string().contains("ada"), "{entries}");
}

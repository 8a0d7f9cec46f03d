//! Runs over the API: from outside, action by action, pass by pass, and as they go on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Api;

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

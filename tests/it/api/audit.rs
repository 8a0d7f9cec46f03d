//! Who changed what: noted before it is done, with what came of it.

use serde_json::{Value, json};
use server::Role;

use super::Api;

#[tokio::test]
async fn every_change_is_noted_with_what_came_of_it() {
    let api = Api::guarded().await;
    let (admin, viewer) = (api.token(Role::Admin, None), api.token(Role::Viewer, None));
    let ask = async |method: &str, path: &str, body: Value| {
        api.ask_as(Some(&admin), method, path, &body).await
    };
    let secret = "a canary in a body";
    ask("PATCH", "/api/v1/flows/lines", json!({ "on": false })).await;
    ask("PATCH", "/api/v1/flows/lines", json!({ "on": true })).await;
    ask("PATCH", "/api/v1/flows/nothing", json!({ "on": true })).await;
    let fire = "/api/v1/flows/lines/triggers/Go/run";
    let (_, fired) = ask("POST", fire, json!({ "body": { "items": [], "secret": secret } })).await;
    let run = fired["runs"][0]["id"].as_str().unwrap();
    api.ended(run).await;
    ask("POST", &format!("/api/v1/runs/{run}/resubmit"), json!({ "latest": true })).await;
    ask("POST", "/api/v1/tokens", json!({ "name": "ci", "role": "viewer", "only": ["runs"] }))
        .await;
    ask("GET", "/api/v1/runs", Value::Null).await;
    // Who may not is not noted: whoever is refused changes nothing.
    api.ask_as(Some(&viewer), "POST", fire, &Value::Null).await;
    let (status, log) = ask("GET", "/api/v1/audit", Value::Null).await;
    assert_eq!(status, 200, "{log}");
    let rows = log["value"].as_array().unwrap();
    let shown: Vec<Value> = rows
        .iter()
        .rev()
        .map(|it| json!([it["action"], it["target"], it["details"], it["status"]]))
        .collect();
    let expected = json!([
        ["flows.change", "lines", { "on": false }, 200],
        ["flows.change", "lines", { "on": true }, 200],
        ["flows.change", "nothing", { "on": true }, 404],
        ["triggers.run", "lines Go", null, 202],
        ["runs.resubmit", run, { "latest": true }, 201],
        ["tokens.create", "", { "name": "ci", "role": "viewer", "only": ["runs"] }, 201],
    ]);
    assert_eq!(Value::Array(shown), expected);
    let first = &rows[0];
    assert_eq!(
        (&first["who"], &first["kind"], &first["role"], &first["source"]),
        (&json!("admin-0"), &json!("token"), &json!("admin"), &json!("127.0.0.1"))
    );
    assert!(!log.to_string().contains(secret) && !log.to_string().contains("flowright_"), "{log}");
    for (query, count) in [
        ("?who=admin-0", 6),
        ("?who=nobody", 0),
        ("?action=flows.change", 3),
        (&format!("?target={run}"), 1),
        ("?since=PT1H", 6),
        ("?until=PT1H", 0),
        ("?limit=4", 4),
    ] {
        let (_, log) = ask("GET", &format!("/api/v1/audit{query}"), Value::Null).await;
        assert_eq!(log["value"].as_array().map(Vec::len), Some(count), "{query} {log}");
        let is_more = query == "?limit=4";
        assert_eq!(log["nextLink"].is_string(), is_more, "{query} {log}");
        if let Some(next) = log["nextLink"].as_str() {
            let (_, rest) = ask("GET", next, Value::Null).await;
            assert_eq!(rest["value"].as_array().map(Vec::len), Some(2), "{rest}");
        }
    }
}

#[tokio::test]
async fn without_sign_in_it_is_known_what_was_done_at_least() {
    let api = Api::open().await;
    api.ask("PATCH", "/api/v1/flows/lines", &json!({ "on": false })).await;
    let log = api.get("/api/v1/audit").await;
    let first = &log["value"][0];
    assert_eq!(
        (&first["who"], &first["action"]),
        (&json!("local"), &json!("flows.change")),
        "{log}"
    );
}

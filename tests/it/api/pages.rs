//! What browsers are told, the description of the API, and its page in the documentation.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use server::openapi;

use super::{Api, Choice};
use crate::support::service::root;

#[tokio::test]
async fn browsers_are_told_to_run_nothing_else() {
    let api = Api::open().await;
    for path in
        ["/api/v1/runs", "/api/v1/openapi.json", "/metrics", "/api/v1/runs/x", "/auth/login"]
    {
        let response = api.request("GET", path).send().await.unwrap();
        let header = |name: &str| {
            response.headers().get(name).map_or("", |it| it.to_str().unwrap()).to_owned()
        };
        let policy = header("content-security-policy");
        for word in ["default-src 'self'", "frame-ancestors 'none'", "object-src 'none'"] {
            assert!(policy.contains(word), "{path} {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
}

const ANSWERS: &str = "
flow: Answers
triggers: [{ name: Go, request: { method: GET } }]
actions:
  - name: Page
    respond:
      status: 200
      headers: { content-type: text/html, Set-Cookie: flowright_session=x }
      body: \"<script>alert(1)</script>\"
";

#[tokio::test]
async fn what_a_flow_answers_is_no_page_of_the_service() {
    let flows = || Some(crate::engine::flows(&[("answers", ANSWERS)]));
    let beside = Api::start(Choice { flows: flows(), ..Choice::default() }).await;
    let url = beside.get("/api/v1/flows/answers/triggers/Go/url").await["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let response = beside.http.get(&url).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("sandbox"), "{policy}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    // Apart from the pages it may be what it likes.
    let choice = Choice { flows: flows(), has_hooks_apart: true, ..Choice::default() };
    let apart = Api::start(choice).await;
    let url = apart.get("/api/v1/flows/answers/triggers/Go/url").await["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.starts_with(&format!("http://{}/", apart.hooks_address)), "{url}");
    let response = apart.http.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("content-security-policy").is_none());
}

#[tokio::test]
async fn each_door_leads_to_its_own() {
    let api = Api::start(Choice { has_hooks_apart: true, ..Choice::default() }).await;
    let at_hooks = async |path: &str| {
        let url = format!("http://{}{path}", api.hooks_address);
        super::read(api.http.get(url).send().await.unwrap()).await
    };
    // What is answered where there is nothing.
    let nothing =
        |(status, body): (u16, Value)| status == 404 && body["error"]["code"] == "NotFound";
    for route in openapi::listed() {
        let path = route.path.replace(['{', '}'], "");
        assert!(nothing(at_hooks(&path).await), "{path}");
    }
    for path in ["/hooks/lines/Go", "/answers/x", "/callbacks/x/y"] {
        assert!(nothing(api.ask("GET", path, &Value::Null).await), "{path}");
        assert!(!nothing(at_hooks(path).await), "{path}");
    }
    assert_eq!((at_hooks("/health/live").await.0, at_hooks("/health/ready").await.0), (200, 200));
    assert_eq!(api.ask("GET", "/health/ready", &Value::Null).await.0, 200);
}

#[test]
fn the_page_lists_every_route_with_its_role() {
    let page = fs::read_to_string(root().join("docs/reference/api.md")).unwrap();
    let mut missing = Vec::new();
    for route in openapi::listed() {
        let row =
            format!("| `{} {}` | {} |", route.method, route.path, route.role.unwrap_or("anybody"));
        if !page.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "docs/reference/api.md lacks:\n{}", missing.join("\n"));
    let listed = page.lines().filter(|it| it.starts_with("| `") && it.contains(" /"));
    // Health has no role and no guard.
    assert_eq!(listed.count(), openapi::listed().len() + 2);
}

#[test]
fn the_description_is_whole() {
    let document = openapi::document();
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let named: BTreeSet<&str> =
        text.split("#/components/schemas/").skip(1).filter_map(|it| it.split('"').next()).collect();
    let known: BTreeSet<&str> = schemas.keys().map(String::as_str).collect();
    assert_eq!(named, known.iter().copied().filter(|it| named.contains(it)).collect());
    let unused: Vec<_> = known.difference(&named).collect();
    assert!(unused.is_empty(), "{unused:?}");
    let mut ids = BTreeSet::new();
    for route in openapi::listed() {
        assert!(ids.insert(route.id), "{} is there twice", route.id);
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(operation["operationId"], json!(route.id));
    }
}

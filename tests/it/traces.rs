//! Runs as spans at a collector, and the trace that callers and services are part of.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use worker::{TraceSettings, Traces};

use crate::{
    crash::until,
    support::{
        recorder::Recorder,
        service::{Parts, Service, client, project, world},
    },
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// Stands in what runs are told and say.
const CANARY: &str = "canary-0815";

fn write_project(folder: &Path, shop: &Recorder) {
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let origin = &shop.origin;
    write("flowright.yaml", format!("flows: [flows]\nhttp: {{ allowHosts: ['{origin}'] }}\n"));
    write(
        "flows/parent/flow.yaml",
        format!(
            "flow: Parent
triggers: [{{ name: Go, request: }}]
actions:
  - name: Ask the shop
    http: {{ method: POST, uri: {origin}/seen, body: {CANARY} }}
  - name: Ask in secret
    http: {{ method: POST, uri: {origin}/bare }}
    operationOptions: [SuppressWorkflowHeaders]
  - {{ name: Never, if: false, then: [{{ name: Skipped, compose: 1 }}] }}
  - {{ name: Call the child, runFlow: child, with: {{ body: {CANARY} }} }}
"
        ),
    );
    write(
        "flows/child/flow.yaml",
        format!(
            "flow: Child
triggers: [{{ name: Called, flow: {{}} }}]
actions:
  - {{ name: Stop, terminate: {{ status: Failed, code: Broken, message: {CANARY} }} }}
"
        ),
    );
}

/// Every span that a collector was sent, by its name.
fn spans(collector: &Recorder) -> BTreeMap<String, Value> {
    let mut spans = BTreeMap::new();
    for sent in collector.sent() {
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap() {
            spans.insert(span["name"].as_str().unwrap().to_owned(), span.clone());
        }
    }
    spans
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|it| it["key"] == name);
    found.map_or(&Value::Null, |it| it["value"].as_object().unwrap().values().next().unwrap())
}

#[tokio::test]
async fn runs_and_actions_are_spans_of_the_callers_trace() {
    let collector = Recorder::open("200 OK\r\ncontent-type: application/json", "{}").await;
    let shop = Recorder::open("200 OK\r\ncontent-type: text/plain", CANARY).await;
    let folder = tempfile::tempdir().unwrap();
    write_project(folder.path(), &shop);
    let settings = TraceSettings::read(|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(collector.origin.clone()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-key=open%20sesame".to_owned()),
        _ => None,
    });
    let traces = Traces::start(settings.unwrap().unwrap(), client());
    let world = world().await;
    let mut project = project(folder.path(), &json!({}));
    project.environment = None;
    let parts = Parts { traces: Some(traces.clone()), ..Parts::default() };
    let service = Service::start(world, &project, parts).await;
    let client = reqwest::Client::new();
    let post = client.post(service.trigger_url("parent"));
    let post = post.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).body(CANARY);
    assert_eq!(post.send().await.unwrap().status(), 202);
    // Both runs end, the child first.
    until("a span is missing", async || 2 + 4 <= spans(&collector).len()).await;
    // Whoever does not want to be followed is not.
    let post = client.post(service.trigger_url("parent"));
    let post = post.header("traceparent", format!("00-{TRACE}-{CALLER}-00"));
    assert_eq!(post.send().await.unwrap().status(), 202);
    until("the shop is not asked again", async || 4 <= shop.sent().len()).await;
    let rows = async || service.engine.runs(&journal::RunFilter::default(), 9).await.unwrap();
    until("a run does not end", async || rows().await.iter().all(|it| it.status.is_some())).await;
    traces.flush().await;

    let spans = spans(&collector);
    let names: Vec<&str> = spans.keys().map(String::as_str).collect();
    let expected =
        ["Ask in secret", "Ask the shop", "Call the child", "Never", "Stop", "child", "parent"];
    assert_eq!(names, expected);
    assert!(spans.values().all(|it| it["traceId"] == TRACE), "{spans:#?}");
    let parent = |name: &str| spans[name]["parentSpanId"].as_str().unwrap();
    let id = |name: &str| spans[name]["spanId"].as_str().unwrap();
    assert_eq!(parent("parent"), CALLER);
    assert_eq!(parent("Ask the shop"), id("parent"));
    assert_eq!(parent("child"), id("Call the child"));
    assert_eq!(parent("Stop"), id("child"));
    let check = |name: &str, key: &str, expected: &str| {
        assert_eq!(attribute(&spans[name], key), expected, "{name} {key}");
    };
    check("Ask the shop", "flowright.kind", "http");
    check("Ask the shop", "flowright.status", "Succeeded");
    check("Ask the shop", "flowright.attempts", "1");
    check("child", "flowright.status", "Failed");
    check("child", "flowright.code", "Broken");
    check("parent", "flowright.flow", "parent");
    assert_eq!(spans["child"]["status"]["code"], 2);
    let number = |key: &str| spans["parent"][key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(1_700_000_000_000_000_000 < number("startTimeUnixNano"));
    assert!(number("startTimeUnixNano") <= number("endTimeUnixNano"));

    let sent = collector.sent();
    assert!(sent.iter().all(|it| it.header("x-key") == Some("open sesame")));
    assert!(sent.iter().all(|it| it.head.starts_with("post /v1/traces ")));
    assert!(sent.iter().all(|it| !it.body.contains(CANARY)), "{sent:#?}");
    let told = shop.sent();
    let of = |path: &'static str| told.iter().filter(move |it| it.head.contains(path));
    let headers: Vec<_> = of("/seen").map(|it| it.header("traceparent").unwrap()).collect();
    assert_eq!(headers[0], format!("00-{TRACE}-{}-01", id("Ask the shop")));
    assert!(headers[1].ends_with("-00"), "{headers:?}");
    assert!(of("/bare").all(|it| it.header("traceparent").is_none()));
    let text = service.engine.metrics_text().await;
    assert!(text.contains("flowright_spans_total{result=\"sent\"} 7"), "{text}");
}

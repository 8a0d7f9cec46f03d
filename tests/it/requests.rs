//! Request triggers over HTTP: where they listen, what they take, and what callers are told.

use std::{fs, time::Duration};

use base::Status;
use reqwest::{Client, RequestBuilder, Response, header::LOCATION};
use serde_json::{Value, json};
use worker::project::FlowFile;

use crate::support::service::{Parts, Service, connections, project, world};

/// A service with these flows beside the shipped ones.
pub(crate) async fn serve(flows: &[(&str, &str)], parts: Parts) -> Service {
    let folder = crate::support::service::one_way();
    for (name, text) in flows {
        let flow = folder.path().join("flows").join(name);
        fs::create_dir_all(&flow).unwrap();
        let file = if text.starts_with('{') { "definition.json" } else { "flow.yaml" };
        fs::write(flow.join(file), text).unwrap();
    }
    let world = world().await;
    let connections = connections(&world);
    let mut project = project(folder.path(), &connections);
    // Definitions of the cloud's are no part of a project by themselves.
    for (name, _) in flows.iter().filter(|(_, text)| text.starts_with('{')) {
        let path = folder.path().join("flows").join(name).join("definition.json");
        let name = (*name).to_owned();
        project.flows.push(FlowFile { name, ..project.open(&path).unwrap().remove(0) });
    }
    Service::start(world, &project, parts).await
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}

/// Status, code of the error if it is one, else the body.
async fn told(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let error = serde_json::from_str::<Value>(&text).ok();
    let code = error.and_then(|it| it["error"]["code"].as_str().map(str::to_owned));
    (status, code.unwrap_or(text))
}

fn answer(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

const ORDERS: &str = "
flow: Orders
triggers:
  - name: An order
    request: { method: PUT, relativePath: '/orders/{id}/lines/{line no}' }
actions:
  - name: Answer
    respond:
      body:
        - $.trigger.relativePathParameters
        - $.trigger.queries
        - \"@triggerOutputs()['headers']?['X-Part']\"
        - $.trigger.body
";

#[tokio::test]
async fn relative_paths_are_served() {
    let service = serve(&[("orders", ORDERS), ("orders/an", ORDERS)], Parts::default()).await;
    let (http, url) = (client(), service.trigger_url("orders"));
    let (base, sig) = url.split_once("/orders/{id}/lines/{line no}?").unwrap();
    let put = async |path: &str| {
        let request = http.put(format!("{base}{path}{sig}")).header("x-part", "one");
        told(with_json(request, &json!({ "n": 1 })).send().await.unwrap()).await
    };
    let given = |id: &str, line: &str, queries: &Value| {
        let parameters = json!({ "id": id, "line no": line });
        answer(200, &json!([parameters, queries, "one", { "n": 1 }]).to_string())
    };
    let none = json!({});
    assert_eq!(put("/orders/7/lines/8?").await, given("7", "8", &none));
    assert_eq!(put("/ORDERS/7/Lines/8/?").await, given("7", "8", &none));
    assert_eq!(put("/orders/a%2Fb/lines/%C3%A9%20?").await, given("a/b", "é ", &none));
    assert_eq!(
        put("/orders/7/lines/8?q=a%20b&p=1&").await,
        given("7", "8", &json!({ "p": "1", "q": "a b" }))
    );
    for path in [
        "?",
        "/orders?",
        "/orders/7/lines?",
        "/orders//lines/8?",
        "/orders/7/lines/8/9?",
        "/order/7/lines/8?",
        "/orders/%ff/lines/8?",
        "/orders/%2/lines/8?",
    ] {
        assert_eq!(put(path).await, answer(404, "TriggerNotFound"), "{path}");
    }
    assert_eq!(
        put("/orders/7/lines/8?x=").await,
        answer(401, "DirectApiAuthorizationRequired"),
        "the signature is part of another parameter"
    );
    let post = http.post(format!("{base}/orders/7/lines/8?{sig}")).send().await.unwrap();
    assert_eq!(post.headers()["allow"], "PUT");
    assert_eq!(told(post).await, answer(405, "MethodNotAllowed"));
    // The signature is that of the trigger; another trigger has another.
    let other = service.trigger_url("orders/an");
    assert!(!other.ends_with(sig), "{other}");
    let other = other.replace("{id}", "7").replace("{line no}", "8");
    let swapped = format!("{}?{sig}", other.split_once('?').unwrap().0);
    assert_eq!(told(http.put(swapped).send().await.unwrap()).await.0, 401);
    assert_eq!(told(http.put(other).send().await.unwrap()).await.0, 200);
}

const BODIES: &str = "
flow: Bodies
triggers: [{ name: T, request: }]
actions:
  - name: Answer
    respond:
      body:
        - $.trigger.body
        - \"@if(contains(string(triggerOutputs()['headers']), 'urlencoded'), triggerFormDataValue('b'), null)\"
        - \"@if(contains(string(triggerOutputs()['headers']), 'multipart'), string(triggerMultipartBody(0)), null)\"
";

#[tokio::test]
async fn bodies_are_taken_as_what_they_are() {
    let service = serve(&[("bodies", BODIES)], Parts::default()).await;
    let (http, url) = (client(), service.trigger_url("bodies"));
    let post = async |media: &str, body: &[u8]| {
        let request = http.post(&url).header("content-type", media).body(body.to_vec());
        let (status, text) = told(request.send().await.unwrap()).await;
        serde_json::from_str(&text).unwrap_or_else(|_| json!([status, text]))
    };
    let envelope = |media: &str, bytes: &[u8]| json!({ "$content-type": media, "$content": base::base64::encode(bytes) });
    assert_eq!(post("application/json", b"{\"a\":[1]}").await, json!([{ "a": [1] }, null, null]));
    assert_eq!(post("application/vnd.x+json", b"1").await, json!([1, null, null]));
    assert_eq!(post("application/json", b"{").await, json!([400, "InvalidRequestContent"]));
    assert_eq!(post("text/plain", b"a").await, json!(["a", null, null]));
    assert_eq!(
        post("application/x-www-form-urlencoded", b"a=1&b=x+y%21").await,
        json!(["a=1&b=x+y%21", "x y!", null])
    );
    let binary = envelope("image/png", &[0, 255]);
    assert_eq!(post("image/png", &[0, 255]).await, json!([binary, null, null]));
    let form = b"--z\r\nContent-Disposition: form-data; name=a\r\n\r\none\r\n--z--\r\n";
    let got = post("multipart/form-data; boundary=z", form).await;
    assert_eq!(got[0]["$multipart"][0]["body"], envelope("text/plain", b"one"));
    assert_eq!(got[2], "one");
    assert_eq!(post("text/plain", b"").await, json!([null, null, null]));
}

const STRICT: &str = "
flow: Strict
triggers:
  - name: T
    request:
      schema: { type: object, required: [n], properties: { n: { type: integer } } }
      headersSchema: { required: [x-key] }
actions:
  - { name: Answer, respond: { body: $.trigger.body.n } }
";

const FORM: &str = "
flow: Form
triggers:
  - name: By hand
    manual:
      inputs: { n: { type: integer, required: true }, mode: { type: string, default: fast } }
actions:
  - { name: Answer, respond: { body: $.trigger.body } }
";

const BUTTON: &str = r#"{ "definition": {
  "triggers": { "manual": { "type": "Request", "kind": "PowerAppV2", "inputs": {
    "schema": { "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] } } } },
  "actions": { "Respond": { "type": "Response", "kind": "PowerApp",
    "inputs": { "statusCode": "@if(empty(triggerBody()), '400', '200')", "body": "@triggerBody()?['text']" } } }
} }"#;

#[tokio::test]
async fn what_a_trigger_does_not_take_is_refused() {
    let service = serve(&[("strict", STRICT), ("form", FORM)], Parts::default()).await;
    let http = client();
    let post = async |flow: &str, body: Value| {
        let request = http.post(service.trigger_url(flow)).header("x-key", "1");
        told(with_json(request, &body).send().await.unwrap()).await
    };
    let refused = answer(400, "TriggerInputSchemaMismatch");
    assert_eq!(post("strict", json!({ "n": 1 })).await, answer(200, "1"));
    for body in [json!({}), json!({ "n": "1" }), json!([]), json!("{\"n\": 1}")] {
        assert_eq!(post("strict", body.clone()).await, refused, "{body}");
    }
    let keyless = with_json(http.post(service.trigger_url("strict")), &json!({ "n": 1 }));
    let text = keyless.send().await.unwrap().text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap();
    let message = problem["error"]["message"].as_str().unwrap();
    assert!(message.contains("input headers") && message.contains("x-key"), "{message}");
    // Forms are completed, and as strict.
    assert_eq!(post("form", json!({ "n": 1 })).await, answer(200, r#"{"n":1,"mode":"fast"}"#));
    for body in [json!({}), json!({ "n": 1.5 }), json!({ "n": 1, "mod": "x" }), json!([1])] {
        assert_eq!(post("form", body.clone()).await, refused, "{body}");
    }
    assert_eq!(service.rows("strict").await.len() + service.rows("form").await.len(), 2);
}

const LATER: &str = "
flow: Later
triggers: [{ name: T, request: }]
actions:
  - { name: Nap, wait: PT0.3S }
  - name: If asked to fail
    if: \"@equals(triggerBody(), 'fail')\"
    then: [{ name: Fail, terminate: Failed }]
  - name: Answer
    operationOptions: Asynchronous
    respond: { status: 201, headers: { x-part: one }, body: { got: $.trigger.body } }
";

#[tokio::test]
async fn an_answer_can_be_fetched_later() {
    let service = serve(&[("later", LATER)], Parts::default()).await;
    let http = client();
    let origin = format!("http://{}", service.address);
    let fetch = async |body: &'static str| {
        let first = http.post(service.trigger_url("later")).header("content-type", "text/plain");
        let mut answer = first.body(body).send().await.unwrap();
        let mut times = 0;
        while answer.status() == 202 {
            assert_eq!(answer.headers()["retry-after"], "5");
            let location = answer.headers()[LOCATION].to_str().unwrap().to_owned();
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = http.get(location).send().await.unwrap();
            times += 1;
            assert!(times < 600, "there is no answer");
        }
        assert!(1 < times, "the run takes longer than one look");
        answer
    };
    let good = fetch("hello").await;
    assert_eq!((good.status().as_u16(), &good.headers()["x-part"]), (201, &"one".parse().unwrap()));
    assert_eq!(good.text().await.unwrap(), r#"{"got":"hello"}"#);
    assert_eq!(told(fetch("fail").await).await, answer(502, "NoResponse"));
    // Whoever was not given the address learns nothing, not even whether there is such a run.
    let run = service.rows("later").await.remove(0).run;
    for path in
        [format!("/answers/{run}"), format!("/answers/{run}?sig=0"), "/answers/x?sig=0".into()]
    {
        let answered = told(http.get(format!("{origin}{path}")).send().await.unwrap()).await;
        assert_eq!(answered, answer(401, "DirectApiAuthorizationRequired"), "{path}");
    }
}

const SLOW: &str = "
flow: Slow
triggers: [{ name: T, request: }]
actions:
  - { name: Nap, wait: PT0.4S }
  - { name: Answer, respond: { body: late } }
  - { name: After, compose: \"@actions('Answer')['status']\" }
";

#[tokio::test]
async fn a_run_goes_on_when_its_caller_does_not_wait() {
    let parts = Parts { answer_wait: Duration::from_millis(100), ..Parts::default() };
    let service = serve(&[("slow", SLOW)], parts).await;
    let http = client();
    let late = http.post(service.trigger_url("slow")).send().await.unwrap();
    assert_eq!(told(late).await, answer(504, "GatewayTimeout"));
    // A caller that hangs up.
    let gone = http.post(service.trigger_url("slow")).timeout(Duration::from_millis(50));
    assert!(gone.send().await.is_err());
    for row in service.rows("slow").await {
        let ended = service.engine.wait(&row.run).await.unwrap();
        assert_eq!(ended.status, Some(Status::Succeeded));
    }
    assert_eq!(service.rows("slow").await.len(), 2);
}

const SPLIT: &str = "
flow: Split
triggers: [{ name: T, request: , splitOn: \"@triggerBody()\" }]
actions:
  - { name: Answer, respond: { body: $.trigger.body } }
";

const TERSE: &str = "
flow: Terse
triggers: [{ name: T, request: , operationOptions: 'SuppressWorkflowHeadersOnResponse, IncludeAuthorizationHeadersInOutputs' }]
actions:
  - name: Answer
    respond:
      headers: { content-type: image/png }
      body: { $content-type: text/plain, $content: \"@base64(triggerOutputs()['headers']['Authorization'])\" }
";

const OPEN: &str = "
flow: Open
triggers: [{ name: T, request: }]
actions:
  - { name: Answer, respond: { body: \"@contains(triggerOutputs()['headers'], 'authorization')\" } }
";

#[tokio::test]
async fn callers_are_told_about_the_run() {
    let flows = [("split", SPLIT), ("terse", TERSE), ("open", OPEN), ("button", BUTTON)];
    let service = serve(&flows, Parts::default()).await;
    let http = client();
    let post = async |flow: &str, body: Value| {
        let request = http.post(service.trigger_url(flow)).header("authorization", "Basic eA==");
        with_json(request, &body).send().await.unwrap()
    };
    // Even one item is not answered: whether there is one is up to the event.
    for items in [json!([1]), json!([1, 2])] {
        let split = post("split", items).await;
        assert_eq!(told(split).await, answer(202, ""));
    }
    let open = post("open", json!(1)).await;
    let run = open.headers()["x-ms-workflow-run-id"].to_str().unwrap().to_owned();
    assert_eq!(open.headers()["x-flowright-run-id"], run.as_str());
    assert_eq!(open.headers()["x-ms-workflow-name"], "open");
    assert_eq!(open.headers()["x-ms-workflow-version"].len(), 64);
    assert_eq!(told(open).await, answer(200, "false"));
    let terse = post("terse", json!(1)).await;
    let about = terse.headers().keys().filter(|it| {
        it.as_str().starts_with("x-ms-workflow") || it.as_str().starts_with("x-flowright")
    });
    assert_eq!(about.count(), 0);
    assert_eq!(terse.headers()["content-type"], "image/png");
    assert_eq!(told(terse).await, answer(200, "Basic eA=="));
    // The inputs of an app are the members of the body; the cloud does not look at the schema.
    assert_eq!(told(post("button", json!({ "text": "x" })).await).await, answer(200, "x"));
    assert_eq!(told(post("button", json!({})).await).await, answer(400, ""));
}

//! One small sample of every kind of trigger, and of the keys that all have.

use serde_json::{Value, json};

use super::{first_trigger, show};
use crate::{TriggerKind, triggers::relative_path::RelativePath};

fn check(keys: &str, expected: &str) {
    assert_eq!(show::trigger(&first_trigger(keys).kind), expected, "{keys}");
}

#[test]
fn kinds() {
    check("request:", "request None None None");
    check(
        "request:\n  method: POST\n  relativePath: /orders/{id}\n  schema: { type: object }\n  \
         verify: { connector: partner-center-events, trigger: ReferralEvents }",
        r#"request Some("POST") Some("/orders/{id}") None {"type":"object"} partner-center-events#ReferralEvents"#,
    );
    check("manual:", "manual ");
    check(
        "manual:\n  inputs:\n    id: { type: string, required: true }\n    \
         mode: { type: string, title: Mode, default: fast, choices: [fast, slow], description: d }",
        r#"manual id! string None []; mode string Some(String("fast")) [String("fast"), String("slow")]"#,
    );
    check("recurrence: { frequency: Hour, interval: 4 }", "recurrence every 4 Hour");
    check(
        "recurrence:\n  frequency: week\n  interval: 1\n  startTime: 2026-01-31T08:00:00\n  \
         timeZone: W. Europe Standard Time\n  \
         schedule: { hours: [8, 12], minutes: [30], weekDays: [Monday, friday] }",
        "recurrence every 1 Week start=2026-01-31T08:00:00 zone=W. Europe Standard Time \
         hours=8,12 minutes=30 weekDays=Monday,Friday",
    );
    check(
        "recurrence: { frequency: Month, interval: 1, schedule: { monthDays: [1, -1] }, slidingWindow: true, delay: PT5M }",
        "recurrence every 1 Month monthDays=1,-1 delay=PT300S sliding",
    );
    check(
        "recurrence: { cron: 0 8 * * 1-5, timeZone: Europe/Berlin }",
        r#"recurrence cron 0 8 * * 1-5 Some("Europe/Berlin")"#,
    );
    check(
        "on: crm.OnUpdated\nwith: { entity: opportunities }\nrecurrence: { frequency: Minute, interval: 3 }",
        r#"on crm OnUpdated {"entity":"opportunities"} every 3 Minute"#,
    );
    check(
        "http: { method: GET, uri: https://example.com/news }\nrecurrence: { frequency: Day, interval: 1 }",
        r#"http "GET" "https://example.com/news" every 1 Day"#,
    );
    check(
        "httpWebhook: { subscribe: { method: POST, uri: https://a }, unsubscribe: {} }",
        r#"httpWebhook "POST" "https://a" / "#,
    );
    check("flow: { schema: { type: object } }", r#"flow Some({"type":"object"})"#);
    check("unsupported: Batch", "unsupported Batch");
}

#[test]
fn common_keys_go_with_every_kind() {
    let trigger = first_trigger(
        "request:\nconditions: [\"@equals(1, 1)\"]\nsplitOn: \"@triggerBody()?['value']\"\n\
         dedupe: \"{{body.id}}|{{body.at}}\"\n\
         concurrency: { runs: 1, key: \"@triggerBody()?['id']\", group: deals, maxWaiting: 1000 }\n\
         respond: { status: 202, headers: { a: b }, body: { ok: true } }\n\
         retryPolicy: none\nsecure: [outputs]\noperationOptions: [EnableSchemaValidation]",
    );
    let sources: Vec<_> = trigger.conditions.iter().map(|it| it.template.source()).collect();
    assert_eq!(sources, ["@equals(1, 1)"]);
    assert_eq!(trigger.split_on.unwrap().template.source(), "@triggerBody()?['value']");
    assert_eq!(show::tree(&trigger.dedupe.unwrap()), "«{{body.id}}|{{body.at}}»");
    let concurrency = trigger.concurrency.unwrap();
    assert_eq!((concurrency.runs, concurrency.max_waiting), (1, Some(1000)));
    assert_eq!(concurrency.group.as_deref(), Some("deals"));
    assert_eq!(show::tree(&concurrency.key.unwrap()), "«@triggerBody()?['id']»");
    let respond = trigger.respond.unwrap();
    assert_eq!(
        (respond.status, show::tree(&respond.body.unwrap())),
        (202, r#"{"ok":true}"#.to_owned())
    );
    assert_eq!(show::retry(trigger.retry.as_ref()), "none");
    assert!(!trigger.secure_inputs && trigger.secure_outputs);
    assert_eq!(trigger.options, ["EnableSchemaValidation"]);
}

#[test]
fn relative_paths_give_their_parameters() {
    let path = |text: &str, given: &[&str]| {
        let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
        let path = RelativePath::parse(text).unwrap();
        path.parameters(&given).map(|it| Value::Object(it).to_string()).unwrap_or_default()
    };
    for (text, given, expected) in [
        ("/orders/{id}", &["orders", "7"][..], r#"{"id":"7"}"#),
        ("orders/{id}/", &["Orders", "a/b c"], r#"{"id":"a/b c"}"#),
        ("/{a}/x/{b}", &["1", "x", "2"], r#"{"a":"1","b":"2"}"#),
        ("/fixed", &["fixed"], "{}"),
        ("/orders/{id}", &["orders"], ""),
        ("/orders/{id}", &["orders", ""], ""),
        ("/orders/{id}", &["orders", "7", "8"], ""),
        ("/orders/{id}", &["order", "7"], ""),
        ("/fixed", &[], ""),
    ] {
        assert_eq!(path(text, given), expected, "{text} {given:?}");
    }
}

#[test]
fn inputs_are_completed_and_checked() {
    let kind = first_trigger(
        "manual:\n  inputs:\n    id: { type: integer, required: true, title: The id }\n    \
         mode: { type: string, default: fast, choices: [fast, slow] }\n    \
         tags: { type: array }",
    )
    .kind;
    let TriggerKind::Manual(manual) = kind else { panic!("{kind:?}") };
    let complete = |body: Value| match manual.complete(&body) {
        Ok(body) => body.to_string(),
        Err(reason) => reason,
    };
    for (body, expected) in [
        (json!({ "id": 1 }), r#"{"id":1,"mode":"fast"}"#),
        (json!({ "mode": null, "id": 1, "tags": [] }), r#"{"mode":"fast","id":1,"tags":[]}"#),
        (json!({ "id": 1, "mode": "slow" }), r#"{"id":1,"mode":"slow"}"#),
        (json!(null), "the input `id` (The id) is required"),
        (json!({ "id": null }), "the input `id` (The id) is required"),
        (
            json!({ "id": "1" }),
            "the input `id` (The id) must be a whole number, not a value of type 'String'",
        ),
        (json!({ "id": 1, "mode": "x" }), "the input `mode` (mode) must be one of fast, slow"),
        (json!({ "id": 1, "x": 1 }), "there is no input `x`; there are: id, mode, tags"),
        (json!([1]), "the inputs must be an object, not a value of type 'Array'"),
    ] {
        assert_eq!(complete(body.clone()), expected, "{body}");
    }
    // Without declared inputs everything is taken.
    let TriggerKind::Manual(open) = first_trigger("manual:").kind else { panic!() };
    assert_eq!(open.complete(&json!([1])), Ok(json!([1])));
}

#[test]
fn buttons_and_apps_declare_their_inputs_in_the_schema() {
    let kind = first_trigger(
        "request:\n  kind: Button\n  schema:\n    type: object\n    required: [text]\n    \
         properties:\n      text: { title: Name, type: string }\n      \
         number: { type: number, default: 2, description: d }",
    )
    .kind;
    let TriggerKind::Request(request) = kind else { panic!("{kind:?}") };
    let inputs = request.inputs();
    let shown: Vec<String> = inputs
        .iter()
        .map(|it| {
            let (name, title, ty) = (&it.name, &it.title, it.ty.name());
            format!("{name} {title} {ty} {} {:?} {:?}", it.required, it.default, it.description)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "text Name string true None None",
            "number number float false Some(Number(2)) Some(\"d\")"
        ]
    );
}

//! Calls as requests, as text.

use base::ErrorClass;
use serde_json::{Value, json};

use super::{call, connect, dynamics, events, referrals, show, token};
use crate::{Call, Connection, model::Effect, request::build};

/// The request of a call, without the headers that are the same for all.
fn text(connection: &Connection, operation: &str, inputs: &Value) -> String {
    let operation = connection.connector.operation(operation).unwrap();
    let token = token(connection);
    let request = build(connection, operation, &call(inputs), Some(&token)).unwrap();
    let common =
        ["Accept: ", "OData-", "MS-CorrelationId: ", "MS-Contract", "authorization: Bearer T0KEN"];
    let lines = show(&request);
    let lines = lines.lines().filter(|line| !common.iter().any(|it| line.starts_with(it)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn dynamics_requests() {
    let check = |operation: &str, inputs: Value, expected: &str| {
        assert_eq!(text(&dynamics(), operation, &inputs), expected.trim(), "{operation}");
    };
    let annotations = r#"Prefer: odata.include-annotations="*""#;
    let both = r#"Prefer: return=representation,odata.include-annotations="*""#;
    let base = "https://contoso.crm.dynamics.com/api/data/v9.2";
    check(
        "ListRecords",
        json!({ "entityName": "opportunities", "$filter": "name eq 'A&B' or x eq null", "$top": 1 }),
        &format!(
            "GET {base}/opportunities?$filter=name%20eq%20%27A%26B%27%20or%20x%20eq%20null&$top=1\n{annotations}"
        ),
    );
    check(
        "GetItem",
        json!({ "entityName": "accounts", "recordId": "7eb682f1-ca75-e511-80d4-00155d2a68d1", "$select": null }),
        &format!("GET {base}/accounts(7eb682f1-ca75-e511-80d4-00155d2a68d1)\n{annotations}"),
    );
    check(
        "CreateRecord",
        json!({
            "entityName": "opportunities",
            "item/name": "Deal",
            "item/description": null,
            "item/customerid_account@odata.bind": "/accounts(7eb682f1-ca75-e511-80d4-00155d2a68d1)",
        }),
        &format!(
            "PATCH {base}/opportunities(37986bc2-6d06-5f6c-a760-160de3fad594)\n{both}\nContent-Type: application/json\n\n\
             {{\"name\":\"Deal\",\"description\":null,\"customerid_account@odata.bind\":\"/accounts(7eb682f1-ca75-e511-80d4-00155d2a68d1)\"}}"
        ),
    );
    check(
        "UpdateRecord",
        json!({ "entityName": "opportunities", "recordId": "r", "item": { "a": { "b": 1 } }, "item/a/c": 2, "If-Match": "W/\"5\"" }),
        &format!(
            "PATCH {base}/opportunities(r)\n{both}\nIf-Match: W/\"5\"\nContent-Type: application/json\n\n{{\"a\":{{\"b\":1,\"c\":2}}}}"
        ),
    );
    check(
        "UpdateOnlyRecord",
        json!({ "entityName": "opportunities", "recordId": "r", "item/a": true }),
        &format!(
            "PATCH {base}/opportunities(r)\n{both}\nIf-Match: *\nContent-Type: application/json\n\n{{\"a\":true}}"
        ),
    );
    check(
        "DeleteRecord",
        json!({ "entityName": "opportunities", "recordId": "../accounts(1)" }),
        &format!("DELETE {base}/opportunities(..%2Faccounts%281%29)"),
    );
    check("PerformUnboundAction", json!({ "actionName": "Pub" }), &format!("POST {base}/Pub"));
    check("WhoAmI", json!({}), &format!("GET {base}/WhoAmI"));
}

#[test]
fn referral_requests() {
    let check = |operation: &str, inputs: Value, expected: &str| {
        assert_eq!(text(&referrals(), operation, &inputs), expected.trim(), "{operation}");
    };
    let base = "https://api.partner.microsoft.com/v1.0/engagements";
    check(
        "GetAllReferrals",
        json!({ "$orderby": "updatedDateTime desc", "$count": true }),
        &format!("GET {base}/referrals?$orderby=updatedDateTime%20desc&$count=true"),
    );
    check(
        "GetReferralById",
        json!({ "id": "4111fffc-f9ee-4d53-bba6-569135228642" }),
        &format!("GET {base}/referrals/4111fffc-f9ee-4d53-bba6-569135228642"),
    );
    check(
        "CreateReferral",
        json!({ "Referral/name": "Größe", "Referral/details/dealValue": 5, "Referral/team": [] }),
        &format!(
            "POST {base}/referrals\nContent-Type: application/json\n\n{{\"name\":\"Größe\",\"details\":{{\"dealValue\":5}},\"team\":[]}}"
        ),
    );
    check(
        "PatchReferralById",
        json!({ "id": "x", "If-Match": "\"8500e212\"", "Referral": [{ "op": "replace", "path": "/status", "value": "Closed" }] }),
        &format!(
            "PATCH {base}/referrals/x\nIf-Match: \"8500e212\"\nContent-Type: application/json\n\n[{{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"Closed\"}}]"
        ),
    );
    check(
        "UpdateReferralById",
        json!({ "id": "x", "if-match": "\"1\"", "odataReferral": { "id": "x" } }),
        &format!(
            "PUT {base}/referrals/x\nif-match: \"1\"\nContent-Type: application/json\n\n{{\"id\":\"x\"}}"
        ),
    );
}

#[test]
fn event_requests() {
    let check = |operation: &str, inputs: Value, expected: &str| {
        assert_eq!(text(&events(), operation, &inputs), expected.trim(), "{operation}");
    };
    let base = "https://api.partnercenter.microsoft.com/webhooks/v1";
    let id = "MS-RequestId: 2d89532c-df79-51c9-963d-90e937eb49e0";
    check("ViewRegistration", json!({}), &format!("GET {base}/registration\n{id}"));
    check("ListEventTypes", Value::Null, &format!("GET {base}/registration/events\n{id}"));
    check(
        "EventRegistration",
        json!({ "body/WebhookUrl": "https://flows.example/x", "body/WebhookEvents": ["referral-created"] }),
        &format!(
            "POST {base}/registration\n{id}\nContent-Type: application/json\n\n{{\"WebhookUrl\":\"https://flows.example/x\",\"WebhookEvents\":[\"referral-created\"]}}"
        ),
    );
}

#[test]
fn common_headers_and_proof_are_sent() {
    let connection = referrals();
    let operation = connection.connector.operation("GetReferralById").unwrap();
    let inputs = json!({ "id": "x", "MS-CorrelationId": "mine" });
    let request = build(&connection, operation, &call(&inputs), Some(&token(&connection))).unwrap();
    assert_eq!(
        show(&request),
        "GET https://api.partner.microsoft.com/v1.0/engagements/referrals/x\n\
         Accept: application/json\nMS-CorrelationId: mine\nauthorization: Bearer T0KEN\n"
    );
    let inputs = json!({ "id": "x" });
    let id = |seed| {
        let call = Call { seed, ..call(&inputs) };
        let request = build(&connection, operation, &call, Some(&token(&connection))).unwrap();
        request.header("ms-correlationid").unwrap().to_owned()
    };
    assert_eq!(id(1), id(1), "the seed decides");
    assert_ne!(id(1), id(2), "the seed decides");
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let connection = dynamics();
    let check = |operation: &str, inputs: Value, expected: &str| {
        let operation = connection.connector.operation(operation).unwrap();
        let token = token(&connection);
        let failure = build(&connection, operation, &call(&inputs), Some(&token)).unwrap_err();
        assert_eq!(failure.message, expected);
        assert_eq!(failure.class, Some(ErrorClass::Validation));
    };
    check(
        "GetItem",
        json!({ "entityName": "a" }),
        "required parameter `recordId` of `GetItem` is missing",
    );
    check(
        "GetItem",
        json!({ "entityName": "a", "recordId": null }),
        "required parameter `recordId` of `GetItem` is missing",
    );
    check(
        "GetItem",
        json!({ "entityName": "a", "recordid": "b" }),
        "`GetItem` has no parameter `recordid`; did you mean `recordId`?",
    );
    check(
        "CreateRecord",
        json!({ "entityName": "a", "items/name": "b" }),
        "`CreateRecord` has no parameter `items/name`",
    );
    check(
        "CreateRecord",
        json!({ "entityName": "a", "item": [1], "item/name": "b" }),
        "parameter `item/name` of `CreateRecord` is inside a value that is no object",
    );
    check(
        "GetItem",
        json!({ "entityName": "..", "recordId": "b" }),
        "parameter `entityName` must not be `..`: it is in the path",
    );
    check(
        "UpdateRecord",
        json!({ "entityName": "a", "recordId": "b", "If-Match": "x\r\nHost: evil" }),
        "header `If-Match` must not hold line breaks or control characters",
    );
    check("ListRecords", json!([1]), "the inputs of `ListRecords` must be an object");
}

#[test]
fn pages_keep_headers_and_proof() {
    let connection = dynamics();
    let operation = connection.connector.operation("ListRecords").unwrap();
    let inputs = json!({ "entityName": "accounts" });
    let link = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%3Ccookie%3E";
    let call = Call { link: Some(crate::Link::Page(link)), ..call(&inputs) };
    let request = build(&connection, operation, &call, Some(&token(&connection))).unwrap();
    assert_eq!(request.url, link);
    assert_eq!(request.header("authorization"), Some("Bearer T0KEN"));
    assert_eq!(request.header("prefer"), Some("odata.include-annotations=\"*\""));
}

#[test]
fn repeating_is_safe_where_it_does_no_harm() {
    let check = |connection: &Connection, operation: &str, effect: Effect, safe: bool| {
        let operation = connection.connector.operation(operation).unwrap();
        assert_eq!(
            (operation.effect, operation.repeat_is_safe()),
            (effect, safe),
            "{}",
            operation.id
        );
    };
    check(&dynamics(), "ListRecords", Effect::Read, true);
    check(&dynamics(), "CreateRecord", Effect::Create, true);
    check(&dynamics(), "UpdateRecord", Effect::Upsert, true);
    check(&dynamics(), "DeleteRecord", Effect::Delete, true);
    check(&dynamics(), "PerformUnboundAction", Effect::Action, false);
    check(&referrals(), "CreateReferral", Effect::Create, false);
    check(&referrals(), "PatchReferralById", Effect::Update, true);
    check(&events(), "EventRegistration", Effect::Create, true);
}

#[test]
fn a_repeated_create_finds_its_own_row() {
    let connection = dynamics();
    let operation = connection.connector.operation("CreateRecord").unwrap();
    let inputs = json!({ "entityName": "accounts", "item/name": "A" });
    let url = |idempotency_key, seed| {
        let call = Call { idempotency_key, seed, ..call(&inputs) };
        build(&connection, operation, &call, Some(&token(&connection))).unwrap().url
    };
    assert_eq!(url("run1:Create", 1), url("run1:Create", 2));
    assert_ne!(url("run1:Create", 1), url("run2:Create", 1));
}

#[test]
fn bodies_are_written_as_declared() {
    let check = |encoding: &str, body: Value, expected: Result<(&str, &str), &str>| {
        let text = format!(
            "connector: x\nversion: 1.0.0\nhttp: {{ baseUrl: \"https://x.example/a/\" }}\noperations:\n  Do:\n    \
             effect: action\n    request: POST /do\n    encoding: {encoding}\n    body: {{}}\n"
        );
        let connection = connect(&text, &[]);
        let operation = connection.connector.operation("Do").unwrap();
        let inputs = json!({ "body": body });
        let request = build(&connection, operation, &call(&inputs), None);
        let request = request.map_err(|it| it.message);
        let found = request.as_ref().map(|it| {
            let body = std::str::from_utf8(it.body.as_deref().unwrap()).unwrap();
            (it.header("content-type").unwrap(), body)
        });
        assert_eq!(found.map_err(String::as_str), expected);
    };
    check("json", json!({ "a": 1.5 }), Ok(("application/json", "{\"a\":1.5}")));
    check(
        "form",
        json!({ "a b": "ü&", "n": 1, "z": null }),
        Ok(("application/x-www-form-urlencoded", "a%20b=%C3%BC%26&n=1")),
    );
    check("form", json!([1]), Err("a form must be an object"));
    check("text", json!("héllo"), Ok(("text/plain; charset=utf-8", "héllo")));
    check(
        "binary",
        json!({ "$content-type": "image/x", "$content": "aGk=" }),
        Ok(("image/x", "hi")),
    );
    check("binary", json!("hi"), Ok(("application/octet-stream", "hi")));
    check(
        "binary",
        json!({ "$content": "a" }),
        Err("a binary body must be text or have base64 in `$content`"),
    );
}

#[test]
fn a_method_and_path_lead_to_an_operation() {
    let connector = super::load(
        "connector: shop
version: 1.0.0
title: Shop
http: { baseUrl: https://shop.example }
operations:
  ListOrders:
    effect: read
    request: GET /orders
    routes: ['GET /v2/datasets/{dataset}/tables/{table}/items']
    params: { table: { type: string, in: input }, $top: { type: integer } }
  GetOrder:
    effect: read
    request: GET /orders({id})
    params: { id: { type: string, required: true } }
  GetNewest: { effect: read, request: GET /orders(newest) }
  AddLine:
    effect: create
    request: POST /{connectionId}/orders/{id}/lines
    params: { connectionId: { type: string, default: x }, id: { type: string, required: true }, Prefer: { type: string, in: header } }
    body: { type: object }
",
    );
    let cases = [
        (
            r#"{"method": "get", "path": "/v2/datasets/@x/tables/a%2520b/items", "queries": {"$top": 3}}"#,
            r#"ListOrders {"table":"a b","$top":3}"#,
        ),
        (r#"{"method": "GET", "path": "/Orders?$top=1"}"#, r#"ListOrders {"$top":"1"}"#),
        (r#"{"method": "GET", "path": "/orders(7)"}"#, r#"GetOrder {"id":"7"}"#),
        (r#"{"method": "GET", "path": "/orders(newest)"}"#, "GetNewest {}"),
        (
            r#"{"method": "post", "path": "orders/7/lines", "headers": {"prefer": "x"}, "body": {"n": 1}}"#,
            r#"AddLine {"id":"7","Prefer":"x","body":{"n":1}}"#,
        ),
        (
            r#"{"method": "GET", "path": "/orders()"}"#,
            "`shop` has no operation that is reached by `GET /orders()`; give one of them this path under `routes`",
        ),
        (
            r#"{"method": "DELETE", "path": "/orders"}"#,
            "`shop` has no operation that is reached by `DELETE /orders`; give one of them this path under `routes`",
        ),
    ];
    for (given, expected) in cases {
        let given = serde_json::from_str(given).unwrap();
        let actual = match crate::route::find(&connector, &given) {
            Ok((operation, inputs)) => format!("{} {inputs}", operation.id),
            Err(failure) => failure.message,
        };
        assert_eq!(actual, expected);
    }
}

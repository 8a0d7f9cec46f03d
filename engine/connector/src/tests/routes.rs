//! Triggers that definitions name by method and path.

use crate::route::find_trigger;

const SHOP: &str = "
connector: shop
version: 1.0.0
title: Shop
http: { baseUrl: https://shop.example }
operations:
  ListOrders:
    effect: read
    request: GET /orders
    params: { customer: { type: string }, since: { type: string } }
  Watch: { effect: create, request: POST /hooks, body: { type: object } }
  ListMail: { effect: read, request: GET /mail }
triggers:
  OrdersChanged:
    kind: poll
    params: { customer: { type: string } }
    poll: { operation: ListOrders, with: { customer: \"@input('customer')\" }, items: '@body()' }
  OrderPaid:
    kind: webhook
    routes: ['POST /datasets/{dataset}/tables/{table}/paid']
    params: { order/table: { type: string }, order/at/shop: { type: string }, kinds: { type: array } }
    subscription: { create: { operation: Watch } }
    receive: { verify: { scheme: urlSecret } }
  OrderLost:
    kind: webhook
    routes: [POST /lost, POST /both]
    subscription: { create: { operation: ListMail } }
    receive: { verify: { scheme: urlSecret } }
  MailCame:
    kind: webhook
    routes: ['GET /v3/{box}/new', POST /both]
    params: { box: { type: string }, folder: { type: string } }
    receive: { verify: { scheme: urlSecret } }
";

/// What is given, and the trigger with what is wanted of it.
const CASES: &[(&str, &str)] = &[
    (
        r#"{"method": "get", "path": "/orders?customer=a%20b"}"#,
        r#"OrdersChanged {"customer":"a b"}"#,
    ),
    (
        r#"{"method": "get", "path": "/orders", "queries": {"Customer": 7, "since": "x"}}"#,
        r#"OrdersChanged {"customer":7,"since":"x"}"#,
    ),
    (
        r#"{"method": "post", "path": "/datasets/x/tables/big%2520orders/paid",
            "body": {"url": "urn:flowright:callback", "At": {"Shop": "here"}, "kinds": [1], "more": {"a": 1}}}"#,
        r#"OrderPaid {"order/table":"big orders","order/at/shop":"here","kinds":[1],"more/a":1}"#,
    ),
    (
        r#"{"method": "POST", "path": "/hooks", "body": {"a": {"b": "urn:flowright:callback"}}}"#,
        "OrderPaid {}",
    ),
    (r#"{"method": "POST", "path": "/hooks", "body": "text"}"#, r#"OrderPaid {"body":"text"}"#),
    (
        r#"{"method": "POST", "path": "/hooks", "body": {"url": "urn:flowright:callback?x=1"}}"#,
        "`url` of the trigger changes the address that the service is to call, which the connector gives it",
    ),
    (
        r#"{"method": "get", "path": "/v3/x/new",
            "fetch": {"method": "get", "queries": {"folder": "Inbox"},
                      "pathTemplate": {"template": "/v3/{box}/new", "parameters": {"box": "a/b"}}},
            "subscribe": {"method": "post", "pathTemplate": {"template": "/lost"}}}"#,
        r#"MailCame {"box":"a/b","folder":"Inbox"}"#,
    ),
    (
        r#"{"fetch": {"path": "/nowhere"}, "subscribe": {"method": "post", "path": "/lost"}}"#,
        "OrderLost {}",
    ),
    (
        r#"{"method": "POST", "path": "/both"}"#,
        "`POST /both` reaches `MailCame` and `OrderLost` of `shop`; give one of them this path under `routes`",
    ),
    (
        r#"{"fetch": {"path": "/nowhere"}, "subscribe": {"method": "put", "path": "/lost?key=s"}}"#,
        "`shop` has no trigger that is reached by `GET /nowhere` or `PUT /lost`; it has only \
         `MailCame` (`GET /v3/{box}/new`, `POST /both`), `OrderLost` (`POST /lost`, `POST /both`, \
         `GET /mail`), `OrderPaid` (`POST /datasets/{dataset}/tables/{table}/paid`, `POST \
         /hooks`), `OrdersChanged` (`GET /orders`); give one of them this path under `routes`",
    ),
];

#[test]
fn a_method_and_path_lead_to_a_trigger() {
    let connector = super::load(SHOP);
    for (given, expected) in CASES {
        let given = serde_json::from_str(given).unwrap();
        let actual = match find_trigger(&connector, &given) {
            Ok((trigger, wishes)) => format!("{} {wishes}", trigger.id),
            Err(failure) => failure.message,
        };
        assert_eq!(actual, *expected);
    }
}

#[test]
fn a_connector_without_triggers_has_none() {
    let connector = super::load(
        "connector: none\nversion: 1.0.0\ntitle: None\nhttp: { baseUrl: https://a.example }\n",
    );
    let given = serde_json::json!({ "method": "post", "path": "/x" });
    let failure = find_trigger(&connector, &given).unwrap_err();
    assert!(failure.message.contains("it has none;"), "{}", failure.message);
}

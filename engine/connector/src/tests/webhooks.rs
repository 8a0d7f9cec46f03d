//! Subscriptions and deliveries of the shipped triggers.

use base::Outcome;
use serde_json::{Value, json};

use super::{EVENTS, call, connect, dynamics, events};
use crate::{
    Connection, Trigger,
    proof::{Received, Verification, verification},
    trigger::{Subscription, SubscriptionCall},
    webhook::{
        Current, Event, Removal, Subscriber, current, delivers, may_replace, receive, removal,
        subscription_inputs, subscription_state, union, webhook,
    },
};

const URL: &str = "https://flows.example/hooks/partner-center/5f3a";

fn trigger<'a>(connection: &'a Connection, id: &str) -> (&'a Trigger, &'a Subscription) {
    let trigger = connection.connector.trigger(id).unwrap();
    (trigger, webhook(trigger).unwrap().subscription.as_ref().unwrap())
}

fn inputs(
    connection: &Connection,
    trigger: &Trigger,
    what: &SubscriptionCall,
    (inputs, subscription): (&Value, &Value),
) -> Result<Value, String> {
    let subscriber = Subscriber { inputs, callback_url: URL, subscription };
    let nothing = Value::Null;
    subscription_inputs(connection, trigger, (what, &call(&nothing)), &subscriber)
        .map_err(|it| it.message)
}

#[test]
fn partner_center_is_registered_once() {
    let connection = events();
    let (trigger, subscription) = trigger(&connection, "ReferralEvents");
    let create = subscription.create.as_ref().unwrap();
    let wishes = json!({ "events": ["referral-created"] });
    assert_eq!(
        inputs(&connection, trigger, create, (&wishes, &Value::Null)).unwrap(),
        json!({
            "body/WebhookUrl": URL,
            "body/WebhookEvents": ["referral-created"],
            "body/SignatureTokenToMsSignatureHeader": true,
        })
    );
    assert_eq!(
        inputs(&connection, trigger, create, (&json!({ "event": 1 }), &Value::Null)),
        Err("`ReferralEvents` has no parameter `event`".to_owned())
    );
    let check = |body: Value, expected: Option<(&str, &[&str])>| {
        let outcome = Outcome::succeeded(json!({ "statusCode": 200, "headers": {}, "body": body }));
        let found = current(&connection, subscription, &outcome).unwrap();
        let expected = expected.map(|(url, events)| Current {
            url: url.to_owned(),
            events: events.iter().map(|it| (*it).to_owned()).collect(),
        });
        assert_eq!(found, expected);
    };
    check(
        json!({ "webhookUrl": "https://a", "webhookEvents": ["x"] }),
        Some(("https://a", &["x"])),
    );
    check(json!({ "WebhookUrl": "https://a", "WebhookEvents": [] }), Some(("https://a", &[])));
    check(json!({}), None);
    let replace = |wishes: Value| may_replace(&connection, trigger, subscription, &wishes).unwrap();
    assert!(!replace(json!({})));
    assert!(replace(json!({ "overwrite": true })));
}

#[test]
fn dynamics_keeps_a_registration_for_each_flow() {
    let connection = dynamics();
    let (trigger, subscription) = trigger(&connection, "SubscribeWebhookTrigger");
    let create = subscription.create.as_ref().unwrap();
    let wishes = json!({
        "subscriptionRequest/message": 4,
        "subscriptionRequest/entityname": "opportunity",
        "subscriptionRequest/filteringattributes": "name,estimatedvalue",
    });
    let body = inputs(&connection, trigger, create, (&wishes, &Value::Null)).unwrap();
    assert_eq!((&body["body/message"], &body["body/scope"]), (&json!(4), &json!(4)));
    assert_eq!(
        inputs(&connection, trigger, create, (&json!({ "subscriptionRequest/message": 4 }), &Value::Null)),
        Err("required parameter `subscriptionRequest/entityname` of `SubscribeWebhookTrigger` is missing".to_owned())
    );
    let id = "https://contoso.crm.dynamics.com/api/data/v9.2/callbackregistrations(4111fffc-f9ee-4d53-bba6-569135228642)";
    let outputs = json!({ "statusCode": 204, "headers": { "OData-EntityId": id }, "body": null });
    let state = subscription_state(&connection, create, &Outcome::succeeded(outputs)).unwrap();
    assert_eq!(state, json!({ "id": "4111fffc-f9ee-4d53-bba6-569135228642" }));
    let delete = subscription.delete.as_ref().unwrap();
    assert_eq!(inputs(&connection, trigger, delete, (&wishes, &state)), Ok(state.clone()));
}

#[test]
fn verification_has_the_values_of_the_operator() {
    let check = |values: &[&str], hosts: &[&str], anchors: Option<&str>| {
        let needed = ["tenantId=t", "clientId=c", "clientSecret=!secret", "refreshToken=!refresh"];
        let connection = connect(EVENTS, &[&needed, values].concat());
        let webhook = webhook(connection.connector.trigger("ReferralEvents").unwrap()).unwrap();
        let nothing = serde_json::Map::new();
        let received =
            Received { method: "POST", url: URL, queries: &nothing, headers: &[], body: b"" };
        let verification = verification(&connection, webhook, &received).unwrap();
        let Verification::Certificate(signed) = verification else {
            panic!("a certificate is asked for");
        };
        assert_eq!(signed.certificate_hosts, hosts);
        assert_eq!(signed.trust_anchors_pem.as_deref(), anchors);
        assert_eq!(signed.issuer_contains, "O=Microsoft Corporation");
        assert_eq!(signed.signature_headers, ["x-ms-signature", "authorization"]);
        assert_eq!(signed.algorithms, ["rsa-sha256"]);
    };
    check(&[], &["3psostorageacct.blob.core.windows.net"], None);
    check(
        &["certificateHosts=http://127.0.0.1:8071, pki.example", "trustAnchors=PEM"],
        &["http://127.0.0.1:8071", "pki.example"],
        Some("PEM"),
    );
}

#[test]
fn deliveries_are_read_in_either_spelling() {
    let connection = events();
    let (trigger, _) = trigger(&connection, "ReferralEvents");
    let read = |body: &Value, wishes: Value| -> Event {
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        receive(&connection, trigger, &wishes, &headers, body.to_string().as_bytes()).unwrap()
    };
    let uri = "https://api.partnercenter.microsoft.com/engagements/v1/referrals/5dd4dc44";
    let date = "2018-02-17T00:05:39.5485487+00:00";
    let pascal = json!({
        "EventName": "referral-created", "ResourceUri": uri, "ResourceName": "referral",
        "AuditUri": null, "ResourceChangeUtcDate": date,
    });
    let camel = json!({
        "eventName": "referral-created", "resourceUri": uri, "resourceName": "referral",
        "resourceChangeUtcDate": date,
    });
    for body in [pascal.clone(), camel] {
        let event = read(&body, json!({}));
        assert!(event.wanted);
        assert_eq!(event.dedupe_key, Some(format!("referral-created|{uri}|{date}|")));
        assert_eq!(
            event.outputs["body"],
            json!({ "ReferralId": "5dd4dc44", "EventName": "referral-created", "ChangedAt": date, "ResourceUri": uri })
        );
    }
    assert!(!read(&pascal, json!({ "events": ["referral-updated"] })).wanted);
    let large = vec![b' '; 65_537];
    let failure = receive(&connection, trigger, &json!({}), &[], &large).unwrap_err();
    assert_eq!(failure.message, "a delivery has at most 65536 bytes");
}

#[test]
fn what_several_flows_want_is_one_subscription() {
    let connection = events();
    let (events, _) = trigger(&connection, "ReferralEvents");
    let dynamics = dynamics();
    let (rows, _) = trigger(&dynamics, "SubscribeWebhookTrigger");
    let check = |trigger: &Trigger, all: &[Value], expected: Result<Value, &str>| {
        let united = union(trigger, all).map_err(|it| it.message);
        assert_eq!(united, expected.map_err(str::to_owned), "{all:?}");
    };
    let one = json!({ "events": ["a", "b"], "overwrite": false });
    let other = json!({ "events": ["b", "c"], "overwrite": true });
    let both = json!({ "events": ["a", "b", "c"], "overwrite": true });
    check(events, &[one.clone(), other.clone()], Ok(both));
    check(events, std::slice::from_ref(&other), Ok(other.clone()));
    // What a flow leaves to the connector is wanted, too.
    let usual = [
        "referral-created",
        "referral-updated",
        "related-referral-created",
        "related-referral-updated",
        "a",
        "b",
    ];
    let more = json!({ "events": usual, "overwrite": false });
    check(events, &[json!({}), one], Ok(more));
    check(events, &[], Ok(json!({})));
    check(events, &[json!({ "event": 1 })], Err("`ReferralEvents` has no parameter `event`"));
    let row = |name: &str| json!({ "subscriptionRequest/message": 1, "subscriptionRequest/entityname": name });
    check(
        rows,
        &[row("account"), row("contact")],
        Err("flows share the subscription of `SubscribeWebhookTrigger` and do not agree on \
             `subscriptionRequest/entityname`"),
    );
}

#[test]
fn what_a_service_delivers_is_compared_with_what_is_wanted() {
    let connection = events();
    let (trigger, subscription) = trigger(&connection, "ReferralEvents");
    for (present, expected) in [
        (&["b", "A"][..], true),
        (&["a", "a", "b"], true),
        (&["a"], false),
        (&["a", "b", "c"], false),
    ] {
        let events = present.iter().map(|it| (*it).to_owned()).collect();
        let current = Current { url: URL.to_owned(), events };
        let wishes = json!({ "events": ["a", "b"] });
        let same = delivers(trigger, subscription, &wishes, &current).unwrap();
        assert_eq!(same, expected, "{present:?}");
    }
}

#[test]
fn what_an_operation_subscribed_to_can_be_taken_back() {
    let connection = connect(
        "connector: desk
version: 1.0.0
title: Desk
http: { baseUrl: https://desk.example }
operations:
  Plain: { effect: action, request: POST /a, body: { type: object } }
  InQuery: { effect: action, request: POST /a, params: { url: { type: string, x-ms-notification-url: true } } }
  InBody:
    effect: action
    request: POST /a
    params: { n: { type: integer } }
    body: { properties: { to: { properties: { url: { x-ms-notification-url: true } } } } }
  Said:
    extends: InBody
    unsubscribe: { operation: End, with: { id: \"@body()?['id']\", n: \"@input('n')\", url: '@callbackUrl()' } }
  End: { effect: delete, request: 'DELETE /a/{id}', params: { id: { type: string, required: true } } }
",
        &[],
    );
    let located =
        json!({ "statusCode": 201, "headers": { "LOCATION": "/a/1" }, "body": { "id": "1" } });
    let cases = [
        ("Plain", json!({}), &located, "none"),
        ("InQuery", json!({}), &located, "/a/1"),
        ("InBody", json!({ "body/x": 1 }), &located, "/a/1"),
        ("InBody", json!({}), &json!({ "statusCode": 200, "headers": {} }), "none"),
        (
            "Said",
            json!({ "n": 7 }),
            &located,
            r#"End {"id":"1","n":7,"url":"https://flows.example/hooks/partner-center/5f3a"}"#,
        ),
        ("Said", json!({ "m": 7 }), &located, "`Said` has no parameter `m`"),
    ];
    for (id, inputs, answer, expected) in cases {
        let operation = connection.connector.operation(id).unwrap();
        let call = crate::Call { callback_url: Some(URL), ..call(&inputs) };
        let actual = match removal(&connection, operation, &call, answer) {
            Ok(Removal::None) => "none".to_owned(),
            Ok(Removal::Call(id, inputs)) => format!("{id} {inputs}"),
            Ok(Removal::Made(location, removing)) => {
                let call = crate::Call {
                    inputs: &Value::Null,
                    link: Some(crate::Link::Made(&location)),
                    ..call
                };
                let request = crate::request::build(&connection, &removing, &call, None).unwrap();
                assert_eq!((request.method.as_str(), request.body), ("DELETE", None));
                request.url
            }
            Err(failure) => failure.message,
        };
        assert_eq!(actual, expected, "{id}");
    }
}

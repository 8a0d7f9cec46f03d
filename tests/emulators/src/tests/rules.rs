//! Every rule of the Referrals API once: a request that breaks it, and the field it names.

use serde_json::{Value, json};

use super::{World, deal};

/// The deal with one pointer set to a value; null removes the member.
fn but(pointer: &str, value: Value) -> Value {
    let mut deal = deal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = deal.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.shift_remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    deal
}

#[tokio::test]
async fn creation() {
    let world = World::new().await;
    let share = "/consent/consentToShareReferralWithMicrosoftSellers";
    let mut unsolved = but(share, json!(true));
    unsolved["details"]["requirements"]["solutions"] = json!([]);
    let mut helpless = but("/customerProfile/team", json!([]));
    helpless["inviteContext"] = json!({ "assistanceRequestCode": "GeneralOrOther" });
    let cases = [
        (but("/type", Value::Null), "type"),
        (but("/customerProfile", Value::Null), "customerProfile"),
        (but("/consent", Value::Null), "consent"),
        (but("/details", Value::Null), "details"),
        (but("/name", Value::Null), "name"),
        (but("/details/dealValue", Value::Null), "details/dealValue"),
        (but("/details/dealValue", json!("many")), "details/dealValue"),
        (but("/details/dealValue", json!(-1)), "details/dealValue"),
        (but("/details/currency", json!("dollars")), "details/currency"),
        (but("/details/closingDateTime", json!("soon")), "details/closingDateTime"),
        (but("/details/closeDate", json!("2026-01-01")), "details/closeDate"),
        (but("/customerProfile/address/country", json!("USA")), "customerProfile/address/country"),
        (but("/customerProfile/address/country", json!("XX")), "customerProfile/address/country"),
        (but("/customerProfile/size", json!("huge")), "customerProfile/size"),
        (but("/type", json!("Alone")), "type"),
        (but("/qualification", json!("Great")), "qualification"),
        (but("/target", json!([{ "type": "Star", "id": "1" }])), "target"),
        (but(share, json!("yes")), share.trim_start_matches('/')),
        (but("/team", json!([])), "team"),
        (but("/team", json!([{ "firstName": "John" }])), "team"),
        (but("/team", json!([{ "emailAddress": "a@b.example" }])), "team"),
        (unsolved, "details/requirements/solutions"),
        (helpless, "customerProfile/team"),
        (
            but("/details/requirements/additionalRequirements", json!({})),
            "details/requirements/additionalRequirements/attributes",
        ),
        (but("/status", json!("Closed")), "substatus"),
        (but("/links", json!({})), "links"),
        (but("/nickname", json!("x")), "nickname"),
        (json!([]), "body"),
    ];
    for (body, target) in cases {
        let got = world.referral("POST", "", &[], body.clone()).await;
        assert_eq!((got.status, got.code().as_str()), (400, "invalidRequest"), "{body}");
        assert_eq!(got.json()["error"]["target"], target, "{}", got.text);
    }
    assert!(world.pc().referrals().is_empty());
    let mut shared = but(share, json!(true));
    shared["inviteContext"] = json!({ "assistanceRequestCode": "GeneralOrOther" });
    assert_eq!(world.referral("POST", "", &[], shared).await.status, 200);
}

fn set(path: &str, value: impl Into<Value>) -> Value {
    json!({ "op": "replace", "path": path, "value": value.into() })
}

/// The shapes a public but wrong client sends, and every way to break a patch.
#[tokio::test]
async fn patches() {
    let world = World::new().await;
    let id = world.pc().create_referral(json!({}));
    let before = world.pc().referral(&id).unwrap();
    let share = "/consent/consentToShareReferralWithMicrosoftSellers";
    let cases = [
        json!({ "status": "Active", "closeDate": "2026-01-01" }),
        json!({ "op": "replace", "path": "/status", "value": "Active" }),
        json!([]),
        json!(["replace"]),
        json!([{ "op": "remove", "path": "/campaignId" }]),
        json!([{ "op": "move", "path": "/campaignId", "from": "/salesStage" }]),
        json!([{ "op": "replace", "path": "/campaignId" }]),
        json!([{ "op": "replace", "value": 1 }]),
        json!([set("/name", "one way")]),
        json!([set("/customerProfile/address/city", "Berlin")]),
        json!([set("/details/closeDate", "2026-01-01")]),
        json!([set("/details/dealValue", "much")]),
        json!([set("/details/dealValue", Value::Null)]),
        json!([set("/details/currency", "usd")]),
        json!([set("/details/closingDateTime", "2026-01-01")]),
        json!([set("/team/-", json!({ "email": "a@b.example" }))]),
        json!([{ "op": "add", "path": "/team/-", "value": { "emailAddress": "a@b.example" } }]),
        json!([set("/team", json!([]))]),
        json!([set("/details/requirements/solutions", json!([]))]),
        json!([set("/registrations/0/contract/term", "Finite")]),
        json!([set("/status", "Active")]),
        json!([set("/substatus", "Won")]),
        json!([set("/status", "Closed")]),
        json!([set("/status", "Closed"), set("/substatus", "Lost")]),
        json!([set("/status", "Closed"), set("/substatus", "Declined")]),
        json!([set("/status", "Paused")]),
        json!([set(share, false)]),
        // One wrong operation takes the right ones with it.
        json!([set("/details/notes", "kept?"), set("/name", "no")]),
    ];
    for body in cases {
        let got = world.referral("PATCH", &format!("/{id}"), &[], body.clone()).await;
        assert_eq!((got.status, got.code().as_str()), (400, "invalidRequest"), "{body}");
    }
    assert_eq!(world.pc().referral(&id).unwrap(), before);
}

/// Every step of the life cycle, allowed or not.
#[tokio::test]
async fn transitions() {
    let world = World::new().await;
    let cases = [
        ("New", "Pending", "New", "Received", 204),
        ("New", "Pending", "Active", "Accepted", 204),
        ("New", "Pending", "Closed", "Declined", 204),
        ("New", "Pending", "Closed", "Expired", 204),
        ("Active", "Accepted", "Closed", "Won", 204),
        ("Active", "Accepted", "Closed", "Lost", 204),
        ("Active", "Accepted", "Active", "Accepted", 204),
        ("Active", "Accepted", "New", "Pending", 400),
        ("Active", "Accepted", "Active", "Won", 400),
        ("New", "Pending", "Active", "Received", 400),
        ("New", "Pending", "None", "None", 400),
        ("Closed", "Won", "Active", "Accepted", 400),
        ("Closed", "Lost", "Closed", "Won", 400),
        ("Closed", "Expired", "Closed", "Expired", 400),
    ];
    for (status, substatus, to, sub_to, expected) in cases {
        let from = json!({ "status": status, "substatus": substatus });
        let id = world.pc().create_referral(from);
        let body = json!([
            set("/status", to),
            set("/substatus", sub_to),
            set("/statusReason", "as agreed"),
        ]);
        let got = world.referral("PATCH", &format!("/{id}"), &[], body).await;
        assert_eq!(got.status, expected, "{status}/{substatus} to {to}/{sub_to}: {}", got.text);
    }
}

#[tokio::test]
async fn methods_and_media_types() {
    let world = World::new().await;
    let id = world.pc().create_referral(json!({}));
    let one = format!("/{id}");
    let cases = [
        ("GET", "/00000000-0000-0000-0000-000000000001", Value::Null, 404),
        ("PATCH", "/nobody", json!([]), 404),
        ("PUT", "/nobody", json!({}), 404),
        ("DELETE", one.as_str(), Value::Null, 405),
        ("POST", one.as_str(), json!({}), 405),
        ("DELETE", "", Value::Null, 405),
        ("GET", "/a/b", Value::Null, 404),
    ];
    for (method, rest, body, status) in cases {
        let got = world.referral(method, rest, &[], body).await;
        assert_eq!(got.status, status, "{method} {rest}: {}", got.text);
    }
    let url = format!("{}/v1.0/engagements/referrals/{id}", world.pc().url());
    let bearer = format!("Bearer {}", world.referrals);
    let text = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    assert_eq!(world.send("PATCH", &url, &text, "[]".to_owned()).await.status, 415);
    let broken = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(world.send("PATCH", &url, &broken, "[{".to_owned()).await.status, 400);
}

//! The life of a referral over the Referrals API.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{World, deal};

fn op(op: &str, path: &str, value: impl Into<Value>) -> Value {
    json!({ "op": op, "path": path, "value": value.into() })
}

#[tokio::test]
async fn from_creation_to_won() {
    let mut world = World::new().await;
    let made = world.referral("POST", "", &[], deal()).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let referral = made.json();
    let id = referral["id"].as_str().unwrap();
    assert_eq!(referral["status"], "Active");
    assert_eq!(referral["substatus"], "Accepted");
    assert_eq!(referral["direction"], "Outgoing");
    assert_eq!(referral["updatedDateTime"], "2026-03-01T08:00:00.0000000Z");
    let etag = referral["eTag"].as_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    assert_eq!(made.header("etag"), etag);
    assert!(!made.header("request-id").is_empty());

    // The three spellings of one resource, and a caller's own request id.
    for rest in ["", "/", "//"] {
        let id_header = [("client-request-id", "11111111-2222-3333-4444-555555555555")];
        let got = world.referral("GET", &format!("/{id}{rest}"), &id_header, Value::Null).await;
        assert_eq!(got.json(), referral);
        assert_eq!(got.header("client-request-id"), id_header[0].1);
    }

    let money = json!([op("replace", "/details/dealValue", "10000")]);
    let silent =
        world.referral("PATCH", &format!("/{id}"), &[("if-match", &etag)], money.clone()).await;
    assert_eq!((silent.status, silent.text.as_str()), (204, ""));
    let stale = world.referral("PATCH", &format!("/{id}"), &[("if-match", &etag)], money).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "resourceModified"));

    world.pc().advance(Duration::from_hours(72));
    world.sign_in().await;
    let won = json!([
        op("replace", "/status", "Closed"),
        op("replace", "/substatus", "Won"),
        op("add", "/team/-", json!({ "firstName": "Jane", "email": "jane@contoso.example" })),
    ]);
    let prefer = [("prefer", "return=representation")];
    let got = world.referral("PATCH", &format!("/{id}//"), &prefer, won).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let closed = got.json();
    assert_eq!(closed["details"]["dealValue"], json!(10000));
    assert_eq!(closed["team"].as_array().unwrap().len(), 2);
    assert_eq!(closed["closedDateTime"], closed["updatedDateTime"]);
    assert_eq!(closed["updatedDateTime"], "2026-03-04T08:00:00.0000000Z");
    assert_eq!(world.pc().referral(id).unwrap(), closed);

    // Closed is closed, but a deal that was won may be registered.
    let note = json!([op("replace", "/details/notes", "late")]);
    assert_eq!(world.referral("PATCH", &format!("/{id}"), &[], note).await.status, 400);
    let registration =
        json!([op("add", "/registrations/-", json!({ "type": "AzureIPCoSell", "contract": {} }))]);
    assert_eq!(world.referral("PATCH", &format!("/{id}/"), &[], registration).await.status, 204);
    let term = json!([op("replace", "/registrations/0/contract/term", "Finite")]);
    assert_eq!(world.referral("PATCH", &format!("/{id}//"), &[], term).await.status, 204);
    let registered = world.pc().referral(id).unwrap();
    assert_eq!(registered["registrations"][0]["contract"]["term"], "Finite");
    assert_eq!(registered["registrationStatus"], "ReviewPending");
}

#[tokio::test]
async fn a_deal_won_too_soon_cannot_be_registered() {
    let world = World::new().await;
    let made = world.referral("POST", "", &[], deal()).await.json();
    let path = format!("/{}", made["id"].as_str().unwrap());
    let won = json!([op("replace", "/status", "Closed"), op("replace", "/substatus", "Won")]);
    assert_eq!(world.referral("PATCH", &path, &[], won).await.status, 204);
    let registration = json!([op("add", "/registrations/-", json!({ "type": "AzureIPCoSell" }))]);
    let got = world.referral("PATCH", &path, &[], registration).await;
    assert_eq!((got.status, got.json()["error"]["target"].as_str()), (400, Some("registrations")));
}

#[tokio::test]
async fn microsoft_accepts_and_both_sides_get_its_id() {
    let world = World::new().await;
    let mut shared = deal();
    shared["consent"]["consentToShareReferralWithMicrosoftSellers"] = json!(true);
    let own = world.referral("POST", "", &[], shared.clone()).await.json();
    let mut copy = shared;
    copy["engagementId"] = own["engagementId"].clone();
    copy["target"] = json!([{ "type": "BusinessProfileLocation", "id": "msft" }]);
    let copy = world.referral("POST", "", &[], copy).await.json();
    assert_eq!((&copy["organizationId"], &copy["status"]), (&json!("msft"), &json!("New")));
    let accepted = json!({ "status": "Active", "substatus": "Accepted" });
    assert!(world.pc().patch_referral(copy["id"].as_str().unwrap(), accepted));
    let ids: BTreeSet<String> = world
        .pc()
        .referrals()
        .iter()
        .map(|it| it["trackingInfo"]["microsoftMsxId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn replacing_needs_the_present_etag() {
    let world = World::new().await;
    let made = world.referral("POST", "", &[], deal()).await.json();
    let path = format!("/{}", made["id"].as_str().unwrap());
    let etag = made["eTag"].as_str().unwrap();
    let mut whole = deal();
    whole["name"] = json!("Renamed");
    whole["externalReferenceId"] = json!("crm-1");

    assert_eq!(world.referral("PUT", &path, &[], whole.clone()).await.status, 428);
    let stale = world.referral("PUT", &path, &[("if-match", "\"0\"")], whole.clone()).await;
    assert_eq!(stale.status, 412);
    let mut linked = whole.clone();
    linked["links"] = json!({});
    let got = world.referral("PUT", &path, &[("if-match", etag)], linked).await;
    assert_eq!(got.json()["error"]["target"], "links");
    let got = world.referral("PUT", &path, &[("if-match", etag)], whole).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(got.json()["name"], "Renamed");
    assert_eq!(got.json()["externalReferenceId"], "crm-1");
    assert_eq!(got.json()["status"], "Active");
    assert_ne!(got.json()["eTag"], made["eTag"]);
}

#[tokio::test]
async fn microsofts_own_referrals_wait_and_expire() {
    let mut world = World::new().await;
    let id = world.pc().create_referral(json!({ "name": "Hello", "details": { "dealValue": 7 } }));
    let referral = world.pc().referral(&id).unwrap();
    assert_eq!(referral["status"], "New");
    assert_eq!(referral["substatus"], "Pending");
    assert_eq!(referral["direction"], "Incoming");
    assert_eq!(referral["type"], "Shared");
    assert_eq!(referral["details"]["dealValue"], 7);
    assert_eq!(referral["details"]["currency"], "USD");
    assert_eq!(referral["expirationDateTime"], "2026-03-15T08:00:00.0000000Z");

    let accepted = world.pc().create_referral(json!({}));
    let accept =
        json!([op("replace", "/status", "Active"), op("replace", "/substatus", "Accepted"),]);
    let got = world.referral("PATCH", &format!("/{accepted}"), &[], accept).await;
    assert_eq!(got.status, 204, "{}", got.text);

    world.pc().advance(Duration::from_hours(14 * 24));
    world.sign_in().await;
    let got = world.referral("GET", &format!("/{id}"), &[], Value::Null).await.json();
    assert_eq!((&got["status"], &got["substatus"]), (&json!("Closed"), &json!("Expired")));
    let other = world.pc().referral(&accepted).unwrap();
    assert_eq!(other["status"], "Active");
    assert_eq!(other["expirationDateTime"], Value::Null);

    let changes = json!({ "trackingInfo": { "microsoftMsxId": "7-ABC" } });
    assert!(world.pc().patch_referral(&accepted, changes));
    assert_eq!(world.pc().referral(&accepted).unwrap()["trackingInfo"]["microsoftMsxId"], "7-ABC");
    assert!(!world.pc().patch_referral("nobody", json!({})));
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_paged() {
    let world = World::new().await;
    let pc = world.pc();
    let engagement = "65921e35-4f28-472f-9ae4-58ddd6ae6270";
    pc.create_referral(json!({ "name": "one", "engagementId": engagement }));
    pc.create_referral(
        json!({ "name": "two", "customerProfile": { "address": { "country": "DE" } } }),
    );
    pc.create_referral(json!({ "name": "three", "team": [{ "email": "ann@fabrikam.example" }] }));
    world.referral("POST", "", &[], deal()).await;
    let all = ["one", "two", "three", "Contoso Test Deal"];
    let cases: &[(&str, &[&str])] = &[
        ("", &all),
        ("$filter=engagementId eq '65921e35-4f28-472f-9ae4-58ddd6ae6270'", &["one"]),
        ("$filter=engagementId eq 65921E35-4f28-472f-9ae4-58ddd6ae6270", &["one"]),
        ("$filter=status eq 'New' and direction eq 'Incoming'", &all[..3]),
        (
            "$filter=substatus eq 'Accepted' or customerProfile/address/country eq 'DE'",
            &["two", all[3]],
        ),
        (
            "$filter=(status eq 'New' or status eq 'Active') and customerProfile/address/country ne 'US'",
            &["two"],
        ),
        ("$filter=email eq 'ann@fabrikam.example'", &["three"]),
        ("$filter=qualification eq 'Direct'", &[]),
        ("$filter=updatedDateTime gt 2026-03-01T08:00:00.0000001Z", &all[2..]),
        ("$filter=updatedDateTime le '2026-03-01T08:00:00Z'", &["one"]),
        ("$orderby=updatedDateTime desc", &["Contoso Test Deal", "three", "two", "one"]),
        ("$orderby=createdDateTime asc&$top=2&$skip=1", &["two", "three"]),
    ];
    for (query, expected) in cases {
        let path = format!("?{}", query.replace(' ', "%20"));
        let got = world.referral("GET", &path, &[], Value::Null).await;
        assert_eq!(got.status, 200, "{query}: {}", got.text);
        let body = got.json();
        let names: Vec<_> =
            body["value"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(names, *expected, "{query}");
    }
    for query in [
        "$filter=name eq 'one'",
        "$filter=status eq New",
        "$filter=contains(status,'N')",
        "$filter=status eq 'New' and",
        "$filter=status lk 'New'",
        "$orderby=name",
        "$expand=links",
        "$skiptoken=made-up",
        "$top=many",
    ] {
        let path = format!("?{}", query.replace(' ', "%20"));
        let got = world.referral("GET", &path, &[], Value::Null).await;
        assert_eq!((got.status, got.code().as_str()), (400, "invalidRequest"), "{query}");
    }
}

#[tokio::test]
async fn pages_hold_one_hundred() {
    let world = World::new().await;
    for number in 0..250 {
        world.pc().create_referral(json!({ "name": format!("deal {number}") }));
    }
    let mut url = format!(
        "{}/v1.0/engagements/referrals?$filter=status%20eq%20'New'&$select=id,name",
        world.pc().url()
    );
    let (mut names, mut sizes) = (BTreeSet::new(), Vec::new());
    loop {
        let body = world.api(("GET", &url), &world.referrals, &[], Value::Null).await.json();
        assert_eq!(body["@odata.count"], 250);
        let rows = body["value"].as_array().unwrap();
        sizes.push(rows.len());
        for row in rows {
            assert_eq!(row.as_object().unwrap().len(), 2);
            names.insert(row["name"].to_string());
        }
        match body["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    assert_eq!((sizes, names.len()), (vec![100, 100, 50], 250));
}

#[tokio::test]
async fn what_was_read_can_be_put_back() {
    let world = World::new().await;
    let id = world.pc().create_referral(json!({}));
    let path = format!("/{id}");
    let mut whole = world.referral("GET", &path, &[], Value::Null).await.json();
    whole.as_object_mut().unwrap().shift_remove("links");
    whole["externalReferenceId"] = json!("lead-7");
    let etag = whole["eTag"].as_str().unwrap().to_owned();
    let got = world.referral("PUT", &path, &[("if-match", &etag)], whole.clone()).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let mut after = got.json();
    for name in ["eTag", "updatedDateTime"] {
        assert_ne!(after[name], whole[name]);
        after[name] = whole[name].clone();
    }
    after.as_object_mut().unwrap().shift_remove("links");
    assert_eq!(after, whole);
}

#[tokio::test]
async fn a_shared_deal_has_two_sides() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let events = ["related-referral-created", "related-referral-updated"];
    let registration = json!({ "webhookUrl": url, "webhookEvents": events });
    assert_eq!(world.webhook("POST", "", registration).await.status, 200);
    let share = "consentToShareReferralWithMicrosoftSellers";
    let private = world.referral("POST", "", &[], deal()).await.json();
    let mut shared = deal();
    shared["consent"][share] = json!(true);
    let own = world.referral("POST", "", &[], shared.clone()).await.json();
    let side = |engagement: &Value, target: &str| {
        let mut side = shared.clone();
        side["engagementId"] = engagement.clone();
        side["target"] = json!([{ "type": "BusinessProfileLocation", "id": target }]);
        side
    };
    let cases = [
        (side(&json!("65921e35-4f28-472f-9ae4-58ddd6ae6270"), "msft"), "engagementId"),
        (
            side(&private["engagementId"], "msft"),
            "consent/consentToShareReferralWithMicrosoftSellers",
        ),
        (side(&own["engagementId"], "someone"), "target"),
    ];
    for (body, target) in cases {
        let got = world.referral("POST", "", &[], body).await;
        assert_eq!((got.status, &got.json()["error"]["target"]), (400, &json!(target)));
    }
    let copy = world.referral("POST", "", &[], side(&own["engagementId"], "msft")).await.json();
    assert_eq!((&copy["organizationId"], &copy["status"]), (&json!("msft"), &json!("New")));
    assert_eq!(copy["engagementId"], own["engagementId"]);
    let third = world.referral("POST", "", &[], side(&own["engagementId"], "msft")).await;
    assert_eq!(third.status, 400);

    // The partner reads Microsoft's side, but only Microsoft changes it.
    let id = copy["id"].as_str().unwrap();
    let note = json!([op("replace", "/details/notes", "mine")]);
    assert_eq!(world.referral("PATCH", &format!("/{id}"), &[], note).await.status, 403);
    let accepted = json!({
        "status": "Active", "substatus": "Accepted", "trackingInfo": { "microsoftMsxId": "7-ABC" },
    });
    assert!(world.pc().patch_referral(id, accepted));
    world.pc().settled().await;
    let told: Vec<Value> = receiver
        .received()
        .iter()
        .map(|it| serde_json::from_slice::<Value>(&it.body).unwrap()["EventName"].clone())
        .collect();
    assert_eq!(told, events);
}

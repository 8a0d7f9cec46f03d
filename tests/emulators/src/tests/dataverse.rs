//! Records of the Dataverse Web API: writing, reading, conflicts, closing.

use serde_json::{Value, json};

use super::World;
use super::receiver::Receiver;
use crate::ChangeKind;

const ID: &str = "11111111-2222-4333-8444-555555555555";

#[tokio::test]
async fn the_life_of_an_opportunity() {
    let world = World::new().await;
    let id = &create(&world).await;
    update_and_close(&world, id).await;
    let changes = world.running.dataverse.changes("opportunities");
    assert_eq!(
        Value::Object(changes[1].columns.clone()),
        json!({ "estimatedvalue": 5.0, "statuscode": 2 })
    );
    assert_eq!(changes[0].id, *id);
    let written: Vec<_> = changes[0].columns.keys().map(String::as_str).collect();
    assert_eq!(
        written,
        [
            "name",
            "estimatedvalue",
            "estimatedclosedate",
            "_customerid_value",
            "_transactioncurrencyid_value",
            "flowright_referralidentifier",
            "flowright_syncwithpartnercenter",
        ]
    );
    let kinds: Vec<_> = changes.iter().map(|it| it.kind).collect();
    let update = ChangeKind::Update;
    assert_eq!(kinds, [ChangeKind::Create, update, update, update, update, ChangeKind::Delete]);
}

/// Creates an opportunity with lookups and checks what is shown of it.
async fn create(world: &World) -> String {
    let account = world.data("POST", "accounts", &[], json!({ "name": "Contoso" })).await;
    let address = account.header("odata-entityid").to_owned();
    let account = address.split(['(', ')']).nth(1).unwrap();
    let usd = "transactioncurrencies?$select=isocurrencycode&$filter=isocurrencycode%20eq%20'usd'";
    let usd = world.data("GET", usd, &[], Value::Null).await.json();
    let usd = usd["value"][0]["transactioncurrencyid"].as_str().unwrap().to_owned();

    let deal = json!({
        "name": "Deal", "estimatedvalue": 30000.126, "estimatedclosedate": "2026-06-24",
        "customerid_account@odata.bind": format!("/accounts({account})"),
        "transactioncurrencyid@odata.bind": format!("/transactioncurrencies({usd})"),
        "flowright_referralidentifier": "r-1", "flowright_syncwithpartnercenter": true,
    });
    let prefer = [("prefer", "return=representation,odata.include-annotations=*")];
    let made = world.data("POST", "opportunities", &prefer, deal).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("preference-applied"), "return=representation");
    assert_eq!(made.header("odata-version"), "4.0");
    let row = made.json();
    let id = row["opportunityid"].as_str().unwrap();
    assert_eq!(row["estimatedvalue"], json!(30000.13));
    assert_eq!(row["_customerid_value"], account);
    let annotation = "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname";
    assert_eq!(row[annotation], "account");
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(0), &json!(1)));
    assert_eq!(row["createdon"], "2026-03-01T08:00:00Z");
    assert_eq!(made.header("etag"), row["@odata.etag"].as_str().unwrap());

    id.to_owned()
}

async fn update_and_close(world: &World, id: &str) {
    let one = format!("opportunities({id})");
    let got =
        world.data("GET", &format!("{one}?$select=name,_customerid_value"), &[], Value::Null).await;
    let names: Vec<_> = got.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        ["@odata.context", "@odata.etag", "opportunityid", "name", "_customerid_value"]
    );
    let etag = [("if-none-match", got.header("etag"))];
    assert_eq!(world.data("GET", &one, &etag, Value::Null).await.status, 304);

    let small = json!({ "estimatedvalue": 5, "statuscode": 2 });
    assert_eq!(world.data("PATCH", &one, &[], small.clone()).await.status, 204);
    assert_eq!(world.data("GET", &one, &etag, Value::Null).await.status, 200);
    let win = json!({
        "Status": -1,
        "OpportunityClose": { "subject": "won", "opportunityid@odata.bind": format!("/{one}") },
    });
    assert_eq!(world.data("POST", "WinOpportunity", &[], win.clone()).await.status, 204);
    assert_eq!(world.data("POST", "WinOpportunity", &[], win.clone()).await.status, 400);
    assert_eq!(world.data("PATCH", &one, &[], json!({ "name": "late" })).await.status, 400);
    let closed = world.data("GET", &one, &[], Value::Null).await.json();
    assert_eq!((&closed["statecode"], &closed["statuscode"]), (&json!(1), &json!(3)));
    assert_eq!(world.data("PATCH", &one, &[], json!({ "statecode": 0 })).await.status, 204);
    let mut lose = win;
    lose["Status"] = json!(5);
    assert_eq!(world.data("POST", "LoseOpportunity", &[], lose).await.status, 204);
    assert_eq!(world.running.dataverse.rows("opportunities")[0]["statuscode"], 5);
    assert_eq!(world.data("DELETE", &one, &[], Value::Null).await.status, 204);
    assert_eq!(world.data("GET", &one, &[], Value::Null).await.status, 404);
}

/// One request after the other against one record: status, code, and the headers that decide.
#[tokio::test]
async fn conflicts_and_upserts() {
    let world = World::new().await;
    let one = format!("opportunities({ID})");
    let key = "opportunities(flowright_referralidentifier='it''s%201')";
    let name = || json!({ "name": "n" });
    let with_id = json!({ "name": "n", "opportunityid": ID });
    let cases = [
        ("GET", one.as_str(), "", "", Value::Null, 404, "0x80040217"),
        ("PATCH", &one, "if-match", "*", name(), 404, "0x80040217"),
        ("PATCH", &one, "if-match", "W/\"1\"", name(), 404, "0x80040217"),
        ("DELETE", &one, "", "", Value::Null, 404, "0x80040217"),
        ("PATCH", &one, "prefer", "return=representation", name(), 201, ""),
        ("PATCH", &one, "prefer", "return=representation", name(), 200, ""),
        ("PATCH", &one, "if-none-match", "*", name(), 412, "0x80040237"),
        ("PATCH", &one, "if-match", "W/\"1\"", name(), 412, "0x80060882"),
        ("DELETE", &one, "if-match", "W/\"1\"", Value::Null, 412, "0x80060882"),
        ("PATCH", &one, "if-match", "*", name(), 204, ""),
        ("POST", "opportunities", "", "", with_id, 412, "0x80040237"),
        ("PATCH", key, "if-none-match", "*", name(), 204, ""),
        ("PATCH", key, "", "", name(), 204, ""),
        ("GET", key, "", "", Value::Null, 200, ""),
        (
            "PATCH",
            &one,
            "",
            "",
            json!({ "flowright_referralidentifier": "IT'S 1" }),
            412,
            "0x80060892",
        ),
        ("DELETE", key, "", "", Value::Null, 204, ""),
        ("GET", key, "", "", Value::Null, 404, "0x80040217"),
        ("GET", "opportunities(name='n')", "", "", Value::Null, 400, "0x80060888"),
        ("GET", "invoices", "", "", Value::Null, 404, "0x8006088a"),
        ("PUT", &one, "", "", name(), 405, "0x80060888"),
    ];
    for (method, rest, header, value, body, status, code) in cases {
        let headers = [(header, value)];
        let headers = if header.is_empty() { &[][..] } else { &headers[..] };
        let got = world.data(method, rest, headers, body).await;
        let context = format!("{method} {rest} {header}: {value}: {}", got.text);
        assert_eq!((got.status, got.code().as_str()), (status, code), "{context}");
        if status == 204 && method == "PATCH" {
            assert!(got.header("odata-entityid").contains("/api/data/v9.2/opportunities("));
        }
    }
    assert_eq!(world.running.dataverse.rows("opportunities").len(), 1);
    let etag = world.data("GET", &one, &[], Value::Null).await.header("etag").to_owned();
    for status in [204, 412] {
        let got = world.data("PATCH", &one, &[("if-match", &etag)], name()).await;
        assert_eq!(got.status, status);
    }
}

#[tokio::test]
async fn bodies_are_checked() {
    let world = World::new().await;
    let made = json!({ "name": "n", "opportunityid": ID });
    assert_eq!(world.data("POST", "opportunities", &[], made).await.status, 204);
    let before = world.running.dataverse.rows("opportunities");
    let one = format!("opportunities({ID})");
    let bad = "0x80060888";
    let cases = [
        (json!({ "nick": "x" }), 400, bad),
        (json!({ "name": null }), 400, bad),
        (json!({ "name": 5 }), 400, bad),
        (json!({ "name": "x".repeat(301) }), 400, "0x80044331"),
        (json!({ "name": "x".repeat(300) }), 204, ""),
        (json!({ "estimatedvalue": "5" }), 400, bad),
        (json!({ "estimatedclosedate": "2026-06-24T00:00:00Z" }), 400, bad),
        (json!({ "estimatedclosedate": "2026-02-30" }), 400, bad),
        (json!({ "closeprobability": 101 }), 400, "0x80044330"),
        (json!({ "opportunityratingcode": 9 }), 400, "0x8004431a"),
        (json!({ "flowright_syncwithpartnercenter": "yes" }), 400, bad),
        (json!({ "customerid": ID }), 400, bad),
        (json!({ "_customerid_value": ID }), 400, bad),
        (json!({ "customerid_account@odata.bind": format!("/accounts({ID})") }), 404, "0x80040217"),
        (json!({ "customerid_account@odata.bind": format!("/contacts({ID})") }), 400, bad),
        (json!({ "customerid_lead@odata.bind": format!("/accounts({ID})") }), 400, bad),
        (json!({ "ownerid@odata.bind": null }), 204, ""),
        (json!({ "statecode": 1 }), 400, bad),
        (json!({ "statuscode": 3 }), 400, "0x80048408"),
        (json!({ "createdon": "2020-01-01T00:00:00Z" }), 400, bad),
        (json!({ "opportunityid": "00000000-0000-0000-0000-000000000001" }), 400, bad),
        (json!([]), 400, bad),
    ];
    for (body, status, code) in cases {
        let got = world.data("PATCH", &one, &[], body.clone()).await;
        assert_eq!((got.status, got.code().as_str()), (status, code), "{body}: {}", got.text);
    }
    for (body, status) in [
        (json!({}), 400),
        (json!({ "name": "" }), 400),
        (json!({ "name": "n", "statecode": 0 }), 400),
        (
            json!({ "name": "n", "statuscode": 2, "isrevenuesystemcalculated": true, "estimatedvalue": 9 }),
            204,
        ),
    ] {
        let got = world.data("POST", "opportunities", &[], body.clone()).await;
        assert_eq!(got.status, status, "{body}: {}", got.text);
    }
    let rows = world.running.dataverse.rows("opportunities");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["opportunityid"], before[0]["opportunityid"]);
    assert_eq!((&rows[1]["statuscode"], &rows[1]["estimatedvalue"]), (&json!(2), &json!(0.0)));
}

#[tokio::test]
async fn another_user_writes_without_a_request() {
    let world = World::new().await;
    let dataverse = &world.running.dataverse;
    let id = dataverse.put_row("contacts", json!({ "firstname": "Sue", "lastname": "Smith" }));
    let id = id.unwrap();
    let change = json!({ "contactid": id, "lastname": "Jones" });
    assert_eq!(dataverse.put_row("contacts", change).unwrap(), id);
    assert_eq!(dataverse.rows("contacts")[0]["fullname"], "Sue Jones");
    assert!(dataverse.put_row("contacts", json!({ "nick": "x" })).unwrap_err().contains("nick"));
    let who = world.data("GET", "WhoAmI()", &[], Value::Null).await.json();
    assert_eq!(who["UserId"], dataverse.rows("systemusers")[0]["systemuserid"]);
}

#[tokio::test]
async fn subscribers_are_told_of_the_changes_they_asked_for() {
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[503]).await;
    let filters = json!({
        "filteringattributes": "estimatedvalue, customerid",
        "filterexpression": "flowright_syncwithpartnercenter eq true",
    });
    let body = subscription(&url, 4, &filters);
    let made = world.data("POST", "callbackregistrations", &[], body).await;
    assert_eq!(made.status, 204, "{}", made.text);
    let address = made.header("odata-entityid").to_owned();

    let one = format!("opportunities({ID})");
    for body in [
        json!({ "name": "n", "flowright_syncwithpartnercenter": true }),
        json!({ "estimatedvalue": 1 }),
        json!({ "name": "not asked for" }),
        // The same value again: what counts is that the column is in the request.
        json!({ "estimatedvalue": 1 }),
        json!({ "flowright_syncwithpartnercenter": false, "estimatedvalue": 2 }),
    ] {
        assert_eq!(world.data("PATCH", &one, &[], body).await.status, 204);
    }
    assert_eq!(world.data("DELETE", &one, &[], Value::Null).await.status, 204);
    let shown = world.api(("GET", &address), &world.dataverse, &[], Value::Null).await.json();
    assert_eq!((&shown["message"], &shown["url"]), (&json!(4), &Value::Null));
    for status in [204, 404] {
        let got = world.api(("DELETE", &address), &world.dataverse, &[], Value::Null).await;
        assert_eq!(got.status, status);
    }
    world.running.dataverse.put_row("opportunities", json!({ "name": "unseen" })).unwrap();
    world.running.dataverse.settled().await;

    let told: Vec<Value> =
        receiver.received().iter().map(|it| serde_json::from_slice(&it.body).unwrap()).collect();
    let brief: Vec<_> = told.iter().map(|it| (&it["SdkMessage"], &it["estimatedvalue"])).collect();
    let (create, update) = (json!("Create"), json!("Update"));
    let (none, value) = (Value::Null, json!(1.0));
    // The first call was answered 503 and is made again.
    assert_eq!(brief, [(&create, &none), (&create, &none), (&update, &value), (&update, &value)]);
    assert_eq!(told[0]["ItemInternalId"], ID);
    assert_eq!(told[0]["RowVersion"], told[0]["versionnumber"].to_string());
}

/// A registration for opportunities; `more` adds members or replaces them.
fn subscription(url: &str, message: i64, more: &Value) -> Value {
    let mut body = json!({
        "version": 1, "name": "flow", "url": url, "entityname": "opportunity", "scope": 4,
        "message": message,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn wrong_subscriptions() {
    let world = World::new().await;
    let url = "https://flows.example/hook";
    for (message, more) in [
        (8, json!({})),
        (1, json!({ "scope": 5 })),
        (1, json!({ "entityname": "invoice" })),
        (1, json!({ "url": "nowhere" })),
        (3, json!({ "filteringattributes": "name,nick" })),
        (3, json!({ "filterexpression": "nick eq 1" })),
    ] {
        let body = subscription(url, message, &more);
        let got = world.data("POST", "callbackregistrations", &[], body).await;
        assert_eq!((got.status, got.code().as_str()), (400, "0x80060888"), "{more}");
    }
    let none = world.data("GET", "callbackregistrations", &[], Value::Null).await.json();
    assert_eq!(none["value"], json!([]));
}

/// Which of the three kinds of change each message number means.
#[tokio::test]
async fn messages() {
    let kinds = ["Create", "Update", "Delete"];
    let cases: [(i64, &[&str]); 7] = [
        (1, &kinds[..1]),
        (2, &kinds[2..]),
        (3, &kinds[1..2]),
        (4, &kinds[..2]),
        (5, &["Create", "Delete"]),
        (6, &kinds[1..]),
        (7, &kinds),
    ];
    let world = World::new().await;
    for (message, expected) in cases {
        let (receiver, url) = Receiver::start(&[]).await;
        let body = subscription(&url, message, &json!({}));
        let made = world.data("POST", "callbackregistrations", &[], body).await;
        let one = format!("opportunities({ID})");
        for method in ["PATCH", "PATCH", "DELETE"] {
            let body = if method == "PATCH" { json!({ "name": "n" }) } else { Value::Null };
            assert_eq!(world.data(method, &one, &[], body).await.status, 204);
        }
        let address = made.header("odata-entityid");
        world.api(("DELETE", address), &world.dataverse, &[], Value::Null).await;
        world.running.dataverse.settled().await;
        let told: Vec<Value> = receiver
            .received()
            .iter()
            .map(|it| serde_json::from_slice::<Value>(&it.body).unwrap()["SdkMessage"].clone())
            .collect();
        assert_eq!(told, expected, "message {message}");
    }
}

//! Lists of the Dataverse Web API: a query a line, and the names it finds.

use serde_json::{Value, json};

use super::World;

async fn world() -> World {
    let world = World::new().await;
    let account =
        world.running.dataverse.put_row("accounts", json!({ "name": "Contoso" })).unwrap();
    let rows = [
        json!({
            "name": "Alpha", "estimatedvalue": 10, "estimatedclosedate": "2026-01-31",
            "flowright_syncwithpartnercenter": true,
            "customerid_account@odata.bind": format!("/accounts({account})"),
        }),
        json!({ "name": "beta's", "estimatedvalue": 20.5, "estimatedclosedate": "2026-06-30" }),
        json!({ "name": "Gamma (old)", "statuscode": 2, "flowright_syncwithpartnercenter": true }),
        json!({ "name": "alphabet", "estimatedvalue": 30, "closeprobability": 50 }),
    ];
    for row in rows {
        world.running.dataverse.put_row("opportunities", row).unwrap();
    }
    world
}

fn escape(query: &str) -> String {
    query.replace('%', "%25").replace(' ', "%20").replace('"', "%22")
}

#[tokio::test]
async fn queries() {
    let world = world().await;
    let account = world.running.dataverse.rows("accounts")[0]["accountid"].to_string();
    let account = account.trim_matches('"');
    let by_account = format!("$filter=_customerid_value eq {account}");
    let by_quoted = format!("$filter=_customerid_value ne '{account}'");
    let (a, b, g, t) = ("Alpha", "beta's", "Gamma (old)", "alphabet");
    let cases: &[(&str, &[&str])] = &[
        ("", &[a, b, g, t]),
        ("$filter=name eq 'ALPHA'", &[a]),
        ("$filter=name eq 'beta''s'", &[b]),
        ("$filter=name ne 'alpha' and estimatedvalue ne null", &[b, t]),
        ("$filter=estimatedvalue gt 10 and estimatedvalue le 30.0", &[b, t]),
        ("$filter=estimatedvalue lt 20.5", &[a]),
        (
            "$filter=statecode eq 0 and estimatedvalue gt 0 and estimatedvalue ne 10 and name ne 'x'",
            &[b, t],
        ),
        ("$filter=name eq 'alpha' or name eq 'x' or name eq 'alphabet'", &[a, t]),
        ("$filter=estimatedvalue eq null", &[g]),
        ("$filter=flowright_syncwithpartnercenter eq true and statuscode ne 2", &[a]),
        ("$filter=estimatedclosedate ge 2026-06-30", &[b]),
        ("$filter=createdon lt 2026-03-01T08:00:00Z", &[]),
        ("$filter=createdon le 2026-03-01T08:00:00Z and not (name eq 'alpha')", &[b, g, t]),
        ("$filter=contains(name,'PHA')", &[a, t]),
        ("$filter=startswith(name,'alpha') and endswith(name,'bet')", &[t]),
        ("$filter=not contains(name, 'a')", &[]),
        ("$filter=contains(name,'(old)')", &[g]),
        ("$filter=name eq 'alpha' or name eq 'alphabet' and closeprobability eq 50", &[a, t]),
        ("$filter=(name eq 'alpha' or name eq 'alphabet') and closeprobability eq 50", &[t]),
        (&by_account, &[a]),
        (&by_quoted, &[b, g, t]),
        ("$orderby=estimatedvalue desc", &[t, b, a, g]),
        ("$orderby=statuscode desc,name", &[g, a, t, b]),
        ("$orderby=name asc&$top=2", &[a, t]),
    ];
    for (query, expected) in cases {
        let path = format!("opportunities?{}", escape(query));
        let got = world.data("GET", &path, &[], Value::Null).await;
        assert_eq!(got.status, 200, "{query}: {}", got.text);
        let body = got.json();
        let mut names: Vec<_> = body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        let mut expected = expected.to_vec();
        if !query.contains("$orderby") {
            names.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(names, expected, "{query}");
    }
}

#[tokio::test]
async fn wrong_queries() {
    let world = world().await;
    for query in [
        "$filter=nick eq 'x'",
        "$filter=name eq 5",
        "$filter=name eq alpha",
        "$filter=estimatedvalue eq '5'",
        "$filter=flowright_visibility eq 1",
        "$filter=_customerid_value eq 'nobody'",
        "$filter=_name_value eq 'x'",
        "$filter=name eq 'open",
        "$filter=name eq",
        "$filter=(name eq 'x'",
        "$filter=name eq 'x')",
        "$filter=trim(name) eq 'x'",
        "$filter=contains(estimatedvalue,'5')",
        "$filter=contains(name)",
        "$filter=",
        "$select=nick",
        "$orderby=nick",
        "$orderby=name sideways",
        "$top=0",
        "$count=maybe",
        "$skip=1",
        "$expand=name",
        "$expand=customerid",
        "$expand=customerid_account($select=nick)",
        "$expand=customerid_account($filter=name eq 'x')",
        "$skiptoken=made-up",
    ] {
        let got =
            world.data("GET", &format!("opportunities?{}", escape(query)), &[], Value::Null).await;
        assert_eq!((got.status, got.code().as_str()), (400, "0x80060888"), "{query}: {}", got.text);
    }
    let deep = format!("$filter={}name eq 'x'{}", "(".repeat(2_000), ")".repeat(2_000));
    let got =
        world.data("GET", &format!("opportunities?{}", escape(&deep)), &[], Value::Null).await;
    assert_eq!(got.status, 400);
}

#[tokio::test]
async fn pages_follow_their_links_as_they_are() {
    let world = world().await;
    let query = escape("opportunities?$select=name&$orderby=name&$count=true");
    let pages = [("prefer", "odata.include-annotations=\"*\", odata.maxpagesize=3")];
    let first = world.data("GET", &query, &pages, Value::Null).await;
    assert_eq!(first.header("preference-applied"), "odata.maxpagesize=3");
    let first = first.json();
    assert_eq!(first["@odata.count"], 4);
    assert_eq!(first["value"].as_array().unwrap().len(), 3);
    let next = first["@odata.nextLink"].as_str().unwrap();

    let token = world.dataverse.as_str();
    let changed = format!("{next}&$top=1");
    assert_eq!(world.api(("GET", &changed), token, &[], Value::Null).await.status, 400);
    for _ in 0..2 {
        let last = world.api(("GET", next), token, &pages, Value::Null).await.json();
        assert_eq!(last["value"][0]["name"], "Gamma (old)");
        assert_eq!(last["value"].as_array().unwrap().len(), 1);
        assert_eq!(last["@odata.nextLink"], Value::Null);
    }
    let top = world.data("GET", "opportunities?$top=4", &pages, Value::Null).await.json();
    assert_eq!(top["value"].as_array().unwrap().len(), 4);
    let zero = [("prefer", "odata.maxpagesize=0")];
    assert_eq!(world.data("GET", "opportunities", &zero, Value::Null).await.status, 400);
}

#[tokio::test]
async fn lookups_are_expanded() {
    let world = world().await;
    let expand = "$expand=transactioncurrencyid($select=isocurrencycode,currencyname),\
                  customerid_account($select=name),customerid_contact";
    let query = format!("opportunities?$select=name&$orderby=name&$top=1&{expand}");
    let body = world.data("GET", &escape(&query), &[], Value::Null).await.json();
    let row = &body["value"][0];
    assert_eq!(row["transactioncurrencyid"]["isocurrencycode"], "USD");
    assert_eq!(row["transactioncurrencyid"]["exchangerate"], Value::Null);
    assert_eq!(row["customerid_account"]["name"], "Contoso");
    assert_eq!(row["customerid_contact"], Value::Null);
    assert_eq!(row["estimatedvalue"], Value::Null);
    let id = row["opportunityid"].as_str().unwrap();
    let etag = [("if-none-match", row["@odata.etag"].as_str().unwrap())];
    let one = format!("opportunities({id})?$expand=ownerid($select=fullname)");
    let got = world.data("GET", &one, &etag, Value::Null).await;
    assert_eq!((got.status, &got.json()["ownerid"]["fullname"]), (200, &json!("Kyle Todd")));
}

//! The wider Dataverse Web API: related records, batches, change tracking, definitions, limits.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{Got, World};

/// Two accounts and an opportunity of the first: their ids.
async fn world() -> (World, [String; 3]) {
    let world = World::new().await;
    let put = |set: &str, row: Value| world.running.dataverse.put_row(set, row).unwrap();
    let one = put("accounts", json!({ "name": "Contoso" }));
    let two = put("accounts", json!({ "name": "Fabrikam" }));
    let bound = format!("/accounts({one})");
    let deal = json!({
        "name": "Deal", "estimatedvalue": 1234.5, "estimatedclosedate": "2026-06-24",
        "parentaccountid@odata.bind": bound, "flowright_referralidentifier": "a/b 1",
    });
    let deal = put("opportunities", deal);
    (world, [one, two, deal])
}

fn fill(text: &str, [one, two, deal]: &[String; 3]) -> String {
    text.replace("{one}", one).replace("{two}", two).replace("{deal}", deal)
}

/// One request after the other: verb, path, body, status, and a part of the answer.
#[tokio::test]
async fn columns_and_related_records() {
    let (world, ids) = world().await;
    let no = Value::Null;
    let reference = |set: &str, id: &str| json!({ "@odata.id": format!("{set}({id})") });
    let value = "opportunities({deal})/estimatedvalue";
    let account = "opportunities({deal})/parentaccountid";
    let deals = "accounts({two})/opportunity_parent_account";
    let member = "accounts({two})/opportunity_parent_account({deal})/$ref";
    let named = "accounts({two})/opportunity_parent_account/$ref?$id=opportunities({deal})";
    let to_two = reference("accounts", &ids[1]);
    let to_deal = reference("opportunities", &ids[2]);
    let cases = [
        ("GET", value, no.clone(), 200, "1234.5"),
        ("GET", "opportunities({deal})/estimatedvalue/$value", no.clone(), 200, "1234.5"),
        ("PUT", value, json!({ "value": 7 }), 204, ""),
        ("PUT", value, json!({ "value": "seven" }), 400, "estimatedvalue"),
        ("PUT", value, json!({}), 400, "`value`"),
        ("GET", value, no.clone(), 200, "7.0"),
        ("DELETE", value, no.clone(), 204, ""),
        ("GET", value, no.clone(), 204, ""),
        ("DELETE", "opportunities({deal})/name", no.clone(), 400, "null"),
        ("POST", value, no.clone(), 405, ""),
        ("GET", "opportunities({deal})/nick", no.clone(), 404, ""),
        ("PUT", "opportunities({deal})/versionnumber", json!({ "value": 1 }), 400, "read-only"),
        ("GET", "opportunities(flowright_referralidentifier='a%2Fb%201')", no.clone(), 200, "Deal"),
        ("GET", account, no.clone(), 200, "Contoso"),
        ("GET", "opportunities({deal})/parentaccountid/$ref", no.clone(), 200, "/accounts({one})"),
        ("PUT", "opportunities({deal})/parentaccountid/$ref", to_two, 204, ""),
        ("GET", account, no.clone(), 200, "Fabrikam"),
        ("GET", deals, no.clone(), 200, "{deal}"),
        ("DELETE", member, no.clone(), 204, ""),
        ("DELETE", member, no.clone(), 400, "not associated"),
        ("GET", account, no.clone(), 204, ""),
        ("POST", "accounts({two})/opportunity_parent_account/$ref", to_deal, 204, ""),
        ("GET", account, no.clone(), 200, "Fabrikam"),
        ("DELETE", named, no.clone(), 204, ""),
        ("PUT", "opportunities({deal})/parentaccountid/$ref", json!({}), 400, "@odata.id"),
        ("GET", "opportunities/$count?$filter=name%20eq%20'deal'", no.clone(), 200, "1"),
        ("POST", "opportunities/Microsoft.Dynamics.CRM.Nope", json!({}), 404, ""),
    ];
    for (method, path, body, status, part) in cases {
        let path = fill(path, &ids);
        let got = world.data(method, &path, &[], body.clone()).await;
        assert_eq!(got.status, status, "{method} {path} {body}: {}", got.text);
        assert!(got.text.contains(&fill(part, &ids)), "{method} {path}: {}", got.text);
    }
}

#[tokio::test]
async fn filters_and_expansions_follow_relations() {
    let (world, ids) = world().await;
    let cases = [
        ("opportunities?$filter=parentaccountid/name eq 'contoso'", 1),
        ("opportunities?$filter=parentaccountid/name eq 'fabrikam'", 0),
        ("opportunities?$filter=ownerid/fullname eq 'Kyle Todd'&$orderby=parentaccountid/name", 1),
        ("accounts?$filter=opportunity_parent_account/any(o:o/estimatedvalue gt 1000)", 1),
        ("accounts?$filter=opportunity_parent_account/any(o:o/estimatedvalue lt 1000)", 0),
        ("accounts?$filter=opportunity_parent_account/any()", 1),
        ("accounts?$filter=not opportunity_parent_account/any()", 1),
        ("accounts?$filter=opportunity_parent_account/all(o:contains(o/name,'eal'))", 2),
        (
            "accounts?$filter=opportunity_parent_account/any(o:(o/name eq 'x' or o/statecode eq 0))",
            1,
        ),
    ];
    for (query, expected) in cases {
        let got = world.data("GET", &query.replace(' ', "%20"), &[], Value::Null).await;
        assert_eq!(got.status, 200, "{query}: {}", got.text);
        assert_eq!(got.json()["value"].as_array().unwrap().len(), expected, "{query}");
    }
    for wrong in [
        "accounts?$filter=opportunity_parent_account/any(o:name eq 'x')",
        "accounts?$filter=opportunity_parent_account/any(o/name eq 'x')",
        "accounts?$filter=opportunity_parent_account/all()",
        "accounts?$filter=nobody/any()",
        "opportunities?$filter=parentaccountid/nick eq 'x'",
        "accounts?$expand=opportunity_parent_account($levels=2)",
    ] {
        let got = world.data("GET", &wrong.replace(' ', "%20"), &[], Value::Null).await;
        assert_eq!(got.status, 400, "{wrong}: {}", got.text);
    }
    let path = fill(
        "accounts({one})?$select=name&$expand=opportunity_parent_account($select=name;$top=1;$filter=statecode eq 0;$orderby=name desc)",
        &ids,
    );
    let got = world.data("GET", &path.replace(' ', "%20"), &[], Value::Null).await.json();
    assert_eq!(got["opportunity_parent_account"][0]["name"], "Deal");
    assert_eq!(got["opportunity_parent_account"][0]["statecode"], Value::Null);
}

#[tokio::test]
async fn annotations_say_what_a_person_would_read() {
    let (world, ids) = world().await;
    let prefer = [("prefer", "odata.include-annotations=\"*\"")];
    let row =
        world.data("GET", &fill("opportunities({deal})", &ids), &prefer, Value::Null).await.json();
    let cases = [
        ("estimatedvalue", "$1,234.50"),
        ("estimatedclosedate", "6/24/2026"),
        ("statuscode", "In Progress"),
        ("flowright_visibility", "No"),
        ("_parentaccountid_value", "Contoso"),
        ("_modifiedby_value", "Ana Bowman"),
        ("createdon", "3/1/2026 8:00 AM"),
    ];
    for (name, expected) in cases {
        let annotation = format!("{name}@OData.Community.Display.V1.FormattedValue");
        assert_eq!(row[&annotation], expected, "{name}");
    }
    assert_eq!(row["_parentaccountid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "account");
    let gone = world
        .data("GET", "accounts(00000000-0000-0000-0000-000000000001)", &prefer, Value::Null)
        .await;
    let message = &gone.json()["error"]["@Microsoft.PowerApps.CDS.InnerError.Message"];
    assert!(message.as_str().unwrap().contains("Does Not Exist"), "{}", gone.text);
}

#[tokio::test]
async fn many_at_once_or_none() {
    let world = World::new().await;
    let kind = "Microsoft.Dynamics.CRM.account";
    let named = |name: Value| json!({ "@odata.type": kind, "name": name });
    let act = async |action: &str, targets: Value| -> Got {
        let path = format!("accounts/Microsoft.Dynamics.CRM.{action}");
        world.data("POST", &path, &[], json!({ "Targets": targets })).await
    };
    let count = || world.running.dataverse.rows("accounts").len();
    let made = act("CreateMultiple", json!([named(json!("A")), named(json!("B"))])).await.json();
    let ids = made["Ids"].as_array().unwrap().clone();
    assert_eq!((ids.len(), count()), (2, 2));
    for wrong in [
        json!([named(json!("C")), named(json!(null))]),
        json!([{ "name": "no type" }]),
        json!([{ "@odata.type": "Microsoft.Dynamics.CRM.contact", "name": "x" }]),
        json!([]),
        json!("A"),
    ] {
        assert_eq!(act("CreateMultiple", wrong.clone()).await.status, 400, "{wrong}");
    }
    assert_eq!(count(), 2);
    let with =
        |id: &Value, name: &str| json!({ "@odata.type": kind, "accountid": id, "name": name });
    let stranger = json!("00000000-0000-0000-0000-000000000001");
    let cases = [
        ("UpdateMultiple", json!([with(&ids[0], "A2"), with(&ids[1], "B2")]), 204, 2),
        ("UpdateMultiple", json!([with(&ids[0], "A3"), with(&stranger, "x")]), 404, 2),
        ("UpsertMultiple", json!([with(&ids[0], "A4"), with(&stranger, "new")]), 204, 3),
        ("DeleteMultiple", json!([with(&ids[1], ""), with(&stranger, "")]), 204, 1),
    ];
    for (action, targets, status, left) in cases {
        assert_eq!((act(action, targets).await.status, count()), (status, left), "{action}");
    }
    assert_eq!(world.running.dataverse.rows("accounts")[0]["name"], "A4");
}

fn batch(requests: &[&str]) -> String {
    let part = |request: &&str| {
        let head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary";
        format!("--b\r\n{head}\r\n\r\n{request}\r\n")
    };
    requests.iter().map(part).collect::<String>() + "--b--\r\n"
}

fn change_set(requests: &[&str]) -> String {
    let part = |(at, request): (usize, &&str)| {
        let head = format!("Content-Type: application/http\r\nContent-ID: {}", at + 1);
        format!("--c\r\n{head}\r\n\r\n{request}\r\n")
    };
    let parts: String = requests.iter().enumerate().map(part).collect();
    format!("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{parts}--c--\r\n--b--\r\n")
}

#[tokio::test]
async fn batches_and_change_sets() {
    let world = World::new().await;
    let head = "HTTP/1.1\r\nContent-Type: application/json";
    let good = format!("POST accounts {head}\r\n\r\n{{\"name\":\"A\"}}");
    let bad = format!("POST /api/data/v9.2/accounts {head}\r\n\r\n{{\"nick\":1}}");
    let linked = format!(
        "POST /api/data/v9.2/contacts {head}\r\n\r\n{{\"lastname\":\"L\",\"parentcustomerid_account@odata.bind\":\"$1\"}}"
    );
    let renamed = format!("PATCH $1 {head}\r\n\r\n{{\"name\":\"Renamed\"}}");
    let read = "GET /api/data/v9.2/accounts?$select=name HTTP/1.1\r\n".to_owned();
    let go_on = "odata.continue-on-error";
    let cases = [
        (batch(&[&good, &read]), "", 200, "201 204 200", 1),
        (batch(&[&bad, &good]), "", 400, "400", 1),
        (batch(&[&bad, &good]), go_on, 200, "400 204", 2),
        (change_set(&[&good, &linked, &renamed]), "", 200, "204 204 204", 3),
        (change_set(&[&good, &bad]), "", 400, "400", 3),
        (change_set(&[&good, &read]), "", 400, "400", 3),
        ("--b--\r\n".to_owned(), "", 400, "", 3),
        ("--b\r\nnever closed".to_owned(), "", 400, "", 3),
    ];
    let url = format!("{}/api/data/v9.2/$batch", world.running.dataverse.url());
    let bearer = format!("Bearer {}", world.dataverse);
    for (body, prefer, status, inner, rows) in cases {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "multipart/mixed; boundary=\"b\""),
            ("prefer", prefer),
        ];
        let got = world.send("POST", &url, &headers, body.clone()).await;
        assert_eq!(got.status, status, "{body}: {}", got.text);
        let inner = inner.replace("201 ", "");
        let lines = got.text.lines().filter_map(|it| it.strip_prefix("HTTP/1.1 "));
        let statuses: Vec<&str> = lines.map(|it| it.split_once(' ').unwrap().0).collect();
        assert_eq!(statuses.join(" "), inner, "{body}");
        assert_eq!(world.running.dataverse.rows("accounts").len(), rows, "{body}");
    }
    let accounts = world.running.dataverse.rows("accounts");
    let renamed = accounts.iter().find(|it| it["name"] == "Renamed").unwrap();
    let contact = &world.running.dataverse.rows("contacts")[0];
    assert_eq!(contact["_parentcustomerid_value"], renamed["accountid"]);
}

#[tokio::test]
async fn changes_since_a_list_was_read() {
    let mut world = World::new().await;
    let put = |world: &World, name: &str| {
        world.running.dataverse.put_row("accounts", json!({ "name": name })).unwrap()
    };
    let (kept, doomed) = (put(&world, "Kept"), put(&world, "Doomed"));
    let prefer = [("prefer", "odata.track-changes,odata.maxpagesize=1")];
    let first = world.data("GET", "accounts?$select=name", &prefer, Value::Null).await;
    assert_eq!(first.header("preference-applied"), "odata.maxpagesize=1,odata.track-changes");
    assert_eq!(first.json()["@odata.deltaLink"], Value::Null);
    let next = first.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    let last = world.api(("GET", &next), &world.dataverse, &prefer, Value::Null).await.json();
    let link = last["@odata.deltaLink"].as_str().unwrap().to_owned();

    let follow = async |world: &World, link: &str| {
        let got = world.api(("GET", link), &world.dataverse, &[], Value::Null).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()
    };
    assert_eq!(follow(&world, &link).await["value"], json!([]));
    world
        .running
        .dataverse
        .put_row("accounts", json!({ "accountid": kept, "name": "K2" }))
        .unwrap();
    world.running.dataverse.delete_row("accounts", &doomed).unwrap();
    let new = put(&world, "New");
    let changed = follow(&world, &link).await;
    let rows: Vec<Value> = changed["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["accountid"], it["name"], it["id"], it["reason"]]))
        .collect();
    let expected = json!([
        [kept, "K2", null, null],
        [new, "New", null, null],
        [null, null, doomed, "deleted"]
    ]);
    assert_eq!(json!(rows), expected);
    let link = changed["@odata.deltaLink"].as_str().unwrap();
    assert_eq!(follow(&world, link).await["value"], json!([]));

    for narrowed in
        ["$top=1", "$filter=name%20eq%20'x'", "$orderby=name", "$expand=primarycontactid"]
    {
        let got = world.data("GET", &format!("accounts?{narrowed}"), &prefer, Value::Null).await;
        assert_eq!(got.status, 400, "{narrowed}");
    }
    world.running.dataverse.advance(Duration::from_hours(8 * 24));
    world.sign_in().await;
    let late = world.api(("GET", link), &world.dataverse, &[], Value::Null).await;
    assert_eq!((late.status, late.code().as_str()), (400, "0x80044352"));
}

#[tokio::test]
async fn definitions() {
    let world = World::new().await;
    let ask = async |path: &str| {
        let got = world.data("GET", &path.replace(' ', "%20"), &[], Value::Null).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text);
        got.json()
    };
    let found =
        ask("EntityDefinitions?$select=EntitySetName&$filter=LogicalName eq 'opportunity'").await;
    let id = found["value"][0]["MetadataId"].as_str().unwrap().to_owned();
    assert_eq!(found["value"][0]["EntitySetName"], "opportunities");
    assert_eq!(found["value"][0]["SchemaName"], Value::Null);
    let by_id =
        ask(&format!("EntityDefinitions({id})?$expand=Attributes($select=LogicalName),Keys")).await;
    assert_eq!(by_id["PrimaryIdAttribute"], "opportunityid");
    assert_eq!(by_id["Keys"][0]["KeyAttributes"], json!(["flowright_referralidentifier"]));
    assert!(by_id["Attributes"].as_array().unwrap().len() > 20);
    let cast = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata";
    let choices = ask(&format!("EntityDefinitions(LogicalName='opportunity')/{cast}?$select=LogicalName&$expand=OptionSet($select=Options)")).await;
    let stage =
        choices["value"].as_array().unwrap().iter().find(|it| it["LogicalName"] == "salesstage");
    assert_eq!(
        stage.unwrap()["OptionSet"]["Options"][3]["Label"]["UserLocalizedLabel"]["Label"],
        "Close"
    );
    let one =
        ask("EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='name')").await;
    assert_eq!(
        (&one["MaxLength"], &one["RequiredLevel"]["Value"]),
        (&json!(300), &json!("ApplicationRequired"))
    );
    let lookups = ask("EntityDefinitions(LogicalName='account')/OneToManyRelationships").await;
    assert!(!lookups["value"].as_array().unwrap().is_empty());
    for (path, status) in [
        ("EntityDefinitions(LogicalName='nobody')", 404),
        ("EntityDefinitions?$filter=nick eq 1", 400),
    ] {
        let got = world.data("GET", &path.replace(' ', "%20"), &[], Value::Null).await;
        assert_eq!(got.status, status, "{path}");
    }
}

#[tokio::test]
async fn six_thousand_and_no_more() {
    let world = World::new().await;
    world.running.dataverse.set_requests_max(2);
    let ask = || world.data("GET", "WhoAmI", &[], Value::Null);
    let left = ask().await;
    assert_eq!(left.header("x-ms-ratelimit-burst-remaining-xrm-requests"), "1");
    assert_eq!(ask().await.status, 200);
    world.running.dataverse.advance(Duration::from_secs(100));
    let refused = ask().await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "0x80072322"));
    assert_eq!(refused.header("retry-after"), "200");
    world.running.dataverse.advance(Duration::from_secs(200));
    assert_eq!(ask().await.status, 200);
}

/// Who owns a record, for which scope somebody is told of it, and as whom the flow is said to run.
#[tokio::test]
async fn scopes_and_runners() {
    let users =
        [crate::seed::USER_ID, crate::seed::COLLEAGUE_ID, "97e4ffa7-0ab0-4933-a344-222f5cc4553e"];
    let cases = [(1, 1, &[0][..]), (2, 2, &[0, 1]), (3, 3, &[0, 1, 2]), (4, 1, &[0, 1, 2])];
    for (scope, runs_as, expected) in cases {
        let world = World::new().await;
        let (receiver, url) = Receiver::start(&[]).await;
        let body = json!({
            "entityname": "opportunity", "message": 1, "scope": scope, "runas": runs_as, "url": url,
            "version": 1, "name": "f",
        });
        assert_eq!(world.data("POST", "callbackregistrations", &[], body).await.status, 204);
        for user in users {
            let row = json!({ "name": "n", "ownerid@odata.bind": format!("/systemusers({user})") });
            world.running.dataverse.put_row("opportunities", row).unwrap();
            world.running.dataverse.settled().await;
        }
        let told: Vec<Value> = receiver
            .received()
            .iter()
            .map(|it| serde_json::from_slice(&it.body).unwrap())
            .collect();
        let owners: Vec<usize> = told
            .iter()
            .map(|it| users.iter().position(|user| it["_ownerid_value"] == *user).unwrap())
            .collect();
        assert_eq!(owners, expected, "scope {scope}");
        for body in &told {
            // The modifying user is the colleague whose writes these are.
            let expected = match runs_as {
                1 => json!(crate::seed::COLLEAGUE_ID),
                2 => body["_ownerid_value"].clone(),
                _ => json!(crate::seed::USER_ID),
            };
            assert_eq!(body["RunAsSystemUserId"], expected, "runas {runs_as}");
        }
    }
}

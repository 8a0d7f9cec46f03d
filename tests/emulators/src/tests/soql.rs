//! Queries of the org: what they find, and how wrong ones are refused.

use serde_json::{Value, json};

use super::World;

const DATA: &str = "/services/data/v59.0";

async fn world() -> World {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let org = &world.running.salesforce;
    let account =
        org.put_record("Account", json!({ "Name": "Contoso", "BillingCountry": "US" })).unwrap();
    let rows = [
        json!({
            "Name": "Alpha", "Amount": 10, "CloseDate": "2026-01-31", "AccountId": account,
            "Sync_with_Partner_Center__c": true,
        }),
        json!({ "Name": "beta's 100%", "Amount": 20.5, "CloseDate": "2026-02-28" }),
        json!({ "Name": "Gamma_1", "CloseDate": "2026-03-01", "StageName": "Closed Won" }),
        json!({ "Name": "alphabet", "Amount": 30, "CloseDate": "2026-03-02", "NextStep": "call" }),
    ];
    for mut row in rows {
        if row["StageName"].is_null() {
            row["StageName"] = json!("Prospecting");
        }
        org.put_record("Opportunity", row).unwrap();
    }
    world
}

fn escape(soql: &str) -> String {
    let mut out = String::new();
    for byte in soql.bytes() {
        match byte {
            b' ' => out.push('+'),
            it if it.is_ascii_alphanumeric() => out.push(char::from(it)),
            it => out.extend([format!("%{it:02X}")]),
        }
    }
    out
}

async fn ask(world: &World, soql: &str) -> super::Got {
    world.org("GET", &format!("{DATA}/query/?q={}", escape(soql)), Value::Null).await
}

#[tokio::test]
async fn conditions_and_orders() {
    let world = world().await;
    let account = world.running.salesforce.records("Account")[0]["Id"].clone();
    let account = account.as_str().unwrap();
    let by_short = format!("WHERE AccountId = '{}'", account.get(..15).unwrap());
    let by_list = format!("WHERE AccountId NOT IN ('{account}') OR Amount = 10");
    let (a, b, g, t) = ("Alpha", "beta's 100%", "Gamma_1", "alphabet");
    let cases: &[(&str, &[&str])] = &[
        ("", &[a, b, g, t]),
        ("WHERE Name = 'ALPHA'", &[a]),
        ("WHERE Name = 'beta\\'s 100%'", &[b]),
        ("WHERE Name != 'alpha'", &[b, g, t]),
        ("WHERE Name LIKE 'alpha%'", &[a, t]),
        ("WHERE Name LIKE '%100\\%'", &[b]),
        ("WHERE Name LIKE 'gamma\\_%'", &[g]),
        ("WHERE Name LIKE 'gamm__1'", &[g]),
        ("WHERE Name LIKE 'gamma'", &[]),
        ("WHERE (NOT Name LIKE 'alpha%') AND Amount != null", &[b]),
        ("WHERE NOT (Amount > 10 OR Name = 'gamma_1')", &[a]),
        ("WHERE Amount >= 10 AND Amount < 30.0", &[a, b]),
        ("WHERE Amount = NULL", &[g]),
        ("WHERE Amount > 1 AND (Name = 'Alpha' OR Name = 'alphabet')", &[a, t]),
        ("WHERE Name IN ('alpha', 'Gamma_1', 'x')", &[a, g]),
        ("WHERE Name NOT IN ('alpha', 'Gamma_1')", &[b, t]),
        ("WHERE NextStep != 'call'", &[a, b, g]),
        ("WHERE NextStep = ''", &[a, b, g]),
        ("WHERE Sync_with_Partner_Center__c = TRUE", &[a]),
        ("WHERE IsWon = true AND StageName = 'Closed Won'", &[g]),
        ("WHERE CloseDate > 2026-02-28", &[g, t]),
        ("WHERE CloseDate = TODAY", &[g]),
        ("WHERE CloseDate < TODAY", &[a, b]),
        ("WHERE CloseDate = LAST_MONTH", &[b]),
        ("WHERE CloseDate >= LAST_N_DAYS:1", &[b, g, t]),
        ("WHERE CloseDate = NEXT_N_DAYS:5", &[t]),
        ("WHERE CloseDate = THIS_YEAR", &[a, b, g, t]),
        ("WHERE CreatedDate >= 2026-03-01T08:00:00Z", &[a, b, g, t]),
        ("WHERE CreatedDate > 2026-03-01T09:00:00.000+01:00", &[]),
        ("WHERE SystemModstamp = TODAY AND LastModifiedById != null", &[a, b, g, t]),
        (
            "WHERE DAY_ONLY(CreatedDate) = 2026-03-01 AND HOUR_IN_DAY(CreatedDate) = 8",
            &[a, b, g, t],
        ),
        ("WHERE CALENDAR_MONTH(CloseDate) IN (1, 2) AND calendar_year(CloseDate) >= 2026", &[a, b]),
        ("WHERE DAY_IN_MONTH(CloseDate) > 28", &[a]),
        ("WHERE DAY_ONLY(SystemModstamp) = YESTERDAY", &[]),
        ("WHERE Account.Name = 'contoso'", &[a]),
        ("WHERE Opportunity.Account.BillingCountry = 'US'", &[a]),
        ("WHERE CreatedBy.Name LIKE '% todd'", &[a, b, g, t]),
        (&by_short, &[a]),
        (&by_list, &[a, b, g, t]),
        ("ORDER BY Amount", &[g, a, b, t]),
        ("ORDER BY Amount DESC NULLS LAST", &[t, b, a, g]),
        ("ORDER BY StageName DESC, Name", &[a, t, b, g]),
        ("ORDER BY Name LIMIT 2 OFFSET 1", &[t, b]),
        ("order by account.name nulls last, name limit 1", &[a]),
    ];
    for (clause, expected) in cases {
        let got = ask(&world, &format!("SELECT Name FROM Opportunity {clause}")).await;
        assert_eq!(got.status, 200, "{clause}: {}", got.text);
        let body = got.json();
        let rows = body["records"].as_array().unwrap();
        let mut names: Vec<_> = rows.iter().map(|it| it["Name"].as_str().unwrap()).collect();
        let mut expected = expected.to_vec();
        if !clause.to_lowercase().contains("order by") {
            names.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(names, expected, "{clause}");
        assert_eq!((&body["totalSize"], &body["done"]), (&json!(names.len()), &json!(true)));
    }
}

#[tokio::test]
async fn wrong_queries() {
    let world = world().await;
    let cases = [
        ("", "MALFORMED_QUERY"),
        ("SELECT", "MALFORMED_QUERY"),
        ("SELECT FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FRM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name = 'a' Name = 'b'", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Opportunity WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Opportunity WHERE Name = 'a' AND NOT Name = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name = 'a\\z'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE (Name = 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name ~ 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity LIMIT 1 LIMIT 2", "MALFORMED_QUERY"),
        ("SELECT MAX(Amount) FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT * FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE DAY_ONLY(CloseDate) = 2026-01-01", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE CALENDAR_YEAR(Name) = 2026", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE CALENDAR_YEAR(CloseDate) = '2026'", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Nope FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Nope = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity ORDER BY Nope", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Amount = '5'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE IsWon = 'true'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = '2026-01-01'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CreatedDate > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity ORDER BY Audit__c", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Amount LIKE '5'", "INVALID_QUERY_FILTER_OPERATOR"),
        (
            "SELECT Id FROM Opportunity WHERE AccountId = 'nonsense'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        ("SELECT Id FROM Opportunity OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ];
    for (soql, expected) in cases {
        let got = ask(&world, soql).await;
        let code = got.json()[0]["errorCode"].clone();
        assert_eq!((got.status, code.as_str()), (400, Some(expected)), "{soql}: {}", got.text);
    }
    let deep = format!(
        "SELECT Id FROM Opportunity WHERE {}Name = 'a'{}",
        "(".repeat(500),
        ")".repeat(500)
    );
    assert_eq!(ask(&world, &deep).await.json()[0]["errorCode"], "QUERY_TOO_COMPLICATED");
}

#[tokio::test]
async fn what_is_selected() {
    let world = world().await;
    let soql = "SELECT Name, Account.Name, Account.Owner.Name, Campaign.Name FROM Opportunity \
                WHERE Name = 'Alpha'";
    let row = ask(&world, soql).await.json()["records"][0].clone();
    assert_eq!(row["attributes"]["type"], "Opportunity");
    assert_eq!(row["Account"]["Name"], "Contoso");
    assert_eq!(row["Account"]["Owner"]["Name"], "Kyle Todd");
    assert_eq!((&row["Campaign"], &row["Id"]), (&Value::Null, &Value::Null));
    let standard = ask(&world, "SELECT FIELDS(STANDARD) FROM Opportunity LIMIT 1").await.json();
    let names = standard["records"][0].as_object().unwrap();
    assert!(names.contains_key("Amount") && !names.keys().any(|it| it.ends_with("__c")));
    let all = ask(&world, "SELECT FIELDS(ALL) FROM Opportunity LIMIT 200").await.json();
    assert!(all["records"][0].as_object().unwrap().contains_key("Audit__c"));
    let count = ask(&world, "SELECT COUNT() FROM Opportunity WHERE Amount > 0").await.json();
    assert_eq!(count, json!({ "totalSize": 3, "done": true, "records": [] }));
}

#[tokio::test]
async fn batches_follow_each_other() {
    let world = world().await;
    let org = &world.running.salesforce;
    for at in 0..450 {
        org.put_record("Account", json!({ "Name": format!("A{at:03}") })).unwrap();
    }
    let gone = org.records("Account")[1]["Id"].as_str().unwrap().to_owned();
    org.delete_record("Account", &gone).unwrap();
    let soql = escape("SELECT Name FROM Account WHERE Name LIKE 'A%' ORDER BY Name");
    let mut path = format!("{DATA}/query?q={soql}");
    let options = [("sforce-query-options", "batchSize=10")];
    let mut sizes = Vec::new();
    loop {
        let url = format!("{}{path}", org.url());
        let got = world.api(("GET", &url), &world.session, &options, Value::Null).await.json();
        sizes.push(got["records"].as_array().unwrap().len());
        assert_eq!(got["totalSize"], 449);
        match got["nextRecordsUrl"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
        // What comes later does not change the result.
        org.put_record("Account", json!({ "Name": "A late" })).unwrap();
    }
    // The smallest batch there is has two hundred records.
    assert_eq!(sizes, [200, 200, 49]);
    let lost = world.org("GET", &format!("{DATA}/query/01gnope-200"), Value::Null).await;
    assert_eq!(lost.json()[0]["errorCode"], "INVALID_QUERY_LOCATOR");
    let all = escape("SELECT Id FROM Account WHERE IsDeleted = true");
    let all = world.org("GET", &format!("{DATA}/queryAll?q={all}"), Value::Null).await.json();
    assert_eq!(all["totalSize"], 1);
}

#[tokio::test]
async fn searches() {
    let world = world().await;
    let org = &world.running.salesforce;
    let person =
        json!({ "LastName": "Contoso", "Email": "beta@contoso.example", "Phone": "555 01" });
    org.put_record("Contact", person).unwrap();
    org.put_record("Lead", json!({ "LastName": "Gamma", "Company": "Contoso Labs" })).unwrap();
    let cases: &[(&str, &[&str])] = &[
        ("FIND {contoso} RETURNING Account(Name)", &["Contoso"]),
        ("FIND {Conto} RETURNING Account(Name)", &[]),
        (
            "FIND {Conto*} IN NAME FIELDS RETURNING Account(Name), Contact(Name)",
            &["Contoso", "Contoso"],
        ),
        ("find {contoso} in all fields returning Lead(Name), Account(Name) limit 1", &["Gamma"]),
        ("FIND {contoso example} RETURNING Contact(Name)", &["Contoso"]),
        ("FIND {\"contoso labs\"} RETURNING Lead(Name)", &["Gamma"]),
        ("FIND {\"labs contoso\"} RETURNING Lead(Name)", &[]),
        ("FIND {beta} IN EMAIL FIELDS RETURNING Contact(Name), Opportunity(Name)", &["Contoso"]),
        ("FIND {555} IN PHONE FIELDS RETURNING Contact(Name)", &["Contoso"]),
        (
            "FIND {alpha*} RETURNING Opportunity(Name WHERE Amount > 10 ORDER BY Name LIMIT 5)",
            &["alphabet"],
        ),
        (
            "FIND {alpha*} RETURNING Opportunity(Name WHERE Name != ')' ORDER BY Name)",
            &["Alpha", "alphabet"],
        ),
    ];
    let ask = async |sosl: &str| {
        world.org("GET", &format!("{DATA}/search/?q={}", escape(sosl)), Value::Null).await
    };
    for (sosl, expected) in cases {
        let got = ask(sosl).await;
        assert_eq!(got.status, 200, "{sosl}: {}", got.text);
        let body = got.json();
        let rows = body["searchRecords"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|it| it["Name"].as_str().unwrap()).collect();
        assert_eq!(names, *expected, "{sosl}");
    }
    for (wrong, code) in [
        ("", "MALFORMED_SEARCH"),
        ("FIND contoso RETURNING Account", "MALFORMED_SEARCH"),
        ("FIND {c} RETURNING Account", "MALFORMED_SEARCH"),
        ("FIND {contoso} IN HEAD FIELDS RETURNING Account", "MALFORMED_SEARCH"),
        ("FIND {contoso} RETURNING Account(Name", "MALFORMED_SEARCH"),
        ("FIND {contoso} RETURNING Account nonsense", "MALFORMED_SEARCH"),
        ("FIND {contoso} RETURNING Nope(Name)", "INVALID_TYPE"),
        ("FIND {contoso} RETURNING Account(Nope)", "INVALID_FIELD"),
    ] {
        let got = ask(wrong).await;
        assert_eq!((got.status, got.json()[0]["errorCode"].as_str()), (400, Some(code)), "{wrong}");
    }
}

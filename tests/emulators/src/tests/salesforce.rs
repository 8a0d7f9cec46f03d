//! The Salesforce org: sign-in, records, upserts, refusals, limits.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::{Got, World};
use crate::{Chaos, Fault, FaultKind};

const DATA: &str = "/services/data/v59.0";

impl World {
    /// A call of the org with a session.
    pub(super) async fn org(&self, method: &str, path: &str, body: Value) -> Got {
        let url = format!("{}{path}", self.running.salesforce.url());
        self.api((method, &url), &self.session, &[], body).await
    }

    pub(super) async fn sign_in_to_org(&mut self) {
        let got = self.ask_org("grant_type=client_credentials", true).await;
        self.session = got.json()["access_token"].as_str().unwrap().to_owned();
    }

    async fn ask_org(&self, form: &str, app: bool) -> Got {
        let it = self.running.salesforce.credentials();
        let proof = format!("&client_id={}&client_secret={}", it.client_id, it.client_secret);
        let form = format!("{form}{}", if app { &proof } else { "" });
        let url = format!("{}/services/oauth2/token", self.running.salesforce.url());
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", &url, &[kind], form).await
    }

    pub(super) async fn opportunity(&self, more: Value) -> String {
        let mut body =
            json!({ "Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30" });
        crate::seed::merge(body.as_object_mut().unwrap(), more.as_object().unwrap());
        let made = self.org("POST", &format!("{DATA}/sobjects/Opportunity"), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

/// The code of the first error.
fn code(got: &Got) -> String {
    got.json()[0]["errorCode"].as_str().unwrap_or_default().to_owned()
}

fn assertion(world: &World, header: &Value, claims: &Value) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let pem = world.running.salesforce.private_key_pem();
    let lines: String = pem.lines().filter(|it| !it.starts_with('-')).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(lines).unwrap()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn grants() {
    let world = World::new().await;
    let jwt = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=";
    let app = world.running.salesforce.credentials().clone();
    let header = json!({ "alg": "RS256" });
    // The clock stands at eight.
    let claims = json!({
        "iss": app.client_id, "sub": app.username, "aud": "https://login.salesforce.com",
        "exp": 1_772_352_180,
    });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        format!("{jwt}{}", assertion(&world, &header, &claims))
    };
    let good = assertion(&world, &header, &claims);
    let forged = good.rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    let none = assertion(&world, &json!({ "alg": "none" }), &claims);
    let user = format!("username={}&password=", app.username);
    let cases = [
        ("grant_type=client_credentials".to_owned(), true, ""),
        ("grant_type=client_credentials".to_owned(), false, "invalid_client_id"),
        (format!("grant_type=refresh_token&refresh_token={}", app.refresh_token), true, ""),
        ("grant_type=refresh_token&refresh_token=other".to_owned(), true, "invalid_grant"),
        (format!("grant_type=password&{user}{}", app.password), true, ""),
        (format!("grant_type=password&{user}other"), true, "invalid_grant"),
        ("grant_type=sandwich".to_owned(), true, "unsupported_grant_type"),
        (format!("{jwt}{good}"), false, ""),
        (with("exp", json!("1772352180")), false, ""),
        (with("aud", json!(world.running.salesforce.url())), false, ""),
        (with("aud", json!("https://elsewhere.example")), false, "invalid_grant"),
        (with("iss", json!("somebody")), false, "invalid_grant"),
        (with("sub", json!("somebody")), false, "invalid_grant"),
        (with("exp", json!(1_772_352_000)), false, "invalid_grant"),
        (with("exp", json!(1_772_352_400)), false, "invalid_grant"),
        (format!("{jwt}{forged}"), false, "invalid_grant"),
        (format!("{jwt}{none}"), false, "invalid_grant"),
        (format!("{jwt}nonsense"), false, "invalid_grant"),
    ];
    for (form, with_app, error) in cases {
        let got = world.ask_org(&form, with_app).await;
        let expected = if error.is_empty() { 200 } else { 400 };
        assert_eq!((got.status, got.code().as_str()), (expected, error), "{form}: {}", got.text);
        if error.is_empty() {
            assert_eq!(got.json()["instance_url"], world.running.salesforce.url());
        }
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_verifier() {
    let world = World::new().await;
    let app = world.running.salesforce.credentials();
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let hashed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"verifier");
    let challenge = URL_SAFE_NO_PAD.encode(hashed.as_ref());
    let url = format!(
        "{}/services/oauth2/authorize?response_type=code&client_id={}&state=s%201&code_challenge={challenge}\
         &redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fcb",
        world.running.salesforce.url(),
        app.client_id
    );
    for (verifier, statuses) in [("verifier", [200, 400]), ("other", [400, 400])] {
        let sent = client.get(&url).send().await.unwrap();
        let location = sent.headers()["location"].to_str().unwrap().to_owned();
        let (place, rest) = location.split_once("?code=").unwrap();
        assert_eq!(place, "http://localhost:1/cb");
        let (code, state) = rest.split_once('&').unwrap();
        assert_eq!(state, "state=s%201");
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri=http://localhost:1/cb&code_verifier={verifier}"
        );
        for status in statuses {
            assert_eq!(world.ask_org(&form, true).await.status, status, "{verifier}");
        }
    }
}

#[tokio::test]
async fn the_life_of_a_record() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let id = world.opportunity(json!({ "Amount": "1000.126" })).await;
    assert_eq!(id.len(), 18);
    let one = format!("{DATA}/sobjects/Opportunity/{id}");
    let row = world.org("GET", &one, Value::Null).await.json();
    let expected = json!({
        "Amount": 1000.13, "Probability": 10.0, "IsClosed": false, "CurrencyIsoCode": "USD",
        "ForecastCategoryName": "Pipeline", "CreatedDate": "2026-03-01T08:00:00.000+0000",
        "Sync_with_Partner_Center__c": false,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&row[name], value, "{name}");
    }
    world.running.salesforce.advance(Duration::from_mins(1));
    let won = json!({ "StageName": "closed won" });
    assert_eq!(world.org("PATCH", &one, won).await.status, 204);
    // Fifteen characters name the same record, and fields are chosen.
    let short = format!(
        "{DATA}/sobjects/opportunity/{}?fields=StageName,IsWon,Probability,SystemModstamp",
        id.get(..15).unwrap()
    );
    let row = world.org("GET", &short, Value::Null).await.json();
    let chosen = json!({
        "attributes": { "type": "Opportunity", "url": one },
        "StageName": "Closed Won", "IsWon": true, "Probability": 100.0,
        "SystemModstamp": "2026-03-01T08:01:00.000+0000",
    });
    assert_eq!(row, chosen);
    let statuses =
        [("DELETE", 204, ""), ("DELETE", 404, "ENTITY_IS_DELETED"), ("GET", 404, "NOT_FOUND")];
    for (method, status, error) in statuses {
        let got = world.org(method, &one, Value::Null).await;
        assert_eq!(got.status, status);
        if !error.is_empty() {
            assert_eq!(code(&got), error);
        }
    }
    let wrong = format!("{DATA}/sobjects/Account/{id}");
    assert_eq!(world.org("GET", &wrong, Value::Null).await.status, 404);
}

/// One body after the other, and how it is refused.
#[tokio::test]
async fn refused_records() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let account =
        world.org("POST", &format!("{DATA}/sobjects/Account"), json!({ "Name": "A" })).await;
    let account = account.json()["id"].clone();
    let gone = world.running.salesforce.put_record("Account", json!({ "Name": "G" })).unwrap();
    world.running.salesforce.delete_record("Account", &gone).unwrap();
    let good = json!({ "Name": "n", "StageName": "Prospecting", "CloseDate": "2026-06-30" });
    let cases = [
        (json!({ "Name": null }), "REQUIRED_FIELD_MISSING"),
        (json!({ "StageName": "" }), "REQUIRED_FIELD_MISSING"),
        (json!({ "StageName": "Nope" }), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (json!({ "Name": "x".repeat(121) }), "STRING_TOO_LONG"),
        (json!({ "Nope__c": 1 }), "INVALID_FIELD"),
        (json!({ "IsWon": true }), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({ "Id": "006000000000001" }), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({ "Amount": "many" }), "JSON_PARSER_ERROR"),
        (json!({ "CloseDate": "30.6.2026" }), "JSON_PARSER_ERROR"),
        (json!({ "CloseDate": "2026-06-31" }), "JSON_PARSER_ERROR"),
        (json!({ "Sync_with_Partner_Center__c": null }), "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        (json!({ "AccountId": "nonsense" }), "MALFORMED_ID"),
        (json!({ "AccountId": "006000000000001" }), "MALFORMED_ID"),
        (json!({ "AccountId": "001000000000001" }), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({ "AccountId": gone }), "ENTITY_IS_DELETED"),
        (json!({ "Account": { "Name": "A" } }), "INVALID_FIELD"),
    ];
    let url = format!("{DATA}/sobjects/Opportunity");
    for (more, expected) in cases {
        let mut body = good.clone();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let got = world.org("POST", &url, body).await;
        assert_eq!((got.status, code(&got).as_str()), (400, expected), "{more}: {}", got.text);
    }
    let missing = world.org("POST", &url, json!({ "Name": "n" })).await.json();
    assert_eq!(missing[0]["fields"], json!(["StageName", "CloseDate"]));
    assert_eq!(missing[0]["message"], "Required fields are missing: [StageName, CloseDate]");
    let detail = json!({ "Name": "d", "Solution_Identifier__c": "SOL-1" });
    let details = format!("{DATA}/sobjects/Microsoft_Solution_Detail__c");
    assert_eq!(world.org("POST", &details, detail.clone()).await.status, 201);
    assert_eq!(code(&world.org("POST", &details, detail).await), "DUPLICATE_VALUE");
    let user =
        world.org("POST", &format!("{DATA}/sobjects/User"), json!({ "LastName": "x" })).await;
    assert_eq!(user.status, 400);
    let mut body = good;
    body["AccountId"] = account;
    assert_eq!(world.org("POST", &url, body).await.status, 201);
}

#[tokio::test]
async fn upserts() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let by = |version: &str, value: &str| {
        format!("/services/data/v{version}/sobjects/Opportunity/Referral_Identifier__c/{value}")
    };
    let deal = || json!({ "Name": "n", "StageName": "Prospecting", "CloseDate": "2026-06-30" });
    let key = json!({ "Referral_Identifier__c": "x", "Name": "n" });
    let cases = [
        ("PATCH", by("59.0", "r%2F1?updateOnly=true"), deal(), 404),
        ("PATCH", by("59.0", "r%2F1"), deal(), 201),
        ("PATCH", by("59.0", "R%2f1"), json!({ "Amount": 5 }), 200),
        ("PATCH", by("45.0", "r%2F1"), json!({ "Amount": 6 }), 204),
        ("POST", by("59.0", "r%2F1?_HttpMethod=PATCH"), json!({ "Amount": 7 }), 200),
        ("GET", by("59.0", "r%2F1"), Value::Null, 200),
        ("PATCH", by("59.0", "r-2"), json!({ "Name": "n" }), 400),
        ("PATCH", by("59.0", "r-2"), key, 400),
        ("GET", by("59.0", "r-2"), Value::Null, 404),
        ("DELETE", by("59.0", "r%2F1"), Value::Null, 204),
        ("GET", by("99.0", "r-2"), Value::Null, 404),
        ("GET", format!("{DATA}/sobjects/Opportunity/Name/x"), Value::Null, 404),
    ];
    for (method, path, body, status) in cases {
        let got = world.org(method, &path, body.clone()).await;
        assert_eq!(got.status, status, "{method} {path} {body}: {}", got.text);
    }
    for _ in 0..2 {
        world.opportunity(json!({ "Referral_Identifier__c": "twin" })).await;
    }
    let several = world.org("GET", &by("59.0", "twin"), Value::Null).await;
    assert_eq!((several.status, several.json().as_array().unwrap().len()), (300, 2));
}

#[tokio::test]
async fn sessions_and_limits_end() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let limits = format!("{DATA}/limits");
    let got = world.org("GET", &limits, Value::Null).await;
    assert_eq!(got.header("sforce-limit-info"), "api-usage=1/15000");
    assert_eq!(got.json()["DailyApiRequests"]["Remaining"], 14_999);
    let org = world.running.salesforce.clone();

    org.advance(Duration::from_mins(90));
    assert_eq!(world.org("GET", &limits, Value::Null).await.status, 200);
    // Using it has kept it alive.
    org.advance(Duration::from_mins(90));
    assert_eq!(world.org("GET", &limits, Value::Null).await.status, 200);
    org.advance(Duration::from_hours(2));
    let idle = world.org("GET", &limits, Value::Null).await;
    assert_eq!((idle.status, code(&idle).as_str()), (401, "INVALID_SESSION_ID"));
    world.sign_in_to_org().await;
    org.expire_sessions();
    assert_eq!(world.org("GET", &limits, Value::Null).await.status, 401);

    world.sign_in_to_org().await;
    org.set_requests_left(1);
    assert_eq!(world.org("GET", &limits, Value::Null).await.status, 200);
    let spent = world.org("GET", &limits, Value::Null).await;
    assert_eq!((spent.status, code(&spent).as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    org.advance(Duration::from_hours(24));
    world.sign_in_to_org().await;
    assert_eq!(world.org("GET", &limits, Value::Null).await.status, 200);

    org.fault(Fault::once(DATA, FaultKind::Status(503)));
    let down = world.org("GET", &limits, Value::Null).await;
    assert_eq!((down.status, code(&down).as_str()), (503, "SERVER_UNAVAILABLE"));
}

#[tokio::test]
async fn collections_and_composites_hold_together() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let record = |name: Value| {
        json!({
            "attributes": { "type": "Account" }, "Name": name,
        })
    };
    let count = async || world.running.salesforce.records("Account").len();
    for (all_or_none, made) in [(true, 0), (false, 1)] {
        let body = json!({ "allOrNone": all_or_none, "records": [record(json!("A")), record(json!(null))] });
        let got = world.org("POST", &format!("{DATA}/composite/sobjects"), body).await.json();
        assert_eq!(got[0]["success"], !all_or_none, "{got}");
        assert_eq!(got[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
        assert_eq!(count().await, made);
    }
    let base = format!("{DATA}/sobjects");
    let request = |reference: &str, name: &str, body: Value| {
        json!({
            "method": "POST", "url": format!("{base}/{name}"), "referenceId": reference, "body": body,
        })
    };
    let body = json!({ "allOrNone": true, "compositeRequest": [
        request("a", "Account", json!({ "Name": "B" })),
        request("c", "Contact", json!({ "LastName": "C", "AccountId": "@{a.id}" })),
        request("x", "Contact", json!({ "LastName": null })),
        request("y", "Contact", json!({ "LastName": "never" })),
    ] });
    let url = format!("{DATA}/composite");
    let got = world.org("POST", &url, body.clone()).await.json();
    let codes: Vec<&Value> = got["compositeResponse"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["body"][0]["errorCode"])
        .collect();
    let halted = "PROCESSING_HALTED";
    assert_eq!(codes, [halted, halted, "REQUIRED_FIELD_MISSING", halted]);
    assert_eq!(count().await, 1);
    let mut body = body;
    body["allOrNone"] = json!(false);
    let got = world.org("POST", &url, body).await.json();
    let statuses: Vec<&Value> = got["compositeResponse"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["httpStatusCode"])
        .collect();
    assert_eq!(statuses, [201, 201, 400, 201]);
    let contact = &world.running.salesforce.records("Contact")[0];
    assert_eq!(contact["AccountId"], got["compositeResponse"][0]["body"]["id"]);

    let body = json!({ "batchRequests": [
        { "method": "GET", "url": "v59.0/query?q=SELECT+COUNT()+FROM+Contact" },
        { "method": "GET", "url": "v59.0/sobjects/Nope" },
    ] });
    let got = world.org("POST", &format!("{DATA}/composite/batch"), body).await.json();
    assert_eq!(
        (&got["hasErrors"], &got["results"][0]["result"]["totalSize"]),
        (&json!(true), &json!(2))
    );
}

/// The state of a job after its records were uploaded, and its two lists of results.
async fn job(world: &World, description: Value, records: &str) -> (Value, String, String) {
    let jobs = format!("{DATA}/jobs/ingest");
    let made = world.org("POST", &jobs, description).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let one = format!("{jobs}/{}", made.json()["id"].as_str().unwrap());
    let url = format!("{}{one}/batches", world.running.salesforce.url());
    let bearer = format!("Bearer {}", world.session);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    let sent = world.send("PUT", &url, &headers, records.to_owned()).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let closed = world.org("PATCH", &one, json!({ "state": "UploadComplete" })).await.json();
    assert_eq!(closed["state"], "UploadComplete");
    let done = world.org("GET", &one, Value::Null).await.json();
    let good = world.org("GET", &format!("{one}/successfulResults"), Value::Null).await.text;
    let bad = world.org("GET", &format!("{one}/failedResults"), Value::Null).await.text;
    assert_eq!(world.org("DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(world.org("GET", &one, Value::Null).await.status, 404);
    (done, good, bad)
}

#[tokio::test]
async fn bulk_jobs() {
    let mut world = World::new().await;
    world.sign_in_to_org().await;
    let insert = json!({ "object": "Account", "operation": "insert", "lineEnding": "CRLF" });
    let records = "Name,Description\r\n\"A, \"\"Inc\"\"\",\"two\nlines\"\r\n,no name\r\n";
    let (done, good, bad) = job(&world, insert, records).await;
    let counts = (&done["state"], &done["numberRecordsProcessed"], &done["numberRecordsFailed"]);
    assert_eq!(counts, (&json!("JobComplete"), &json!(2), &json!(1)));
    assert!(
        good.starts_with("\"sf__Id\",\"sf__Created\",\"Name\",\"Description\"\n\"001Fw"),
        "{good}"
    );
    assert!(bad.contains("REQUIRED_FIELD_MISSING") && bad.contains("\"no name\""), "{bad}");
    let account = world.running.salesforce.records("Account")[0].clone();
    assert_eq!(
        (&account["Name"], &account["Description"]),
        (&json!("A, \"Inc\""), &json!("two\nlines"))
    );

    let upsert = json!({
        "object": "Opportunity", "operation": "upsert", "externalIdFieldName": "Referral_Identifier__c",
    });
    let records = "Referral_Identifier__c,Name,StageName,CloseDate,Amount,AccountId\n\
                   r-1,B,Prospecting,2026-06-30,5,ID\nr-1,,,,6,#N/A\n"
        .replace("ID", account["Id"].as_str().unwrap());
    let (_, good, _) = job(&world, upsert, &records).await;
    assert!(good.contains(",\"true\",") && good.contains(",\"false\","), "{good}");
    let deal = world.running.salesforce.records("Opportunity")[0].clone();
    assert_eq!(
        (&deal["Amount"], &deal["AccountId"], &deal["Name"]),
        (&json!(6.0), &Value::Null, &json!("B"))
    );

    let delete = json!({ "object": "Opportunity", "operation": "delete" });
    let records = format!("Id\n{}\n{0}\n", deal["Id"].as_str().unwrap());
    let (done, _, bad) = job(&world, delete, &records).await;
    assert_eq!(done["numberRecordsFailed"], 1);
    assert!(bad.contains("ENTITY_IS_DELETED"), "{bad}");
    let wrong = json!({ "object": "Opportunity", "operation": "insert" });
    let (done, ..) = job(&world, wrong, "Name,StageName\nonly one\n").await;
    assert_eq!(done["state"], "Failed");
    for wrong in [
        json!({ "object": "Nope", "operation": "insert" }),
        json!({ "object": "Account", "operation": "sing" }),
        json!({ "object": "Account", "operation": "insert", "columnDelimiter": "PIPE" }),
    ] {
        let got = world.org("POST", &format!("{DATA}/jobs/ingest"), wrong.clone()).await;
        assert_eq!((got.status, code(&got).as_str()), (400, "INVALIDJOB"), "{wrong}");
    }
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed() {
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let world = World::new().await;
        world.running.salesforce.chaos(Some(&Chaos { seed, percent: 50 }));
        let url = format!("{}/services/data", world.running.salesforce.url());
        let mut faults = Vec::new();
        for _ in 0..30 {
            // Some of these are cut, which is the point.
            drop(world.try_send("GET", &url, &[], String::new()).await);
        }
        for logged in world.running.salesforce.requests() {
            faults.push(logged.fault);
        }
        let struck = faults.iter().flatten().count();
        assert!((5..=25).contains(&struck), "{struck} of 30");
        seen.push(faults);
        world.running.salesforce.chaos(None);
        assert_eq!(world.send("GET", &url, &[], String::new()).await.status, 200);
    }
    // A cut connection is tried again by the client, at most as often as it pleases.
    let common = seen[0].len().min(seen[1].len());
    assert_eq!(seen[0][..common], seen[1][..common]);
    assert_ne!(seen[0], seen[2]);
}

//! The shipped connector for Salesforce against an emulated org: logins, records, filters, polls.

use std::time::{SystemTime, UNIX_EPOCH};

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp};
use connector::{Call, Connection, ConnectionValue, poll};
use emulators::Running;
use http_client::{Client, InvokeOptions, Options};
use serde_json::{Value, json};

use crate::{connectors::shipped, support::service::world};

/// An org, and a connection to it.
struct Org {
    world: Running,
    connection: Connection,
    client: Client,
}

impl Org {
    async fn new() -> Self {
        let world = world().await;
        let connection = connect(&world, "clientCredentials");
        Self { world, connection, client: Client::new(Options::default()).unwrap() }
    }

    async fn outcome(&self, operation: &str, inputs: Value, items_min: usize) -> Outcome {
        let call = call(&inputs, now());
        let operation = self.connection.connector.operation(operation).unwrap();
        let options = InvokeOptions { items_min, ..InvokeOptions::default() };
        self.client.invoke(&self.connection, operation, &call, options).await
    }

    /// The body of a call that succeeds.
    async fn ask(&self, operation: &str, inputs: Value) -> Value {
        let outcome = self.outcome(operation, inputs.clone(), 0).await;
        assert_eq!(outcome.failure, None, "{operation} {inputs}");
        outcome.outputs.unwrap()["body"].take()
    }

    async fn failure(&self, operation: &str, inputs: Value) -> Failure {
        let outcome = self.outcome(operation, inputs.clone(), 0).await;
        outcome.failure.unwrap_or_else(|| panic!("{operation} {inputs} succeeds"))
    }

    async fn opportunity(&self, fields: Value) -> String {
        let mut item =
            json!({ "Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30" });
        for (name, value) in fields.as_object().unwrap() {
            item[name] = value.clone();
        }
        let made = self.ask("PostItem_V2", json!({ "table": "Opportunity", "item": item })).await;
        made["Id"].as_str().unwrap().to_owned()
    }

    /// The names of what a filter finds, in order.
    async fn named(&self, filter: &str) -> Vec<String> {
        let inputs = json!({
            "table": "Opportunity", "$select": "Name", "$filter": filter, "$orderby": "Name asc",
        });
        let found = self.ask("GetItems", inputs).await;
        let names = found["value"].as_array().unwrap().iter();
        names.map(|it| it["Name"].as_str().unwrap().to_owned()).collect()
    }

    /// One pass of a trigger: the names of its events, and what the next pass starts from.
    async fn poll(&self, id: &str, inputs: &Value, state: Option<&Value>) -> (Vec<String>, Value) {
        let trigger = self.connection.connector.trigger(id).unwrap();
        let first = call(inputs, now());
        let started = poll::start(&self.connection, trigger, &first).unwrap();
        let state = state.unwrap_or(&started);
        let asked = poll::inputs(&self.connection, trigger, &first, state).unwrap();
        let operation = &poll::poll(trigger).unwrap().operation;
        let outcome = self.outcome(operation, asked, 100).await;
        let found = poll::read(&self.connection, trigger, (&first, state), &outcome).unwrap();
        let name = |it: &connector::webhook::Event| {
            it.outputs["body"]["Name"].as_str().unwrap().to_owned()
        };
        let wanted = found.events.iter().filter(|it| it.wanted);
        (wanted.map(name).collect(), found.state)
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-01-05T10:00:00Z").unwrap()
}

fn call(inputs: &Value, now: Timestamp) -> Call<'_> {
    Call { inputs, idempotency_key: "run1:Step", now, seed: 1, link: None, callback_url: None }
}

fn connect(world: &Running, way: &str) -> Connection {
    let (_, connector) = shipped().into_iter().find(|(_, it)| it.name == "salesforce").unwrap();
    let org = &world.salesforce;
    let app = org.credentials();
    let key = if way == "jwtBearer" { org.private_key_pem() } else { String::new() };
    let values = [
        ("loginUrl", org.url()),
        ("clientId", &app.client_id),
        ("clientSecret", &app.client_secret),
        ("refreshToken", &app.refresh_token),
        ("username", &app.username),
        ("privateKey", &key),
    ];
    let plain =
        |(name, value): (&str, &str)| (name.to_owned(), ConnectionValue::Plain(value.into()));
    let values = values.into_iter().filter(|(_, value)| !value.is_empty()).map(plain).collect();
    let (connection, problems) = Connection::new("crm", connector, values);
    assert_eq!(problems, Vec::new());
    connection.with_way(way).unwrap()
}

#[tokio::test]
async fn every_way_to_prove_who_asks_works() {
    let mut org = Org::new().await;
    for way in ["clientCredentials", "refreshToken"] {
        org.connection = connect(&org.world, way);
        let limits = org.ask("Limits", json!({})).await;
        assert!(limits["DailyApiRequests"]["Remaining"].is_number(), "{way}: {limits}");
    }
    let who = org.ask("GetCurrentUserInfo", json!({})).await;
    assert!(who["user_id"].is_string(), "{who}");
    // A session that has ended is begun again, once and without anybody's doing.
    org.world.salesforce.expire_sessions();
    org.ask("Limits", json!({})).await;
}

#[tokio::test]
async fn records_are_written_and_read() {
    let org = Org::new().await;
    let id = org.opportunity(json!({ "Amount": 5000.5, "NextStep": "Call" })).await;
    let of = |more: Value| {
        let mut inputs = json!({ "table": "Opportunity", "id": id });
        for (name, value) in more.as_object().unwrap() {
            inputs[name] = value.clone();
        }
        inputs
    };
    let read = org.ask("GetItem_V2", of(json!({ "$select": "Name, Amount" }))).await;
    assert_eq!((&read["Name"], &read["Amount"]), (&json!("Deal"), &json!(5000.5)));
    assert!(read.get("NextStep").is_none(), "{read}");
    let updated =
        org.ask("PatchItem_V3", of(json!({ "item/Amount": 6000, "item/NextStep": null }))).await;
    assert_eq!(updated["Id"], json!(id));
    let read = org.ask("GetItem", of(json!({}))).await;
    assert_eq!((&read["Amount"], &read["NextStep"]), (&json!(6000.0), &Value::Null));
    org.ask("DeleteItem", of(json!({}))).await;
    // What is gone already counts as removed.
    org.ask("DeleteItem", of(json!({}))).await;
    let gone = org.failure("GetItem", of(json!({}))).await;
    assert_eq!(gone.class, Some(ErrorClass::NotFound));
}

#[tokio::test]
async fn an_upsert_may_be_repeated() {
    let org = Org::new().await;
    let inputs = |name: &str| {
        json!({
            "table": "Opportunity",
            "externalIdField": "Referral_Identifier__c",
            "externalId": "4111fffc-f9ee-4d53-bba6-569135228642",
            "item/Name": name,
            "item/StageName": "Prospecting",
            "item/CloseDate": "2026-06-30",
        })
    };
    let first = org.ask("PatchItemByExternalIdV2", inputs("Deal")).await;
    let second = org.ask("PatchItemByExternalIdV2", inputs("Deal, again")).await;
    assert_eq!((&first["created"], &second["created"]), (&json!(true), &json!(false)));
    assert_eq!(first["Id"], second["Id"]);
    let mut read = inputs("");
    for name in ["item/Name", "item/StageName", "item/CloseDate"] {
        read.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(org.ask("GetItemByExternalId", read).await["Name"], json!("Deal, again"));
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let org = Org::new().await;
    for (name, amount, stage, close) in [
        ("find A", json!(10), "Prospecting", "2026-01-31"),
        ("find B'%", json!(20), "Closed Won", "2026-02-28"),
        ("find C\\", Value::Null, "Closed Lost", "2026-03-31"),
        ("find d_", json!(40), "Prospecting", "2026-04-30"),
    ] {
        org.opportunity(
            json!({ "Name": name, "Amount": amount, "StageName": stage, "CloseDate": close }),
        )
        .await;
    }
    let check = async |filter: &str, expected: &[&str]| {
        let whole = format!("startswith(Name, 'find ') and ({filter})");
        let found = org.named(&whole).await;
        let found: Vec<&str> = found.iter().filter_map(|it| it.strip_prefix("find ")).collect();
        assert_eq!(found, expected, "{filter}");
    };
    check("Amount gt 10", &["B'%", "d_"]).await;
    check("Amount eq null", &["C\\"]).await;
    check("Amount ne null and not (Amount ge 40)", &["A", "B'%"]).await;
    check("StageName in ('Closed Won', 'Closed Lost')", &["B'%", "C\\"]).await;
    check("IsClosed", &["B'%", "C\\"]).await;
    check("CloseDate lt 2026-02-28 or CloseDate gt 2026-03-31 and Amount gt 5", &["A", "d_"]).await;
    check("contains(Name, '''')", &["B'%"]).await;
    check("contains(Name, '%')", &["B'%"]).await;
    check("contains(Name, '_')", &["d_"]).await;
    check("endswith(Name, '\\')", &["C\\"]).await;
    check("Name eq 'find B''%'", &["B'%"]).await;
    check("Name eq 'find A'' OR Name != ''x'", &[]).await;
    check("Name eq 'find C\\'", &["C\\"]).await;
    check("CreatedDate gt 2020-01-01T00:00:00Z", &["A", "B'%", "C\\", "d_"]).await;
    check("CreatedDate gt 2099-01-01T00:00:00+01:00", &[]).await;
    let first = json!({ "table": "Opportunity", "$filter": "startswith(Name, 'find ')", "$orderby": "Amount desc", "$top": 1, "$skip": 1 });
    let found = org.ask("GetItems", first).await;
    assert_eq!(found["value"][0]["Name"], json!("find B'%"));
    // All fields, custom ones too, as there are few records.
    assert!(found["value"][0].get("Sync_with_Partner_Center__c").is_some(), "{found}");
    let inputs = json!({
        "queryParameters/query": "SELECT COUNT() FROM Opportunity WHERE Name = @name",
        "queryParameters/parameters": { "name": "find B'%" },
    });
    assert_eq!(org.ask("ExecuteSoqlQuery", inputs).await["totalSize"], json!(1));
}

#[tokio::test]
async fn many_records_come_on_several_pages() {
    let org = Org::new().await;
    for n in 0..2_005 {
        let fields = json!({ "Name": format!("page {n:04}"), "StageName": "Prospecting", "CloseDate": "2026-06-30" });
        org.world.salesforce.put_record("Opportunity", fields).unwrap();
    }
    let inputs = json!({ "table": "Opportunity", "$select": "Name", "$filter": "startswith(Name, 'page ')", "$orderby": "Name" });
    let first = org.outcome("GetItems", inputs.clone(), 0).await.outputs.unwrap();
    assert_eq!(first["body"]["value"].as_array().unwrap().len(), 2_000);
    let all = org.outcome("GetItems", inputs, 10_000).await.outputs.unwrap();
    let all = all["body"]["value"].as_array().unwrap();
    assert_eq!((all.len(), &all[2_004]["Name"]), (2_005, &json!("page 2004")));
}

#[tokio::test]
async fn trouble_has_its_class() {
    let org = Org::new().await;
    let check = async |operation: &str, inputs: Value, class: ErrorClass, said: &str| {
        let failure = org.failure(operation, inputs).await;
        assert_eq!(failure.class, Some(class), "{}", failure.message);
        assert!(failure.message.contains(said), "{}", failure.message);
    };
    let bare = json!({ "table": "Opportunity", "item/Name": "Deal" });
    check("PostItem_V2", bare, ErrorClass::Validation, "REQUIRED_FIELD_MISSING").await;
    let other = json!({ "table": "Nothing__c" });
    check("GetItems", other, ErrorClass::Validation, "INVALID_TYPE").await;
    let field = json!({ "table": "Opportunity", "$select": "Nme" });
    check("GetItems", field, ErrorClass::Validation, "INVALID_FIELD").await;
    org.world.salesforce.set_requests_left(0);
    check("Limits", json!({}), ErrorClass::Throttled, "REQUEST_LIMIT_EXCEEDED").await;
}

#[tokio::test]
async fn polls_see_what_changes_once() {
    let org = Org::new().await;
    let clock = |org: &Org| -> Value {
        let records = org.world.salesforce.records("Opportunity");
        let last = records.iter().filter_map(|it| it["SystemModstamp"].as_str()).max();
        last.map(|it| it.replace("+0000", "Z")).into()
    };
    org.opportunity(json!({ "Name": "mine" })).await;
    let start = clock(&org);
    let state = json!({ "since": start, "$start": { "since": start } });
    let fields = json!({ "Name": "theirs", "StageName": "Prospecting", "CloseDate": "2026-06-30" });
    org.world.salesforce.put_record("Opportunity", fields).unwrap();
    let wanted = json!({ "table": "Opportunity", "$select": "Name", "$filter": "not IsClosed" });
    let (seen, next) = org.poll("GetOnUpdatedItems", &wanted, Some(&state)).await;
    let requests = org.world.salesforce.requests();
    assert!(seen.contains(&"theirs".to_owned()), "{seen:?} {:?}", requests.last());
    assert_eq!(next["since"], clock(&org));
    let (again, _) = org.poll("GetOnNewItems", &wanted, Some(&next)).await;
    assert!(again.contains(&"theirs".to_owned()), "the last instant is asked for again: {again:?}");
    // What this connection's own user has changed last is left out on request.
    let others = json!({ "table": "Opportunity", "$select": "Name", "ignoreOwnChanges": true });
    let (seen, _) = org.poll("GetOnUpdatedItems", &others, Some(&state)).await;
    assert!(!seen.contains(&"mine".to_owned()), "{seen:?}");
    assert!(seen.contains(&"theirs".to_owned()), "{seen:?}");
    let closed = json!({ "table": "Opportunity", "$select": "Name", "$filter": "IsClosed" });
    let (seen, _) = org.poll("GetOnUpdatedItems", &closed, Some(&state)).await;
    assert_eq!(seen, Vec::<String>::new());
}

#[tokio::test]
async fn objects_are_described() {
    let org = Org::new().await;
    let tables = org.ask("GetTables", json!({})).await;
    let names: Vec<&str> =
        tables["value"].as_array().unwrap().iter().filter_map(|it| it["Name"].as_str()).collect();
    assert!(names.contains(&"Opportunity") && names.contains(&"Account"), "{names:?}");
    let keys = org.ask("GetExternalIdFields", json!({ "table": "Opportunity" })).await;
    let keys: Vec<&str> =
        keys["value"].as_array().unwrap().iter().filter_map(|it| it["Name"].as_str()).collect();
    assert!(keys.contains(&"Referral_Identifier__c"), "{keys:?}");
    let inputs = json!({ "Uri": "/services/data/v59.0/limits" });
    assert!(org.ask("HttpRequest", inputs).await["DailyApiRequests"].is_object());
}

/// Making a key takes the better part of a second, so it stands alone.
#[tokio::test]
async fn an_assertion_is_signed() {
    let mut org = Org::new().await;
    org.connection = connect(&org.world, "jwtBearer");
    let inputs = json!({});
    // The org's clock is the real one, and an assertion is good for minutes.
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seconds = Duration::seconds(i64::try_from(unix.as_secs()).unwrap());
    let epoch = Timestamp::parse("1970-01-01T00:00:00Z").unwrap();
    let call = call(&inputs, epoch.after(seconds));
    let operation = org.connection.connector.operation("Limits").unwrap();
    let outcome =
        org.client.invoke(&org.connection, operation, &call, InvokeOptions::default()).await;
    assert_eq!(outcome.failure, None);
}

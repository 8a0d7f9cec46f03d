//! Answers of Partner Center against the published descriptions of its APIs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{World, deal};

/// Names the folder of the two descriptions, and by that asks for this test.
const FOLDER: &str = "FLOWRIGHT_SWAGGER";

/// Fields of recorded referrals that the description leaves out.
const ALSO: &[&str] = &[
    "dealSensitivity",
    "invitedMpnId",
    "title",
    "createdVia",
    "isMatchingComplete",
    "consentToMicrosoftToContactSpecificPartners",
    "salesPlays",
    "customerAction",
    "incentiveLevel",
    "migratedPSCDealId",
    "migratedPSCPartnerDealId",
    "microsoftUSFedOpportunityId",
    "microsoftUSFedLeadId",
    "@odata.nextLink",
];

/// A published description, which says nothing of what may be null: anything may.
struct Described(Value);

impl Described {
    fn read(file: &str) -> Option<Self> {
        let folder = std::env::var_os(FOLDER).map(PathBuf::from);
        let Some(folder) = folder else {
            eprintln!("skipped: {FOLDER} names no folder with {file}");
            return None;
        };
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        Some(Self(serde_json::from_str(&text).unwrap()))
    }

    /// The schema of the answer of an operation.
    fn answer(&self, path: &str, method: &str, status: &str) -> &Value {
        let found = &self.0["paths"][path][method]["responses"][status]["schema"];
        assert!(!found.is_null(), "no schema of {method} {path} {status}");
        found
    }

    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit_once('/').unwrap().1;
            schema = &self.0["definitions"][name];
        }
        schema
    }

    /// What of a value the schema does not allow, each with its place.
    fn faults(&self, value: &Value, schema: &Value, place: &str, faults: &mut Vec<String>) {
        let schema = self.resolve(schema);
        let (fits, kind) = match schema["type"].as_str() {
            Some("object") => (value.is_object(), "object"),
            Some("array") => (value.is_array(), "array"),
            Some("string") => (value.is_string(), "string"),
            Some("boolean") => (value.is_boolean(), "boolean"),
            Some("integer") => (value.is_i64(), "integer"),
            Some("number") => (value.is_number(), "number"),
            _ => (true, "anything"),
        };
        if value.is_null() {
            return;
        }
        if !fits {
            faults.push(format!("{place}: {value} is no {kind}"));
        }
        // Recorded sales stages are percentages, whatever the description says.
        if let Some(allowed) = schema["enum"].as_array().filter(|_| !place.ends_with("/salesStage"))
            && !allowed.contains(value)
        {
            faults.push(format!("{place}: {value} is not one of {allowed:?}"));
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            match schema["properties"].get(name) {
                Some(schema) => self.faults(inner, schema, &place, faults),
                None if schema["properties"].is_null() || ALSO.contains(&name.as_str()) => {}
                None => faults.push(format!("{place} is not described")),
            }
        }
        for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
            self.faults(inner, &schema["items"], &format!("{place}/{at}"), faults);
        }
    }

    fn check(&self, value: &Value, schema: &Value) {
        let mut faults = Vec::new();
        self.faults(value, schema, "", &mut faults);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

#[tokio::test]
async fn referrals_are_as_described() {
    let Some(described) = Described::read("PartnerCenterReferrals.swagger.json") else { return };
    let world = World::new().await;
    let one = described.answer("/referrals/{id}", "get", "200");
    let made = world.referral("POST", "", &[], deal()).await;
    described.check(&made.json(), described.answer("/referrals", "post", "200"));
    let incoming = world.pc().create_referral(json!({}));
    for id in [incoming, made.json()["id"].as_str().unwrap().to_owned()] {
        let got = world.referral("GET", &format!("/{id}"), &[], Value::Null).await;
        described.check(&got.json(), one);
        let patch = json!([{ "op": "replace", "path": "/salesStage", "value": "40" }]);
        let prefer = [("prefer", "return=representation")];
        let got = world.referral("PATCH", &format!("/{id}"), &prefer, patch).await;
        described.check(&got.json(), one);
    }
    let all = world.referral("GET", "?$count=true", &[], Value::Null).await;
    described.check(&all.json(), described.answer("/referrals", "get", "200"));
    let wrong = json!({ "status": 5, "nick": 1, "team": {}, "details": { "dealValue": "x" } });
    let mut faults = Vec::new();
    described.faults(&wrong, one, "", &mut faults);
    assert_eq!(faults.len(), 4, "the check finds nothing: {faults:?}");
}

#[tokio::test]
async fn webhooks_are_as_described() {
    let Some(described) = Described::read("Webhooks.swagger.json") else { return };
    let world = World::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    world.register(&url, true).await;
    let path = "/v{version}/registration";
    let got = world.webhook("GET", "", Value::Null).await;
    described.check(&got.json(), described.answer(path, "get", "200"));
    let got = world.webhook("GET", "/events", Value::Null).await;
    described.check(&got.json(), described.answer(&format!("{path}/events"), "get", "200"));
    let asked = world.webhook("POST", "/validationEvents", Value::Null).await.json();
    world.pc().settled().await;
    let id = asked["correlationId"].as_str().unwrap();
    let got = world.webhook("GET", &format!("/validationEvents/{id}"), Value::Null).await;
    let path = format!("{path}/validationEvents/{{correlationId}}");
    described.check(&got.json(), described.answer(&path, "get", "200"));

    // Deliveries have the described names with a capital first.
    let callback = &described.0["definitions"]["PartnerResourceChangeCallBack"];
    let sent: Value = serde_json::from_slice(&receiver.received()[0].body).unwrap();
    let lower = |name: &String| {
        let (first, rest) = name.split_at(1);
        first.to_lowercase() + rest
    };
    let sent: Value =
        sent.as_object().unwrap().iter().map(|(name, it)| (lower(name), it.clone())).collect();
    described.check(&sent, callback);
    for name in callback["required"].as_array().unwrap() {
        assert!(sent[name.as_str().unwrap()].is_string(), "{name}");
    }
}
